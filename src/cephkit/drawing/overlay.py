"""A film with its landmarks as a picture for people to check.

The film keeps its pixels: a point at film (x, y) is drawn at picture (x, y). A strip below contains the legend.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from cephkit.data.film import Points
from cephkit.drawing import painter
from cephkit.drawing.marks import ON_FILM, Name, Pen
from cephkit.drawing.raster import paint, text_width
from cephkit.drawing.svg import View
from cephkit.landmarks.schema import TISSUE_NAMES, LandmarkSchema
from cephkit.landmarks.shipped import KNOWN
from cephkit.notice import VERSION

NOTICE = "research use only, not a medical device"
REVIEW = "needs review: 90 % region of the true point"

_STRIP, _GREY = "#101010", "#c8c8c8"


def draw_overlay(
    film: NDArray[np.uint8],
    points: Points,
    caption: str = "",
    regions: Mapping[str, ArrayLike] | None = None,
    schema: LandmarkSchema = KNOWN,
) -> Image.Image:
    """The film (H, W) as an RGB picture, W wide and H plus a strip high, with ``points`` (film pixels) on it.

    Args:
        film: the film.
        points: landmarks by symbol; those outside the film are named in the strip and not drawn.
        caption: right-aligned in the strip, e.g. the film's name.
        regions: 90 % regions (2, 2) of landmarks that need review, by symbol, drawn as ellipses.
        schema: the landmarks'.
    """
    height, width = film.shape
    unit, view = max(width, height) / 1000, View.whole(height, width)
    line = max(1.0, 1.3 * unit)
    pen = Pen(ON_FILM, max(4.0, 6.0 * unit), line, line, max(10, round(12.5 * unit)))
    points = {symbol: points[symbol] for symbol in schema.in_order(points)}
    inside = {s: (x, y) for s, (x, y) in points.items() if view.left <= x < view.right and view.top <= y < view.bottom}
    ellipses = painter.regions(inside, regions or {}, pen)
    names = painter.names(inside, pen, text_width, view.box, [], (1.6 * pen.arm, 2.6 * pen.arm), schema)
    picture = Image.fromarray(film).convert("RGB")
    paint(picture, [*ellipses, *painter.landmarks(inside, schema, pen)], names, ON_FILM)
    outside = [symbol for symbol in points if symbol not in inside]
    if outside:
        caption = f"{caption}   outside the film: {' '.join(outside)}".strip()
    caption = caption.encode("utf-8", "replace").decode()  # a name that is not UTF-8 cannot be drawn
    return _with_strip(picture, caption, pen, bool(ellipses))


def _with_strip(picture: Image.Image, caption: str, pen: Pen, has_regions: bool) -> Image.Image:
    """``picture`` with a strip below: legend and caption, then the notice."""
    row = 2.0 * pen.font
    whole = Image.new("RGB", (picture.width, picture.height + round(2.5 * row)), _STRIP)
    whole.paste(picture, (0, 0))
    first, margin = picture.height + 0.75 * row, pen.font
    entries: list[painter.Entry] = [
        (partial(painter.landmark, tissue=tissue, pen=pen), name, ON_FILM.tissues[tissue])
        for tissue, name in TISSUE_NAMES.items()
    ]
    if has_regions:
        entries.append((None, REVIEW, ON_FILM.review))
    strokes, texts, end = painter.legend(entries, (margin, first), pen, text_width)
    right = picture.width - margin
    caption = _shortened(caption, pen.font, right - end)
    texts.append(Name(caption, (end, first - pen.font / 2, right, first + pen.font / 2), pen.font, _GREY, align="end"))
    notice, second = f"cephkit {VERSION} - {NOTICE}", first + row
    box = (margin, second - pen.font / 2, right, second + pen.font / 2)
    texts.append(Name(notice, box, pen.font, _GREY, align="start"))
    paint(whole, strokes, texts, ON_FILM)
    return whole


def _shortened(text: str, size: float, space: float) -> str:
    """``text``, cut off at its end if it is wider than ``space``."""
    if text_width(text, size) <= space:
        return text
    while text and text_width(f"{text}...", size) > space:
        text = text[:-1]
    return f"{text}..." if text else ""
