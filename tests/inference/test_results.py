import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from cephkit.errors import SettingsError
from cephkit.inference.results import PROBLEMS, TABLE, ResultFolder
from cephkit.records.record import COLUMNS
from tests.records.test_record import FOUND


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_film_keeps_its_name_from_run_to_run_and_shares_it_with_none(tmp_path: Path) -> None:
    first = ResultFolder(tmp_path)
    assert [first.name_for(Path(file), "c1") for file in ("a/f.png", "b/F.png")] == ["f", "F-2"]
    first.write(replace(FOUND, content="c1"))
    assert ResultFolder(tmp_path).name_for(Path("f.png"), "c1") == "f"
    assert ResultFolder(tmp_path).name_for(Path("f.png"), "c2") == "f-2"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"film": "x"}', '{"ceph_id": "f", "landmarks": []}'])
def test_a_json_file_of_someone_else_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "f.json").write_text(content, encoding="utf-8")
    results = ResultFolder(tmp_path)
    assert results.name_for(Path("f.png"), "c1") == "f-2"
    assert results.write_tables([]) is None


def test_a_result_is_done_for_the_same_film_run_and_picture_only(tmp_path: Path) -> None:
    ResultFolder(tmp_path, run="r1").write(replace(FOUND, content="c1"))
    again = ResultFolder(tmp_path, run="r1")
    assert (again.may_be_done("c1"), again.may_be_done("c2")) == (True, False)
    assert again.problem_of("f", "c1", overlay=False) == ""
    assert again.problem_of("f", "c1", overlay=True) is None
    (tmp_path / "f_overlay.png").write_bytes(b"")
    assert again.problem_of("f", "c1", overlay=True) == ""
    assert again.problem_of("f", "c2", overlay=False) is None
    for other in (ResultFolder(tmp_path, run="r2"), ResultFolder(tmp_path, run="r1", resume=False)):
        assert not other.may_be_done("c1")
        assert other.problem_of("f", "c1", overlay=False) is None


def test_what_was_wrong_with_a_film_is_known_again(tmp_path: Path) -> None:
    results = ResultFolder(tmp_path, run="r")
    for name, doubt in (("empty", ""), ("cat", "it is a cat")):
        results.write(replace(FOUND, points={}, scores={}, film_id=name, content=name, doubt=doubt))
    again = ResultFolder(tmp_path, run="r")
    assert again.problem_of("empty", "empty", overlay=False) == "no landmark found"
    assert again.problem_of("cat", "cat", overlay=False) == "not a lateral cephalogram? it is a cat"


def test_the_table_is_made_of_all_films_that_are_there(tmp_path: Path) -> None:
    for name in ("b", "a"):
        ResultFolder(tmp_path).write(replace(FOUND, film_id=name))
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    path = ResultFolder(tmp_path).write_tables([])
    assert path == tmp_path / TABLE
    assert [(row["film"], row["symbol"], row["x_px"]) for row in rows(path)] == [
        *(("a", "A", ""), ("a", "S", ""), ("a", "Sn", "10.123")),
        *(("b", "A", ""), ("b", "S", ""), ("b", "Sn", "10.123")),
    ]
    assert tuple(rows(path)[0]) == COLUMNS


def test_problems_are_listed_as_long_as_there_are_any(tmp_path: Path) -> None:
    ResultFolder(tmp_path).write_tables([("x/a.png", "the file is empty")])
    assert rows(tmp_path / PROBLEMS) == [{"file": "x/a.png", "problem": "the file is empty"}]
    ResultFolder(tmp_path).write_tables([])
    assert not (tmp_path / PROBLEMS).exists()


@pytest.mark.parametrize("name", [TABLE, PROBLEMS])
def test_a_table_of_someone_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x,y\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="choose another --out"):
        ResultFolder(tmp_path)


def test_the_run_stands_in_the_json(tmp_path: Path) -> None:
    ResultFolder(tmp_path, run="r1").write(FOUND)
    assert json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))["run"] == "r1"


@pytest.mark.parametrize(
    "change",
    ['"content": 5', '"content": ["c1"]', '"content": null', '"content": ' + "[" * 100_000, '"content": ' + "9" * 5000],
    ids=lambda text: text[:16],
)
def test_a_result_of_wrong_types_costs_time_and_nothing_else(tmp_path: Path, change: str) -> None:
    results = ResultFolder(tmp_path)
    results.write(replace(FOUND, film_id="f", content="c1"))
    path = tmp_path / "f.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"content": "c1"', change), encoding="utf-8")
    again = ResultFolder(tmp_path)
    assert again.name_for(Path("f.png"), "c1") == "f-2"
    assert again.write_tables([]) is None
