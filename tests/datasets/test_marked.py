"""Films that were marked in another tool: exports of CVAT and Label Studio as data sets."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cephkit.data.film import SPLITS, Points
from cephkit.errors import DataError
from cephkit.interchange.cvat import annotations
from cephkit.interchange.label_studio import task
from cephkit.records.record import LandmarkRecord
from tests.datasets.published import SIZE, face, source, write_films


def write_cvat(folder: Path, films: Mapping[str, Points]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "annotations.xml"
    path.write_bytes(annotations([LandmarkRecord(points, file=name, size=SIZE) for name, points in films.items()]))
    return path


def write_tasks(folder: Path, films: Mapping[str, Points]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        {**task(LandmarkRecord(points, file=name, size=SIZE)), "id": number}
        for number, (name, points) in enumerate(films.items())
    ]
    for each in tasks:
        each["annotations"] = [{"result": each.pop("predictions")[0]["result"]}]
        each["data"] = {"image": f"/data/upload/1/1a2b3c4d-{each['data']['file']}"}
    path = folder / "project-1.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


WRITERS = pytest.mark.parametrize(
    ("title", "write"), [("CVAT for images", write_cvat), ("Label Studio", write_tasks)], ids=["cvat", "label_studio"]
)
Write = Callable[[Path, Mapping[str, Points]], Path]


@WRITERS
@pytest.mark.parametrize("images", ["images", "."])
def test_films_and_points_are_those_of_the_export(tmp_path: Path, title: str, write: Write, images: str) -> None:
    films = {f"{number}.png": face(number) for number in range(8)}
    write_films(tmp_path / images, list(films))
    file = write(tmp_path, films)
    for root in (tmp_path, file):
        found = source(root)
        assert found.layout.title == title
        read = found.read(SPLITS)
        assert read.problems == ()
        assert len(read.films) == 8
        for film in read.films:
            for symbol, point in face(int(film.film_id)).items():
                assert film.points("senior")[symbol] == pytest.approx(point, abs=1e-3)
            assert film.marked_size == SIZE


@WRITERS
def test_unknown_names_and_missing_films_are_told_at_once(tmp_path: Path, title: str, write: Write) -> None:
    films = {"a.png": face(), "b.png": face(1)}
    write_films(tmp_path, ["a.png"])
    path = write(tmp_path, films)
    (problem,) = source(tmp_path).read(("train",)).problems
    assert "there is no film 'b.png' in" in str(problem)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"S"', '"Foo"').replace('"N"', '"Bar"'), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        source(tmp_path).read(("train",))
    assert "2 landmarks are unknown: 'Foo', 'Bar'" in str(caught.value) or "'Bar', 'Foo'" in str(caught.value)
    assert "--landmarks" in str(caught.value)


@WRITERS
def test_damaged_exports_are_an_error(tmp_path: Path, title: str, write: Write) -> None:
    write_films(tmp_path, ["a.png"])
    path = write(tmp_path, {"a.png": face()})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=path.name):
        source(tmp_path).read(("train",))


@WRITERS
def test_several_exports_are_an_error(tmp_path: Path, title: str, write: Write) -> None:
    write_films(tmp_path, ["a.png"])
    path = write(tmp_path, {"a.png": face()})
    path.with_stem("other").write_bytes(path.read_bytes())
    with pytest.raises(DataError, match="name one of them with --dataset_path"):
        source(tmp_path).read(("train",))


def test_a_film_with_two_faces_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png", "b.png"])
    path = write_cvat(tmp_path, {"a.png": face(), "b.png": face(1)})
    before, _, after = path.read_text(encoding="utf-8").partition("</skeleton>")
    skeleton = f"<skeleton{before.rpartition('<skeleton')[2]}</skeleton>"
    path.write_text(f"{before}</skeleton>{skeleton}{after}", encoding="utf-8")
    found = source(tmp_path)
    read = found.read([split for split in SPLITS if found.has(split)])
    assert [(problem.film_id, problem.text) for problem in read.problems] == [("a", "2 faces")]
    assert {film.film_id for film in read.films} == {"a", "b"}
