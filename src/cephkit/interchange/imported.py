"""What the readers of other tools' files share: what they hand over, and how they name films and landmarks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from cephkit.data.film import Film, Points
from cephkit.data.folder import FilmsByName, film_named, films_by_name
from cephkit.data.json_values import number
from cephkit.data.label_check import label_findings
from cephkit.data.labels import UNKNOWN
from cephkit.data.names import is_file_name
from cephkit.data.opened import open_film
from cephkit.errors import LabelError, SettingsError, some
from cephkit.geometry import Size
from cephkit.interchange.films import size_of
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN
from cephkit.records.record import LandmarkRecord


class Kind(NamedTuple):
    """Something that a reader ignores, as a sentence without its number."""

    one: str
    many: str

    def counted(self, count: int) -> str:
        """Return the sentence with its number: ``12 annotations have no keypoints``."""
        return f"{count} {self.one if count == 1 else self.many}"


@dataclass(frozen=True)
class Imported:
    """What a file of another tool holds."""

    records: list[LandmarkRecord]
    """Films with landmarks; ``size`` is what the tool says."""
    without: int
    """Films without landmarks."""
    ignored: Counter[Kind] = field(default_factory=Counter)
    """What is not a landmark, or does not count."""


class FilmFault(NamedTuple):
    """What cannot be used of one film."""

    file: str
    """The film as the tool names it."""
    error: LabelError


@dataclass
class Reading:
    """How readers name landmarks, and what they do about faults of single films."""

    schema: LandmarkSchema = KNOWN
    """The landmarks to read; others that are known are left out."""
    unnamed: tuple[str, ...] = ()
    """Names of keypoints to which a COCO file gives none, in its order."""
    faults: list[FilmFault] | None = None
    """Takes what cannot be used of single films; None: the first is raised."""
    unknown: dict[str, str] = field(default_factory=dict)
    """With ``faults``, names that no landmark has, and where each appears first."""

    @contextmanager
    def film(self, file: object) -> Iterator[None]:
        """Read one film inside: a ``LabelError`` is raised or collected, as ``faults`` says."""
        try:
            yield
        except LabelError as error:
            if self.faults is None:
                raise
            self.faults.append(FilmFault(str(file), error))

    def symbol_of(self, name: Any, where: str) -> str | None:
        """Return the symbol of the landmark that is called ``name``; None: it is not to be read.

        Raises:
            LabelError: there is no such landmark, and faults are raised.
        """
        landmark = self.schema.find(str(name))
        if landmark is not None:
            return landmark.symbol
        if KNOWN.find(str(name)) is not None:
            return None
        if self.faults is None:
            raise LabelError(f"{name!r:.40} is not a landmark that is known", UNKNOWN, where)
        self.unknown.setdefault(str(name), where)
        return None


def record_of_file(
    names: Sequence[str], points: Points, size: Size, where: str, schema: LandmarkSchema = KNOWN
) -> LandmarkRecord:
    """Make the record of the film whose file is called the first of ``names``, or one of the others.

    Raises:
        LabelError: the first is not the name of a file.
    """
    first, *others = names
    if first.startswith(".") or not is_file_name(first):
        raise LabelError(f"the film's name is {first!r:.80}, expected that of a file", "correct it there", where)
    further = tuple(filter(is_file_name, others))
    return LandmarkRecord(points, schema=schema, file=first, other_files=further, size=size, where=where)


def put(points: Points, name: Any, x: Any, y: Any, where: str, reading: Reading) -> None:
    """Add the landmark ``name`` at (x, y) to ``points``, if it is to be read.

    Raises:
        LabelError: the name is not a landmark's, the landmark is there already, or a coordinate is not a number.
    """
    symbol = reading.symbol_of(name, where)
    if symbol is None:
        return
    if symbol in points:
        raise LabelError(f"landmark {symbol} appears twice", "keep the right one", where)
    placed = (number(value, f"{axis} of {symbol}", where, digits=True) for axis, value in (("x", x), ("y", y)))
    points[symbol] = next(placed), next(placed)


MOST_LINES = 20


def check_labels(films: list[LandmarkRecord]) -> list[str]:
    """Return a line for each doubtful label.

    Raises:
        LabelError: labels that no face can have.
    """
    labels = [Film(film.file, Path(film.file), "train", annotations={"imported": film.points}, size=film.size)
              for film in films]  # fmt: skip
    where = {label.film_id: film.where for label, film in zip(labels, films, strict=True)}
    doubtful, impossible = [], []
    schema = films[0].schema if films else KNOWN  # that of their reader
    for finding in label_findings(labels, schema):
        line = f"{where[finding.film.film_id] if finding.film else 'all films'}: {finding.fault}"
        if finding.fault.certain:
            impossible.append(line)
        else:
            doubtful.append(line)
    if impossible:
        more = f"\nand {len(impossible) - MOST_LINES} more" if len(impossible) > MOST_LINES else ""
        raise LabelError("\n".join(impossible[:MOST_LINES]) + more)
    return doubtful


def find_films(films: list[LandmarkRecord], folder: Path) -> list[LandmarkRecord]:
    """Return ``films`` by their names in ``folder``, where each must be once and as large as the tool says.

    Raises:
        SettingsError: a film is missing, or several have its name.
        LabelError: a film of another size.
        FilmError: a film that cannot be read.
    """
    films_there = films_by_name(folder)
    found = [(film, _file_of(film, films_there)) for film in films]
    missing = [film.file for film, path in found if path is None]
    if missing:
        raise SettingsError(f"--films {folder}: {len(missing)} films are missing: {some(missing)}")
    for film, path in found:
        assert path is not None
        height, width = open_film(path, use_spacing=False).grey.shape
        if (height, width) != film.size:
            tool_height, tool_width = size_of(film)
            raise LabelError(
                f"{film.where}: {path.name} measures {width}x{height} pixels, the tool says "
                f"{tool_width}x{tool_height}; a different picture was marked, so the landmarks do not fit"
            )
    return [replace(film, file=path.name) for film, path in found if path is not None]


def _file_of(film: LandmarkRecord, films_there: FilmsByName) -> Path | None:
    """Return the film's file, by the likeliest of its names that exists.

    Raises:
        SettingsError: several files have this name.
    """
    for name in (film.file, *film.other_files):
        if films_there.find(name):
            return film_named(name, films_there, film.where)
    return None
