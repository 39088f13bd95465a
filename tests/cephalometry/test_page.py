"""docs/measurements.md and reference.md agree with the code."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from cephkit.cephalometry import primitives
from cephkit.cephalometry.frame import face_of
from cephkit.cephalometry.measured import TABLE_COLUMNS
from cephkit.cephalometry.measures import Measurement
from tests.cephalometry.faces import PIXEL_MM, ROUND

DOCS = Path(__file__).parents[2] / "docs"


def test_the_examples_of_new_measurements_run() -> None:
    page = (DOCS / "measurements.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```\n(Measurement\(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    entries = eval(f"[{example}]", {"Measurement": Measurement, **vars(primitives)})
    values = [entry.formula.value(face_of(ROUND, "right", PIXEL_MM).points) for entry in entries]
    assert values == pytest.approx([np.hypot(20, 50), -np.degrees(np.arctan2(-125, 45))])


def test_the_table_of_measurements_is_up_to_date() -> None:
    # After changing a measurement, norm or class, run: python docs/measures.py
    spec = importlib.util.spec_from_file_location("docs_measures", DOCS / "measures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (DOCS / "measurements.md").read_text(encoding="utf-8")
    assert module.rendered(page) == page


def test_the_reference_lists_every_column() -> None:
    named = set(re.findall(r"`([^`\n]+)`", (DOCS / "reference.md").read_text(encoding="utf-8")))
    assert set(TABLE_COLUMNS) - named == set()
