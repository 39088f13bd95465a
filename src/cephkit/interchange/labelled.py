"""Landmarks that come from another tool, on their way to label files in Aariz's schema."""

import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cephkit.data.film import Points
from cephkit.data.labels import landmarks_json
from cephkit.data.names import LABEL_ENDING, film_key, film_name
from cephkit.errors import LabelError
from cephkit.files import short_name
from cephkit.geometry import Size
from cephkit.interchange.contents import Files, json_bytes
from cephkit.landmarks import SYMBOLS, canonical_symbol

LARGEST_BYTES = 512 * 2**20
LARGEST_FIGURE = 1e6
"""Of pixels, percents and scores; no film is as large, and sums of larger ones may overflow."""
LONGEST_NAME = 255
"""Letters of a file's name, on any system."""
DIGITS = 4
"""Of coordinates in pixels: far below what anyone can mark, and free of the noise of other units."""


class Kind(NamedTuple):
    """Something that a reader leaves aside, as a sentence without its number."""

    one: str
    many: str

    def told(self, number: int) -> str:
        """With its number: ``12 annotations have no keypoints``."""
        return f"{number} {self.one if number == 1 else self.many}"


@dataclass(frozen=True)
class Labelled:
    """One film's landmarks as another tool gives them."""

    file: str
    """The name of the film's file without folders, whichever system wrote it."""
    points: Points
    """Film pixels, pixel centres at integers."""
    size: Size
    """(height, width) that the tool knows of the film."""
    where: str
    """For messages: the file and what in it."""
    others: tuple[str, ...] = ()
    """What else the tool's name for the film may mean; the folder of the films tells."""


@dataclass(frozen=True)
class Found:
    """What a file of another tool holds."""

    films: list[Labelled]
    without: int
    """Films without landmarks."""
    aside: Counter[Kind] = field(default_factory=Counter)
    """What was left aside, for it is no landmark or does not count."""


def labelled(names: Sequence[str], points: Points, size: Size, where: str) -> Labelled:
    """The landmarks of the film whose file is called the first of ``names``, or one of the others.

    Raises:
        LabelError: the first is no file's name.
    """
    first, *others = names
    if first.startswith(".") or not is_file_name(first):
        raise LabelError(f"{where}: the film's name is {first!r:.80}, expected that of a file")
    return Labelled(first, points, size, where, tuple(filter(is_file_name, others)))


def is_file_name(name: str) -> bool:
    """Whether a file can have ``name``: no folders, no control characters, nothing but whole characters.

    On Windows nothing that leads elsewhere either: it takes what stands before a colon for a drive, or for a file that
    holds another.
    """
    forbidden = "/\\\ufffe\uffff" + ('<>:"|?*' if os.name == "nt" else "")
    fits = 0 < len(name) <= LONGEST_NAME
    return fits and not any(letter in forbidden or letter < " " or "\ud800" <= letter < "\ue000" for letter in name)


def label_files_of(films: Sequence[Labelled]) -> Files:
    """A label file per film, named as the film, ready for the Aariz layout.

    Films whose names differ by their endings alone keep them, so that none is lost.

    Raises:
        LabelError: a film is there twice, or a landmark lies outside its film.
    """
    names = Counter(film_key(film_name(film.file)) for film in films)
    known: dict[str, Labelled] = {}
    files = {}
    for film in films:
        name = film_name(film.file)
        if names[film_key(name)] > 1:
            name = short_name(film.file)
        other = known.setdefault(film_key(name), film)
        if other is not film:
            raise LabelError(f"{film.where}: film {film.file!r} is there twice, the other is {other.where}; keep one")
        height, width = film.size
        for symbol, (x, y) in film.points.items():
            if not (-0.5 - 1e-3 <= x <= width - 0.5 + 1e-3 and -0.5 - 1e-3 <= y <= height - 0.5 + 1e-3):
                raise LabelError(f"{film.where}: {symbol} at ({x:.1f}, {y:.1f}) lies outside {width}x{height} pixels")
        files[f"{name}{LABEL_ENDING}"] = partial(json_bytes, landmarks_json(name, _rounded(film.points)))
    return files


def _rounded(points: Points) -> Points:
    return {symbol: (round(x, DIGITS), round(y, DIGITS)) for symbol, (x, y) in points.items()}


def read_whole(path: Path) -> bytes:
    """The bytes of an annotation file.

    Raises:
        LabelError: it cannot be read, is empty or too large.
    """
    try:
        size = path.stat().st_size
        if not 0 < size <= LARGEST_BYTES:
            raise LabelError(f"{path}: {size} bytes are too few or too many for annotations; export them again")
        return path.read_bytes()
    except OSError as error:
        raise LabelError(f"{path}: cannot be read: {error.strerror or error}; check the name") from error


def parsed_json(path: Path) -> Any:
    """The JSON in ``path``.

    Raises:
        LabelError: it cannot be read or is no JSON.
    """
    try:
        return json.loads(read_whole(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise LabelError(f"{path}: not JSON: {error!s:.80}; export it again") from error


def object_list(content: Mapping[str, Any], key: str, where: object) -> list[dict[str, Any]]:
    """The list of objects under ``key``.

    Raises:
        LabelError: it is something else.
    """
    value = content.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise LabelError(f'{where}: "{key}" is no list of objects; is this the right --format?')
    return value


def count(value: Any, name: str) -> int:
    """``value`` as a number of pixels.

    Raises:
        LabelError: it is none.
    """
    number = figure(value, name)
    if number < 1 or number != int(number):
        raise LabelError(f"{name} is {value!r:.40}, expected a number of pixels; export it again")
    return int(number)


def figure(value: Any, name: str) -> float:
    """``value``, a number or digits, as a number of up to ``LARGEST_FIGURE``.

    Raises:
        LabelError: it is none.
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= LARGEST_FIGURE:
        raise LabelError(f"{name} is {value!r:.40}, expected a number; correct it")
    return number


def put(points: Points, name: Any, x: Any, y: Any, where: str) -> None:
    """Add the landmark ``name`` at (x, y) to ``points``.

    Raises:
        LabelError: the name is no landmark's, the landmark is there already, or a coordinate is no number.
    """
    try:
        symbol = canonical_symbol(str(name))
    except KeyError as error:
        raise LabelError(f"{where}: {name!r:.40} is no landmark; remove it; known: {' '.join(SYMBOLS)}") from error
    if symbol in points:
        raise LabelError(f"{where}: landmark {symbol} is there twice; keep the right one")
    points[symbol] = figure(x, f"{where}: x of {symbol}"), figure(y, f"{where}: y of {symbol}")
