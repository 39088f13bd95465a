"""The films that landmarks belong to: their files' names and sizes, which other tools ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cephkit.data.aariz import some
from cephkit.data.folder import FilmsByName, film_named, films_by_name
from cephkit.data.opened import open_film
from cephkit.errors import LabelError, SettingsError
from cephkit.interchange.record import Record


@dataclass(frozen=True)
class Pictured:
    """A record whose film's file and size are known; its points lie on the film."""

    record: Record
    file: str
    width: int
    height: int


def film_of(record: Record, films: FilmsByName) -> Path:
    """The file of the film of ``record``, by the name that it says, else by its own.

    Raises:
        SettingsError: there is none, or several.
    """
    return film_named(record.file or record.name, films, record.marked.path)


def with_films(records: Sequence[Record], folder: Path | None) -> list[Record]:
    """``records`` with the file and size of their films, those that do not know them yet.

    Raises:
        SettingsError: there is no such folder, or not one film for such a record.
        FilmError: a film cannot be read.
    """
    if folder is None:
        return list(records)
    films = films_by_name(folder)
    found = []
    for record in records:
        if record.file is None or record.size is None:
            path = film_of(record, films)
            height, width = open_film(path, use_spacing=False).grey.shape
            record = replace(record, file=path.name, size=record.size or (height, width))
        found.append(record)
    return found


def pictured(records: Sequence[Record]) -> list[Pictured]:
    """``records`` for tools that show films.

    Raises:
        SettingsError: a film's name or size is not known, or two films have one name.
        LabelError: a landmark lies outside its film.
    """
    unknown = [record.name for record in records if record.file is None or record.size is None]
    if unknown:
        raise SettingsError(
            f"{len(unknown)} label files say neither name nor size of their film: {some(unknown)}; "
            "give --films FOLDER with the films"
        )
    found: dict[str, Pictured] = {}
    for record in records:
        assert record.file is not None
        assert record.size is not None
        height, width = record.size
        if record.file in found:
            other = found[record.file].record.marked.path
            raise SettingsError(f"{other} and {record.marked.path} both belong to a film {record.file}; keep one")
        outside = [
            f"{symbol} ({x:.1f}, {y:.1f})"
            for symbol, (x, y) in record.points.items()
            if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5)
        ]
        if outside:
            raise LabelError(
                f"{record.marked.path}: landmarks outside the film of {width}x{height} pixels: {some(outside)}; "
                "correct or remove them"
            )
        found[record.file] = Pictured(record, record.file, width, height)
    return list(found.values())
