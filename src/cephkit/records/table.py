"""Records as a table with a row per film and landmark: CSV, and pandas."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from cephkit.errors import SettingsError
from cephkit.landmarks import BY_SYMBOL

if TYPE_CHECKING:
    import pandas

    from cephkit.records.record import LandmarkRecord

COLUMNS = (
    *("film", "file", "symbol", "title", "x_px", "y_px", "score", "x_mm", "y_mm"),
    *("expected_error_px", "expected_error_mm", "look"),
)
"""``look``: yes where the landmark needs review."""


PLACES = {"x_px": 3, "y_px": 3, "score": 4, "x_mm": 3, "y_mm": 3, "expected_error_px": 2, "expected_error_mm": 2}
"""Decimal places of figures, as in the record's JSON."""


def landmark_rows(records: Iterable["LandmarkRecord"]) -> Iterator[dict[str, Any]]:
    """Yield rows under ``COLUMNS``, film by film, in canonical order; cells are empty where a figure is unknown."""
    for record in records:
        for symbol in record.symbols:
            row = {"film": record.film_id, "file": record.file, "symbol": symbol, "title": BY_SYMBOL[symbol].title}
            look = "yes" if symbol in record.needs_review else None
            yield {**row, **figures(record, symbol), "look": look}


def figures(record: "LandmarkRecord", symbol: str) -> dict[str, float]:
    """Return a landmark's known figures, rounded to ``PLACES``; mm come from rounded pixels. Empty if it is missing."""
    if symbol not in record.points:
        return {}
    x, y = (round(value, PLACES["x_px"]) for value in record.points[symbol])
    found = {"x_px": x, "y_px": y}
    if symbol in record.scores:
        found["score"] = record.scores[symbol]
    if symbol in record.expected_errors:
        found["expected_error_px"] = round(record.expected_errors[symbol], PLACES["expected_error_px"])
    if record.spacing is not None:
        found |= {"x_mm": x * record.spacing.column_mm, "y_mm": y * record.spacing.row_mm}
        if "expected_error_px" in found:
            found["expected_error_mm"] = found["expected_error_px"] * record.spacing.mean_mm
    return {name: round(value, PLACES[name]) for name, value in found.items()}


def records_frame(records: Iterable["LandmarkRecord"]) -> "pandas.DataFrame":
    """Return ``landmark_rows`` as a pandas table; ``look`` is True or False.

    Raises:
        SettingsError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise SettingsError('to_frame needs pandas: pip install "cephkit[frames]"; or use to_csv') from error
    table = pandas.DataFrame(list(landmark_rows(records)), columns=list(COLUMNS))
    return table.assign(look=table["look"] == "yes")
