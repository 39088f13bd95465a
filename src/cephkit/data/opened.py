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


def open_film(path: Path, *, use_spacing: bool = True) -> OpenedFilm:
    data = read_bytes(path)
    return OpenedFilm(decode_grey(data, path), content_hash(data), None)


def is_film_file(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_file() and path.suffix.lower() in FILM_ENDINGS
