"""Findings drawn on their films: what is in question, where it should be, and what lies around it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cephkit.data.film import Film, Points
from cephkit.data.findings import Finding
from cephkit.drawing.marks import ON_FILM, XY, Ellipse, Name, Pen, Stroke, best_place, box_around, places_around
from cephkit.drawing.svg import View, document, film_svg, marks_svg, text_width

LARGEST = (380, 380)
"""Width and height of a picture, pixels."""
WHOLE = frozenset(("twins", "leak", "held-out twins", "alike", "no face", "turned", "size", "annotators"))
"""Kinds of findings that are shown on the whole film."""
MARGIN = 0.11
"""Around the points in question, of the film's longer side."""
FARTHEST = 2.0
"""How large the part that is shown may be, of the film's longer side."""
MOST_NAMES = 12
OTHER = "#ffb000"
FAINT = "#c8c8c8"


def picture(finding: Finding, film: Film, grey: NDArray[np.uint8]) -> str:
    """Return an ``svg`` element of ``film``, one of those of ``finding``; ``grey`` (H, W) are its pixels."""
    marked, others = _labels(finding, film)
    symbols = [symbol for symbol in finding.fault.landmarks if symbol in marked or symbol in others]
    size = (grey.shape[0], grey.shape[1])
    view = _view(finding, marked, others, symbols, size)
    unit = max(view.width, view.height) / LARGEST[0]
    pen = Pen(ON_FILM, 7 * unit, 1.8 * unit, 0.8 * unit, 13 * unit)
    strokes, names = _marks(finding, marked, others, symbols, view, pen)
    parts = [film_svg(grey, view, LARGEST), marks_svg(strokes, names, ON_FILM)]
    scale = LARGEST[0] / max(view.width, view.height)
    return document(view, parts, width=round(view.width * scale), height=round(view.height * scale), role="img",
                    aria_label=f"{film.film_id}: {finding.fault.text}")  # fmt: skip


def _labels(finding: Finding, film: Film) -> tuple[Points, Points]:
    """Return the points in question, and those of the other annotator."""
    if finding.fault.kind in ("twins", "leak", "held-out twins", "alike", "film", "data set"):
        return {}, {}
    first = finding.annotator or ("senior" if "senior" in film.annotations else next(iter(film.annotations), ""))
    others = [points for annotator, points in film.annotations.items() if annotator != first]
    return dict(film.annotations.get(first, {})), dict(others[0]) if others else {}


def _view(finding: Finding, marked: Points, others: Points, symbols: Sequence[str], size: tuple[int, int]) -> View:
    """Return the part of the film to show: around the points in question, or all of it."""
    height, width = size
    whole = View.whole(height, width)
    if not symbols or finding.fault.kind in WHOLE or len(symbols) > MOST_NAMES:
        return whole
    shown = [points[symbol] for symbol in symbols for points in (marked, others) if symbol in points]
    shown += list(finding.fault.expected.values())
    # Where a point is off the film, the edge nearest to it is shown too.
    shown += [(min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)) for x, y in shown]
    x, y = np.array(shown).T
    margin = MARGIN * max(size)
    side = float(max(np.ptp(x), np.ptp(y)) + 2 * margin)
    middle_x, middle_y = (float(values.min() + values.max()) / 2 for values in (x, y))
    if side > FARTHEST * max(size):  # points far off the film would leave nothing to see of it
        return whole
    return View(middle_x - side / 2, middle_y - side / 2, middle_x + side / 2, middle_y + side / 2)


def _marks(
    finding: Finding, marked: Points, others: Points, symbols: Sequence[str], view: View, pen: Pen
) -> tuple[list[Stroke], list[Name]]:
    """Return what is drawn; without points in question all that are marked."""
    fault = finding.fault
    around = {symbol: point for symbol, point in marked.items() if symbol not in symbols and _inside(point, view)}
    strokes = [Stroke(((point,),), FAINT, 2.4 * pen.line, pen.rim, opacity=0.75) for point in around.values()]
    if not symbols and fault.kind == "annotators":
        strokes += [_diamond(point, pen) for point in others.values()]
    for symbol in symbols:
        if symbol in fault.expected:
            if symbol in marked:
                strokes.append(Stroke(((marked[symbol], fault.expected[symbol]),), ON_FILM.truth, 0.7 * pen.line))
            strokes.append(_ring(fault.expected[symbol], pen))
        if symbol in others:
            if fault.kind == "apart" and symbol in marked:
                strokes.append(Stroke(((marked[symbol], others[symbol]),), OTHER, 0.7 * pen.line))
            strokes.append(_diamond(others[symbol], pen))
        if symbol in marked:
            strokes.append(_cross(marked[symbol], pen))
    named: dict[str, XY] = {}
    for symbol in symbols[:MOST_NAMES]:
        if fault.kind == "apart":
            named |= {f"{symbol} senior": marked[symbol], f"{symbol} junior": others[symbol]}
        else:
            named[symbol] = marked[symbol] if symbol in marked else others[symbol]
    return strokes, list(_names(named, around, view, pen))


def _names(named: Mapping[str, XY], around: Points, view: View, pen: Pen) -> Iterator[Name]:
    """Place the names of the points in question, and small ones of those around if they are few."""
    taken = [box_around(*point, pen.arm) for point in named.values()]
    faint = around if named and len(around) <= MOST_NAMES else {}
    for points, font, colour in ((named, pen.font, ON_FILM.error), (faint, 0.8 * pen.font, FAINT)):
        for symbol, point in points.items():
            size = (text_width(symbol, font), font)
            box = best_place(places_around(point, size, (1.3 * pen.arm, 2.5 * pen.arm)), taken, view.box)
            taken.append(box)
            yield Name(symbol, box, font, colour, bold=points is named)


def _inside(point: XY, view: View) -> bool:
    return view.left < point[0] < view.right and view.top < point[1] < view.bottom


def _cross(point: XY, pen: Pen) -> Stroke:
    (x, y), reach = point, pen.arm
    lines = (((x - reach, y - reach), (x + reach, y + reach)), ((x - reach, y + reach), (x + reach, y - reach)))
    return Stroke(lines, ON_FILM.error, pen.line, pen.rim)


def _ring(point: XY, pen: Pen) -> Stroke:
    return Stroke((Ellipse(point, (pen.arm, pen.arm)),), ON_FILM.truth, pen.line, pen.rim)


def _diamond(point: XY, pen: Pen) -> Stroke:
    (x, y), reach = point, 0.9 * pen.arm
    corners = ((x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y), (x, y - reach))
    return Stroke((corners,), OTHER, pen.line, pen.rim)
