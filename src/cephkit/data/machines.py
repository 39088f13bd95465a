"""Aariz's machine map: which X-ray machine made a film, and how large a pixel is in mm."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from cephkit.errors import DataError
from cephkit.files import short_name

FILE_NAME = "cephalogram_machine_mappings.csv"
ORIGIN = "machine map"
SMALLEST_MM, LARGEST_MM = 0.005, 2.0
"""mm per pixel; real films lie between 0.09 and 0.24, and nothing outside these bounds is a cephalogram's."""


@dataclass(frozen=True)
class MachineRow:
    """One film's row; ``fault`` says why a pixel size was not taken."""

    machine: str | None
    pixel_size_mm: float | None
    mode: str | None
    fault: str | None = None


def read_machine_map(path: Path) -> dict[str, MachineRow]:
    """Film id -> row. Extra columns, spaces and a BOM do no harm; a film named twice with two sizes has none.

    Raises:
        DataError: unreadable, or without a ``cephalogram_id`` column.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            table = [[cell.strip() for cell in row] for row in csv.reader(file)]
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: the machine map cannot be read: {error}; correct or remove it") from error
    head = [name.lower() for name in table[0]] if table else []
    if "cephalogram_id" not in head:
        raise DataError(f"{path}: no column cephalogram_id, found {', '.join(head) or 'nothing'}; correct or remove it")
    rows: dict[str, MachineRow] = {}
    for cells in table[1:]:
        fields = dict(zip(head, cells, strict=False))
        film_id = short_name(fields.get("cephalogram_id", ""))
        if not film_id:
            continue
        row = _row(fields)
        known = rows.get(film_id)
        if known is not None and known.pixel_size_mm != row.pixel_size_mm:
            row = MachineRow(known.machine, None, known.mode, "two rows with different pixel sizes")
        rows[film_id] = row
    return rows


def _row(fields: dict[str, str]) -> MachineRow:
    machine, mode = fields.get("machine") or None, fields.get("mode") or None
    written = fields.get("pixel_size", "")
    if not written:
        return MachineRow(machine, None, mode)
    try:
        size = float(written)
    except ValueError:
        return MachineRow(machine, None, mode, f"pixel size {written!r:.40} is no number")
    if not math.isfinite(size) or not SMALLEST_MM <= size <= LARGEST_MM:
        fault = f"pixel size {written} is outside {SMALLEST_MM} to {LARGEST_MM} mm"
        return MachineRow(machine, None, mode, fault)
    return MachineRow(machine, size, mode)
