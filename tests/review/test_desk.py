"""What is known of single films, read when it is asked for."""

from pathlib import Path

import pytest

from cephkit.review import desk as module
from cephkit.review.desk import Desks
from tests.review.sessions import body, face_edit, folder_session, placed, write_films


def test_a_film_is_read_once_until_it_is_forgotten(tmp_path: Path) -> None:
    session = folder_session(write_films(tmp_path / "films"), tmp_path / "out")
    session.edit(0, body(0, face_edit()))
    desks = Desks(session.films, tmp_path / "out", session.predictions, session.pixels, session.schema)
    desk = desks.get(0)
    assert (desk.revision, desk.has("points"), desk.has("spacing")) == (1, True, False)
    before = session.film_state(0)["state"]["points"]["A"]
    session.edit(0, body(1, placed("A", (1, 2), before)))
    assert desks.get(0) is desk
    desks.forget(0)
    assert desks.get(0).revision == 2
    assert desks.get(0).edited.points["A"].at == (1.0, 2.0)


def test_only_the_latest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOADED", 2)
    desks = folder_session(write_films(tmp_path / "films"), tmp_path / "out").desks
    first, second = desks.get(0), desks.get(1)
    assert desks.get(0) is first
    desks.get(2)
    assert desks.get(0) is first
    assert desks.get(1) is not second


def test_a_film_without_edits_has_no_base(tmp_path: Path) -> None:
    desk = folder_session(write_films(tmp_path / "films"), tmp_path / "out").desks.get(0)
    assert (desk.base, desk.identity, desk.revision) == (None, None, 0)
