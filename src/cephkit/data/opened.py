from dataclasses import dataclass
from pathlib import Path

from cephkit.data.pixels import FILM_ENDINGS, Grey, content_hash, decode_grey, read_bytes
from cephkit.data.spacing import Spacing


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
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in FILM_ENDINGS and file.is_file() and not file.name.startswith(".")
    )
