from pathlib import Path

import pytest

from cephkit.data.folder import film_named, films_by_name, films_in
from cephkit.errors import SettingsError
from cephkit.files import short_name


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


def test_case_and_unicode_form_may_differ_and_a_uid_is_a_whole_name(tmp_path: Path) -> None:
    folder = touch(tmp_path / "f", "A.PNG", "e\u0301.png", "1.2.840.1", "1.2.840.2", f"{'x' * 240}.png")
    films = films_by_name(folder)
    for name, file in {
        "a": "A.PNG",
        "a.png": "A.PNG",
        "\u00c9": "e\u0301.png",
        "1.2.840.1": "1.2.840.1",
        "x" * 240: f"{'x' * 240}.png",
        short_name("x" * 240): f"{'x' * 240}.png",
    }.items():
        assert film_named(name, films, "here") == folder / file
    with pytest.raises(SettingsError, match=r"no film for here; the folder must hold one '1\.2\.840'"):
        film_named("1.2.840", films, "here")


def test_an_exact_name_counts_before_one_alike(tmp_path: Path) -> None:
    folder = touch(tmp_path / "f", "a.png", "e\u0301.png", "\u00e9.png")
    films = films_by_name(folder)
    for name in ("e\u0301", "\u00e9.png"):
        assert film_named(name, films, "here").name.startswith(name)
    with pytest.raises(SettingsError, match=r"2 films .* for here"):
        film_named("\u00c9", films, "here")
