import csv
from pathlib import Path

import numpy as np
import pytest

from cephkit.errors import SettingsError
from cephkit.inference.predictor import Prediction, Predictor
from cephkit.inference.results import COLUMNS, ResultFolder, film_json, film_rows
from tests.inference.test_predictor import loaded

FOUND = Prediction(
    film_id="f",
    size=(200, 100),
    symbols=("Sn", "A", "S"),
    points=np.array([[10.12345, 20.0], [np.nan, np.nan], [30.0, 250.0]]),
    scores=np.array([0.5, np.nan, 0.25]),
    film_hash="abc",
)


def test_only_what_was_found_on_the_film_is_in_the_json() -> None:
    content = film_json("f", Path("f.png"), FOUND, Predictor(loaded()))
    assert [mark["symbol"] for mark in content["landmarks"]] == ["Sn"]
    assert content["landmarks"][0]["value"] == {"x": 10.123, "y": 20.0}
    assert content["missing"] == ["A", "S"]
    assert content["scores"] == {"Sn": 0.5}
    assert content["film"] == {"file": "f.png", "hash": "abc", "width": 100, "height": 200}


def test_every_landmark_has_a_row_whether_found_or_not() -> None:
    rows = film_rows("f", Path("f.png"), FOUND, 0.1)
    assert [row["symbol"] for row in rows] == ["Sn", "A", "S"]
    assert (rows[0]["x_px"], rows[0]["x_mm"], rows[0]["y_mm"]) == ("10.123", "1.012", "2.000")
    assert "x_px" not in rows[1]
    assert "x_mm" not in film_rows("f", Path("f.png"), FOUND, None)[0]


def test_a_film_keeps_its_name_from_run_to_run_and_shares_it_with_none(tmp_path: Path) -> None:
    first = ResultFolder(tmp_path)
    assert [first.name_for(Path(file), "h1") for file in ("a/f.png", "b/F.png")] == ["f", "F-2"]
    (tmp_path / "f.json").write_text('{"film": {"hash": "h1"}}', encoding="utf-8")
    assert ResultFolder(tmp_path).name_for(Path("f.png"), "h1") == "f"
    assert ResultFolder(tmp_path).name_for(Path("f.png"), "h2") == "f-2"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"film": "x"}', '{"ceph_id": "f"}'])
def test_a_json_file_of_someone_else_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "f.json").write_text(content, encoding="utf-8")
    assert ResultFolder(tmp_path).name_for(Path("f.png"), "h1") == "f-2"


def test_the_table_keeps_films_of_earlier_runs_and_renews_the_others(tmp_path: Path) -> None:
    ResultFolder(tmp_path).write_table([{"film": "a", "x_px": "1"}, {"film": "b", "x_px": "2"}])
    path = ResultFolder(tmp_path).write_table([{"film": "b", "x_px": "3"}])
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert [(row["film"], row["x_px"]) for row in reader] == [("a", "1"), ("b", "3")]
    assert tuple(reader.fieldnames or ()) == COLUMNS


def test_a_table_of_someone_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "landmarks.csv").write_text("x,y\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="choose another --out"):
        ResultFolder(tmp_path)
