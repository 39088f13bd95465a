from pathlib import Path

import pytest

from cephkit.data.folder import film_named, films_by_name, films_in
from cephkit.errors import SettingsError


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


def test_the_films_of_a_folder_in_order_of_name(tmp_path: Path) -> None:
    folder = touch(tmp_path / "f", "b.png", "a.JPG", ".c.png", "notes.txt")
    (folder / "inside.png").mkdir()
    assert [film.name for film in films_in(folder)] == ["a.JPG", "b.png"]
    with pytest.raises(SettingsError, match="holds no film"):
        films_in(touch(tmp_path / "empty", "notes.txt"))


def test_a_film_is_found_by_its_name_with_or_without_ending(tmp_path: Path) -> None:
    folder = touch(tmp_path / "f", "a.png", "b.png", "b.jpg")
    films = films_by_name(folder)
    assert film_named("a", films, Path("a.json")) == film_named("a.png", films, Path("a.json")) == folder / "a.png"
    assert film_named("b.jpg", films, Path("b.json")) == folder / "b.jpg"
    with pytest.raises(SettingsError, match=r"2 films b\.jpg, b\.png for b\.json; the folder must hold one 'b'"):
        film_named("b", films, Path("b.json"))
    with pytest.raises(SettingsError, match=r"no film for c\.json"):
        film_named("c", films, Path("c.json"))
    with pytest.raises(SettingsError, match="there is no such folder"):
        films_by_name(tmp_path / "none")
    with pytest.raises(SettingsError, match="holds no file"):
        films_by_name(touch(tmp_path / "empty"))


def test_a_whole_name_counts_before_another_without_its_ending(tmp_path: Path) -> None:
    folder = touch(tmp_path / "f", "a", "a.png")
    assert film_named("a", films_by_name(folder), Path("a.json")) == folder / "a"
    with pytest.raises(SettingsError, match="there is no such folder"):
        films_in(tmp_path / "none")
