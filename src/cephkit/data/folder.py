"""Folders of films: which files are films, and which film a name means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cephkit.data.kinds import begins_like_dicom, is_dicom_directory
from cephkit.data.names import film_key, film_name
from cephkit.data.opened import is_film_file, read_head
from cephkit.errors import SettingsError, some
from cephkit.notice import Notify

_OF_THE_SYSTEM = {"thumbs.db", "desktop.ini"}
_RESULTS, _OVERLAYS = "landmarks.csv", "*_overlay.png"
"""A folder with both holds results; its pictures are films with landmarks drawn on them."""


@dataclass
class Search:
    """What a folder contains: ``films`` in order of name, and what was skipped."""

    films: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    """Files that are not films."""
    folders: list[Path] = field(default_factory=list)
    """Folders that were not searched."""
    is_cd: bool = False
    """Whether there is a DICOMDIR: then its folders were searched, for DICOM alone."""

    def note(self, folder: Path) -> str:
        """Say what was skipped; empty if nothing was."""
        parts = ["a DICOMDIR: its folders were searched for DICOM films"] if self.is_cd else []
        if self.skipped:
            names = some([_below(path, folder) for path in self.skipped])
            parts.append(f"{len(self.skipped)} file(s) skipped: {names}")
        if self.folders:
            names = some([_below(path, folder) for path in self.folders])
            parts.append(f"{len(self.folders)} folder(s) not searched: {names}")
        return "; ".join(parts)


def search(folder: Path, *, recursive: bool = False, leave_out: Iterable[Path] = ()) -> Search:
    """Find the films in a folder, by their ending or their first bytes.

    Hidden files and those of the operating system are skipped silently. A DICOMDIR makes the folder a CD.

    Args:
        folder: where to search.
        recursive: search its subfolders too, except links and folders of results.
        leave_out: folders not to search, such as the one for results.

    Raises:
        SettingsError: there is no such folder, or it cannot be read.
    """
    if not folder.is_dir():
        raise SettingsError("no such folder", path=folder)
    found = Search()
    try:
        entries = _entries(folder)
    except OSError as error:
        raise SettingsError(f"cannot be searched: {error.strerror or error}", path=folder) from error
    _search(entries, found, recursive, {path.resolve() for path in leave_out}, only_dicom=False)
    return found


def films_in(
    folder: Path, *, recursive: bool = False, leave_out: Iterable[Path] = (), notify: Notify | None = None
) -> list[Path]:
    """Return the films that ``search`` finds; ``notify`` gets a line about what was skipped.

    Raises:
        SettingsError: there is no film, or no such folder.
    """
    found = search(folder, recursive=recursive, leave_out=leave_out)
    note = found.note(folder)
    if not found.films:
        hint = "--recursive searches the folders in it" if found.folders and not recursive else ""
        text = "; ".join(filter(None, ("contains no film (PNG, JPEG, BMP, TIFF, WebP, DICOM)", hint, note)))
        raise SettingsError(text, path=folder)
    if note and notify is not None:
        notify(f"{folder}: {note}")
    return found.films


def _search(entries: Sequence[Path], found: Search, recursive: bool, leave_out: set[Path], *, only_dicom: bool) -> None:
    if any(_is_cd(path) for path in entries):
        found.is_cd = recursive = only_dicom = True
    for path in entries:
        if path.is_dir():
            if path.resolve() in leave_out:
                continue
            inside = _inside(path) if recursive else None
            if inside is None:
                found.folders.append(path)
            else:
                _search(inside, found, recursive, leave_out, only_dicom=only_dicom)
        elif is_film_file(path) and (not only_dicom or begins_like_dicom(read_head(path))):
            found.films.append(path)
        elif not _is_cd(path):
            found.skipped.append(path)


def _inside(folder: Path) -> list[Path] | None:
    """List a folder; None if it is not to be searched, or cannot be."""
    try:
        entries = [] if folder.is_symlink() else _entries(folder)
    except OSError:
        return None
    is_results = any(path.name == _RESULTS for path in entries) and any(path.match(_OVERLAYS) for path in entries)
    return None if is_results or folder.is_symlink() else entries


def _entries(folder: Path) -> list[Path]:
    """List what is neither hidden nor the operating system's, in order of name."""
    return sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in _OF_THE_SYSTEM
    )


def _is_cd(path: Path) -> bool:
    return path.name.upper().startswith("DICOMDIR") and path.is_file() and is_dicom_directory(read_head(path))


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


class FilmsByName:
    """The files of a folder by name, films also without ending; case and Unicode form may differ."""

    def __init__(self, files: Iterable[Path]) -> None:
        # In this order: a full name takes precedence over a name without ending, both over a similar name.
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
        """Return the films called ``name``, the name of a file or of a film."""
        asked = (name, name, film_key(name), film_key(name))
        found = (layer[key] for layer, key in zip(self._layers, asked, strict=True) if key in layer)
        return next(found, ())


def films_by_name(folder: Path) -> FilmsByName:
    """Index the files in ``folder`` by name.

    Raises:
        SettingsError: there is no such folder, or it is empty.
    """
    if not folder.is_dir():
        raise SettingsError(f"--films {folder}: no such folder")
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    if not files:
        raise SettingsError(f"--films {folder}: contains no file; give the folder with the films")
    return FilmsByName(files)


def film_named(name: str, films: FilmsByName, asked_by: Path | str) -> Path:
    """Return the only film called ``name``.

    Args:
        name: name of its file, with or without ending.
        films: from ``films_by_name``.
        asked_by: what the film belongs to, for the error.

    Raises:
        SettingsError: there is no such film, or several.
    """
    found = films.find(name)
    if len(found) != 1:
        there = f"{len(found)} films {some([path.name for path in found])}" if found else "no film"
        raise SettingsError(f"--films: {there} for {asked_by}; the folder must contain one {name!r}")
    return found[0]
