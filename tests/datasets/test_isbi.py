"""The ISBI challenge's folders as published."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from cephkit.data.film import SPLITS
from cephkit.errors import DataError
from tests.datasets.published import ISBI, face, isbi_text, picture, source, write_isbi


@pytest.mark.parametrize("labels", ["AnnotationsByMD", "."])
def test_films_labels_and_splits_are_those_of_the_publication(tmp_path: Path, labels: str) -> None:
    found = source(write_isbi(tmp_path, labels=labels)).read(SPLITS)
    assert found.problems == ()
    assert [(film.film_id, film.split) for film in found.films] == [
        ("001", "train"), ("002", "train"), ("151", "valid"), ("301", "test"),
    ]  # fmt: skip
    first = found.films[0]
    assert first.path.name == "001.bmp"
    assert first.annotations == {"senior": _ordered(face(1)), "junior": _ordered(face(1001))}
    assert set(first.annotations["senior"]) == set(ISBI)


def _ordered(points: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    return dict(sorted(points.items()))


def test_the_pixel_size_is_that_of_films_as_large_as_the_published_ones(tmp_path: Path) -> None:
    write_isbi(tmp_path)
    picture(9, (2400, 1935)).save(tmp_path / "RawImage" / "TrainingData" / "001.bmp")
    found = source(tmp_path).read(("train",))
    assert [film.spacing and film.spacing.mean_mm for film in found.films] == [0.1, None]
    assert [film.machine for film in found.films] == ["Soredex CRANEX Excel Ceph", None]
    assert "of unknown pixel size: 3 films: 002, 151, 301" in found.notes[0].text


def test_names_may_lack_their_zeros_and_annotators_may_be_one(tmp_path: Path) -> None:
    write_isbi(tmp_path)
    shutil.rmtree(tmp_path / "AnnotationsByMD" / "400_junior")
    for path in [*tmp_path.rglob("001.*")]:
        path.rename(path.with_stem("1"))
    for path in [*tmp_path.rglob("002.bmp")]:
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    found = source(tmp_path).read(("train",))
    assert found.problems == ()
    assert [(film.film_id, list(film.annotations)) for film in found.films] == [
        ("001", ["senior"]),
        ("002", ["senior"]),
    ]


@pytest.mark.parametrize(
    "text", [isbi_text(face(), classes=False), isbi_text(face(), newline="\n"), "\ufeff" + isbi_text(face())]
)
def test_line_ends_marks_and_classes_do_not_matter(tmp_path: Path, text: str) -> None:
    write_isbi(tmp_path)
    (tmp_path / "AnnotationsByMD" / "400_senior" / "001.txt").write_text(text, encoding="utf-8", newline="")
    found = source(tmp_path).read(("train",))
    assert found.problems == ()
    assert found.films[0].annotations["senior"] == _ordered(face())


GOOD = isbi_text(face()).split("\r\n")


@pytest.mark.parametrize(
    ("lines", "complaints"),
    [
        (["x", *GOOD[1:]], ["001.txt, line 1: S: expected x,y, found 'x'"]),
        ([*GOOD[:2], "1;2", "3", *GOOD[4:]], ["line 3: Or: expected x,y, found '1;2'", "line 4: Po: expected x,y"]),
        (GOOD[:18], ["line 19: Ar: expected x,y, found the end of the file"]),
        ([*GOOD[:19], "5,6"], ["line 20: a 20th point; the challenge has 19 landmarks"]),
        (["1e9,3", *GOOD[1:]], ["line 1: S: expected x,y, found '1e9,3'"]),
        (["99999999,3", *GOOD[1:]], ["line 1: S: 1e+08,3 is on no film"]),
        (["\x00" * 99, *GOOD[1:]], ["line 1: S: expected x,y, found '\\x00"]),
        (["1,2" * 90_000], ["line 1: 270000 bytes are too many"]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_lines_are_named_all_at_once(tmp_path: Path, lines: list[str], complaints: list[str]) -> None:
    write_isbi(tmp_path)
    (tmp_path / "AnnotationsByMD" / "400_senior" / "001.txt").write_text("\n".join(lines), encoding="utf-8")
    problems = [str(problem) for problem in source(tmp_path).read(("train",)).problems]
    assert len(problems) == len(complaints)
    for problem, complaint in zip(problems, complaints, strict=True):
        assert complaint in problem
        assert problem.startswith("train/001: ")


def test_a_film_without_labels_and_labels_without_a_film_are_told(tmp_path: Path) -> None:
    write_isbi(tmp_path, (1, 2, 151))
    (tmp_path / "RawImage" / "TrainingData" / "002.bmp").rename(tmp_path / "RawImage" / "TrainingData" / "003.bmp")
    found = source(tmp_path).read(("train", "valid"))
    assert ["003: " in str(problem) and problem.text for problem in found.problems] == ["film without landmarks"]
    assert "labels without a film: 1: 002" in [note.text for note in found.notes]


def test_some_of_the_landmarks_may_be_chosen(tmp_path: Path) -> None:
    chosen = tmp_path / "chosen.yaml"
    chosen.write_text("landmarks: [S, N, Me]", encoding="utf-8")
    found = source(write_isbi(tmp_path / "isbi"), landmarks=str(chosen)).read(("train",))
    assert set(found.films[0].annotations["senior"]) == {"S", "N", "Me"}
    assert set(found.schema.symbols) == {"S", "N", "Me"}


def test_a_split_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    found = source(write_isbi(tmp_path, (1, 2)))
    assert [split for split in SPLITS if found.has(split)] == ["train"]
    with pytest.raises(DataError, match="no film in valid; this ISBI 2015 data set has train"):
        found.read(("train", "valid"))
