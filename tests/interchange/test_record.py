import json
from pathlib import Path
from typing import Any

import pytest

from cephkit.data.spacing import Spacing
from cephkit.errors import LabelError, SettingsError
from cephkit.interchange.record import LABELS, read_record, read_records
from cephkit.landmarks import SYMBOLS
from tests.cephalometry.faces import ROUND
from tests.interchange.films import HEIGHT, WIDTH, write_label, write_prediction


def test_all_that_a_prediction_says(tmp_path: Path) -> None:
    points = {symbol: point for symbol, point in ROUND.items() if symbol not in ("R", "Co")}
    film = {"file": "f.png", "hash": "0a1b", "content": "2c3d", "width": WIDTH, "height": HEIGHT}
    record = read_record(write_prediction(tmp_path / "f.json", points, missing=["R", "Co"], film=film))
    assert (record.name, record.file, record.size) == ("f", "f.png", (HEIGHT, WIDTH))
    assert (record.film_hash, record.content) == ("0a1b", "2c3d")
    assert record.points == points
    assert list(record.points) == [symbol for symbol in SYMBOLS if symbol in points]
    assert record.symbols == SYMBOLS
    assert (record.scores["A"], record.expected_errors_px["A"]) == (0.75, 9.5)
    assert record.spacing == Spacing(0.1, 0.1, "PixelSpacing, calibrated", "head")
    assert record.model == "best.pth two stages 1234567890ab"


def test_a_label_file_says_nothing_of_its_film(tmp_path: Path) -> None:
    record = read_record(write_label(tmp_path / "f.json", ROUND))
    assert record.points == ROUND
    assert (record.file, record.size, record.spacing, record.model) == (None, None, None, LABELS)
    assert record.scores == {}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"film": []}, '"film" is \\[\\], expected an object'),
        ({"film": {"file": "../f.png"}}, "expected a name without folders"),
        ({"film": {"file": "a\\f.png"}}, "expected a name without folders"),
        ({"film": {"file": "f\n.png"}}, "expected a name without folders"),
        ({"film": {"file": "f.png", "width": 10}}, "the film's size is 10 x None"),
        ({"film": {"width": True, "height": 10}}, "expected pixels"),
        ({"film": {"width": 10, "height": -10}}, "expected pixels"),
        ({"film": {"hash": "\ud800"}}, "half a character"),
        ({"film": {"hash": 7}}, '"hash" is 7, expected a text'),
        ({"missing": ["X"]}, '"missing" is'),
        ({"missing": [["A"]]}, '"missing" is'),
        ({"scores": {"A": 10**400}}, "scores of A is 1000"),
        ({"scores": {"A": "high"}}, "scores of A is 'high', expected a number"),
        ({"spacing": {"row_mm": 0.1}}, '"spacing" cannot be used'),
        ({"spacing": {"row_mm": 0, "column_mm": 0.1, "origin": "x"}}, '"spacing" cannot be used'),
        ({"spacing": {"row_mm": 0.1, "column_mm": 0.1, "origin": "x", "plane": "moon"}}, "plane 'moon'"),
    ],
)
def test_what_predict_would_not_write_is_refused(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(LabelError, match=said):
        read_record(write_prediction(tmp_path / "f.json", **more))


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    files = [write_label(tmp_path / folder / name, ROUND) for folder, name in (("a", "f.json"), ("b", "F.json"))]
    with pytest.raises(SettingsError, match="name one film"):
        read_records(files)


def test_a_folder_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_label(tmp_path / f"{name}.json", {})
    assert [record.name for record in read_records([tmp_path])] == ["a", "b"]


def test_no_key_of_predict_is_needed(tmp_path: Path) -> None:
    path = write_prediction(tmp_path / "f.json", spacing=None)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["spacing"] is None
    assert read_record(path).spacing is None
