"""Writes the flag tables of reference.md from the settings classes: ``python docs/flags.py``.

The tables lie between ``<!-- flags COMMAND -->`` and ``<!-- end -->``; tests/test_docs.py fails when they are not what
the classes say.
"""

import ast
import importlib
import inspect
import re
import textwrap
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tyro

REFERENCE = Path(__file__).with_name("reference.md")
OPTIONS = {
    "train": ("cephkit.config", "TrainConfig"),
    "evaluate": ("cephkit.commands.evaluate", "EvaluateOptions"),
    "compare": ("cephkit.commands.compare", "CompareOptions"),
    "refine": ("cephkit.commands.refine", "RefineOptions"),
    "calibrate": ("cephkit.commands.calibrate", "CalibrateOptions"),
    "predict": ("cephkit.commands.predict", "PredictOptions"),
    "measure": ("cephkit.commands.measure", "MeasureOptions"),
    "export": ("cephkit.commands.export", "ExportOptions"),
    "import": ("cephkit.commands.import_labels", "ImportOptions"),
    "plan": ("cephkit.commands.plan", "PlanOptions"),
    "doctor": ("cephkit.commands.doctor", "DoctorOptions"),
    "synthesize": ("cephkit.commands.synthesize", "SynthesizeOptions"),
    "demo": ("cephkit.commands.demo", "DemoConfig"),
}
"""Command -> (module, settings class)."""
POSITIONAL = get_args(tyro.conf.Positional[str])[1]
"""The mark of what stands without a flag."""


def options_class(command: str) -> type[Any]:
    """The settings class of ``command``."""
    module, name = OPTIONS[command]
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found


def meanings(options: type[Any]) -> list[tuple[str, str, str]]:
    """(name, meaning, group) of each field: the string below it, and the comment that heads its part of the class."""
    source = textwrap.dedent(inspect.getsource(options))
    heads = {n: m[1] for n, line in enumerate(source.splitlines(), 1) if (m := re.fullmatch(r" {4}# (\w+)", line))}
    body: list[Any] = ast.parse(source).body[0].body  # type: ignore[attr-defined]
    found = []
    for node, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            said = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            group = next((heads[line] for line in sorted(heads, reverse=True) if line < node.lineno), "")
            found.append((node.target.id, inspect.cleandoc(below.value.value) if said else "", group))
    return found


def rows(options: type[Any]) -> list[tuple[str, str, str, str]]:
    """(group, flag, default, meaning) of each setting, as Markdown."""
    types = get_type_hints(options, include_extras=True)
    defaults = {field.name: field.default for field in fields(options)}
    found = []
    for name, meaning, group in meanings(options):
        kind = types[name]
        extras = getattr(kind, "__metadata__", ())
        aliases = [alias for extra in extras for alias in getattr(extra, "aliases", None) or ()]
        plain = get_args(kind)[0] if extras else kind
        flag = f"`{name.upper()}`" if POSITIONAL in extras else f"`--{name}`"
        flag += "".join(f", `{alias}`" for alias in aliases)
        if plain is bool and defaults[name] is True:
            flag += f", `--no_{name}`"
        choices = f" One of {', '.join(f'`{choice}`' for choice in get_args(plain))}." * (get_origin(plain) is Literal)
        found.append((group, flag, shown(defaults[name]), f"{meaning}{choices}".replace("|", "\\|").replace("\n", " ")))
    return found


def shown(default: Any) -> str:
    """A default as a user would type it."""
    if default is MISSING:
        return "required"
    if default is None or default == ():
        return "none"
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        return f"`{' '.join(map(str, default))}`"
    return f"`{default.as_posix() if isinstance(default, Path) else default}`"


def table(command: str) -> str:
    """The tables of ``command``, one per group."""
    lines: list[str] = []
    last = None
    for group, flag, default, meaning in rows(options_class(command)):
        if group != last:
            lines += ["", f"**{group}**"] * bool(group)
            lines += ["", "| flag | default | meaning |", "| --- | --- | --- |"]
            last = group
        lines.append(f"| {flag} | {default} | {meaning} |")
    return "\n".join(lines).strip()


def rendered(text: str) -> str:
    """``text`` with every table made anew."""
    return re.sub(
        r"<!-- flags (\w+) -->.*?<!-- end -->",
        lambda match: f"<!-- flags {match[1]} -->\n\n{table(match[1])}\n\n<!-- end -->",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    REFERENCE.write_text(rendered(REFERENCE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
