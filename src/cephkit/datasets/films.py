"""The films in a data set's folders, and which of them a label means."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from cephkit.data.folder import FilmsByName, search
from cephkit.data.names import film_key
from cephkit.errors import DataError, LabelError, SettingsError, some

PEEK = 1 << 20
"""Bytes at both ends of a file of labels that tell its kind."""


class FilmsBelow:
    """The films in ``folders`` and the folders in them; results of ``cephkit predict`` are not searched.

    Raises:
        DataError: a folder is not there or cannot be read.
    """

    def __init__(self, *folders: Path) -> None:
        try:
            found = [path for folder in folders for path in search(folder, recursive=True).films]
        except SettingsError as error:
            raise DataError(error.text, "check the folder of the films", folders[0]) from error
        self.paths = list(dict.fromkeys(found))
        self._by_name = FilmsByName(self.paths)
        self._folders = folders

    def find(self, names: Sequence[str], where: str, written: str = "") -> Path:
        """Return the film that has the first of ``names`` that any film has.

        Args:
            names: of its file, with or without ending, the likeliest first.
            where: what asks for it, for the error.
            written: its path as the labels give it; its folders choose between films of one name.

        Raises:
            LabelError: there is none, or there are several.
        """
        found = next((paths for name in names if (paths := self._by_name.find(name))), ())
        if len(found) > 1:
            inside = [film_key(part) for part in PurePosixPath(written.replace("\\", "/")).parts[:-1]]
            most = max(_common(path, inside) for path in found)
            found = [path for path in found if _common(path, inside) == most]
        if len(found) == 1:
            return found[0]
        if not found:
            folders = some([str(folder) for folder in self._folders])
            raise LabelError(f"there is no film {names[0]!r:.80} in {folders}", "add it, or remove its labels", where)
        listed = some([str(path) for path in found])
        raise LabelError(f"{len(found)} films are called {names[0]!r:.80}: {listed}", "rename all but one", where)


def _common(path: Path, folders: Sequence[str]) -> int:
    """Count the folders at the end of ``folders`` that ``path`` lies in."""
    own = [film_key(part) for part in path.parts[:-1]]
    pairs = zip(reversed(own), reversed(folders), strict=False)
    return next((count for count, (mine, theirs) in enumerate(pairs) if mine != theirs), min(len(own), len(folders)))


def peek(path: Path) -> bytes:
    """Return the start and the end of a file; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(PEEK)
            file.seek(0, 2)
            end = file.tell()
            file.seek(max(PEEK, end - PEEK))
            return start + file.read(PEEK)
    except (OSError, ValueError):
        return b""


def files_in(folder: Path, *endings: str) -> list[Path]:
    """Return the files in ``folder`` that have one of ``endings``, in order of name; none if it cannot be listed."""
    return [path for path in _visible(folder) if path.suffix.lower() in endings and path.is_file()]


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in ``folder``, in order of name; none if it cannot be listed."""
    return [path for path in _visible(folder) if path.is_dir()]


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []
