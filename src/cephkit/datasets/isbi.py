"""The ISBI 2014 and 2015 challenges as published: BMP films, and a text file of each annotator for each film.

A label file has 19 lines ``x,y`` in pixels, then the doctor's eight classes (Wang et al., Medical Image Analysis 31:63,
2016), which are not read.
"""

import re
from pathlib import Path

from PIL import Image

from cephkit.data.film import FARTHEST_PX, Points, Split
from cephkit.data.json_values import read_bytes
from cephkit.data.names import film_name
from cephkit.data.opened import is_film_file
from cephkit.data.spacing import Spacing, square
from cephkit.datasets.layout import Fault, Listed, Listing
from cephkit.errors import CephkitError, DataError, Note, some
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import in_known_order, shipped

MACHINE = "Soredex CRANEX Excel Ceph"
PIXEL_MM = 0.1
SIZE = (1935, 2400)
"""(width, height) of the published films; a film of another size has another pixel size."""
ANNOTATORS = {"senior": "400_senior", "junior": "400_junior"}
"""Annotator -> folder."""
TEST1, TEST2 = 151, 301
"""First films of the two test sets of the 2015 challenge; they serve as valid and test."""
LABEL_ENDING = ".txt"
LARGEST_BYTES = 64 * 1024
_POINT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")


class Isbi2015:
    """The published folders: ``RawImage`` with films, and ``400_senior`` and ``400_junior`` with labels."""

    title = "ISBI 2015"
    wanted = " or ".join(ANNOTATORS.values())

    @property
    def usual(self) -> LandmarkSchema:
        """Its 19 landmarks."""
        return in_known_order(shipped("isbi2015"))

    def recognises(self, root: Path) -> bool:
        """Whether a folder of labels is there, at the top or one level below."""
        return any(_label_folders(root).values())

    def list(self, root: Path, schema: LandmarkSchema, unpacked: Path) -> Listing:
        """List the films, each with the labels of both annotators; see ``Layout``."""
        listing = Listing()
        symbols = shipped("isbi2015").symbols
        labels: dict[str, dict[str, Points]] = {}
        for annotator, folder in _label_folders(root).items():
            for path in [] if folder is None else sorted(folder.glob(f"*{LABEL_ENDING}")):
                number = _number(path)
                points, faults = _points(path, symbols)
                labels.setdefault(number, {})[annotator] = points
                listing.faults += faults
        films = [path for path in root.rglob("*") if path.suffix.lower() != LABEL_ENDING and is_film_file(path)]
        for path in sorted(films, key=_number):
            number = _number(path)
            spacing = published_spacing(path)
            listing.films.append(
                Listed(number, path, labels.pop(number, {}), spacing, MACHINE if spacing else None, _split(number))
            )
        if other := [film.film_id for film in listing.films if film.spacing is None]:
            text = f"not {SIZE[0]}x{SIZE[1]} pixels, so of unknown pixel size: {len(other)} films: {some(other)}"
            listing.notes.append(Note("pixel size", text, "use the published films, or give a machine map"))
        if labels:
            text = f"labels without a film: {len(labels)}: {some(sorted(labels))}"
            listing.notes.append(Note("label", text, "add the films, if they should be used"))
        return listing


def _label_folders(root: Path) -> dict[str, Path | None]:
    if not root.is_dir():
        return dict.fromkeys(ANNOTATORS)
    try:
        places = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
        folders = {path.name.lower(): path for place in reversed(places) for path in place.iterdir() if path.is_dir()}
    except OSError as error:
        raise DataError(f"cannot be listed: {error.strerror}", "check that you may read it", root) from error
    return {annotator: folders.get(name) for annotator, name in ANNOTATORS.items()}


def _number(path: Path) -> str:
    """The film's number with three digits, however a film or label file writes it; else the file's name."""
    name = path.stem if path.suffix.lower() == LABEL_ENDING else film_name(path)
    return f"{int(name):03d}" if name.isdecimal() else name


def _split(number: str) -> Split | None:
    if not number.isdecimal():
        return None
    return "train" if int(number) < TEST1 else "valid" if int(number) < TEST2 else "test"


def published_spacing(path: Path) -> Spacing | None:
    """Return the pixel size of a film that is as large as the published ones; None for others."""
    try:
        with Image.open(path) as film:
            is_published = film.size == SIZE
    except (OSError, ValueError, Image.DecompressionBombError):
        return None  # the check of the films says why it cannot be read
    return square(PIXEL_MM, "ISBI 2015") if is_published else None


def _points(path: Path, symbols: tuple[str, ...]) -> tuple[Points, list[Fault]]:
    """Read one label file; a fault names its line."""

    def fault(line: int, text: str, remedy: str = "correct the file") -> Fault:
        return Fault("label", text, remedy, film_id=_number(path), where=f"{path}, line {line}")

    try:
        lines = read_bytes(path, LARGEST_BYTES).decode("utf-8-sig", "replace").split("\n")
    except CephkitError as error:
        return {}, [fault(1, error.text, error.remedy)]
    points: Points = {}
    faults = []
    for number, symbol in enumerate(symbols, start=1):
        match = _POINT.fullmatch(lines[number - 1]) if number <= len(lines) else None
        if match is None:
            written = repr(lines[number - 1][:40]) if number <= len(lines) else "the end of the file"
            faults.append(fault(number, f"{symbol}: expected x,y, found {written}"))
            continue
        x, y = float(match[1]), float(match[2])
        if max(abs(x), abs(y)) > FARTHEST_PX:
            faults.append(fault(number, f"{symbol}: {x:g},{y:g} is on no film"))
        points[symbol] = (x, y)
    further = [number for number, line in enumerate(lines[len(symbols) :], len(symbols) + 1) if _POINT.fullmatch(line)]
    if further:
        text = f"a {len(symbols) + 1}th point; the challenge has {len(symbols)} landmarks"
        faults.append(fault(further[0], text, "describe the data set in a table instead, see docs/data.md"))
    return ({}, faults) if faults else (points, [])
