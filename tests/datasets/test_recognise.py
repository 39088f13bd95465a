"""The choice of a layout."""

import json
from pathlib import Path

import pytest

from cephkit.datasets.find import find_dataset
from cephkit.datasets.recognise import LAYOUTS
from cephkit.errors import DataError
from cephkit.settings.options import DataSet
from tests.conftest import write_tiny_aariz
from tests.datasets.published import face, source, write_cl, write_coco, write_csv, write_films, write_isbi


def test_of_two_layouts_the_more_special_one_is_taken_and_told(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png"])
    write_coco(tmp_path / "a.json", {"a.png": face()})
    write_csv(tmp_path / "t.csv", ["film", "S_x", "S_y"], [["a", 1, 2]])
    found = source(tmp_path)
    assert found.layout.title == "COCO keypoints"
    (note,) = [note for note in found.read(("train",)).notes if note.kind == "layout"]
    assert note.text.startswith(f"{tmp_path}: read as COCO keypoints, found by train/_annotations.coco.json")
    assert note.text.endswith("it could also be read as table of landmarks")
    assert source(tmp_path / "t.csv").layout.title == "table of landmarks"


def test_what_was_looked_for_and_found_is_told(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png"])
    write_films(tmp_path / "Train" / "pictures", ["b.png"])
    (tmp_path / "readme.txt").write_text("hello", encoding="utf-8")
    found = find_dataset(DataSet(dataset_path=(tmp_path,)))
    assert not found.has("train")
    with pytest.raises(DataError) as caught:
        found.read(("train",))
    text = str(caught.value)
    assert text.startswith(
        f"{tmp_path}: not in a layout that can be read: found Train/pictures, a.png, readme.txt; looked for\n"
    )
    assert "\n  Aariz: train/Cephalograms\n" in text
    for layout in LAYOUTS:
        assert f"\n  {layout.title}: {layout.wanted}\n" in text
    assert text.endswith("see docs/data.md")


def test_a_data_set_one_folder_deeper_is_pointed_out(tmp_path: Path) -> None:
    write_isbi(tmp_path / "a" / "isbi", (1,))
    for root, hint in ((tmp_path / "a", "isbi"), (tmp_path / "b", "Aariz")):
        if hint == "Aariz":
            write_tiny_aariz(root / "Aariz", train=1, valid=0)
        with pytest.raises(DataError, match=rf"did you mean --dataset_path .*{hint}\?"):
            find_dataset(DataSet(dataset_path=(root,))).read(("train",))


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        find_dataset(DataSet(dataset_path=(tmp_path / "none",))).read(("train",))


@pytest.mark.parametrize("content", [b"", b"\0" * 999, b"[" * 99_999, b"{" * 99_999, b"<" * 999, b"\xff\xfe" * 99])
@pytest.mark.parametrize("name", ["x.json", "x.csv", "x.xml", "train-gt.json", "_annotations.coco.json", "a.png"])
def test_odd_files_are_no_data_set(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    for root in (tmp_path, tmp_path / name):
        with pytest.raises(DataError):
            find_dataset(DataSet(dataset_path=(root,))).read(("train",))


def test_a_description_of_landmarks_in_the_folder_is_read(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png"])
    write_csv(tmp_path / "t.csv", ["film", "Xi_x", "Xi_y"], [["a", 1, 2]])
    (tmp_path / "landmarks.yaml").write_text(
        "landmarks: [{symbol: Xi, title: Xi point, tissue: bone}]", encoding="utf-8"
    )
    for root in (tmp_path, tmp_path / "t.csv"):
        assert source(root).read(("train",)).films[0].points("senior") == {"Xi": (1, 2)}


def test_published_layouts_are_recognised_alone(tmp_path: Path) -> None:
    for root in (write_isbi(tmp_path / "isbi"), write_cl(tmp_path / "cl")):
        assert [layout.title for layout in LAYOUTS if layout.recognises(root)] == [source(root).layout.title]
    label = tmp_path / "one" / "labels" / "a.json"
    label.parent.mkdir(parents=True)
    label.write_text(json.dumps({"landmarks": []}), encoding="utf-8")
    assert source(tmp_path / "one").layout.title == "films with label files"
