"""Landmarks as tables: one row per film and landmark, and one row per film for statistics programs."""

import re
from collections.abc import Sequence
from typing import Any

from cephkit.files import csv_bytes
from cephkit.interchange.films import Files, model_tag, schema_of_all
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.notice import NOTICE
from cephkit.records.record import PLACES, LandmarkRecord, figures

LONG, WIDE = "landmarks_long.csv", "landmarks_wide.csv"
VALUES = ("x_px", "y_px", "x_mm", "y_mm", "expected_error_px", "expected_error_mm")
FILM_COLUMNS = (
    *("film", "file", "film_hash", "width_px", "height_px", "facing"),
    *("column_mm", "row_mm", "spacing_origin", "spacing_plane", "model", "notice"),
)
LONG_COLUMNS = (*FILM_COLUMNS, "symbol", "title", "tissue", "score", *VALUES)


def variable(symbol: str) -> str:
    """Return the start of a landmark's columns in the wide table: names that R, SPSS and Stata take as they are."""
    return re.sub(r"\W", "_", symbol.replace("`", "_soft"))


def wide_columns(schema: LandmarkSchema) -> tuple[str, ...]:
    """Return the columns of the wide table."""
    return (*FILM_COLUMNS, *(f"{variable(symbol)}_{value}" for symbol in schema.symbols for value in VALUES))


def table_files(records: Sequence[LandmarkRecord]) -> Files:
    """Make both tables of all films."""
    return {
        LONG: lambda: csv_bytes(LONG_COLUMNS, [row for record in records for row in long_rows(record)]),
        WIDE: lambda: csv_bytes(wide_columns(schema_of_all(records)), [wide_row(record) for record in records]),
    }


def long_rows(record: LandmarkRecord) -> list[dict[str, Any]]:
    """Return a row per landmark that was searched for; one that is missing has empty cells."""
    shared = _film_cells(record)
    return [
        {
            **shared,
            "symbol": symbol,
            "title": record.schema[symbol].title,
            "tissue": record.schema[symbol].tissue,
            **_cells(record, symbol),
        }
        for symbol in record.symbols
    ]


def wide_row(record: LandmarkRecord) -> dict[str, Any]:
    """Return one row with the values of all landmarks."""
    values = {
        f"{variable(symbol)}_{name}": value
        for symbol in record.points
        for name, value in _cells(record, symbol).items()
        if name in VALUES
    }
    return _film_cells(record) | values


def _film_cells(record: LandmarkRecord) -> dict[str, Any]:
    height, width = record.size or (None, None)
    spacing = record.spacing
    return {
        "film": record.film_id,
        "file": record.file,
        "film_hash": record.film_hash,
        "width_px": width,
        "height_px": height,
        "facing": record.facing,
        "column_mm": f"{spacing.column_mm:.6g}" if spacing else None,
        "row_mm": f"{spacing.row_mm:.6g}" if spacing else None,
        "spacing_origin": spacing.origin if spacing else None,
        "spacing_plane": spacing.plane if spacing else None,
        "model": model_tag(record),
        "notice": NOTICE,
    }


def _cells(record: LandmarkRecord, symbol: str) -> dict[str, str]:
    """Return a landmark's known figures with all decimal places."""
    return {name: f"{value:.{PLACES[name]}f}" for name, value in figures(record, symbol).items()}
