"""Landmarks as tables: one row per film and landmark, and one row per film for statistics programs."""

from collections.abc import Sequence
from typing import Any

from cephkit.files import cell
from cephkit.interchange.contents import Files, csv_bytes
from cephkit.interchange.films import made_by
from cephkit.landmarks import BY_SYMBOL, SYMBOLS
from cephkit.notice import NOTICE
from cephkit.records.record import LandmarkRecord

LONG, WIDE = "landmarks_long.csv", "landmarks_wide.csv"
VALUES = ("x_px", "y_px", "x_mm", "y_mm", "expected_error_px", "expected_error_mm")
FILM_COLUMNS = (
    *("film", "file", "film_hash", "width_px", "height_px", "facing"),
    *("column_mm", "row_mm", "spacing_origin", "spacing_plane", "model", "notice"),
)
LONG_COLUMNS = (*FILM_COLUMNS, "symbol", "title", "tissue", "score", *VALUES)
VARIABLES = {symbol: symbol.replace("`", "_soft") for symbol in SYMBOLS}
"""Symbol -> the start of its columns in the wide table: names that R, SPSS and Stata take as they are."""
WIDE_COLUMNS = (*FILM_COLUMNS, *(f"{VARIABLES[symbol]}_{value}" for symbol in SYMBOLS for value in VALUES))


def table_files(records: Sequence[LandmarkRecord]) -> Files:
    """Both tables of all films."""
    return {
        LONG: lambda: csv_bytes(LONG_COLUMNS, [row for record in records for row in long_rows(record)]),
        WIDE: lambda: csv_bytes(WIDE_COLUMNS, [wide_row(record) for record in records]),
    }


def long_rows(record: LandmarkRecord) -> list[dict[str, Any]]:
    """A row per landmark that was looked for; one not found has empty cells."""
    shared = _film_cells(record)
    return [
        {
            **shared,
            "symbol": symbol,
            "title": BY_SYMBOL[symbol].title,
            "tissue": BY_SYMBOL[symbol].tissue,
            "score": _digits(record.scores.get(symbol), 4) if symbol in record.points else None,
            **_values(record, symbol),
        }
        for symbol in record.symbols
    ]


def wide_row(record: LandmarkRecord) -> dict[str, Any]:
    """One row with the values of all landmarks."""
    values = {
        f"{VARIABLES[symbol]}_{name}": value
        for symbol in record.points
        for name, value in _values(record, symbol).items()
    }
    return _film_cells(record) | values


def _film_cells(record: LandmarkRecord) -> dict[str, Any]:
    height, width = record.size or (None, None)
    spacing = record.spacing
    return {
        "film": cell(record.film_id),
        "file": cell(record.file),
        "film_hash": cell(record.film_hash),
        "width_px": width,
        "height_px": height,
        "facing": record.facing,
        "column_mm": f"{spacing.column_mm:.6g}" if spacing else None,
        "row_mm": f"{spacing.row_mm:.6g}" if spacing else None,
        "spacing_origin": cell(spacing.origin) if spacing else None,
        "spacing_plane": cell(spacing.plane) if spacing else None,
        "model": cell(made_by(record)),
        "notice": NOTICE,
    }


def _values(record: LandmarkRecord, symbol: str) -> dict[str, str | None]:
    """Cells of one landmark, rounded as in the table of cephkit predict."""
    if symbol not in record.points:
        return {}
    x, y = record.points[symbol]
    error, spacing = record.expected_errors.get(symbol), record.spacing
    values = {"x_px": _digits(x, 3), "y_px": _digits(y, 3), "expected_error_px": _digits(error, 2)}
    if spacing is not None:
        values |= {"x_mm": _digits(x * spacing.column_mm, 3), "y_mm": _digits(y * spacing.row_mm, 3)}
        if error is not None:
            values["expected_error_mm"] = _digits(error * spacing.mean_mm, 2)
    return values


def _digits(figure: float | None, places: int) -> str | None:
    return None if figure is None else f"{figure:.{places}f}"
