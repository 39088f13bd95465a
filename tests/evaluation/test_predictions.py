import json
from pathlib import Path

import pytest

from cephkit.data.labels import landmarks_json
from cephkit.errors import LabelError
from cephkit.evaluation.predictions import read_predictions
from tests.evaluation.predicted import points_of


def written(folder: Path, content: object) -> Path:
    path = folder / "p.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_symbols_become_canonical_and_numbers_floats(tmp_path: Path) -> None:
    path = written(tmp_path, {"f1": {"Pog'": [1, 2.5], "N′": [3, 4], "A": None}, "f2": {}})
    assert points_of(read_predictions(path)) == {"f1": {"Pog`": (1.0, 2.5), "N`": (3.0, 4.0), "A": None}, "f2": {}}


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"f": {"S": [1, 2]}}')
    assert points_of(read_predictions(path)) == {"f": {"S": (1.0, 2.0)}}


def test_a_file_in_the_schema_of_aariz_is_one_film(tmp_path: Path) -> None:
    content = {**landmarks_json("f1", {"A": (1.5, 2.0), "N`": (3.0, 4.0)}), "missing": ["S"]}
    assert points_of(read_predictions(written(tmp_path, content))) == {
        "f1": {"S": None, "A": (1.5, 2.0), "N`": (3.0, 4.0)}
    }


def test_a_folder_is_all_its_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(landmarks_json(name, {"A": (1.0, 2.0)})), encoding="utf-8")
    assert points_of(read_predictions(tmp_path)) == {"a": {"A": (1.0, 2.0)}, "b": {"A": (1.0, 2.0)}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("{", "not JSON"),
        ("[1, 2]", "holds a list"),
        ("{}", "holds no film"),
        ("[" * 200_000, "not JSON"),
        ('{"f": {"A": [NaN, 1]}}', "'f', A: expected .* got .nan, 1"),
        ('{"f": {"A": [1e999, 1]}}', "two finite numbers"),
        ('{"f": {"A": [1' + "0" * 400 + ", 1]}}", "two finite numbers"),
        ('{"f": {"A": [1, 2], "A": [3, 4]}}', "names 'A' twice"),
        ({"f": {"Pog`": [1, 2], "Pog'": [1, 2]}}, "Pog` appears twice"),
        ({"f": {"A": [1e308, 1]}}, "two finite numbers"),
        ({"f": {"A": [1, -1e7]}}, "two finite numbers"),
        ({"ceph_id": ["f"], "landmarks": []}, '"ceph_id" is .* expected a text'),
        ({"ceph_id": "f", "landmarks": [], "missing": 5}, '"missing" is 5, expected a list of texts'),
        ({"ceph_id": "f", "landmarks": [], "missing": [["A"]]}, '"missing" is .* expected a list of texts'),
        ({"ceph_id": "f", "landmarks": [], "missing": ["XYZ"]}, "'XYZ'.*, expected symbols of landmarks"),
        ({"f": {"A": ["1", "2"]}}, "two finite numbers"),
        ({"f": {"A": [True, 2]}}, "two finite numbers"),
        ({"f": {"A": [1, 2, 3]}}, "two finite numbers"),
        ({"f": {"A": {"x": 1, "y": 2}}}, "two finite numbers"),
        ({"f": [[1, 2]]}, "expected {symbol: "),
        ({"f": {"XYZ": [1, 2]}}, "'XYZ' is not one of the 29"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(LabelError, match=said) as caught:
        read_predictions(written(tmp_path, content))
    assert "p.json" in str(caught.value)


def test_all_faults_come_in_one_go_and_a_long_list_is_cut(tmp_path: Path) -> None:
    content = {f"f{index}": {"A": "x", "B": [1, None]} for index in range(30)}
    with pytest.raises(LabelError, match="and 40 more") as caught:
        read_predictions(written(tmp_path, content))
    assert "'f0', A" in str(caught.value)
    assert "'f0', B" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="there is no such file"):
        read_predictions(tmp_path / "none.json")
    with pytest.raises(LabelError, match=r"holds no \.json file"):
        read_predictions(tmp_path)


def test_measurements_in_the_folder_are_no_predictions(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"a": {"A": [1, 2]}}), encoding="utf-8")
    for name in ("a_measurements.json", ".a.json"):
        (tmp_path / name).write_text('{"not_possible": {}}', encoding="utf-8")
    assert points_of(read_predictions(tmp_path)) == {"a": {"A": (1.0, 2.0)}}
