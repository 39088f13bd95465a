"""A tracing as SVG in film pixels, over the film or on white."""

import io
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from cephkit.cephalometry.tracing import XY, DrawnLine, drawn_lines, drawn_outlines, extent
from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.drawing.placing import Box, best_place, box_around, places_around
from cephkit.drawing.strokes import ON_FILM, ON_WHITE, Ink, marker, num, path, region
from cephkit.landmarks import BY_SYMBOL, in_canonical_order

LARGEST_SIDE = 1400
"""Of the film's picture, pixels."""
MARGIN = 0.14
"""Of film that is shown around the landmarks, as a share of their extent."""
SCALE_BARS_MM = (50, 20, 10, 5, 2, 1)
FONT, SMALL_FONT, ARM = 20.0, 18.0, 8.0
"""Sizes of lines' names, of symbols and of markers, in thousandths of the picture."""
LINE_GAPS = (4.0, 9.0, 16.0)
"""How far the name of a line may stand from its end, in the same; the nearest that is free."""
LETTER = 0.72
"""Width of a capital, as a share of the font size."""


@dataclass(frozen=True)
class View:
    """The part of the film that is shown, film pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def unit(self) -> float:
        """A thousandth of the picture, film pixels."""
        return max(self.width, self.height) / 1000

    @property
    def box(self) -> Box:
        """All four sides."""
        return self.left, self.top, self.right, self.bottom


def view_of(points: Points, film_size: tuple[int, int] | None) -> View:
    """The landmarks with a margin, as far as there is film; all of a film without landmarks.

    Args:
        points: film pixels.
        film_size: (height, width); None without a film.
    """
    # Pixel centres lie at integers: a film begins at -0.5.
    film = None if film_size is None else (-0.5, -0.5, film_size[1] - 0.5, film_size[0] - 0.5)
    if not points:
        return View(*(film or (0.0, 0.0, 100.0, 100.0)))
    places = np.array(list(points.values()))
    margin = max(MARGIN * extent(points), 20.0)
    low, high = places.min(axis=0), places.max(axis=0)
    left, top = (low - margin).tolist()
    right, bottom = (high + margin).tolist()
    if film is not None:
        # No emptiness beside the film, but for landmarks that lie there.
        left, top = min(max(left, film[0]), low[0]), min(max(top, film[1]), low[1])
        right, bottom = max(min(right, film[2]), high[0]), max(min(bottom, film[3]), high[1])
    return View(float(left), float(top), float(right), float(bottom))


def tracing_svg(
    points: Points,
    grey: NDArray[np.uint8] | None = None,
    regions: Mapping[str, ArrayLike] | None = None,
    spacing: Spacing | None = None,
    title: str = "Tracing",
) -> str:
    """The tracing, with its film behind it.

    Args:
        points: landmarks by symbol, film pixels.
        grey: (H, W); None: on white.
        regions: 90 % regions (2, 2), film pixels squared, drawn as ellipses about their landmarks.
        spacing: for the scale bar.
        title: for those who cannot see it.
    """
    view = view_of(points, None if grey is None else (grey.shape[0], grey.shape[1]))
    ink, unit = ON_WHITE if grey is None else ON_FILM, view.unit
    lines = drawn_lines(points)
    strokes = [
        *(path(piece, ink.tissues[tissue], 3.5 * unit, opacity=0.5) for tissue, piece in drawn_outlines(points)),
        *(path(d.path, ink.tissues[d.line.tissue], 1.8 * unit, (9 * unit) * d.line.dashed) for d in lines),
        *(region(points[s], matrix, ink.look, 2.4 * unit) for s, matrix in (regions or {}).items() if s in points),
    ]
    for symbol in in_canonical_order(points):
        tissue = BY_SYMBOL[symbol].tissue
        strokes.append(marker(points[symbol], tissue, ink.tissues[tissue], ARM * unit, 2.2 * unit))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{" ".join(map(num, (view.left, view.top)))} '
        f'{num(view.width)} {num(view.height)}" preserveAspectRatio="xMinYMin" '
        f'role="img" aria-label="{escape(title)}" fill="none" '
        'stroke-linejoin="round" stroke-linecap="round" font-family="Arial, Helvetica, sans-serif">',
        "" if grey is None else _film(grey, view),
        *(stroke.halo(ink.halo, 1.3 * unit) for stroke in strokes),
        *(stroke.svg() for stroke in strokes),
    ]
    bar, bar_box = _scale_bar(view, spacing, ink)
    return "".join([*parts, bar, *_names(points, lines, view, ink, bar_box), "</svg>"])


def _film(grey: NDArray[np.uint8], view: View) -> str:
    """The part of the film in view, as a JPEG of sensible size."""
    height, width = grey.shape
    left, top = max(0, int(view.left)), max(0, int(view.top))
    right, bottom = min(width, int(view.right) + 2), min(height, int(view.bottom) + 2)
    if left >= right or top >= bottom:
        return ""
    shown = Image.fromarray(grey[top:bottom, left:right])
    scale = min(1.0, LARGEST_SIDE / max(shown.size))
    size = (max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
    stream = io.BytesIO()
    shown.resize(size, Image.Resampling.BILINEAR).save(stream, "JPEG", quality=85)
    data = b64encode(stream.getvalue()).decode("ascii")
    return (
        f'<image x="{left - 0.5}" y="{top - 0.5}" width="{right - left}" height="{bottom - top}" '
        f'preserveAspectRatio="none" href="data:image/jpeg;base64,{data}"/>'
    )


def _names(points: Points, lines: Sequence[DrawnLine], view: View, ink: Ink, bar: Box | None) -> Iterator[str]:
    """Names of landmarks, then of lines, where they hide few markers, lines and other names."""
    unit = view.unit
    taken = [box_around(x, y, ARM * unit) for x, y in points.values()]
    taken += [] if bar is None else [bar]
    for drawn in lines:
        taken += _along(drawn, 6 * unit)
    for symbol in in_canonical_order(points):
        size = (LETTER * SMALL_FONT * len(symbol) * unit, SMALL_FONT * unit)
        box = best_place(places_around(*points[symbol], size, ARM * unit), taken, view.box)
        taken.append(box)
        yield _text(symbol, box, SMALL_FONT * unit, ink, bold=False)
    for drawn in lines:
        name = drawn.line.name
        size = (LETTER * FONT * len(name) * unit, FONT * unit)
        # The dashed lines from N would crowd its name.
        ends = (drawn.beyond_end,) if drawn.line.dashed else (drawn.beyond_end, drawn.before_start)
        places = [place for arm in LINE_GAPS for x, y in ends for place in places_around(x, y, size, arm * unit)]
        box = best_place(places, taken, view.box)
        taken.append(box)
        yield _text(name, box, FONT * unit, ink, bold=True)


def _along(drawn: DrawnLine, step: float) -> list[Box]:
    """Small boxes that cover a line."""
    start, end = np.array(drawn.before_start), np.array(drawn.beyond_end)
    count = max(1, int(np.hypot(*(end - start)) / step))
    return [box_around(x, y, step / 4) for x, y in np.linspace(start, end, count + 1).tolist()]


def _text(text: str, box: Box, size: float, ink: Ink, bold: bool) -> str:
    weight = ' font-weight="700"' if bold else ""
    return (
        f'<text x="{num((box[0] + box[2]) / 2)}" y="{num(box[3] - 0.18 * size)}" text-anchor="middle" '
        f'font-size="{num(size)}" fill="{ink.text}"{weight} stroke="{ink.halo}" stroke-width="{num(0.16 * size)}" '
        f'paint-order="stroke">{escape(text)}</text>'
    )


def _scale_bar(view: View, spacing: Spacing | None, ink: Ink) -> tuple[str, Box | None]:
    """A bar of round length in the lower corner, and where it lies."""
    if spacing is None:
        return "", None
    unit = view.unit
    lengths = [length for length in SCALE_BARS_MM if length / spacing.column_mm <= 0.36 * view.width]
    if not lengths:
        return "", None
    long = lengths[0] / spacing.column_mm
    x, y, tick = view.left + 20 * unit, view.bottom - 22 * unit, 7 * unit
    ends: list[XY] = [(x, y - tick), (x, y), (x + long, y), (x + long, y - tick)]
    stroke = path(ends, ink.text, 2.5 * unit)
    label: Box = (x, y - 8 * unit - FONT * unit, x + long, y - 8 * unit)
    name = _text(f"{lengths[0]} mm", label, FONT * unit, ink, bold=True)
    return stroke.halo(ink.halo, 1.3 * unit) + stroke.svg() + name, (x, label[1], x + long, y + 4 * unit)
