"""A table of what is known about each film: pixel size or ruler, age and sex. Aariz's machine map is one."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from cephkit.data.machines import SIDES
from cephkit.data.names import film_key, of_film, rows_without_film
from cephkit.data.spacing import LARGEST_MM, SMALLEST_MM, Spacing, spacing_from_ruler, square
from cephkit.data.tables import number, read_table, surplus
from cephkit.errors import DataError, SettingsError, some

Sex: TypeAlias = Literal["female", "male"]

NAMES = ("film", "cephalogram_id")
SIZES = ("pixel_size_mm", "pixel_size")
RULER = ("ruler_x1", "ruler_y1", "ruler_x2", "ruler_y2", "ruler_mm")
"""Two points of a ruler on the film, film pixels, and the mm between them."""
SEXES: dict[str, Sex] = {"female": "female", "f": "female", "male": "male", "m": "male"}
OLDEST = 120.0


@dataclass(frozen=True)
class About:
    """What a table says about one film; None: nothing."""

    spacing: Spacing | None = None
    age: float | None = None
    sex: Sex | None = None
    film: str = field(default="", compare=False)
    """As the table writes it."""


def read_about(path: Path) -> dict[str, About]:
    """Read a table: ``film_key`` of the film -> its row. Cells may be empty, further columns are ignored.

    Raises:
        DataError: unreadable, without a column of films, a film twice, or an impossible value.
    """
    head, lines = read_table(path, NAMES)
    about: dict[str, About] = {}
    for line, cells in enumerate(lines, start=2):
        fields = dict(zip(head, cells, strict=False))
        film = next((fields[name] for name in NAMES if fields.get(name)), "")
        if not film:
            continue
        where = f"{path}, line {line} ({film})"
        if film_key(film) in about:
            raise DataError(f"{where}: film {film!r} appears twice; keep the right row")
        if fault := surplus(head, cells):
            raise DataError(f"{where}: {fault}")
        about[film_key(film)] = About(
            _spacing(fields, path.name, where),
            _number(fields.get("age", ""), 0.0, OLDEST, f"{where}: age"),
            _sex(fields.get("sex", ""), where),
            film,
        )
    return about


def about_lines(about: Mapping[str, About], films: Iterable[Path]) -> list[str]:
    """Lines for the screen: films that a table does not name, and rows that name none of ``films``."""
    if not about:
        return []
    files = list(films)
    absent = [file.name for file in files if of_film(about, file) is None]
    unused = [about[key].film for key in rows_without_film(about, files)]
    lines = [f"{len(absent)} film(s) have no row in --about: {some(absent)}"] if absent else []
    return lines + ([f"{len(unused)} row(s) of --about name no film here: {some(unused)}"] if unused else [])


def _spacing(fields: dict[str, str], table: str, where: str) -> Spacing | None:
    sides = [fields[name] for name in SIDES if fields.get(name)]
    if sides:
        return _of_sides(fields, sides, table, where)
    ruler = [fields[name] for name in RULER if fields.get(name)]
    size = next((fields[name] for name in SIZES if fields.get(name)), "")
    if ruler and size:
        raise DataError(f"{where}: has a pixel size and a ruler; keep one of them")
    if ruler:
        try:
            x1, y1, x2, y2, length = map(number, ruler)
            return spacing_from_ruler((x1, y1), (x2, y2), length, f"ruler in {table}")
        except (ValueError, SettingsError) as error:
            name = " ".join(RULER)
            raise DataError(f"{where}: {name} cannot be used ({error}); correct them or leave them empty") from error
    pixel_size = _number(size, SMALLEST_MM, LARGEST_MM, f"{where}: pixel size")
    return None if pixel_size is None else square(pixel_size, table)


def _of_sides(fields: dict[str, str], sides: list[str], table: str, where: str) -> Spacing:
    name = " and ".join(SIDES)
    if len(sides) != len(SIDES) or any(fields.get(other) for other in (*SIZES, *RULER)):
        raise DataError(f"{where}: {name} go together, and without a pixel size or a ruler; keep one of these")
    try:
        return Spacing(number(sides[0]), number(sides[1]), table)
    except (ValueError, SettingsError) as error:
        raise DataError(f"{where}: {name} cannot be used ({error}); correct them or leave them empty") from error


def _number(written: str, low: float, high: float, name: str) -> float | None:
    if not written:
        return None
    try:
        value = number(written)
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
