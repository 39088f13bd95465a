"""Confirmed films become a data set that training reads as it is."""

import os
from pathlib import Path

import pytest
from PIL import Image

from cephkit.data.aariz import read_aariz
from cephkit.data.aariz_files import ending_of, linked
from cephkit.data.opened import open_film
from cephkit.data.spacing import Spacing
from cephkit.review import training_set
from cephkit.review.session import ReviewSession
from tests.data.dicom.made import film as dicom_film
from tests.data.dicom.made import written
from tests.review.sessions import (
    FACE,
    body,
    confirmed,
    dataset_session,
    face_edit,
    folder_session,
    grey_film,
    placed,
    write_films,
)


def confirm(session: ReviewSession, n: int) -> None:
    for edit in (face_edit(), confirmed()):
        revision = session.film_state(n)["state"]["revision"]
        assert session.edit(n, body(revision, edit)) == (revision + 1, "")


def test_every_fifth_confirmed_film_validates_the_second_first(tmp_path: Path) -> None:
    session = folder_session(write_films(tmp_path / "films", 8), tmp_path / "out")
    order = [7, 3, 0, 1, 2, 4, 5, 6]
    for n in order:
        confirm(session, n)
    folder = read_aariz(tmp_path / "out", ("train", "valid"))
    assert folder.problems == ()
    splits = {film.film_id: film.split for film in folder.films}
    assert [splits[f"f{n}"] for n in order] == ["train", "valid", *["train"] * 4, "valid", "train"]
    assert all(film.points("senior") == FACE for film in folder.films)


def test_an_unconfirmed_film_goes_and_comes_back_to_the_same_split(tmp_path: Path) -> None:
    films = write_films(tmp_path / "films")
    session = folder_session(films, tmp_path / "out")
    confirm(session, 0)
    confirm(session, 1)
    session.edit(1, body(2, confirmed(True, False)))
    assert [film.film_id for film in read_aariz(tmp_path / "out", ("train", "valid")).films] == ["f0"]
    assert read_aariz(tmp_path / "out", ("train", "valid")).notes == ()
    session = folder_session(films, tmp_path / "out")
    confirm(session, 2)
    session.edit(1, body(3, confirmed()))
    splits = {film.film_id: film.split for film in read_aariz(tmp_path / "out", ("train", "valid")).films}
    assert splits == {"f0": "train", "f1": "valid", "f2": "train"}


def test_a_correction_of_a_confirmed_film_reaches_its_label(tmp_path: Path) -> None:
    session = folder_session(write_films(tmp_path / "films", 1), tmp_path / "out")
    confirm(session, 0)
    before = session.film_state(0)["state"]["points"]["A"]
    session.edit(0, body(2, placed("A", (1.5, 2.5), before)))
    (film,) = read_aariz(tmp_path / "out", ("train",)).films
    assert film.points("senior")["A"] == (1.5, 2.5)


def test_a_film_of_a_data_set_keeps_its_split_and_its_pixel_size(tiny_aariz: Path, tmp_path: Path) -> None:
    session = dataset_session(tiny_aariz, tmp_path / "out")
    for film in session.films:
        if film.film_id in ("t1", "v0", "e1"):
            session.edit(film.n, body(0, confirmed()))
    films = read_aariz(tmp_path / "out").films
    assert {(film.film_id, film.split) for film in films} == {("t1", "train"), ("v0", "valid"), ("e1", "test")}
    assert all(film.spacing == Spacing(0.5, 0.5, "machine map") and film.machine == "Tiny" for film in films)


def test_a_film_that_was_confirmed_from_a_folder_moves_to_the_split_of_its_data_set(
    tiny_aariz: Path, tmp_path: Path
) -> None:  # fmt: skip
    out = tmp_path / "out"
    session = folder_session(tiny_aariz / "valid" / "Cephalograms", out)
    session.edit(0, body(0, placed("A", (3.5, 2.5))))
    session.edit(0, body(1, confirmed()))
    assert [(film.film_id, film.split) for film in read_aariz(out, ("train",)).films] == [("v0", "train")]
    session = dataset_session(tiny_aariz, out)
    n = next(film.n for film in session.films if film.film_id == "v0")
    state = session.film_state(n)["state"]
    session.edit(n, body(2, placed("A", (1.5, 2.5), state["points"]["A"])))
    assert not list((out / "train" / "Cephalograms").iterdir())
    assert [film.film_id for film in read_aariz(out, ("valid",)).films] == ["v0"]
    folder_session(tiny_aariz / "valid" / "Cephalograms", out).edit(0, body(3, confirmed(True, False)))
    assert not list((out / "valid" / "Cephalograms").iterdir())


def test_oblong_pixels_and_odd_names_are_found_again(tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for name in ("=1+1.png", "-x.png", "'y.png", "a,b.png"):
        Image.fromarray(grey_film(1)).save(films / name)
    session = folder_session(films, tmp_path / "out")
    spacing = Spacing(0.2, 0.1, "two clicks")
    for film in session.films:
        session.edit(film.n, body(0, {"kind": "spacing", "before": None, "after": spacing.to_dict()}))
        confirm(session, film.n)
    folder = read_aariz(tmp_path / "out", ("train", "valid"))
    assert folder.notes == ()
    assert {film.film_id for film in folder.films} == {"=1+1", "-x", "'y", "a,b"}
    assert {film.spacing for film in folder.films} == {Spacing(0.2, 0.1, "machine map")}


def test_a_film_without_landmarks_is_not_learnt_from(tmp_path: Path) -> None:
    session = folder_session(write_films(tmp_path / "films", 1), tmp_path / "out")
    assert session.edit(0, body(0, confirmed())) == (1, "")
    assert not (tmp_path / "out" / "train").exists()


def test_a_dicom_film_without_an_ending_is_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "1.2.840.7"
    path.write_bytes(written(dicom_film(grey_film(3))))
    assert ending_of(path) == ".dcm"
    linked(path, tmp_path / "set" / "1.2.840.7.dcm")
    assert (open_film(tmp_path / "set" / "1.2.840.7.dcm").grey == open_film(path).grey).all()


@pytest.mark.parametrize("refused", [(), ("link",), ("link", "symlink_to")])
def test_a_film_is_linked_or_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: tuple[str, ...]) -> None:
    def no(*args: object) -> None:
        raise OSError("not on this file system")

    if "link" in refused:
        monkeypatch.setattr(os, "link", no)
    if "symlink_to" in refused:
        monkeypatch.setattr(Path, "symlink_to", no)
    film, place = tmp_path / "film.png", tmp_path / "set" / "film.png"
    for content in (b"first", b"second"):
        film.unlink(missing_ok=True)
        film.write_bytes(content)
        linked(film, place)
        linked(film, place)
        assert place.read_bytes() == content
        assert place.is_symlink() == (refused == ("link",))
    assert [path.name for path in place.parent.iterdir()] == ["film.png"]


def test_a_damaged_list_of_splits_is_started_anew(tmp_path: Path) -> None:
    (tmp_path / training_set.SPLITS_NAME).write_text('{"f0": "valid", "f1": "moon"')
    confirm(folder_session(write_films(tmp_path / "films", 1), tmp_path), 0)
    assert [film.split for film in read_aariz(tmp_path, ("train",)).films] == ["train"]
