"""The review opens on the films that ``cephkit check`` found doubtful."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cephkit.doubts.table import COLUMNS
from cephkit.errors import SettingsError
from cephkit.files import write_csv
from cephkit.review.doubted import with_doubts
from cephkit.review.films import ReviewFilm
from tests.review.sessions import body, browser, confirmed, dataset_session

FILMS = [ReviewFilm(n, name, Path(f"set/train/{name}.png"), f"train/{name}.png") for n, name in enumerate("abcd")]


def table(path: Path, *rows: dict[str, Any]) -> Path:
    blank: dict[str, Any] = dict.fromkeys(COLUMNS)
    common = {"data_set": "set", "text": "A is 20 mm off", "remedy": "look", "landmarks": "A"}
    write_csv(path, COLUMNS, [{**blank, **common, **row} for row in rows])
    return path


def names(films: list[ReviewFilm]) -> list[tuple[int, str, int]]:
    return [(film.n, film.film_id, len(film.doubts)) for film in films]


def test_doubtful_films_come_first_by_file_or_by_id(tmp_path: Path) -> None:
    path = table(tmp_path / "d.csv", {"film": "c", "file": "train/c.png"}, {"film": "B", "file": "labels/b.json"})
    found = with_doubts(FILMS, path, ["set"])
    assert names(found) == [(0, "b", 1), (1, "c", 1), (2, "a", 0), (3, "d", 0)]
    assert found[0].doubtful == ("A is 20 mm off; look",)


def test_lines_of_other_data_sets_do_not_count(tmp_path: Path) -> None:
    path = table(tmp_path / "d.csv", {"film": "c", "file": "train/c.png"}, {"film": "a", "data_set": "other"})
    assert [film.film_id for film in with_doubts(FILMS, path, ["set"]) if film.doubts] == ["c"]
    with pytest.raises(SettingsError, match="about none of these films, but about set, other"):
        with_doubts(FILMS, path, ["third"])


def test_the_only_data_set_may_have_been_renamed(tmp_path: Path) -> None:
    path = table(tmp_path / "d.csv", {"film": "c", "file": "train/c.png"})
    assert [film.film_id for film in with_doubts(FILMS, path, ["renamed"]) if film.doubts] == ["c"]


def test_films_of_several_data_sets_are_told_apart(tmp_path: Path) -> None:
    films = [
        replace(film, film_id=f"{name}_{film.film_id}", file=f"{name}/{film.file}")
        for name in ("set", "two")
        for film in FILMS[:2]
    ]
    path = table(tmp_path / "d.csv", {"film": "a", "file": "train/a.png", "data_set": "two"}, {"film": "b"})
    found = with_doubts(films, path, ["set", "two"])
    assert [film.film_id for film in found if film.doubts] == ["set_b", "two_a"]


def test_a_table_without_lines_changes_nothing(tmp_path: Path) -> None:
    assert with_doubts(FILMS, table(tmp_path / "d.csv"), ["set"]) == FILMS


def test_landmarks_in_doubt_need_review_until_somebody_settles_them(tiny_aariz: Path, tmp_path: Path) -> None:
    session = dataset_session(tiny_aariz, tmp_path / "out")
    symbol, other = list(session.films[3].truth["senior"])[:2]
    path = table(
        tmp_path / "d.csv",
        {"film": session.films[3].film_id, "annotator": "senior", "landmarks": symbol},
        {"film": session.films[3].film_id, "annotator": "junior", "landmarks": other},
    )
    films = with_doubts(session.films, path, [tiny_aariz.name])
    doubted = films[0]
    assert doubted.film_id == session.films[3].film_id
    assert doubted.doubted == (symbol,)  # the junior's labels are not those that are reviewed
    session = type(session)(films, tmp_path / "out", session.source, schema=session.schema)
    with browser(session) as client:
        session.wait_for_rows()
        row, state = session.rows.row(0), client.get("/api/films/0").json()
        assert row["doubt"] == "senior: A is 20 mm off; look; junior: A is 20 mm off; look"
        assert (row["needs_review"], session.rows.row(1)["needs_review"]) == (1, 0)
        assert state["doubted"] == [symbol]
        assert state["notes"][:2] == ["senior: A is 20 mm off; look", "junior: A is 20 mm off; look"]
        session.edit(0, body(0, confirmed()))
        assert "20 mm" not in session.rows.row(0)["doubt"]
