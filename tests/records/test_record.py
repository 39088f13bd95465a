import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cephkit.data.spacing import Spacing, square
from cephkit.errors import SettingsError
from cephkit.geometry import CHI2_90
from cephkit.inference.prediction import COLUMNS, Prediction
from tests.cephalometry.faces import ROUND

FOUND = Prediction(
    film_id="f",
    size=(200, 100),
    symbols=("Sn", "A", "S"),
    points=np.array([[10.12345, 20.0], [np.nan, np.nan], [30.0, 250.0]]),
    scores=np.array([0.5, np.nan, 0.25]),
    film_hash="abc",
    file="f.png",
    content="def",
)
SURE = replace(
    FOUND,
    expected_errors=np.array([4.0, np.nan, 1.0]),
    regions=np.array([[[9.0, 1.0], [1.0, 4.0]]] * 3),
    spacing=Spacing(0.1, 0.4, "ruler", "film"),
)


def table(prediction: Prediction) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(prediction.to_csv())))


def test_only_what_was_found_on_the_film_is_in_the_json(tmp_path: Path) -> None:
    content = json.loads(FOUND.to_json(tmp_path / "f.json"))
    assert [mark["symbol"] for mark in content["landmarks"]] == ["Sn"]
    assert content["landmarks"][0]["value"] == {"x": 10.123, "y": 20.0}
    assert content["missing"] == ["A", "S"]
    assert content["scores"] == {"Sn": 0.5}
    assert content["spacing"] is None
    assert content["film"] == {
        "file": "f.png", "hash": "abc", "content": "def", "width": 100, "height": 200, "orientation": 1,
    }  # fmt: skip
    assert json.loads((tmp_path / "f.json").read_text(encoding="utf-8")) == content


def test_expected_errors_and_spacing_are_in_the_json() -> None:
    content = SURE.to_dict()
    assert content["expected_errors_px"] == {"Sn": 4.0}
    assert content["regions_90"] == {"Sn": [[9.0, 1.0], [1.0, 4.0]]}
    assert content["spacing"] == {"row_mm": 0.1, "column_mm": 0.4, "origin": "ruler", "plane": "film"}


def test_every_landmark_has_a_row_whether_found_or_not(tmp_path: Path) -> None:
    rows = table(SURE)
    assert tuple(rows[0]) == COLUMNS
    assert [row["symbol"] for row in rows] == ["A", "S", "Sn"]
    assert (rows[2]["x_px"], rows[2]["x_mm"], rows[2]["y_mm"]) == ("10.123", "4.049", "2.0")
    # Pixels of 0.1 by 0.4 mm count as squares of 0.2 for a length of unknown direction.
    assert (rows[2]["expected_error_px"], rows[2]["expected_error_mm"]) == ("4.0", "0.8")
    assert (rows[0]["x_px"], rows[0]["score"], table(FOUND)[2]["x_mm"]) == ("", "", "")
    SURE.to_csv(tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_text(encoding="utf-8") == SURE.to_csv()


def test_a_frame_has_numbers() -> None:
    frame = SURE.to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert frame.set_index("symbol").x_px["Sn"] == 10.123
    assert frame.x_px.isna().sum() == 2


def test_a_frame_without_pandas_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SettingsError, match=r"cephkit\[frames\]"):
        FOUND.to_frame()


def test_what_is_expected_to_be_two_millimetres_off_needs_a_look() -> None:
    def look(spacing: Spacing | None, error: float) -> tuple[str, ...]:
        return replace(SURE, spacing=spacing, expected_errors=np.array([error, np.nan, 1.0])).look

    assert (look(square(0.5, ""), 4.1), look(square(0.5, ""), 3.9)) == (("Sn",), ())
    # Without a pixel size 0.85 % of the height of 200.
    assert (look(None, 1.8), look(None, 1.6)) == (("Sn",), ())
    assert list(replace(SURE, spacing=None).look_regions) == ["Sn"]
    # Without a calibration a landmark with hardly a peak.
    assert (replace(FOUND, scores=np.array([0.09, np.nan, 0.01])).look, FOUND.look) == (("Sn",), ())


def test_errors_in_mm_need_a_pixel_size() -> None:
    errors = SURE.expected_errors_mm
    assert errors is not None
    assert errors[0] == pytest.approx(0.8)
    assert replace(SURE, spacing=None).expected_errors_mm is None


def test_nothing_is_left_of_what_is_withheld() -> None:
    nothing = replace(SURE, doubt="a cat").withheld()
    assert (nothing.found, nothing.missing) == ({}, ("Sn", "A", "S"))
    assert (nothing.expected_errors, nothing.regions, nothing.doubt) == (None, None, "a cat")


def test_it_measures_its_face_in_pixels_that_are_not_square() -> None:
    symbols = tuple(ROUND)
    points = np.array([ROUND[symbol] for symbol in symbols]) * (0.5, 1.0)
    face = Prediction(
        "f", (2000, 2000), symbols, points, np.ones(len(symbols)), "abc", np.ones(len(symbols)),
        np.stack([np.diag([0.25, 1.0]) * CHI2_90] * len(symbols)), spacing=Spacing(0.1, 0.2, "ruler"),
    )  # fmt: skip
    found = {
        result.measurement: result for result in face.measure(age=30, sex="female", analyses=["Steiner", "McNamara"])
    }
    assert found["sna"].value == pytest.approx(90.0)
    # One pixel of 0.1 mm is the standard deviation of each point along each axis.
    assert found["co_a"].standard_error == pytest.approx(0.1 * 2**0.5, rel=1e-3)
    with pytest.raises(SettingsError, match="corrected twice"):
        replace(face, spacing=square(0.1, "DICOM", "head")).measure(enlargement_percent=8)
