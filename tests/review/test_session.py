"""A session: edits that last, conflicts, and the list that follows."""

import json
import os
import shutil
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cephkit.data.about import About
from cephkit.data.spacing import Spacing, square
from cephkit.errors import FilmError
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord
from cephkit.review.journal import JournalError, UnsavedError
from cephkit.review.parsing import EditError
from cephkit.review.session import ConflictError, ReviewSession
from tests.data.dicom.made import film as dicom_film
from tests.data.dicom.made import written
from tests.review.sessions import (
    FACE,
    SIZE,
    Given,
    body,
    confirmed,
    dataset_session,
    face_edit,
    folder_session,
    grey_film,
    placed,
    write_films,
)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return write_films(tmp_path / "films")


def predicted(**more: Any) -> LandmarkRecord:
    record = LandmarkRecord(
        points=dict(FACE), missing=("Pog",), scores=dict.fromkeys(FACE, 0.9),
        expected_errors={"A": 3.0, "B": 9.0}, regions={"A": np.eye(2) * 20}, size=SIZE, spacing=square(0.5, "film"),
        model={"model": "hrnet", "checkpoint": "c.pth"}, **more,
    )  # fmt: skip
    return record.reviewed()


def state(session: ReviewSession, n: int = 0) -> dict[str, Any]:
    return session.film_state(n)["state"]


def test_edits_survive_a_restart(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out")
    assert session.edit(0, body(0, placed("A", (10, 20)))) == (1, "")
    before = state(session)["points"]["A"]
    assert session.edit(0, body(1, placed("A", (12.25, 20), before, origin="corrected"), "Bob")) == (2, "")
    assert session.edit(0, body(2, confirmed())) == (3, "")
    for each in (session, folder_session(films, tmp_path / "out")):
        film = each.film_state(0)
        assert film["state"] == {
            "revision": 3,
            "confirmed": True,
            "points": {"A": {"at": [12.25, 20.0], "origin": "corrected", "confirmed": False}},
            "subject": {"age": None, "sex": None},
        }
        assert [(entry["revision"], entry["reviewer"], entry["kind"]) for entry in film["history"]] == [
            (1, "Ann", "points"), (2, "Bob", "points"), (3, "Ann", "film"),
        ]  # fmt: skip
    assert state(session, 1)["revision"] == 0


def test_the_first_line_keeps_what_the_model_had_found(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out", Given({0: predicted()}))
    before = state(session)["points"]["A"]
    assert before == {"at": [78.0, 62.0], "origin": "predicted", "confirmed": False}
    session.edit(0, body(0, placed("A", (70, 60), before, origin="corrected")))
    (first, _) = map(json.loads, (tmp_path / "out" / "journal" / "f0.jsonl").read_text().splitlines())
    assert (first["revision"], first["film"]["file"], first["film"]["size"]) == (0, "f0.png", list(SIZE))
    assert first["base"]["points"]["A"] == before
    assert first["base"]["predicted"]["expected_errors_px"] == {"A": 3.0, "B": 9.0}
    assert first["base"]["predicted"]["model"]["model"] == "hrnet"
    # Another model, later, finds something else: what stood before the edits stays.
    other = predicted(film_hash="")
    other.points["B"] = (1.0, 1.0)
    again = folder_session(films, tmp_path / "out", Given({0: other}))
    assert state(again)["points"]["B"]["at"] == list(FACE["B"])
    assert again.film_state(0)["predicted"]["points"]["B"] == [1.0, 1.0]
    # Without any model, what it said then still counts.
    alone = folder_session(films, tmp_path / "out")
    assert alone.desks.record(0).expected_errors == {"B": 9.0}


def test_an_edit_on_an_old_view_is_refused_with_the_film_as_it_is(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out")
    session.edit(0, body(0, placed("A", (10, 20))))
    for edit in (body(0, placed("B", (1, 1))), body(2, placed("B", (1, 1))), body(1, placed("A", (1, 1)))):
        with pytest.raises(ConflictError) as refused:
            session.edit(0, edit)
        assert refused.value.film == session.film_state(0)
    assert state(session)["revision"] == 1


def test_a_prediction_that_came_meanwhile_is_a_conflict_and_nothing_is_lost(films: Path, tmp_path: Path) -> None:
    given = Given({})
    session = folder_session(films, tmp_path / "out", given)
    assert state(session)["points"] == {}
    given.records[0] = predicted()
    with pytest.raises(ConflictError) as refused:
        session.edit(0, body(0, placed("A", (10, 20))))
    before = refused.value.film["state"]["points"]["A"]
    assert session.edit(0, body(0, placed("A", (10, 20), before)))[0] == 1
    assert len(state(session)["points"]) == len(FACE)


def test_many_at_once_leave_one_line_each(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out")
    saved: list[int] = []

    def work(symbol: str) -> None:
        while True:
            try:
                saved.append(session.edit(0, body(state(session)["revision"], placed(symbol, (1, 2))))[0])
                return
            except ConflictError:
                continue

    threads = [Thread(target=work, args=(symbol,)) for symbol in FACE]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(saved) == list(range(1, len(FACE) + 1))
    assert set(state(folder_session(films, tmp_path / "out"))["points"]) == set(FACE)


def test_undo_and_redo_are_edits_like_others(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out")
    edit = placed("A", (10, 20))
    session.edit(0, body(0, edit))
    (change,) = edit["changes"]
    undo = {"kind": "points", "changes": [{"symbol": "A", "before": change["after"], "after": None}], "undoes": 1}
    session.edit(0, body(1, undo))
    assert state(session)["points"] == {}
    session.edit(0, body(2, {**edit, "undoes": 2}))
    assert [entry.get("undoes") for entry in session.film_state(0)["history"]] == [None, 1, 2]
    with pytest.raises(EditError, match="no such revision"):
        session.edit(0, body(3, {**confirmed(), "undoes": 4}))


def test_a_full_disk_refuses_the_edit_and_the_next_one_goes_on(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = folder_session(films, tmp_path / "out")
    session.edit(0, body(0, placed("A", (10, 20))))
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[: len(data) // 2]))
    for edit in (body(1, placed("B", (1, 1))), body(0, placed("B", (1, 1)))):
        with pytest.raises((UnsavedError, ConflictError)):
            session.edit(0, edit)
    with pytest.raises(UnsavedError):
        session.edit(1, body(0, placed("B", (1, 1))))
    monkeypatch.undo()
    assert set(state(session)["points"]) == {"A"}
    assert state(session, 1) == {**state(session, 2)}
    assert session.edit(0, body(1, placed("B", (1, 1)))) == (2, "")
    assert session.edit(1, body(0, placed("B", (1, 1)))) == (1, "")
    assert state(folder_session(films, tmp_path / "out"), 1)["revision"] == 1


def test_labels_that_cannot_be_written_are_a_warning_and_come_later(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "labels").write_text("in the way")
    revision, warning = session.edit(0, body(0, face_edit()))
    assert revision == 1
    assert "f0.json" in warning
    (tmp_path / "out" / "labels").unlink()
    again = folder_session(films, tmp_path / "out")
    again.start()
    again.wait_for_rows()
    assert read_record(tmp_path / "out" / "labels" / "f0.json").points == FACE
    again.close()


@pytest.mark.parametrize("name", ["f0.png", "f0.bmp"])
def test_a_journal_of_another_film_of_the_same_name_is_refused(films: Path, tmp_path: Path, name: str) -> None:
    session = folder_session(films, tmp_path / "out")
    session.edit(0, body(0, placed("A", (10, 20))))
    session.edit(0, body(1, confirmed()))
    (films / "f0.png").unlink()
    Image.fromarray(grey_film(9)).save(films / name)
    other = folder_session(films, tmp_path / "out")
    other.start()
    other.wait_for_rows()
    with pytest.raises(JournalError, match=rf"f0\.jsonl: belongs to another film than {name}"):
        other.film_state(0)
    assert "another film" in other.rows.row(0)["broken"]
    learnt = Image.open(tmp_path / "out" / "train" / "Cephalograms" / "f0.png")
    assert (np.asarray(learnt) == grey_film(0)).all()  # its label is not of the new film
    other.close()


def test_a_film_that_was_renamed_or_saved_again_keeps_its_journal(films: Path, tmp_path: Path) -> None:
    folder_session(films, tmp_path / "out").edit(0, body(0, placed("A", (10, 20))))
    (films / "f0.png").unlink()
    Image.fromarray(grey_film(0)).save(films / "f0.bmp")
    again = folder_session(films, tmp_path / "out").film_state(0)
    assert again["state"]["revision"] == 1
    assert "the film's file has changed since its landmarks were first edited" in again["notes"]
    (films / "f0.bmp").unlink()
    write_films(tmp_path / "again", 1)
    shutil.copyfile(tmp_path / "again" / "f0.png", films / "f0")
    renamed = folder_session(films, tmp_path / "out")
    assert renamed.films[0].file == "f0"
    assert state(renamed)["revision"] == 1


def test_a_damaged_journal_is_told_and_does_not_keep_the_list_from_the_others(films: Path, tmp_path: Path) -> None:
    first = folder_session(films, tmp_path / "out")
    for n in range(3):
        first.edit(n, body(0, face_edit()))
    (tmp_path / "out" / "journal" / "f0.jsonl").write_text("{}\n{}\n")
    Image.fromarray(grey_film(9)).save(films / "f1.png")
    session = folder_session(films, tmp_path / "out")
    session.start()
    session.wait_for_rows()
    assert "line 1 does not say" in session.rows.row(0)["broken"]
    assert "belongs to another film" in session.rows.row(1)["broken"]
    assert session.rows.row(2)["points"] == len(FACE)
    session.close()


def test_the_list_tells_what_is_where(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out", Given({0: predicted(), 1: predicted(doubt="is it a film?")}))
    session.start()
    session.wait_for_rows()
    row = session.rows.row(0)
    assert (row["status"], row["points"], row["missing"], row["needs_review"]) == ("unreviewed", 10, 1, 1)
    assert set(session.film_state(0)["sought"]) == {*FACE, "Pog"}
    assert (row["largest_error_px"], row["largest_error_mm"]) == (9.0, 4.5)
    assert session.rows.row(1)["doubt"] == "is it a film?"
    assert session.rows.row(2)["points"] == 0
    revision = json.loads(session.rows.to_json())["revision"]
    before = state(session)["points"]["B"]
    session.edit(0, body(0, placed("B", (70, 80), before, origin="corrected")))
    session.edit(0, body(1, confirmed()))
    changed = json.loads(session.rows.to_json(revision))
    assert [each["n"] for each in changed["films"]] == [0]
    (row,) = changed["films"]
    assert (row["status"], row["needs_review"], row["largest_error_px"]) == ("confirmed", 0, 3.0)
    session.close()


def test_the_list_of_a_data_set_is_there_at_once_and_fills_in(tiny_aariz: Path, tmp_path: Path) -> None:
    session = dataset_session(tiny_aariz, tmp_path / "out")
    assert [session.rows.row(film.n)["points"] for film in session.films] == [0] * 12
    assert len(session.film_state(7)["truth"]["senior"]) > 0  # a film may be opened before its turn
    session.start()
    session.wait_for_rows()
    for film in session.films:
        assert session.rows.row(film.n)["points"] == len(film.truth["senior"]) > 0
    session.close()


def test_a_film_that_did_not_change_is_not_read_again_for_its_journal(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_session(films, tmp_path / "out").edit(0, body(0, face_edit()))

    def read(path: Path) -> bytes:
        raise AssertionError(path)

    monkeypatch.setattr("cephkit.review.record.read_bytes", read)
    assert folder_session(films, tmp_path / "out").desks.standing(0).points.keys() == FACE.keys()
    os.utime(films / "f0.png", (1, 1))
    with pytest.raises(AssertionError, match=r"f0\.png"):
        folder_session(films, tmp_path / "out").desks.standing(0)


def test_a_pixel_size_that_a_person_gives_counts_before_all_others(films: Path, tmp_path: Path) -> None:
    given = {"f0": About(square(0.2, "about.csv"), 11.0)}
    session = folder_session(films, tmp_path / "out", about=given)
    assert session.film_state(0)["spacing"] == square(0.2, "about.csv").to_dict()
    assert state(session)["subject"] == {"age": 11.0, "sex": None}
    tall = Spacing(0.4, 0.2, "two clicks", "film").to_dict()
    session.edit(0, body(0, {"kind": "spacing", "before": square(0.2, "about.csv").to_dict(), "after": tall}))
    for each in (session, folder_session(films, tmp_path / "out", about=given)):
        film = each.film_state(0)
        assert (film["spacing"], film["aspect"]) == (tall, 2.0)
    assert session.film_state(1)["aspect"] == 1.0


def test_a_film_keeps_the_shape_of_its_pixels_without_a_pixel_size(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    oblong = dicom_film(np.full(SIZE, 7, dtype=np.uint16), PixelSpacing=[0.2, 0.1])
    (tmp_path / "films" / "f0.dcm").write_bytes(written(oblong))
    session = folder_session(tmp_path / "films", tmp_path / "out")
    before = session.film_state(0)
    assert (before["spacing"]["row_mm"], before["aspect"]) == (0.2, 2.0)
    session.edit(0, body(0, {"kind": "spacing", "before": before["spacing"], "after": None}))
    after = session.film_state(0)
    assert (after["spacing"], after["aspect"]) == (None, 2.0)


def test_a_film_that_cannot_be_read_is_marked_and_unmarked(films: Path, tmp_path: Path) -> None:
    good = (films / "f1.png").read_bytes()
    (films / "f1.png").write_bytes(b"junk")
    session = folder_session(films, tmp_path / "out")
    with pytest.raises(FilmError):
        session.film_state(1)
    assert "not a PNG" in session.rows.row(1)["broken"]
    with pytest.raises(FilmError):
        session.edit(1, body(0, placed("A", (1, 1))))
    (films / "f1.png").write_bytes(good)
    session.film_state(1)
    assert session.rows.row(1)["broken"] == ""


def test_predictions_of_another_picture_are_not_used(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out", Given({0: predicted(film_hash="0" * 32, content="x")}))
    film = session.film_state(0)
    assert film["predicted"] is None
    assert film["state"]["points"] == {}
    assert "another picture" in film["notes"][-1]


def test_a_data_set_is_reviewed_from_its_labels(tiny_aariz: Path, tmp_path: Path) -> None:
    session = dataset_session(tiny_aariz, tmp_path / "out")
    film = session.film_state(0)
    assert film["split"] == "train"
    assert set(film["truth"]) == {"senior", "junior"}
    assert film["state"]["points"]["A"] == {
        "at": film["truth"]["senior"]["A"], "origin": "label", "confirmed": False
    }  # fmt: skip
    assert film["spacing"]["row_mm"] == 0.5


@pytest.mark.parametrize("reviewer", [None, 3, "x" * 101])
def test_a_reviewer_is_a_short_text(films: Path, tmp_path: Path, reviewer: Any) -> None:
    session = folder_session(films, tmp_path / "out")
    with pytest.raises(EditError, match="reviewer"):
        session.edit(0, {**body(0, placed("A", (1, 1))), "reviewer": reviewer})


def test_more_films_than_are_kept_in_memory(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cephkit.review.desk.LOADED", 1)
    session = folder_session(films, tmp_path / "out")
    for revision in range(3):
        for n in range(3):
            before = state(session, n)["points"].get("A")
            assert session.edit(n, body(revision, placed("A", (n, revision), before))) == (revision + 1, "")
    assert [state(session, n)["points"]["A"]["at"] for n in range(3)] == [[0, 2], [1, 2], [2, 2]]
