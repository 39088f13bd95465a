"""Label files: of the folder of results and, if asked, of the data set itself."""

import json
import shutil
from pathlib import Path

import pytest

from cephkit.data.aariz import label_path, read_aariz
from cephkit.records.reader import read_record
from tests.review.sessions import body, confirmed, dataset_session, folder_session, placed, write_films

SENIOR = "Annotations/Cephalometric Landmarks/Senior Orthodontists"


def test_labels_say_where_each_point_comes_from(tmp_path: Path) -> None:
    session = folder_session(write_films(tmp_path / "films", 1), tmp_path / "out")
    session.edit(0, body(0, placed("A", (1.25, 2), confirmed=True)))
    session.edit(0, body(1, placed("B", (3, 4), origin="corrected")))
    path = tmp_path / "out" / "labels" / "f0.json"
    record = read_record(path)
    assert record.points == {"A": (1.25, 2.0), "B": (3.0, 4.0)}
    assert (record.file, record.size) == ("f0.png", (120, 100))
    assert json.loads(path.read_text())["review"] == {
        "revision": 2, "confirmed": False, "confirmed_points": ["A"], "origins": {"A": "placed", "B": "corrected"}
    }  # fmt: skip


def test_the_data_set_itself_stays_as_it_is(tiny_aariz: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tiny_aariz.rglob("*") if path.is_file()}
    session = dataset_session(tiny_aariz, tmp_path / "out")
    at = session.film_state(0)["state"]["points"]["A"]
    session.edit(0, body(0, placed("A", (5, 6), at)))
    session.edit(0, body(1, confirmed()))
    assert {path: path.read_bytes() for path in tiny_aariz.rglob("*") if path.is_file()} == before


@pytest.fixture
def dataset(tiny_aariz: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(tiny_aariz, tmp_path / "set"))


def test_in_place_the_label_is_replaced_and_its_first_version_kept(dataset: Path, tmp_path: Path) -> None:
    path = dataset / "train" / SENIOR / "t0.json"
    first = path.read_bytes()
    junior = (dataset / "train" / SENIOR.replace("Senior", "Junior") / "t0.json").read_bytes()
    session = dataset_session(dataset, tmp_path / "out", dataset=dataset)
    at = session.film_state(0)["state"]["points"]["A"]
    for revision, x in enumerate((5.0, 7.0)):
        session.edit(0, body(revision, placed("A", (x, 6), at)))
        at = session.film_state(0)["state"]["points"]["A"]
        (film, *_) = read_aariz(dataset).films
        assert film.annotations["senior"]["A"] == (x, 6.0)
    kept = tmp_path / "out" / "originals" / "train" / "Senior Orthodontists" / "t0.json"
    assert kept.read_bytes() == first
    assert (dataset / "train" / SENIOR.replace("Senior", "Junior") / "t0.json").read_bytes() == junior
    changed, original = json.loads(path.read_text()), json.loads(first)
    assert {**changed, "landmarks": None} == {**original, "landmarks": None}
    # A second session starts from the corrected label, and the first version stays the first.
    session = dataset_session(dataset, tmp_path / "out", dataset=dataset)
    session.edit(0, body(2, placed("A", (9, 6), at)))
    assert kept.read_bytes() == first


def test_in_place_a_label_that_is_only_confirmed_stays_as_it_is(dataset: Path, tmp_path: Path) -> None:
    path = dataset / "train" / SENIOR / "t0.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "landmarks": content["landmarks"][::-1]}))
    first = path.read_bytes()
    session = dataset_session(dataset, tmp_path / "out", dataset=dataset)
    assert session.edit(0, body(0, confirmed())) == (1, "")
    assert path.read_bytes() == first
    assert not (tmp_path / "out" / "originals").exists()


def test_in_place_a_restart_writes_what_is_missing_and_takes_back_nothing(dataset: Path, tmp_path: Path) -> None:
    def restarted() -> None:
        session = dataset_session(dataset, tmp_path / "out", dataset=dataset)
        session.start()
        session.wait_for_rows()
        session.close()

    path = dataset / "train" / SENIOR / "t0.json"
    first = path.read_bytes()
    session = dataset_session(dataset, tmp_path / "out", dataset=dataset)
    session.edit(0, body(0, placed("A", (5, 6), session.film_state(0)["state"]["points"]["A"])))
    edited = path.read_bytes()
    another = edited.replace(b"5.0", b"4.0", 1)
    path.write_bytes(another)  # by another tool
    restarted()
    assert path.read_bytes() == another
    path.write_bytes(first)
    (tmp_path / "out" / "labels" / "t0.json").unlink()  # as if it had been killed before it wrote either
    restarted()
    assert path.read_bytes() == edited


def test_in_place_a_film_without_labels_gets_some(dataset: Path, tmp_path: Path) -> None:
    for annotator in ("Senior", "Junior"):
        (dataset / "train" / SENIOR.replace("Senior", annotator) / "t1.json").unlink()
    session = dataset_session(dataset, tmp_path / "out", dataset=dataset)
    assert session.films[1].film_id == "t1"
    assert session.edit(1, body(0, placed("A", (5, 6)))) == (1, "")
    film = next(film for film in read_aariz(dataset).films if film.film_id == "t1")
    assert film.annotations == {"senior": {"A": (5.0, 6.0)}}


def test_a_label_is_found_whatever_the_case_of_its_name(dataset: Path) -> None:
    folder = dataset / "train" / SENIOR
    film = dataset / "train" / "Cephalograms" / "t2.png"
    assert label_path(dataset, "train", "Senior Orthodontists", film) == folder / "t2.json"
    (folder / "t2.json").rename(folder / "T2.JSON")
    assert label_path(dataset, "train", "senior orthodontists", film).name == "T2.JSON"
    (folder / "T2.JSON").unlink()
    assert label_path(dataset, "train", "Senior Orthodontists", film) == folder / "t2.json"
