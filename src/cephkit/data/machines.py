"""Aariz's machine map: which X-ray machine made a film, and how large a pixel is in mm."""

from dataclasses import dataclass, replace
from pathlib import Path

from cephkit.data.names import film_key
from cephkit.data.spacing import LARGEST_MM, SMALLEST_MM, Spacing, square
from cephkit.data.tables import number, read_table, surplus
from cephkit.errors import SettingsError

FILE_NAME = "cephalogram_machine_mappings.csv"
ORIGIN = "machine map"
SIDES = ("row_mm", "column_mm")
"""Columns that replace ``pixel_size`` for pixels that are not square: from row to row, and from column to column."""


@dataclass(frozen=True)
class MachineRow:
    """One film's row."""

    machine: str | None
    spacing: Spacing | None
    mode: str | None
    fault: str | None = None
    """Why a pixel size was ignored."""
    film: str = ""
    """As the table writes it."""


def read_machine_map(path: Path) -> dict[str, MachineRow]:
    """``film_key`` of the film id -> row. Extra columns, spaces and a BOM do no harm.

    A film named twice with two sizes has none.

    Raises:
        DataError: unreadable, or without a ``cephalogram_id`` column.
    """
    head, lines = read_table(path, ("cephalogram_id",), strict=False)
    rows: dict[str, MachineRow] = {}
    for cells in lines:
        fields = dict(zip(head, cells, strict=False))
        film_id = fields.get("cephalogram_id", "")
        if not film_id:
            continue
        row = _row(fields)
        if fault := surplus(head, cells):
            row = MachineRow(row.machine, None, row.mode, fault)
        known = rows.get(film_key(film_id))
        if known is not None and known.spacing != row.spacing:
            row = MachineRow(known.machine, None, known.mode, "two rows with different pixel sizes")
        rows[film_key(film_id)] = replace(row, film=film_id)
    return rows


def _row(fields: dict[str, str]) -> MachineRow:
    machine, mode = fields.get("machine") or None, fields.get("mode") or None
    try:
        return MachineRow(machine, _spacing(fields), mode)
    except ValueError as error:
        return MachineRow(machine, None, mode, str(error))


def _spacing(fields: dict[str, str]) -> Spacing | None:
    """The pixel size that a row gives, if any.

    Raises:
        ValueError: why it cannot be used.
    """
    written, sides = fields.get("pixel_size", ""), [fields[name] for name in SIDES if fields.get(name)]
    if sides:
        name = " and ".join(SIDES)
        if written or len(sides) != len(SIDES):
            raise ValueError(f"{name} go together, and without pixel_size")
        try:
            return Spacing(number(sides[0]), number(sides[1]), ORIGIN)
        except (ValueError, SettingsError) as error:
            raise ValueError(f"{name} are {sides[0]!r:.20} and {sides[1]!r:.20}, not the sides of a pixel") from error
    if not written:
        return None
    try:
        size = number(written)
    except ValueError as error:
        raise ValueError(f"pixel size {written!r:.40} is not a number") from error
    if not SMALLEST_MM <= size <= LARGEST_MM:  # NaN neither
        raise ValueError(f"pixel size {written} is outside {SMALLEST_MM} to {LARGEST_MM} mm")
    return square(size, ORIGIN)
