"""COCO keypoints in the arrangements of several tools."""

import json
from pathlib import Path

import pytest

from cephkit.data.film import SPLITS, Film
from cephkit.data.prepare import prepare
from cephkit.data.spacing import Spacing
from cephkit.errors import DataError
from cephkit.interchange.coco import FILE, coco_files
from cephkit.records.record import LandmarkRecord
from tests.datasets.published import CL, ISBI, SIZE, face, source, write_coco, write_films

HEIGHT, WIDTH = SIZE


def films_of(root: Path, **options: object) -> list[Film]:
    found = source(root, **options)
    read = found.read([split for split in SPLITS if found.has(split)])
    assert read.problems == ()
    return list(read.films)


@pytest.mark.parametrize(
    ("files", "films"),
    [
        (
            {"train/_annotations.coco.json": "a.png", "valid/_annotations.coco.json": "b.png"},
            {"train/a.png": "train", "valid/b.png": "valid"},
        ),
        (
            {"train/labels.json": "a.png", "validation/labels.json": "b.png", "test/labels.json": "c.png"},
            {"train/data/a.png": "train", "validation/data/b.png": "valid", "test/data/c.png": "test"},
        ),
        (
            {
                "annotations/person_keypoints_train2017.json": "1.png",
                "annotations/person_keypoints_val2017.json": "2.png",
            },
            {"train2017/1.png": "train", "val2017/2.png": "valid"},
        ),
        (
            {"annotations/train.json": "images/train/1.png", "annotations/val.json": "images\\val\\2.png"},
            {"images/train/1.png": "train", "images/val/2.png": "valid"},
        ),
    ],
    ids=["Roboflow", "FiftyOne", "COCO", "folders in names"],
)
def test_arrangements(tmp_path: Path, files: dict[str, str], films: dict[str, str]) -> None:
    for seed, (file, name) in enumerate(files.items()):
        write_coco(tmp_path / file, {name: face(seed)})
    for film in films:
        write_films((tmp_path / film).parent, [Path(film).name])
    found = films_of(tmp_path)
    assert {film.path.relative_to(tmp_path).as_posix(): film.split for film in found} == films
    assert [film.annotations for film in found] == [{"senior": face(seed)} for seed in range(len(found))]
    assert source(tmp_path).layout.title == "COCO keypoints"


def test_one_file_beside_films_is_split_by_a_draw(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(20)]
    write_films(tmp_path / "films", names)
    file = write_coco(tmp_path / "labels-3.json", {name: face(seed) for seed, name in enumerate(names)})
    for root in (tmp_path, file):
        assert {film.split for film in films_of(root)} == set(SPLITS)


def test_copies_by_roboflow_stay_together(tmp_path: Path) -> None:
    names = [f"film{number // 4}_jpg.rf.{number:032x}.png" for number in range(48)]
    write_films(tmp_path / "train", names)
    write_coco(tmp_path / "train" / "_annotations.coco.json", {name: face(seed) for seed, name in enumerate(names)})
    splits: dict[str, set[str]] = {}
    for film in films_of(tmp_path):
        splits.setdefault(film.film_id.partition(".rf.")[0], set()).add(film.split)
    assert len(splits) == 12
    assert all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == set(SPLITS)


@pytest.mark.parametrize(
    ("image", "sides"),
    [({"spacing": "0.096"}, (0.096, 0.096)), ({"row_mm": 0.1, "column_mm": 0.2}, (0.1, 0.2)), ({}, None)],
)
def test_a_pixel_size_may_be_given(tmp_path: Path, image: dict[str, object], sides: tuple[float, float] | None) -> None:
    write_films(tmp_path, ["a.png"])
    write_coco(tmp_path / "a.json", {"a.png": face()}, **image)
    (film,) = films_of(tmp_path)
    assert (film.spacing and (film.spacing.row_mm, film.spacing.column_mm)) == sides


def test_what_cephkit_exports_is_read_with_its_pixel_size(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png"])
    spacing = Spacing(0.1, 0.2, "ruler")
    record = LandmarkRecord(face(), film_id="a", file="a.png", size=SIZE, spacing=spacing)
    (tmp_path / FILE).write_bytes(coco_files([record])[FILE]())
    (film,) = films_of(tmp_path)
    assert film.points("senior") == face()
    assert film.spacing == Spacing(0.1, 0.2, "COCO")


def test_landmarks_of_a_schema_of_ones_own(tmp_path: Path) -> None:
    schema = tmp_path / "mine.yaml"
    schema.write_text(
        "landmarks: [S, {symbol: Xi, title: Xi point, tissue: bone, aliases: [xi_point]}]", encoding="utf-8"
    )
    points = {"S": (30.0, 40.0), "N": (90.0, 41.0), "xi_point": (50.0, 99.0)}
    write_films(tmp_path / "set", ["a.png"])
    write_coco(tmp_path / "set" / "a.json", {"a.png": points}, names=list(points))
    (film,) = films_of(tmp_path / "set", landmarks=str(schema))
    assert film.annotations == {"senior": {"S": (30.0, 40.0), "Xi": (50.0, 99.0)}}
    with pytest.raises(DataError, match=r"1 landmarks are unknown: 'xi_point'; the first in .*; .*--landmarks"):
        films_of(tmp_path / "set")


def test_all_unknown_names_are_told_at_once(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png"])
    points = {**face(), "ruler 1": (1.0, 1.0), "ruler 2": (2.0, 2.0)}
    write_coco(tmp_path / "a.json", {"a.png": points}, names=list(points))
    with pytest.raises(DataError, match="2 landmarks are unknown: 'ruler 1', 'ruler 2'"):
        films_of(tmp_path)


def test_keypoints_without_names_need_a_schema(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png"])
    path = write_coco(tmp_path / "a.json", {"a.png": face(0, CL)}, names=None)
    path.write_text(path.read_text(encoding="utf-8").replace('"cephalometric"', '"face"'), encoding="utf-8")
    found = source(tmp_path).read(("train",))
    assert "keypoints do not fit the names of its category" in str(found.problems[0])
    (film,) = films_of(tmp_path, landmarks="cl_detection2023")
    assert film.points("senior") == face(0, CL)


def test_faults_of_all_films_are_told_at_once(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(6)]
    write_films(tmp_path, [name for name in names if name != "1.png"])
    path = write_coco(tmp_path / "a.json", {name: face(seed) for seed, name in enumerate(names)})
    content = json.loads(path.read_text(encoding="utf-8"))
    content["annotations"][2]["keypoints"][0] = "x"
    content["annotations"][3]["keypoints"].pop()
    content["images"][4]["spacing"] = 99
    content["annotations"].append({**content["annotations"][5], "id": 99})
    path.write_text(json.dumps(content), encoding="utf-8")
    found = source(tmp_path)
    problems = found.read([split for split in SPLITS if found.has(split)]).problems
    texts = {problem.film_id: f"{problem.path}: {problem.text}" for problem in problems}
    assert set(texts) == {"1", "2", "3", "4", "5"}
    for film_id, complaint in {
        "1": "there is no film '1.png' in",
        "2": "annotation 2: x of S is 'x', expected a number",
        "3": "annotation 3: keypoints do not fit",
        "4": "annotation 4: no film has its pixel size",
        "5": "annotation 99: its film has a face already",
    }.items():
        assert complaint in texts[film_id]


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/passwd", "C:\\secret.png", "sub/../../secret.png"])
def test_films_outside_the_folder_are_not_read(tmp_path: Path, name: str) -> None:
    write_films(tmp_path, ["secret.png"])
    write_films(tmp_path / "set", ["a.png"])
    write_coco(tmp_path / "set" / "a.json", {"a.png": face(), name: face(1)})
    found = source(tmp_path / "set")
    read = found.read([split for split in SPLITS if found.has(split)])
    assert [film.path.name for film in read.films] == ["a.png"]
    assert len(read.problems) == 1


def test_labels_of_another_size_are_a_problem(tmp_path: Path) -> None:
    names = ["a.png", "b.png"]
    write_films(tmp_path, names)
    path = write_coco(tmp_path / "a.json", {name: face(seed) for seed, name in enumerate(names)})
    content = json.loads(path.read_text(encoding="utf-8"))
    content["images"][1].update(width=640, height=640)
    path.write_text(json.dumps(content), encoding="utf-8")
    found = source(tmp_path)
    with pytest.raises(DataError) as caught:
        prepare(found, splits=[split for split in SPLITS if found.has(split)], canvas_size=(64, 64), cache_dir=tmp_path)
    assert f"b: {tmp_path / 'b.png'}: the film measures {WIDTH}x{HEIGHT} pixels, its labels are for 640x640" in str(
        caught.value
    )


def test_several_files_without_splits_are_an_error(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png"])
    for name in ("one.json", "two.json"):
        write_coco(tmp_path / name, {"a.png": face()})
    with pytest.raises(DataError, match=r"2 COCO files, and no telling which to read: one\.json, two\.json"):
        films_of(tmp_path)
    assert [film.film_id for film in films_of(tmp_path / "two.json")] == ["a"]


def test_films_without_labels_are_left_out_with_a_note(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png", "b.png"])
    write_coco(tmp_path / "a.json", {"a.png": face(0, ISBI)})
    notes = [note.text for note in source(tmp_path).read(("train",)).notes]
    assert "films without labels, not used: 1: b.png" in notes
