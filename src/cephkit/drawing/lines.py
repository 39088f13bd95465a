"""The lines and outlines of a tracing, film pixels. Nothing is drawn to a landmark that is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from cephkit.data.film import Points
from cephkit.drawing.marks import XY
from cephkit.landmarks import Tissue

End: TypeAlias = tuple[str, ...]
"""A landmark, or two landmarks for the point midway between them."""

BEYOND = 0.045
"""How far a line runs beyond its ends, as a share of the landmarks' extent."""


@dataclass(frozen=True)
class Line:
    """A line that is labelled with its name."""

    name: str
    start: End
    end: End
    tissue: Tissue
    dashed: bool = False
    unless: str = ""
    """Left out if this landmark is present: another line is drawn instead."""


@dataclass(frozen=True)
class Outline:
    """Landmarks joined in order. A missing landmark breaks the outline unless it is ``optional``."""

    symbols: tuple[str, ...]
    tissue: Tissue
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DrawnLine:
    """A line of one face: its ends, and the ends of its extensions."""

    line: Line
    start: XY
    end: XY
    before_start: XY
    beyond_end: XY

    @property
    def path(self) -> tuple[XY, XY, XY, XY]:
        """All four in order."""
        return self.before_start, self.start, self.end, self.beyond_end


LINES: tuple[Line, ...] = (
    Line("SN", ("S",), ("N",), "bone"),
    Line("FH", ("Po",), ("Or",), "bone"),
    Line("PP", ("PNS",), ("ANS",), "bone"),
    Line("Go-Me", ("Go",), ("Me",), "bone"),
    Line("Go-Gn", ("Go",), ("Gn",), "bone", unless="Me"),
    Line("N-A", ("N",), ("A",), "bone", dashed=True),
    Line("N-B", ("N",), ("B",), "bone", dashed=True),
    Line("N-Pog", ("N",), ("Pog",), "bone", dashed=True),
    Line("BOP", ("UMT", "LMT"), ("UIT", "LIT"), "tooth"),
    Line("U1", ("UIA",), ("UIT",), "tooth"),
    Line("L1", ("LIA",), ("LIT",), "tooth"),
    Line("E", ("Pn",), ("Pog`",), "soft", dashed=True),
)
OUTLINES: tuple[Outline, ...] = (
    Outline(("Co", "Ar", "R", "Go", "Me", "Gn", "Pog", "B"), "bone", frozenset({"R", "Gn"})),
    Outline(("PNS", "ANS", "A"), "bone"),
    Outline(("N`", "Pn", "Sn", "Ls", "Li", "Pog`"), "soft"),
)


def extent(points: Points) -> float:
    """The longer side of the box around ``points``, film pixels; 0 for none."""
    return float(np.ptp(np.array(list(points.values())), axis=0).max()) if points else 0.0


def drawn_lines(points: Points) -> tuple[DrawnLine, ...]:
    """The lines whose landmarks are all present and do not coincide, in the order of ``LINES``."""
    beyond = BEYOND * extent(points)
    drawn = []
    for line in LINES:
        if line.unless in points or any(symbol not in points for symbol in (*line.start, *line.end)):
            continue
        start, end = (np.mean([points[symbol] for symbol in ends], axis=0) for ends in (line.start, line.end))
        length = float(np.hypot(*(end - start)))
        if length > 0:
            step = (end - start) * (beyond / length)
            drawn.append(DrawnLine(line, _xy(start), _xy(end), _xy(start - step), _xy(end + step)))
    return tuple(drawn)


def drawn_outlines(points: Points) -> Iterator[tuple[Tissue, tuple[XY, ...]]]:
    """Tissue and path of each piece of an outline with at least two landmarks."""
    for outline in OUTLINES:
        piece: list[XY] = []
        for symbol in (*outline.symbols, ""):
            if symbol in points:
                piece.append(points[symbol])
            elif symbol not in outline.optional:
                if len(piece) > 1:
                    yield outline.tissue, tuple(piece)
                piece = []


def _xy(point: np.ndarray) -> XY:
    return float(point[0]), float(point[1])
