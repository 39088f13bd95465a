import re
from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import cephkit
from cephkit.pages import render


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("evaluation/templates/report.html.j2")


def test_every_template_refuses_to_load_or_run_anything() -> None:
    base = files("cephkit").joinpath("templates/page.html.j2").read_text(encoding="utf-8")
    assert "default-src 'none'" in base
    templates = [path for path in Path(cephkit.__file__).parent.rglob("*.html.j2") if path.name != "page.html.j2"]
    assert len(templates) >= 2
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert text.startswith('{% extends "templates/page.html.j2" %}'), path
        assert not re.search(r"\|\s*safe|autoescape|<script|https?://", text), path
