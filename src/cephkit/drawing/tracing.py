"""A tracing as SVG in film pixels, over the film or on white.

Nothing is drawn to a landmark that is missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.drawing import painter
from cephkit.drawing.marks import (
    ON_FILM,
    ON_WHITE,
    XY,
    Box,
    Ink,
    Name,
    Pen,
    Stroke,
    best_place,
    box_around,
    places_around,
)
from cephkit.drawing.svg import View, document, film_svg, marks_svg, text_width
from cephkit.landmarks.schema import LandmarkSchema, Tissue
from cephkit.landmarks.shipped import KNOWN

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


LARGEST_SIDE = 1400
"""Of the film in the SVG, pixels."""
MARGIN = 0.14
"""Of film around the landmarks, as a share of their extent."""
SCALE_BARS_MM = (50, 20, 10, 5, 2, 1)
ARM, FONT, SMALL_FONT = 8.0, 20.0, 18.0
"""Sizes of markers, of the names of lines, and of symbols, in thousandths of the picture."""
LINE_GAPS = (6.4, 10.4, 14.4, 23.4, 25.6, 41.6)
"""Distances between the end of a line and its name, in the same."""


def tracing_svg(
    points: Points,
    grey: NDArray[np.uint8] | None = None,
    regions: Mapping[str, ArrayLike] | None = None,
    spacing: Spacing | None = None,
    title: str = "Tracing",
    schema: LandmarkSchema = KNOWN,
) -> str:
    """The tracing, over its film if there is one.

    Args:
        points: landmarks by symbol, film pixels.
        grey: (H, W); None: on white.
        regions: 90 % regions (2, 2), film pixels squared, drawn as ellipses about their landmarks.
        spacing: for the scale bar.
        title: for screen readers.
        schema: the landmarks'.
    """
    points = {symbol: points[symbol] for symbol in schema.in_order(points)}
    view = view_of(points, None if grey is None else (grey.shape[0], grey.shape[1]))
    unit = max(view.width, view.height) / 1000
    ink = ON_WHITE if grey is None else ON_FILM
    pen = Pen(ink, ARM * unit, 2.2 * unit, 1.3 * unit, SMALL_FONT * unit)
    lines = drawn_lines(points)
    outlines = (
        Stroke((piece,), ink.tissues[tissue], 3.5 * unit, pen.rim, opacity=0.5)
        for tissue, piece in drawn_outlines(points)
    )
    drawn = (
        Stroke((d.path,), ink.tissues[d.line.tissue], 1.8 * unit, pen.rim, dash=9 * unit * d.line.dashed) for d in lines
    )
    bar, labels = scale_bar(view, spacing, unit, ink)
    strokes = [*outlines, *drawn, *painter.regions(points, regions or {}, pen)]
    strokes += [*painter.landmarks(points, schema, pen), *bar]
    taken = [(*label.box[:3], view.bottom - 18 * unit) for label in labels]
    taken += [box for line in lines for box in _along(line, 6 * unit)]
    labels += painter.names(points, pen, text_width, view.box, taken, (1.6 * pen.arm, 2.6 * pen.arm))
    labels += _line_names(lines, view, unit, ink, taken)
    film = "" if grey is None else film_svg(grey, view, (LARGEST_SIDE, LARGEST_SIDE))
    return document(
        view, (film, marks_svg(strokes, labels, ink)), preserveAspectRatio="xMinYMin", role="img", aria_label=title
    )


def view_of(points: Points, film_size: tuple[int, int] | None) -> View:
    """The landmarks with a margin, as far as there is film; the whole film if there are no landmarks.

    Args:
        points: film pixels.
        film_size: (height, width); None without a film.
    """
    film = None if film_size is None else View.whole(*film_size)
    if not points:
        return film or View(0.0, 0.0, 100.0, 100.0)
    places = np.array(list(points.values()))
    margin = max(MARGIN * extent(points), 20.0)
    low, high = places.min(axis=0), places.max(axis=0)
    left, top = (low - margin).tolist()
    right, bottom = (high + margin).tolist()
    if film is not None:
        # No empty margin beside the film, except for landmarks that lie there.
        left, top = min(max(left, film.left), low[0]), min(max(top, film.top), low[1])
        right, bottom = max(min(right, film.right), high[0]), max(min(bottom, film.bottom), high[1])
    return View(float(left), float(top), float(right), float(bottom))


def scale_bar(view: View, spacing: Spacing | None, unit: float, ink: Ink) -> tuple[list[Stroke], list[Name]]:
    """A bar of round length in the lower left corner, and its label; none without a pixel size or room for it."""
    fitting = [mm for mm in SCALE_BARS_MM if spacing is not None and mm / spacing.column_mm <= 0.36 * view.width]
    if spacing is None or not fitting:
        return [], []
    length = fitting[0] / spacing.column_mm
    x, y, tick = view.left + 20 * unit, view.bottom - 22 * unit, 7 * unit
    ends: tuple[XY, ...] = ((x, y - tick), (x, y), (x + length, y), (x + length, y - tick))
    label: Box = (x, y - 8 * unit - FONT * unit, x + length, y - 8 * unit)
    name = Name(f"{fitting[0]} mm", label, FONT * unit, ink.text, bold=True)
    return [Stroke((ends,), ink.text, 2.5 * unit, 1.3 * unit)], [name]


def _line_names(lines: Sequence[DrawnLine], view: View, unit: float, ink: Ink, taken: list[Box]) -> Iterator[Name]:
    """Names at the ends of lines, where they hide few other marks and names."""
    for drawn in lines:
        name = drawn.line.name
        size = (1.1 * text_width(name, FONT * unit), FONT * unit)  # bold is wider
        # The dashed lines from N would crowd its name.
        ends = (drawn.beyond_end,) if drawn.line.dashed else (drawn.beyond_end, drawn.before_start)
        places = [place for gap in LINE_GAPS for end in ends for place in places_around(end, size, (gap * unit,))]
        box = best_place(places, taken, view.box)
        taken.append(box)
        yield Name(name, box, FONT * unit, ink.text, bold=True)


def _along(drawn: DrawnLine, step: float) -> list[Box]:
    """Small boxes that cover a line."""
    start, end = np.array(drawn.before_start), np.array(drawn.beyond_end)
    count = max(1, int(np.hypot(*(end - start)) / step))
    return [box_around(x, y, step / 4) for x, y in np.linspace(start, end, count + 1).tolist()]
