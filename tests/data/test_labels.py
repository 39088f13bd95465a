import json
from pathlib import Path
from typing import Any

import pytest

from cephkit.data.labels import LARGEST_BYTES, landmarks_json, read_cvm_stage, read_landmarks
from cephkit.errors import LabelError
from cephkit.landmarks.shipped import AARIZ


def entry(symbol: str, x: Any, y: Any, /, **changes: Any) -> dict[str, Any]:
    known = AARIZ.get(symbol)
    landmark_id = known.landmark_id if known else "nobody"
    return {"landmark_id": landmark_id, "title": "", "symbol": symbol, "value": {"x": x, "y": y}, **changes}


def write(folder: Path, content: Any, name: str = "film.json") -> Path:
    path = folder / name
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    points = {symbol: (index * 1.25, 900.5 - index) for index, symbol in enumerate(reversed(AARIZ.symbols))}
    label = landmarks_json("film", points)
    assert [landmark["symbol"] for landmark in label["landmarks"]] == list(AARIZ.symbols)
    assert label["landmarks"][0]["landmark_id"] == "ckr20ld7v4a4r0za3gqkydid2"
    assert label["landmarks"][0]["value"] == {"x": 35.0, "y": 872.5}
    assert read_landmarks(write(tmp_path, label)) == (points, ())


def test_an_unknown_symbol_is_not_written() -> None:
    with pytest.raises(KeyError, match="unknown landmarks X"):
        landmarks_json("film", {"X": (1, 2)})


def test_any_order_integers_extra_keys_and_missing_landmarks(tmp_path: Path) -> None:
    label = {
        "landmarks": [entry("S", 7, 8.5, colour="red"), entry("A", 1, 2), entry("N", 0, 0, value=None)],
        "more": {"x": 1},
    }
    assert read_landmarks(write(tmp_path, label))[0] == {"S": (7.0, 8.5), "A": (1.0, 2.0)}


def test_joined_by_id_first_then_by_symbol(tmp_path: Path) -> None:
    label = {
        "landmarks": [
            entry("A", 1, 1, symbol="whatever"),
            entry("Pog`", 2, 2, landmark_id=None, symbol="Pog'"),
            entry("N`", 3, 3, landmark_id="other", symbol="N\u2032"),
            entry("S", 4, 4, symbol="N"),
        ]
    }
    points, notes = read_landmarks(write(tmp_path, label))
    assert points == {"A": (1, 1), "Pog`": (2, 2), "N`": (3, 3), "S": (4, 4)}
    assert notes == ("landmark 3 has the id of S and the symbol N; the id counts",)


def test_a_byte_order_mark_does_no_harm_and_a_foreign_ceph_id_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "film.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"ceph_id": "other", "landmarks": []}).encode())
    assert read_landmarks(path)[1] == ("ceph_id 'other' is not the file's name",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file is empty"),
        ("{", "not JSON"),
        ('{"landmarks": [', "not JSON"),
        ("\x00\x01", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "JSON holds a list, expected an object"),
        ("{}", '"landmarks" is missing'),
        ({"landmarks": {"A": 1}}, '"landmarks" is an object'),
        ({"landmarks": ["A"]}, "landmark 0 is a text"),
        ({"landmarks": [entry("Q", 1, 2)]}, "landmark 0 is unknown: id 'nobody', symbol 'Q'"),
        ({"landmarks": [{"value": {"x": 1, "y": 2}}]}, "landmark 0 is unknown: id None, symbol None"),
        ({"landmarks": [entry("A", 1, 2), entry("A", 1, 2)]}, "landmark A appears twice"),
        ({"landmarks": [entry("A", 1, 2, value=[1, 2])]}, "value of A is a list"),
        ({"landmarks": [entry("A", 1, 2, value={"x": 1})]}, "y of A is None, expected a number"),
        ({"landmarks": [entry("A", "1", 2)]}, "x of A is '1', expected a number"),
        ({"landmarks": [entry("A", True, 2)]}, "x of A is True, expected a number"),
        ({"landmarks": [entry("A", 1, float("nan"))]}, "y of A is nan, expected a number"),
        ({"landmarks": [entry("A", 10**400, 2)]}, "x of A is 1000000000"),
        ({"landmarks": [entry("A", 1, float("inf"))]}, "y of A is inf, expected a number"),
        ({"landmarks": [entry("A", 1e308, 2)]}, "x of A is 1e+308, expected a number of at most 1e+06"),
    ],
    ids=range(20),
)
def test_broken_labels_give_file_and_reason(tmp_path: Path, content: Any, reason: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(LabelError) as caught:
        read_landmarks(path)
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)
    assert "; " in str(caught.value)  # the remedy


def test_a_label_file_has_a_largest_size(tmp_path: Path) -> None:
    path = write(tmp_path, " " * (LARGEST_BYTES + 1))
    with pytest.raises(LabelError, match="too many for landmarks"):
        read_landmarks(path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "film.json"
    path.write_bytes(b"\xff\xfe\xfa" * 10)
    with pytest.raises(LabelError, match="not JSON"):
        read_landmarks(path)


def test_cvm_stage(tmp_path: Path) -> None:
    stage = {"ceph_id": "film", "cvm_stage": {"id": "x", "title": "CVM-S4", "value": 4}}
    assert read_cvm_stage(write(tmp_path, stage)) == 4


@pytest.mark.parametrize("value", [0, 7, "3", None, True, 2.5])
def test_cvm_stages_are_one_to_six(tmp_path: Path, value: Any) -> None:
    with pytest.raises(LabelError, match="expected 1 to 6"):
        read_cvm_stage(write(tmp_path, {"cvm_stage": {"value": value}}))
