"""Markdown from a template, in which no value can be anything but text."""

import html
import re
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_SPECIAL = re.compile(r"([\\`*\[\]|#~]|(?<!\w)_|_(?!\w))")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


def escaped(value: Any) -> Markup:
    """Return ``value`` as text on one line, which no reader of Markdown takes for markup; ``Markup`` as it is."""
    if isinstance(value, Markup):
        return value
    text = _CONTROL.sub(" ", str(value))
    return Markup(_SPECIAL.sub(r"\\\1", html.escape(text, quote=False)))


def rendered(template: str, **values: Any) -> str:
    """The text of a template of this room."""
    return _environment().get_template(template).render(values)


def example() -> Markup:
    """The program of docs/onnx.md."""
    return Markup(files("cephkit.publishing").joinpath("templates/landmarks.py.txt").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("cephkit.publishing"),
        autoescape=False,  # HTML's rules do not make Markdown safe
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
