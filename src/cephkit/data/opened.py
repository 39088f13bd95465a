from dataclasses import dataclass
from pathlib import Path

from cephkit.data.pixels import FILM_ENDINGS, Grey, content_hash, decode_grey, read_bytes
from cephkit.data.spacing import Spacing
from cephkit.errors import SettingsError


@dataclass(frozen=True)
class OpenedFilm:
    grey: Grey
    content: str
    spacing: Spacing | None
    orientation: int = 1
    notes: tuple[str, ...] = ()


def open_film(path: Path) -> OpenedFilm:
    data = read_bytes(path)
    return OpenedFilm(decode_grey(data, path), content_hash(data), None)


def films_in(folder: Path) -> list[Path]:
    """The films in a folder, in order of name; hidden files and folders in it are left out.

    Raises:
        SettingsError: there is none.
    """
    films = sorted(
        file
        for file in folder.iterdir()
        if not file.name.startswith(".") and file.is_file() and file.suffix.lower() in FILM_ENDINGS
    )
    if not films:
        raise SettingsError(f"{folder}: holds no film ({' '.join(FILM_ENDINGS)})")
    return films
