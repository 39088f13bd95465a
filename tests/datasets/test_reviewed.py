"""Films with a label file each."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit.data.film import SPLITS, Points
from cephkit.data.labelled import LabelledFilms
from cephkit.data.prepare import prepare
from cephkit.data.spacing import Spacing
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.landmarks.shipped import KNOWN, merged
from cephkit.records.record import LandmarkRecord
from tests.data.dicom.made import film as dicom_film
from tests.data.dicom.made import written
from tests.datasets.published import SIZE, face, picture, source, write_films


def write_label(path: Path, points: Points, review: object = None, **record: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = LandmarkRecord(points, film_id=path.stem, **record).to_dict()
    path.write_text(json.dumps({**content, **({} if review is None else {"review": review})}), encoding="utf-8")
    return path


def read(root: Path, **options: object) -> LabelledFilms:
    found = source(root, **options)
    return found.read([split for split in SPLITS if found.has(split)])


@pytest.mark.parametrize("place", [".", "labels"])
def test_a_label_file_beside_each_film_or_in_labels(tmp_path: Path, place: str) -> None:
    write_films(tmp_path, ["a.png", "B.bmp"])
    for name, seed in (("a", 0), ("b", 1)):
        write_label(tmp_path / place / f"{name}.json", face(seed))
    found = read(tmp_path)
    assert found.problems == ()
    assert {film.film_id: film.points("senior") for film in found.films} == {"a": face(0), "B": face(1)}


def test_films_of_a_review_count_once_they_are_confirmed(tmp_path: Path) -> None:
    for folder in ("mon", "tue"):
        write_films(tmp_path / folder, [f"{folder}.png", "same.png"][: 1 if folder == "mon" else 2])
    write_films(tmp_path / "mon", ["same.png"])
    out = tmp_path / "review"
    spacing = Spacing(0.1, 0.1, "ruler")
    for name, film, seed, confirmed in (
        ("mon_mon", "mon/mon.png", 0, True),
        ("tue_tue", "tue/tue.png", 1, False),
        ("tue_same", "tue/same.png", 2, True),
    ):  # fmt: skip
        write_label(
            out / "labels" / f"{name}.json", face(seed), {"confirmed": confirmed}, file=film.partition("/")[2],
            spacing=spacing, size=SIZE, model={"checkpoint": "m.pth"},
        )  # fmt: skip
        (out / "journal").mkdir(exist_ok=True)
        journal = json.dumps({"revision": 0, "film": {"file": film}, "base": {}})
        (out / "journal" / f"{name}.jsonl").write_text(journal + "\n", encoding="utf-8")
    found = read(tmp_path)
    assert found.problems == ()
    films = {film.path.relative_to(tmp_path).as_posix(): film for film in found.films}
    assert {name: film.points("senior") for name, film in films.items()} == {
        "mon/mon.png": face(0), "tue/same.png": face(2),
    }  # fmt: skip
    assert {film.spacing for film in found.films} == {spacing}
    texts = [note.text for note in found.notes]
    assert "labels that nobody has confirmed, left out: 1: tue_tue.json" in texts
    assert "films without labels, not used: 1: same.png" in texts


def test_predictions_are_not_labels(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png", "b.png"])
    write_label(tmp_path / "a.json", face())
    write_label(tmp_path / "b.json", face(1), model={"checkpoint": "m.pth"})
    found = read(tmp_path)
    assert [film.film_id for film in found.films] == ["a"]
    assert "labels that nobody has confirmed, left out: 1: b.json" in [note.text for note in found.notes]


def test_landmarks_that_files_describe_are_read(tmp_path: Path) -> None:
    write_films(tmp_path / "set", ["a.png"])
    own = merged("own", [KNOWN, LandmarkSchema("mine", (Landmark("Xi", "Xi point", "bone"),))])
    points = {**face(), "Xi": (50.0, 60.0)}
    write_label(tmp_path / "set" / "a.json", points, schema=own)
    found = read(tmp_path / "set")
    assert found.films[0].points("senior") == points
    assert found.schema["Xi"].title == "Xi point"
    chosen = tmp_path / "chosen.yaml"
    chosen.write_text("landmarks: [S, N]", encoding="utf-8")
    assert set(read(tmp_path / "set", landmarks=str(chosen)).films[0].points("senior")) == {"S", "N"}


@pytest.mark.parametrize("given", [None, Spacing(0.5, 0.5, "ruler")])
def test_a_dicom_film_has_its_own_pixel_size_unless_the_labels_give_one(tmp_path: Path, given: Spacing | None) -> None:
    pixels = np.asarray(picture(1))
    (tmp_path / "a.dcm").write_bytes(written(dicom_film(pixels, ImagerPixelSpacing=[0.125, 0.125])))
    write_label(tmp_path / "a.json", face(), spacing=given)
    found = source(tmp_path)
    prepared = prepare(found, splits=("train",), canvas_size=(64, 64), cache_dir=tmp_path / "cache")
    (film,) = prepared.films["train"]
    assert film.spacing is not None
    assert film.spacing.mean_mm == (0.125 if given is None else 0.5)


def test_faults_are_told_at_once(tmp_path: Path) -> None:
    write_films(tmp_path, [f"{name}.png" for name in "abcd"])
    write_label(tmp_path / "a.json", face())
    write_label(tmp_path / "labels" / "A.json", face())
    write_label(tmp_path / "x.json", face())
    (tmp_path / "b.json").write_text('{"landmarks": [', encoding="utf-8")
    (tmp_path / "c.json").write_text('{"landmarks": [{"symbol": "Foo", "value": {"x": 1, "y": 2}}]}', encoding="utf-8")
    (tmp_path / "d.json").write_text(
        '{"landmarks": [{"symbol": "S", "value": {"x": 1, "y": "\\u0000"}}]}', encoding="utf-8"
    )
    texts = {problem.film_id: str(problem) for problem in read(tmp_path).problems}
    for film_id, complaint in {
        "A": "a second label file of a.png, the other is",
        "x": "there is no film 'x' in",
        "b": "b.json: not JSON",
        "c": "landmark 0 is unknown: id None, symbol 'Foo'; correct or remove it; or describe it",
        "d": "y of S is '\\x00', expected a number",
    }.items():
        assert complaint in texts[film_id]
