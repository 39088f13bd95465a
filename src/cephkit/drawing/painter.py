"""Landmarks, their regions, errors and names as strokes and texts, for either back end."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from numpy.typing import ArrayLike

from cephkit.data.film import Points
from cephkit.drawing.marks import (
    ON_FILM,
    XY,
    Box,
    Ellipse,
    Name,
    Pen,
    Stroke,
    best_place,
    box_around,
    marker,
    places_around,
    region_ellipse,
)
from cephkit.landmarks.schema import LandmarkSchema, Tissue

WidthOf: TypeAlias = Callable[[str, float], float]
"""Width of a text in a font of that size, as the back end draws it."""
Entry: TypeAlias = tuple[Callable[[XY], Stroke] | None, str, str]
"""Of a legend: what draws the sign at a point, the text, and its colour."""


def landmark(point: XY, tissue: Tissue, pen: Pen) -> Stroke:
    """The marker of one landmark."""
    return Stroke(marker(point, tissue, pen.arm), pen.ink.tissues[tissue], pen.line, pen.rim)


def landmarks(points: Points, schema: LandmarkSchema, pen: Pen) -> list[Stroke]:
    """The markers of all landmarks."""
    return [landmark(points[symbol], schema[symbol].tissue, pen) for symbol in schema.in_order(points)]


def regions(points: Points, matrices: Mapping[str, ArrayLike], pen: Pen) -> list[Stroke]:
    """The regions (2, 2), in square pixels, of the landmarks that are in ``points``."""
    ellipses = [region_ellipse(points[symbol], matrix) for symbol, matrix in matrices.items() if symbol in points]
    return [Stroke((ellipse,), pen.ink.review, pen.line, pen.rim) for ellipse in ellipses]


def error_pen(unit: float = 1.0) -> Pen:
    """The pen for ``errors``; a pixel of the picture is ``unit`` pixels of the film."""
    return Pen(ON_FILM, 5 * unit, 1.4 * unit, 0.6 * unit, 12 * unit)


def errors(truth: Points, predicted: Points, pen: Pen, radius: float | None = None) -> list[Stroke]:
    """A dot at each true point, a cross at the prediction, a line between them, and a ring of ``radius`` if given."""
    strokes = []
    for symbol, point in truth.items():
        if radius is not None:
            strokes.append(ring(point, radius, pen))
        if symbol in predicted:
            strokes += [line((point, predicted[symbol]), pen), cross(predicted[symbol], pen)]
        strokes.append(dot(point, pen))
    return strokes


def dot(point: XY, pen: Pen) -> Stroke:
    """A true point."""
    return Stroke(((point,),), pen.ink.truth, 2.8 * pen.line, 0.7 * pen.rim)


def cross(point: XY, pen: Pen) -> Stroke:
    """A predicted point."""
    return Stroke(marker(point, "tooth", pen.arm), pen.ink.prediction, pen.line, pen.rim)


def line(ends: tuple[XY, XY], pen: Pen) -> Stroke:
    """From a true point to its prediction."""
    return Stroke((ends,), pen.ink.error, pen.line)


def ring(point: XY, radius: float, pen: Pen) -> Stroke:
    """A dashed circle about a true point."""
    circle = Ellipse(point, (radius, radius))
    return Stroke((circle,), pen.ink.ring, 0.65 * pen.line, 0.7 * pen.rim, dash=1.8 * pen.line)


def names(
    points: Points,
    pen: Pen,
    width_of: WidthOf,
    frame: Box,
    taken: list[Box],
    gaps: Sequence[float],
    schema: LandmarkSchema | None = None,
) -> Iterator[Name]:
    """Symbols beside their landmarks, where they hide little else.

    Args:
        points: the landmarks.
        pen: colours and font size.
        width_of: of the back end.
        frame: the picture, which names should not leave.
        taken: what should not be hidden; each name is added to it.
        gaps: distances from a landmark to its name, the preferred one first.
        schema: whose tissues give the colours; None: all in the colour of text.
    """
    taken += [box_around(*point, pen.arm) for point in points.values()]
    for symbol in points:
        size = (width_of(symbol, pen.font), pen.font)
        box = best_place(places_around(points[symbol], size, gaps), taken, frame)
        taken.append(box)
        colour = pen.ink.text if schema is None else pen.ink.tissues[schema[symbol].tissue]
        yield Name(symbol, box, pen.font, colour)


def legend(entries: Iterable[Entry], start: XY, pen: Pen, width_of: WidthOf) -> tuple[list[Stroke], list[Name], float]:
    """Signs and texts in a row from ``start``, and the x at which it ends."""
    x, y = start
    strokes: list[Stroke] = []
    texts = []
    for sign, text, colour in entries:
        if sign is not None:
            strokes.append(sign((x + pen.arm, y)))
            x += 3 * pen.arm
        width = width_of(text, pen.font)
        texts.append(Name(text, (x, y - pen.font / 2, x + width, y + pen.font / 2), pen.font, colour, align="start"))
        x += width + 1.5 * pen.font
    return strokes, texts, x
