"""A table of what is known about each film: pixel size, age and sex. Aariz's machine map is one."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from cephkit.cephalometry.norms import Sex
from cephkit.data.machines import LARGEST_MM, SMALLEST_MM
from cephkit.errors import DataError

NAMES = ("film", "cephalogram_id")
SIZES = ("pixel_size_mm", "pixel_size")
SEXES: dict[str, Sex] = {"female": "female", "f": "female", "male": "male", "m": "male"}
OLDEST = 120.0


@dataclass(frozen=True)
class About:
    """What is known about one film; None: nothing is."""

    pixel_size_mm: float | None = None
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
        size = next((fields[name] for name in SIZES if fields.get(name)), "")
        about[film] = About(
            _number(size, SMALLEST_MM, LARGEST_MM, f"{where}: pixel size"),
            _number(fields.get("age", ""), 0.0, OLDEST, f"{where}: age"),
            _sex(fields.get("sex", ""), where),
        )
    return about


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
