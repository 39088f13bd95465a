"""Writes ``doubts.csv``: every finding, a line for each film that it concerns."""

from collections.abc import Iterator
from pathlib import Path

from cephkit.data.film import Film
from cephkit.data.findings import film_title
from cephkit.doubts.gather import Gathered
from cephkit.files import Row

NAME = "doubts.csv"
COLUMNS = (
    "finding", "data_set", "split", "film", "file", "annotator", "landmarks", "kind", "certain", "text", "remedy",
    "expected", "others",
)  # fmt: skip


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
