"""A table of what is known about each film: pixel size or ruler, age and sex. Aariz's machine map is one."""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from cephkit.data.aariz import some
from cephkit.data.machines import LARGEST_MM, SMALLEST_MM
from cephkit.data.names import film_name
from cephkit.data.spacing import Spacing, from_ruler, square
from cephkit.errors import DataError, SettingsError

Sex: TypeAlias = Literal["female", "male"]

NAMES = ("film", "cephalogram_id")
SIZES = ("pixel_size_mm", "pixel_size")
RULER = ("ruler_x1", "ruler_y1", "ruler_x2", "ruler_y2", "ruler_mm")
"""Two points of a ruler on the film, film pixels, and the mm between them."""
SEXES: dict[str, Sex] = {"female": "female", "f": "female", "male": "male", "m": "male"}
OLDEST = 120.0


@dataclass(frozen=True)
class About:
    """What is known about one film; None: nothing is."""

    spacing: Spacing | None = None
    age: float | None = None
    sex: Sex | None = None


def read_about(path: Path) -> dict[str, About]:
    """Film -> what the table says. Cells may be empty, further columns do no harm.

    Raises:
        DataError: unreadable, without a column of films, a film twice, or a value that cannot be.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = [[cell.strip() for cell in row] for row in csv.reader(file)]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: the table cannot be read: {error}; correct it") from error
    head = [name.lower() for name in table[0]] if table else []
    if not set(NAMES) & set(head):
        raise DataError(f"{path}: no column {' or '.join(NAMES)}, found {', '.join(head) or 'nothing'}; name one so")
    about: dict[str, About] = {}
    for number, cells in enumerate(table[1:], start=2):
        fields = dict(zip(head, cells, strict=False))
        film = next((fields[name] for name in NAMES if fields.get(name)), "")
        if not film:
            continue
        if film in about:
            raise DataError(f"{path}, line {number}: film {film!r} is there twice; keep the right row")
        where = f"{path}, line {number} ({film})"
        about[film] = About(
            _spacing(fields, path.name, where),
            _number(fields.get("age", ""), 0.0, OLDEST, f"{where}: age"),
            _sex(fields.get("sex", ""), where),
        )
    return about


def about_film(about: Mapping[str, About], file: Path) -> About | None:
    """What a table says of the film in ``file``: under its name, with its ending or without."""
    return about.get(file.name, about.get(film_name(file)))


def absent(about: Mapping[str, About], files: Iterable[Path]) -> str:
    """A line for the screen about films that a table does not name; empty where it names them all."""
    missing = [file.name for file in files if about_film(about, file) is None]
    return f"{len(missing)} film(s) have no row in --about: {some(missing)}" if about and missing else ""


def _spacing(fields: dict[str, str], table: str, where: str) -> Spacing | None:
    ruler = [fields[name] for name in RULER if fields.get(name)]
    size = next((fields[name] for name in SIZES if fields.get(name)), "")
    if ruler and size:
        raise DataError(f"{where}: has a pixel size and a ruler; keep one of them")
    if ruler:
        try:
            x1, y1, x2, y2, length = map(float, ruler)
            return from_ruler((x1, y1), (x2, y2), length, f"ruler in {table}")
        except (ValueError, SettingsError) as error:
            raise DataError(f"{where}: {' '.join(RULER)} cannot be used ({error}); correct or empty them") from error
    pixel_size = _number(size, SMALLEST_MM, LARGEST_MM, f"{where}: pixel size")
    return None if pixel_size is None else square(pixel_size, table)


def _number(written: str, low: float, high: float, name: str) -> float | None:
    if not written:
        return None
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise DataError(f"{name} is {written!r:.40}, expected {low:g} to {high:g}; correct it or leave it empty")
    return value


def _sex(written: str, where: str) -> Sex | None:
    if not written:
        return None
    if written.lower() not in SEXES:
        raise DataError(f"{where}: sex is {written!r:.40}, expected female or male; correct it or leave it empty")
    return SEXES[written.lower()]
