"""Records as a table with a row per film and landmark: CSV, and pandas."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from cephkit.errors import SettingsError
from cephkit.files import guarded
from cephkit.landmarks import BY_SYMBOL

if TYPE_CHECKING:
    import pandas

    from cephkit.records.record import LandmarkRecord

COLUMNS = (
    *("film", "file", "symbol", "title", "x_px", "y_px", "score", "x_mm", "y_mm"),
    *("expected_error_px", "expected_error_mm", "look"),
)
"""``look``: yes where the landmark needs review."""


def landmark_rows(records: Iterable["LandmarkRecord"]) -> Iterator[dict[str, Any]]:
    """Rows under ``COLUMNS``, film by film, in canonical order; cells are empty where a figure is unknown.

    Figures are rounded as in the record's JSON, and those in mm made of the rounded ones.
    """
    for record in records:
        for symbol in record.symbols:
            row: dict[str, Any] = {"film": record.film_id, "file": record.file}
            row |= {"symbol": symbol, "title": BY_SYMBOL[symbol].title}
            if symbol in record.points:
                row |= _figures(record, symbol)
                row["look"] = "yes" if symbol in record.needs_review else None
            yield row


def _figures(record: "LandmarkRecord", symbol: str) -> dict[str, float | None]:
    x, y = (round(value, 3) for value in record.points[symbol])
    score, error, spacing = record.scores.get(symbol), record.expected_errors.get(symbol), record.spacing
    figures: dict[str, float | None] = {"x_px": x, "y_px": y, "score": None if score is None else round(score, 4)}
    if error is not None:
        figures["expected_error_px"] = error = round(error, 2)
    if spacing is not None:
        figures |= {"x_mm": round(x * spacing.column_mm, 3), "y_mm": round(y * spacing.row_mm, 3)}
        figures["expected_error_mm"] = None if error is None else round(error * spacing.mean_mm, 2)
    return figures


def records_csv(records: Iterable["LandmarkRecord"]) -> str:
    """``landmark_rows`` as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(guarded, landmark_rows(records)))
    return text.getvalue()


def records_frame(records: Iterable["LandmarkRecord"]) -> "pandas.DataFrame":
    """``landmark_rows`` as a pandas table; ``look`` is True or False.

    Raises:
        SettingsError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise SettingsError('to_frame needs pandas: pip install "cephkit[frames]"; or use to_csv') from error
    table = pandas.DataFrame(list(landmark_rows(records)), columns=list(COLUMNS))
    return table.assign(look=table["look"] == "yes")
