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
from cephkit.records.record import COLUMNS, LandmarkRecord

FOUND = LandmarkRecord(
    points={"Sn": (10.12345, 20.0)},
    missing=("A", "S"),
    scores={"Sn": 0.5},
    facing="right",
    film_id="f",
    file="f.png",
    film_hash="abc",
    content="def",
    size=(200, 100),
)
SURE = replace(
    FOUND,
    expected_errors={"Sn": 4.0},
    regions={"Sn": np.array([[9.0, 1.0], [1.0, 4.0]])},
    spacing=Spacing(0.1, 0.4, "ruler", "film"),
)


def test_the_json_has_the_landmarks_found_and_names_the_others(tmp_path: Path) -> None:
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


def test_the_json_keeps_its_keys_and_their_order() -> None:
    assert list(SURE.to_dict()) == [
        *("ceph_id", "landmarks", "labeled_at", "dataset_name", "missing", "scores", "expected_errors_px"),
        *("regions_90", "look", "facing", "doubt", "notes", "spacing", "film", "model", "cephkit", "notice"),
    ]
    assert list(replace(FOUND, run="r").to_dict())[-2:] == ["notice", "run"]


def test_expected_errors_and_spacing_are_in_the_json() -> None:
    content = SURE.to_dict()
    assert content["expected_errors_px"] == {"Sn": 4.0}
    assert content["regions_90"] == {"Sn": [[9.0, 1.0], [1.0, 4.0]]}
    assert content["spacing"] == {"row_mm": 0.1, "column_mm": 0.4, "origin": "ruler", "plane": "film"}


def test_landmarks_expected_to_be_two_millimetres_off_need_review() -> None:
    def review(spacing: Spacing | None, error: float) -> tuple[str, ...]:
        return replace(SURE, spacing=spacing, expected_errors={"Sn": error}).reviewed().needs_review

    assert (review(square(0.5, ""), 4.1), review(square(0.5, ""), 3.9)) == (("Sn",), ())
    # Without a pixel size 0.85 % of the height of 200.
    assert (review(None, 1.8), review(None, 1.6)) == (("Sn",), ())
    assert list(replace(SURE, spacing=None).reviewed().review_regions) == ["Sn"]
    # Without a calibration a landmark with hardly a peak.
    weak = replace(FOUND, scores={"Sn": 0.09})
    assert (weak.reviewed().needs_review, FOUND.reviewed().needs_review) == (("Sn",), ())


def test_errors_in_mm_need_a_pixel_size() -> None:
    assert SURE.expected_errors_mm == {"Sn": pytest.approx(0.8)}
    assert replace(SURE, spacing=None).expected_errors_mm == {}


def test_points_off_the_film_are_named_where_its_size_is_known() -> None:
    record = replace(FOUND, points={"A": (-0.5, 199.5), "B": (-0.6, 3.0), "S": (3.0, 199.6)})
    assert list(record.outside()) == ["B", "S"]
    assert list(record.outside(0.2)) == []
    assert replace(record, size=None).outside() == {}


def table(record: LandmarkRecord) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(record.to_csv())))


def test_every_landmark_has_a_row_whether_found_or_not(tmp_path: Path) -> None:
    rows = table(SURE.reviewed())
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
    assert frame["look"].tolist() == [False] * 3


def test_a_frame_without_pandas_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SettingsError, match=r"cephkit\[frames\]"):
        FOUND.to_frame()
