"""Writes the flag tables of reference.md from the settings classes: ``python docs/flags.py``.

The tables lie between ``<!-- flags COMMAND -->`` and ``<!-- end -->``; tests/test_docs.py fails if they are out
of date.
"""

import ast
import inspect
import re
import textwrap
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tyro

from cephkit.commands import COMMANDS

REFERENCE = Path(__file__).with_name("reference.md")
POSITIONAL = get_args(tyro.conf.Positional[str])[1]
"""The mark of what stands without a flag."""


def declared(options: type[Any]) -> dict[str, str]:
    """Field -> meaning of what ``options`` itself declares: the string below it."""
    body: list[Any] = ast.parse(textwrap.dedent(inspect.getsource(options))).body[0].body  # type: ignore[attr-defined]
    found = {}
    for node, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            documented = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            found[node.target.id] = inspect.cleandoc(below.value.value) if documented else ""
    return found


def meanings(options: type[Any]) -> dict[str, tuple[str, str]]:
    """Field -> (meaning, group); the group of an inherited field is the docstring of its class.

    Fields inherited from the options of another command are left out: they are in that command's table.
    """
    others = {command.options_class() for command in COMMANDS.values()} - {options}
    found: dict[str, tuple[str, str]] = {}
    for base in reversed(options.__mro__[:-1]):
        if not any(issubclass(other, base) and issubclass(options, other) for other in others):
            group = "" if base is options else inspect.getdoc(base) or ""
            found |= {name: (meaning, group) for name, meaning in declared(base).items()}
    return found


def rows(options: type[Any]) -> list[tuple[str, str, str, str]]:
    """Return (group, flag, default, meaning) of each setting, as Markdown: its own before those of a group."""
    types = get_type_hints(options, include_extras=True)
    defaults = {field.name: field.default for field in fields(options)}
    found: dict[str, list[tuple[str, str, str, str]]] = {"": []}
    for name, (meaning, group) in meanings(options).items():
        kind = types[name]
        extras = getattr(kind, "__metadata__", ())
        aliases = [alias for extra in extras for alias in getattr(extra, "aliases", None) or ()]
        plain = get_args(kind)[0] if extras else kind
        flag = f"`{name.upper()}`" if POSITIONAL in extras else f"`--{name}`"
        flag += "".join(f", `{alias}`" for alias in aliases)
        if plain is bool and defaults[name] is True:
            flag += f", `--no_{name}`"
        choices = f" One of {', '.join(f'`{choice}`' for choice in get_args(plain))}." * (get_origin(plain) is Literal)
        text = f"{meaning}{choices}".replace("|", "\\|").replace("\n", " ")
        found.setdefault(group, []).append((group, flag, as_typed(defaults[name]), text))
    return [row for group in found.values() for row in group]


def as_typed(default: Any) -> str:
    """Return a default as a user would type it."""
    if default is MISSING:
        return "required"
    if default is None or default in ((), ""):
        return "none"
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        return f"`{' '.join(map(str, default))}`"
    return f"`{default.as_posix() if isinstance(default, Path) else default}`"


def table(command: str) -> str:
    """Return the tables of ``command``, one per group."""
    lines: list[str] = []
    last = None
    for group, flag, default, meaning in rows(COMMANDS[command].options_class()):
        if group != last:
            lines += ["", f"**{group}**"] * bool(group)
            lines += ["", "| flag | default | meaning |", "| --- | --- | --- |"]
            last = group
        lines.append(f"| {flag} | {default} | {meaning} |")
    return "\n".join(lines).strip()


def rendered(text: str) -> str:
    """Return ``text`` with every table regenerated."""
    return re.sub(
        r"<!-- flags (\w+) -->.*?<!-- end -->",
        lambda match: f"<!-- flags {match[1]} -->\n\n{table(match[1])}\n\n<!-- end -->",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    REFERENCE.write_text(rendered(REFERENCE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
