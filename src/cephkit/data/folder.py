"""Folders of films: which files are films, and which of them belongs to a name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from cephkit.data.aariz import some
from cephkit.data.opened import film_stem, is_film_file
from cephkit.data.pixels import FILM_ENDINGS
from cephkit.errors import SettingsError

FilmsByName: TypeAlias = Mapping[str, Sequence[Path]]


def films_in(folder: Path) -> list[Path]:
    """The films in a folder, in order of name; hidden files and folders in it are left out.

    Raises:
        SettingsError: there is none, or no such folder.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder}: there is no such folder")
    films = sorted(filter(is_film_file, folder.iterdir()))
    if not films:
        raise SettingsError(f"{folder}: holds no film ({' '.join(FILM_ENDINGS)})")
    return films


def films_by_name(folder: Path) -> FilmsByName:
    """The files in ``folder`` by their names, films without their endings too.

    Raises:
        SettingsError: there is no such folder, or it is empty.
    """
    if not folder.is_dir():
        raise SettingsError(f"--films {folder}: there is no such folder")
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    if not files:
        raise SettingsError(f"--films {folder}: holds no file; give the folder with the films")
    found: dict[str, list[Path]] = {}
    for path in filter(is_film_file, files):
        found.setdefault(film_stem(path), []).append(path)
    # A whole name counts before another film's name without ending.
    return {**found, **{path.name: [path] for path in files}}


def film_named(name: str, films: FilmsByName, asked_by: Path) -> Path:
    """The one film called ``name``.

    Args:
        name: of its file, with or without ending.
        films: of ``films_by_name``.
        asked_by: the file whose film it is, for the error.

    Raises:
        SettingsError: there is none, or several.
    """
    found = films.get(name, ())
    if len(found) != 1:
        there = f"{len(found)} films {some([path.name for path in found])}" if found else "no film"
        raise SettingsError(f"--films: {there} for {asked_by}; the folder must hold one {name!r}")
    return found[0]
