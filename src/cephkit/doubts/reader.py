"""Reads ``doubts.csv`` again, for the review; nothing in it is believed."""

import csv
from dataclasses import dataclass
from pathlib import Path

from cephkit.errors import SettingsError

LARGEST_TABLE = 100_000_000
"""Bytes; a hundred thousand findings take a third of that."""
MOST_DOUBTS = 200_000
LONGEST_TEXT = 2_000
"""Letters of a text that are kept."""
_NEEDED = ("data_set", "film", "file", "annotator", "landmarks", "text", "remedy")
_ADVICE = "name the doubts.csv that cephkit check wrote"


@dataclass(frozen=True)
class Doubt:
    """A line of the table, as the review needs it."""

    source: str
    """The data set."""
    film_id: str
    file: str
    """Below the folder of the data set."""
    annotator: str
    """Whose label it is about; empty: not that of one annotator."""
    landmarks: tuple[str, ...]
    text: str
    """What is in doubt, and what to do."""


def read_doubts(path: Path) -> list[Doubt]:
    """Read the lines that are about films.

    Raises:
        SettingsError: it cannot be read, or is another table.
    """
    found: list[Doubt] = []
    try:
        if path.stat().st_size > LARGEST_TABLE:
            raise SettingsError(f"more than {LARGEST_TABLE:,} bytes", _ADVICE, path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file, strict=True)
            missing = [name for name in _NEEDED if name not in (lines.fieldnames or ())]
            if missing:
                raise SettingsError(f"has no column {', '.join(missing)}", _ADVICE, path)
            for line in lines:
                if None in line or None in line.values():
                    raise SettingsError(f"line {lines.line_num}: not as many cells as columns", _ADVICE, path)
                if len(found) >= MOST_DOUBTS:
                    raise SettingsError(f"more than {MOST_DOUBTS:,} lines", _ADVICE, path)
                if line["film"] or line["file"]:
                    found.append(_doubt({name: _plain(line[name]) for name in _NEEDED}))
    except (OSError, ValueError, csv.Error) as error:  # not there, not text, not a table
        raise SettingsError(f"cannot be read ({error})", _ADVICE, path) from error
    return found


def _doubt(cells: dict[str, str]) -> Doubt:
    text = "; ".join(filter(None, (cells["text"], cells["remedy"])))[:LONGEST_TEXT]
    landmarks = tuple(cells["landmarks"].split())
    return Doubt(cells["data_set"], cells["film"], cells["file"], cells["annotator"], landmarks, text)


def _plain(text: str) -> str:
    """Undo what ``files.cell`` does to texts that a spreadsheet might run."""
    return text.removeprefix("'")
