"""CL-Detection 2023, as published and as its users save it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cephkit.data.film import SPLITS
from cephkit.data.labelled import LabelledFilms
from cephkit.errors import DataError
from tests.datasets.published import CL, cl_film, cl_labels, face, picture, source, stack_bytes, write_cl, write_coco


def read(root: Path, **options: object) -> LabelledFilms:
    found = source(root, cache_dir=root / "cache", **options)
    return found.read([split for split in SPLITS if found.has(split)])


@pytest.mark.parametrize(
    "stack",
    [
        {},
        {"compressed": False},
        {"channels": 1},
        {"channels": 1, "NDims": 4, "DimSize": "1 220 260 3"},
        {"CompressedData": "true", "HeaderSize": 0},
    ],
    ids=str,
)
def test_a_stack_gives_films_without_padding_once(tmp_path: Path, stack: dict[str, Any]) -> None:
    root = write_cl(tmp_path / "cl", **stack)
    found = read(root)
    assert found.problems == ()
    films = sorted(found.films, key=lambda film: film.film_id)
    assert [film.film_id for film in films] == ["001", "002", "003"]
    for number, film in enumerate(films, start=1):
        assert film.points("senior") == face(number, CL)
        np.testing.assert_array_equal(np.asarray(Image.open(film.path)), cl_film(number))
    assert [film.spacing and film.spacing.mean_mm for film in films] == [0.1, 0.096, 0.1273]
    assert [film.machine for film in films] == [
        "Soredex CRANEX Excel Ceph", "Soredex CRANEX D Ceph", "Planmeca ProMax 3D",
    ]  # fmt: skip
    assert [note.text for note in found.notes if note.kind == "unpacked"] == [
        f"train_stack.mha: 3 films unpacked, once, into {films[0].path.parent}"
    ]
    before = films[0].path.stat().st_mtime_ns
    assert [note for note in read(root).notes if note.kind == "unpacked"] == []
    assert films[0].path.stat().st_mtime_ns == before


def test_an_interrupted_unpacking_goes_on(tmp_path: Path) -> None:
    root = write_cl(tmp_path / "cl")
    films = {film.film_id: film.path for film in read(root).films}
    films["002"].unlink()
    before = films["001"].stat().st_mtime_ns
    assert "1 films unpacked" in str(read(root).notes[0])
    np.testing.assert_array_equal(np.asarray(Image.open(films["002"])), cl_film(2))
    assert films["001"].stat().st_mtime_ns == before


def test_another_stack_of_the_same_name_is_unpacked_anew(tmp_path: Path) -> None:
    root = write_cl(tmp_path / "cl")
    first = {film.path for film in read(root).films}
    (root / "images" / "train_stack.mha").write_bytes(stack_bytes(3, compressed=False))
    assert not first & {film.path for film in read(root).films}


def test_names_may_be_texts_and_all_files_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "train-stack.mha").write_bytes(stack_bytes())
    (tmp_path / "train-gt.json").write_text(json.dumps(cl_labels(as_text=True)), encoding="utf-8")
    assert {film.film_id: film.points("senior") for film in read(tmp_path).films} == {
        f"{number:03d}": face(number, CL) for number in (1, 2, 3)
    }


def test_a_large_stack_is_refused_before_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(10, 9, 1))
    with pytest.raises(DataError, match=r"3 films of train_stack\.mha need up to 0 MiB, 0 are free"):
        read(write_cl(tmp_path / "cl"))
    assert list((tmp_path / "cl").rglob("*.png")) == []


@pytest.mark.parametrize(
    ("stack", "complaint"),
    [
        (b"", "is not a MetaImage"),
        (b"\x89PNG\r\n\x1a\n" + bytes(9999), "is not a MetaImage"),
        (b"a = b\n" * 9999, "is not a MetaImage"),
        (stack_bytes(ElementDataFile="../secret.raw"), "elementdatafile is '../secret.raw', expected local"),
        (stack_bytes(ElementType="MET_USHORT"), "elementtype is 'MET_USHORT', expected met_uchar"),
        (stack_bytes(HeaderSize=-1), "headersize is '-1', expected 0"),
        (stack_bytes(BinaryData=False), "binarydata is 'False', expected true"),
        (stack_bytes(DimSize="99999999 99999999 3"), "has not the sizes of a stack of films (DimSize '99999999"),
        (stack_bytes(DimSize="220 260"), "has not the sizes"),
        (stack_bytes(DimSize="220 -260 3"), "has not the sizes"),
        (stack_bytes(DimSize="220 260 1e3"), "has not the sizes"),
        (stack_bytes(DimSize="220 260 99999999"), "has not the sizes"),
        (stack_bytes(ElementNumberOfChannels=7), "channels '7'"),
        (stack_bytes()[:9000], "ends in film 1 of 3"),
        (stack_bytes(compressed=False)[:400_000], "ends in film 3 of 3"),
        (stack_bytes(compressed=False, CompressedData=True), "its pixels cannot be read"),
    ],
    ids=lambda value: str(value)[-40:],
)
def test_a_stack_that_cannot_be_used_is_an_error(tmp_path: Path, stack: bytes, complaint: str) -> None:
    root = write_cl(tmp_path / "cl")
    (root / "images" / "train_stack.mha").write_bytes(stack)
    with pytest.raises(DataError) as caught:
        read(root)
    assert complaint in str(caught.value)
    assert "train_stack.mha: " in str(caught.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": 39}, "name is 39, expected 1 to 38"),
        ({"name": "0000139"}, "name is '0000139'"),
        ({"name": None}, "name is None"),
        ({"name": 2}, "landmark 2 appears twice on film 1"),
        ({"point": [1, 2]}, "point is [1, 2], expected x, y and the film's number"),
        ({"point": [1, 2, 0]}, "point is [1, 2, 0]"),
        ({"point": [1, 2, 10**9]}, "point is [1, 2, 1000000000]"),
        ({"point": [1, 2, 1.5]}, "point is [1, 2, 1.5]"),
        ({"point": [1, 2, True]}, "point is [1, 2, True]"),
        ({"point": [1, 2, float("nan")]}, "point is [1, 2, nan]"),
        ({"point": "123"}, "point is '123'"),
        ({"point": [1, "x", 1]}, "y of landmark 1 is 'x', expected a number"),
        ({"point": [1, 2, 4]}, "there is no film 4"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_named(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    root, content = write_cl(tmp_path / "cl"), cl_labels()
    content["points"][0].update(change)
    (root / "labels" / "train-gt.json").write_text(json.dumps(content), encoding="utf-8")
    problems = [str(problem) for problem in read(root).problems]
    assert any(complaint in problem and "train-gt.json" in problem for problem in problems)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"points": 3}', '{"points": []}', "[" * 99_999])
def test_labels_of_another_kind_are_an_error(tmp_path: Path, text: str) -> None:
    root = write_cl(tmp_path / "cl")
    (root / "labels" / "train-gt.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"train-gt\.json: "):
        read(root)


@pytest.mark.parametrize("scale", ["x", None, "-1", "9", "nan"])
def test_a_pixel_size_that_is_none_is_a_note(tmp_path: Path, scale: object) -> None:
    root, content = write_cl(tmp_path / "cl"), cl_labels()
    content["points"][0]["scale"] = scale
    (root / "labels" / "train-gt.json").write_text(json.dumps(content), encoding="utf-8")
    found = read(root)
    assert [film.film_id for film in found.films if film.spacing is None] == ["001"]
    assert any("pixel size not taken for 1 films: 1 (" in note.text for note in found.notes)


@pytest.mark.parametrize(("first", "ending"), [(0, "bmp"), (1, "png"), (1, "bmp")])
def test_films_one_by_one_count_from_0_or_1(tmp_path: Path, first: int, ending: str) -> None:
    for folder in ("unprocessed_images", "processed_images"):
        (tmp_path / folder).mkdir()
        for number in (1, 2, 3):
            Image.fromarray(cl_film(number)).convert("RGB").save(tmp_path / folder / f"{number - 1 + first}.{ending}")
    (tmp_path / "train-gt.json").write_text(json.dumps(cl_labels()), encoding="utf-8")
    films = sorted(read(tmp_path).films, key=lambda film: film.film_id)
    assert [str(film.path.relative_to(tmp_path)) for film in films] == [
        f"processed_images/{number - 1 + first}.{ending}" for number in (1, 2, 3)
    ]
    assert [film.points("senior") for film in films] == [face(number, CL) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (("2.png",), "films are numbered 2 to 2 and labels 1 to 3, so it is not clear"),
        (("0.png", "1.png", "2.png", "3.png"), "films are numbered 0 to 3"),
        (("a/1.png", "b/1.png"), "numbered films in 2 folders: a, b; keep one of them"),
        (("skull.png",), "neither train_stack.mha nor train-stack.mha nor films called 1, 2"),
    ],
)
def test_films_whose_first_is_unclear_are_an_error(tmp_path: Path, names: tuple[str, ...], complaint: str) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(1).save(tmp_path / name)
    (tmp_path / "train-gt.json").write_text(json.dumps(cl_labels()), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert complaint in str(caught.value)


def test_the_baselines_coco_has_names_splits_and_pixel_sizes(tmp_path: Path) -> None:
    (tmp_path / "MMPose").mkdir()
    for number, split in ((1, "train"), (2, "valid"), (3, "test")):
        picture(number).save(tmp_path / "MMPose" / f"{number}.png")
        write_coco(tmp_path / f"{split}.json", {f"{number}.png": face(number, CL)}, names=None, spacing=0.096)
    found = read(tmp_path)
    assert found.problems == ()
    assert [(film.film_id, film.split, film.machine) for film in found.films] == [
        ("1", "train", "Soredex CRANEX D Ceph"),
        ("2", "valid", "Soredex CRANEX D Ceph"),
        ("3", "test", "Soredex CRANEX D Ceph"),
    ]
    assert [film.points("senior") for film in found.films] == [face(number, CL) for number in (1, 2, 3)]
    assert [film.spacing and film.spacing.mean_mm for film in found.films] == [0.096] * 3
    assert found.notes == ()
    assert source(tmp_path).layout.title == "CL-Detection 2023 (COCO)"
