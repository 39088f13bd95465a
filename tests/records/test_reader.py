import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit.data.film import Points
from cephkit.data.labels import landmarks_json
from cephkit.data.spacing import Spacing
from cephkit.errors import LabelError
from cephkit.geometry import CHI2_90, covariance_of_error
from cephkit.landmarks.shipped import AARIZ
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord
from tests.cephalometry.faces import ROUND, face_like_real

WHOLE = LandmarkRecord(
    points={"A": (10.125, 20.0), "N`": (30.0, 5.5)},
    missing=("Co",),
    scores={"A": 0.75, "N`": 0.5},
    expected_errors={"A": 4.25, "N`": 1.0},
    regions={symbol: np.array([[9.0, 1.0], [1.0, 4.0]]) for symbol in ("A", "N`")},
    needs_review=("A",),
    facing="left",
    doubt="it is a cat",
    notes=("a note",),
    spacing=Spacing(0.1, 0.2, "ruler", "film"),
    film_id="f",
    file="f.png",
    film_hash="0a1b",
    content="2c3d",
    size=(200, 100),
    orientation=6,
    model={"model": "hrnet", "checkpoint": "best.pth", "mode": "plain", "errors_rest_on": "12 films"},
    run="9f",
)


def write(path: Path, points: Points = ROUND, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**landmarks_json(path.stem, points), **more}), encoding="utf-8")
    return path


def test_a_record_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    WHOLE.to_json(path)
    back = read_record(path)
    assert back.to_dict() == WHOLE.to_dict()
    assert (back.points, back.missing, back.where) == (WHOLE.points, WHOLE.missing, str(path))
    assert (back.made_by, back.errors_rest_on, back.run) == ("hrnet, best.pth, plain", "12 films", "9f")


def test_a_label_file_has_points_and_nothing_more(tmp_path: Path) -> None:
    record = read_record(write(tmp_path / "f.json", dict(reversed(ROUND.items()))))
    assert record.points == ROUND
    assert list(record.points) == [symbol for symbol in AARIZ.symbols if symbol in ROUND]
    assert (record.film_id, record.file, record.size, record.spacing, record.facing) == ("f", "", None, None, None)
    assert (record.scores, record.covariances, record.made_by) == ({}, {}, "")


def test_a_region_counts_before_an_expected_error(tmp_path: Path) -> None:
    region = [[4.0, 1.0], [1.0, 2.0]]
    record = read_record(
        write(tmp_path / "f.json", expected_errors_px={"A": 3.0, "N": 2.0, "X": 1.0}, regions_90={"A": region})
    )
    assert set(record.covariances) == {"A", "N"}
    np.testing.assert_allclose(record.covariances["N"], covariance_of_error(2.0))
    np.testing.assert_allclose(record.covariances["A"] * CHI2_90, region)


def test_keys_that_are_null_or_absent_are_unknown(tmp_path: Path) -> None:
    empty = dict.fromkeys(("missing", "scores", "look", "facing", "doubt", "notes", "spacing", "film", "model", "run"))
    assert read_record(write(tmp_path / "f.json", **empty)).points == ROUND
    film = {"file": None, "hash": None, "orientation": None}
    assert read_record(write(tmp_path / "f.json", film=film)).file == ""


def test_a_landmark_that_a_person_has_marked_since_is_not_missing(tmp_path: Path) -> None:
    assert read_record(write(tmp_path / "f.json", missing=["A", "Pog'"])).missing == ()
    assert read_record(write(tmp_path / "f.json", {}, missing=["A", "Pog'"])).missing == ("A", "Pog`")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"facing": "up"}, "\"facing\" is 'up', expected right or left"),
        ({"expected_errors_px": [1]}, '"expected_errors_px" is \\[1\\], expected an object'),
        ({"expected_errors_px": {"A": "much"}}, "expected_errors_px of A is 'much', expected a number"),
        ({"expected_errors_px": {"A": -1}}, "expected_errors_px of A is -1, expected a length"),
        ({"regions_90": {"A": [1, 2]}}, r"regions_90 of A is \[1, 2\]"),
        ({"regions_90": {"A": [[1, 2], [2, 1]]}}, "of an ellipse"),
        ({"regions_90": {"A": [[1, 2], [2]]}}, "of an ellipse"),
        ({"regions_90": {"A": [[1, 2], [0, 9]]}}, "of an ellipse"),
        ({"regions_90": {"A": [[float("inf"), 0], [0, 1]]}}, "of an ellipse"),
        ({"film": []}, '"film" is \\[\\], expected an object'),
        ({"film": {"file": 5}}, '"file" is 5, expected a text'),
        ({"film": {"hash": 7}}, '"hash" is 7, expected a text'),
        ({"film": {"width": 10}}, "height of the film is None, expected a number"),
        ({"film": {"width": True, "height": 10}}, "width of the film is True, expected a number"),
        ({"film": {"width": 10, "height": -10}}, "height of the film is -10, expected a number of pixels"),
        ({"film": {"orientation": 9}}, '"orientation" is 9, expected 1 to 8'),
        ({"missing": ["X"]}, '"missing" is \\[.X.\\], expected symbols of landmarks'),
        ({"missing": [["A"]]}, '"missing" is'),
        ({"scores": {"A": 10**400}}, "scores of A is 1000"),
        ({"scores": {"A": "high"}}, "scores of A is 'high', expected a number"),
        ({"spacing": {"row_mm": 0.1}}, "column_mm of the spacing is None, expected a number"),
        ({"spacing": {"row_mm": "0.1", "column_mm": 0.1}}, "row_mm of the spacing is '0.1', expected a number"),
        ({"spacing": {"row_mm": 0.1, "column_mm": 0.1, "origin": [1]}}, '"origin" is .1., expected a text'),
        ({"spacing": {"row_mm": 0, "column_mm": 0.1, "origin": "x"}}, '"spacing" cannot be used'),
        (
            {"spacing": {"row_mm": 0.1, "column_mm": 0.1, "origin": "x", "plane": "moon"}},
            "\"plane\" of the spacing is 'moon'",
        ),
        ({"look": 5}, '"look" is 5, expected a list of texts'),
        ({"notes": [1]}, '"notes" is'),
        ({"doubt": 5}, '"doubt" is 5, expected a text'),
        ({"model": "hrnet"}, "\"model\" is 'hrnet', expected an object"),
    ],
)
def test_what_is_never_written_is_refused_with_file_and_key(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(LabelError, match=said) as caught:
        read_record(write(tmp_path / "f.json", **more))
    assert str(tmp_path / "f.json") in str(caught.value)


def test_people_cannot_have_marked_what_a_model_may_have_found(tmp_path: Path) -> None:
    points = {**face_like_real(3), "A": (0.0, 0.0)}
    with pytest.raises(LabelError, match="A lies in a corner of the film"):
        read_record(write(tmp_path / "f.json", points))
    assert read_record(write(tmp_path / "f.json", points, model={"model": "hrnet"})).points["A"] == (0.0, 0.0)
