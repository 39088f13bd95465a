"""Folders of films: which files are films, and which of them belongs to a name."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cephkit.data.aariz import some
from cephkit.data.names import film_key, film_name
from cephkit.data.opened import is_film_file
from cephkit.data.pixels import FILM_ENDINGS
from cephkit.errors import SettingsError


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


class FilmsByName:
    """The files of a folder by their names, films without their endings too; case and Unicode form may differ."""

    def __init__(self, files: Iterable[Path]) -> None:
        # In this order: a whole name counts before another film's name without ending, both before a name alike.
        self._layers: tuple[dict[str, list[Path]], ...] = ({}, {}, {}, {})
        for path in files:
            self._put(0, path.name, path)
            self._put(2, film_key(path.name), path)
            if is_film_file(path):
                self._put(1, film_name(path), path)
                self._put(3, film_key(film_name(path)), path)

    def _put(self, layer: int, name: str, path: Path) -> None:
        self._layers[layer].setdefault(name, []).append(path)

    def find(self, name: str) -> Sequence[Path]:
        """The films called ``name``: the name of a file, or of a film."""
        asked = (name, name, film_key(name), film_key(name))
        found = (layer[key] for layer, key in zip(self._layers, asked, strict=True) if key in layer)
        return next(found, ())


def films_by_name(folder: Path) -> FilmsByName:
    """The files in ``folder`` by their names.

    Raises:
        SettingsError: there is no such folder, or it is empty.
    """
    if not folder.is_dir():
        raise SettingsError(f"--films {folder}: there is no such folder")
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    if not files:
        raise SettingsError(f"--films {folder}: holds no file; give the folder with the films")
    return FilmsByName(files)


def film_named(name: str, films: FilmsByName, asked_by: Path | str) -> Path:
    """The one film called ``name``.

    Args:
        name: of its file, with or without ending.
        films: of ``films_by_name``.
        asked_by: the file, or what in it, whose film it is, for the error.

    Raises:
        SettingsError: there is none, or several.
    """
    found = films.find(name)
    if len(found) != 1:
        there = f"{len(found)} films {some([path.name for path in found])}" if found else "no film"
        raise SettingsError(f"--films: {there} for {asked_by}; the folder must hold one {name!r}")
    return found[0]
