"""``doubts.csv``: every finding, a line for each film that it concerns."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cephkit.data.film import Film
from cephkit.data.findings import film_title
from cephkit.doubts.gather import Gathered
from cephkit.errors import SettingsError
from cephkit.files import Row

NAME = "doubts.csv"
COLUMNS = (
    "finding", "data_set", "split", "film", "file", "annotator", "landmarks", "kind", "certain", "text", "remedy",
    "expected", "others",
)  # fmt: skip
LARGEST_TABLE = 100_000_000
"""Bytes; a hundred thousand findings take a third of that."""
MOST_DOUBTS = 200_000
_NEEDED = ("data_set", "film", "file", "landmarks", "text", "remedy")


def rows(gathered: Gathered) -> Iterator[Row]:
    """Yield the lines of the table; findings are numbered from 1, as on the page."""
    for number, finding in enumerate(gathered.findings, 1):
        fault = finding.fault
        common: Row = {
            "finding": number, "data_set": gathered.source_of(finding), "annotator": finding.annotator,
            "landmarks": " ".join(fault.landmarks), "kind": fault.kind, "certain": "yes" if fault.certain else "no",
            "text": homeless(fault.text), "remedy": homeless(fault.remedy),
            "expected": "; ".join(f"{symbol} {x:.1f} {y:.1f}" for symbol, (x, y) in fault.expected.items()),
        }  # fmt: skip
        if fault.kind == "pixel size" or not finding.films:
            yield common
            continue
        for film in finding.films:
            others = [other for other in finding.films if other is not film]
            yield {
                **common, "data_set": film.source or common["data_set"], "split": film.split, "film": own_id(film),
                "file": file_below(film, gathered), "others": "; ".join(map(film_title, others)),
            }  # fmt: skip


def own_id(film: Film) -> str:
    """Return the film's id in its data set."""
    return film.film_id.removeprefix(f"{film.source}/") if film.source else film.film_id


def file_below(film: Film, gathered: Gathered) -> str:
    """Return the film's file below the folder of its data set; its name if it lies elsewhere."""
    root = gathered.roots.get(film.source) or next(iter(gathered.roots.values()))
    root = root.parent if root.is_file() else root
    return film.path.relative_to(root).as_posix() if film.path.is_relative_to(root) else film.path.name


def homeless(text: str) -> str:
    """Return ``text`` without the user's home folder: tables and pages are shared, folders are private."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


@dataclass(frozen=True)
class Doubt:
    """A line of the table, as the review needs it."""

    source: str
    """The data set."""
    film_id: str
    file: str
    landmarks: tuple[str, ...]
    text: str


def read_doubts(path: Path) -> list[Doubt]:
    """Read the lines of ``doubts.csv`` that are about films.

    Raises:
        SettingsError: it cannot be read, or is another table.
    """
    advice = "name the doubts.csv that cephkit check wrote"
    try:
        if path.stat().st_size > LARGEST_TABLE:
            raise SettingsError(f"more than {LARGEST_TABLE:,} bytes", advice, path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file, strict=True)
            missing = [name for name in _NEEDED if name not in (lines.fieldnames or ())]
            if missing:
                raise SettingsError(f"has no column {', '.join(missing)}", advice, path)
            found = []
            for line in lines:
                if None in line or None in line.values():
                    raise SettingsError(f"line {lines.line_num}: not as many cells as columns", advice, path)
                if len(found) >= MOST_DOUBTS:
                    raise SettingsError(f"more than {MOST_DOUBTS:,} lines", advice, path)
                if line["film"] or line["file"]:
                    found.append(_doubt(line))
    except (OSError, ValueError, csv.Error) as error:  # not there, not text, not a table
        raise SettingsError(f"cannot be read ({error})", advice, path) from error
    return found


def _doubt(line: dict[str, str]) -> Doubt:
    cells = {name: _plain(line[name]) for name in _NEEDED}
    text = f"{cells['text']}; {cells['remedy']}" if cells["remedy"] else cells["text"]
    who = _plain(line.get("annotator") or "")
    return Doubt(
        cells["data_set"], cells["film"], cells["file"], tuple(cells["landmarks"].split()),
        f"{who}: {text}" if who else text,
    )  # fmt: skip


def _plain(text: str) -> str:
    """Undo what ``files.cell`` does to texts that a spreadsheet might run."""
    return text.removeprefix("'")
