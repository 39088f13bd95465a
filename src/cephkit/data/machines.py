"""Aariz's machine map: which X-ray machine made a film, and how large a pixel is in mm."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from cephkit.data.names import film_key
from cephkit.data.tables import number, read_table, surplus
from cephkit.errors import SettingsError

FILE_NAME = "cephalogram_machine_mappings.csv"
ORIGIN = "machine map"
SIDES = ("row_mm", "column_mm")
"""Columns in place of ``pixel_size`` for pixels that are not square: from row to row, and from column to column."""
SMALLEST_MM, LARGEST_MM = 0.005, 2.0
"""mm per pixel; real films lie between 0.09 and 0.24, and nothing outside these bounds is a cephalogram's."""


@dataclass(frozen=True)
class MachineRow:
    """One film's row; ``fault`` says why a pixel size was not taken."""

    machine: str | None
    pixel_size_mm: float | None
    mode: str | None
    fault: str | None = None
    stretch: tuple[float, float] = (1.0, 1.0)
    """Of pixels that are not square: ``pixel_size_mm`` is their shorter side."""
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
        if known is not None and (known.pixel_size_mm, known.stretch) != (row.pixel_size_mm, row.stretch):
            row = MachineRow(known.machine, None, known.mode, "two rows with different pixel sizes")
        rows[film_key(film_id)] = replace(row, film=film_id)
    return rows


def _row(fields: dict[str, str]) -> MachineRow:
    machine, mode = fields.get("machine") or None, fields.get("mode") or None
    written = fields.get("pixel_size", "")
    sides = [fields[name] for name in SIDES if fields.get(name)]
    if sides:
        return _of_sides(machine, mode, sides, written)
    if not written:
        return MachineRow(machine, None, mode)
    try:
        size = number(written)
    except ValueError:
        return MachineRow(machine, None, mode, f"pixel size {written!r:.40} is no number")
    if not math.isfinite(size) or not SMALLEST_MM <= size <= LARGEST_MM:
        fault = f"pixel size {written} is outside {SMALLEST_MM} to {LARGEST_MM} mm"
        return MachineRow(machine, None, mode, fault)
    return MachineRow(machine, size, mode)


def _of_sides(machine: str | None, mode: str | None, written: list[str], other: str) -> MachineRow:
    """A row whose pixels have two sides."""
    from cephkit.data.spacing import Spacing
    from cephkit.data.straight import stretch_of

    name = " and ".join(SIDES)
    if other or len(written) != len(SIDES):
        return MachineRow(machine, None, mode, f"{name} go together, and without pixel_size")
    try:
        spacing = Spacing(number(written[0]), number(written[1]), ORIGIN)
    except (ValueError, SettingsError):
        return MachineRow(
            machine, None, mode, f"{name} are {written[0]!r:.20} and {written[1]!r:.20}, no pixel's sides"
        )
    return MachineRow(machine, min(spacing.row_mm, spacing.column_mm), mode, stretch=stretch_of(spacing))
