"""What a tracing shows: lines and outlines between landmarks, film pixels. Nothing is drawn to a landmark not there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from cephkit.data.film import Points
from cephkit.landmarks import Tissue

XY: TypeAlias = tuple[float, float]
End: TypeAlias = tuple[str, ...]
"""A landmark, or the two whose middle is meant."""

BEYOND = 0.045
"""How far a line goes on beyond its ends, as a share of the landmarks' extent."""


@dataclass(frozen=True)
class Line:
    """A line that the tracing names."""

    name: str
    start: End
    end: End
    tissue: Tissue
    dashed: bool = False
    unless: str = ""
    """Left out where this landmark is there: another line stands for it."""


@dataclass(frozen=True)
class Outline:
    """Landmarks joined in a row; ``by_the_way`` are passed by where they are missing, at others the row breaks."""

    symbols: tuple[str, ...]
    tissue: Tissue
    by_the_way: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DrawnLine:
    """A line of one face: its ends, and where it runs out beyond them."""

    line: Line
    start: XY
    end: XY
    before_start: XY
    beyond_end: XY

    @property
    def path(self) -> tuple[XY, XY, XY, XY]:
        """All four in a row."""
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
    """The lines whose landmarks are all there and do not coincide, in the order of ``LINES``."""
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
    """Tissue and path of each piece of an outline that has two landmarks or more."""
    for outline in OUTLINES:
        piece: list[XY] = []
        for symbol in (*outline.symbols, ""):
            if symbol in points:
                piece.append(points[symbol])
            elif symbol not in outline.by_the_way:
                if len(piece) > 1:
                    yield outline.tissue, tuple(piece)
                piece = []


def _xy(point: np.ndarray) -> XY:
    return float(point[0]), float(point[1])
