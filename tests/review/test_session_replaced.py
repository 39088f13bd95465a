"""Files of films that are replaced while the server runs: no picture gets the landmarks of another."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from cephkit.errors import CephkitError
from cephkit.records.record import LandmarkRecord
from cephkit.review.journal import OtherFilmError
from cephkit.review.outputs import export, landmarks_csv, sheet
from cephkit.review.session import ReviewSession
from tests.review.sessions import (
    SAME_ORIGIN,
    SIZE,
    Given,
    body,
    browser,
    confirmed,
    face_edit,
    folder_session,
    grey_film,
    placed,
    write_films,
)  # fmt: skip


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return write_films(tmp_path / "films", 2)


def replaced(path: Path, seed: int, in_place: bool = True) -> None:
    """Put another picture under the same name, into the same file or into a new one; its time differs surely."""
    before = path.stat().st_mtime_ns
    if not in_place:
        path.unlink()
    Image.fromarray(grey_film(seed)).save(path)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def edited(films: Path, out: Path) -> ReviewSession:
    """A session whose first film has landmarks and is confirmed."""
    session = folder_session(films, out)
    session.edit(0, body(0, face_edit()))
    session.edit(0, body(1, confirmed()))
    return session


def test_the_journal_of_the_old_picture_is_not_shown_on_the_new_one(films: Path, tmp_path: Path) -> None:
    session = edited(films, tmp_path / "out")
    journal = (tmp_path / "out" / "journal" / "f0.jsonl").read_bytes()
    replaced(films / "f0.png", 9)
    for asked in (
        lambda: session.film_state(0),
        lambda: session.edit(0, body(2, confirmed(True, False))),
        lambda: session.desks.record(0),
        lambda: landmarks_csv(session, [0]),
        lambda: sheet(session, 0, ".html"),
    ):
        with pytest.raises(OtherFilmError, match=r"belongs to another film than f0\.png"):
            asked()
    assert "another film" in session.rows.row(0)["broken"]
    assert (tmp_path / "out" / "journal" / "f0.jsonl").read_bytes() == journal
    replaced(films / "f0.png", 0)
    assert session.film_state(0)["state"]["revision"] == 2
    assert session.rows.row(0)["broken"] == ""


def test_the_same_picture_saved_again_keeps_its_journal(films: Path, tmp_path: Path) -> None:
    session = edited(films, tmp_path / "out")
    replaced(films / "f0.png", 0)
    state = session.film_state(0)
    assert state["state"]["revision"] == 2
    assert session.edit(0, body(2, confirmed(True, False), hash=state["hash"])) == (3, "")


def test_an_edit_made_on_the_old_picture_is_not_made_on_the_new_one(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out")
    old = session.film_state(0)["hash"]
    replaced(films / "f0.png", 9)
    with pytest.raises(OtherFilmError, match=r"f0\.png holds another picture now"):
        session.edit(0, body(0, placed("A", (1, 2)), hash=old))
    assert not (tmp_path / "out" / "journal").exists()
    new = session.film_state(0)["hash"]
    assert new != old
    assert session.edit(0, body(0, placed("A", (1, 2)), hash=new)) == (1, "")


@pytest.mark.parametrize("in_place", [True, False])
def test_the_training_set_never_shows_the_new_picture_with_the_old_label(
    films: Path, tmp_path: Path, in_place: bool
) -> None:
    session = edited(films, tmp_path / "out")
    picture = tmp_path / "out" / "train" / "Cephalograms" / "f0.png"
    label = next((tmp_path / "out" / "train").rglob("f0.json"))
    replaced(films / "f0.png", 9, in_place)
    with pytest.raises(CephkitError):
        session.film_state(0)
    assert picture.exists() == label.exists() == (not in_place)
    if not in_place:
        assert (np.asarray(Image.open(picture)) == grey_film(0)).all()


def test_an_export_leaves_it_out(films: Path, tmp_path: Path) -> None:
    session = edited(films, tmp_path / "out")
    session.edit(1, body(0, face_edit()))
    session.start()
    replaced(films / "f0.png", 9)
    assert export(session, {"format": "csv", "which": "all"})["left_out"] == ["f0"]
    session.close()


def test_what_was_predicted_on_the_old_picture_is_not_exported_for_the_new_one(films: Path, tmp_path: Path) -> None:
    old = folder_session(films, tmp_path / "out").film_state(0)["hash"]
    record = LandmarkRecord(points={"A": (1.0, 2.0)}, film_hash=old, content="c", size=SIZE)
    session = folder_session(films, tmp_path / "out", Given({0: record}))
    assert b"\nf0,f0.png,A," in landmarks_csv(session, [0])
    replaced(films / "f0.png", 9)
    assert b"f0.png" not in landmarks_csv(session, [0])


@pytest.fixture
def page(films: Path, tmp_path: Path) -> Any:
    with browser(folder_session(films, tmp_path / "out")) as client:
        yield client


def test_the_page_is_told(page: TestClient, films: Path) -> None:
    def post(path: str, content: dict[str, Any]) -> tuple[int, Any]:
        answer = page.post(f"/api/films/0/{path}", json=content, headers=SAME_ORIGIN)
        return answer.status_code, answer.json()

    old = page.get("/api/films/0").json()["hash"]
    replaced(films / "f0.png", 9)
    assert page.get(f"/api/films/0/tiles/0/0/0?h={old}").status_code == 409
    status, answer = post("edits", body(0, placed("A", (1, 2)), hash=old))
    assert (status, set(answer)) == (409, {"error"})
    film = page.get("/api/films/0").json()
    tile = page.get(f"/api/films/0/tiles/0/0/0?h={film['hash']}").content
    assert (np.frombuffer(tile, np.uint8).reshape(SIZE) == grey_film(9)).all()
    assert post("edits", body(0, placed("A", (1, 2)), hash=film["hash"]))[0] == 200
    replaced(films / "f0.png", 10)
    assert page.get("/api/films/0").status_code == 409


def test_a_model_is_not_asked_about_another_picture_than_the_page_shows(films: Path, tmp_path: Path) -> None:
    class Asked(Given):
        has_model = True

    with browser(folder_session(films, tmp_path / "out", Asked({}))) as page:
        content = {"hash": "of another", "held": {"A": [1, 2]}}
        answer = page.post("/api/films/0/find", json=content, headers=SAME_ORIGIN)
    assert (answer.status_code, "another picture now" in answer.json()["error"]) == (409, True)
