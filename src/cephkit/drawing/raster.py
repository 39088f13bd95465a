"""The Pillow back end: strokes to a fraction of a pixel, with soft edges."""

import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cephkit.drawing.marks import HALO_OPACITY, Ellipse, Ink, Name, Shape, Stroke

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Floats = NDArray[np.float64]


def paint(picture: Image.Image, strokes: Sequence[Stroke], names: Iterable[Name], ink: Ink) -> None:
    """Draw into ``picture`` (RGB): all halos, all strokes, then the names."""
    for stroke in strokes:
        if stroke.rim:
            _draw(picture, stroke, ink.halo, stroke.width + 2 * stroke.rim, HALO_OPACITY * stroke.opacity)
    for stroke in strokes:
        _draw(picture, stroke, stroke.colour, stroke.width, stroke.opacity)
    draw = ImageDraw.Draw(picture)
    for name in names:
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[name.align]
        rim = max(1, round(0.1 * name.size))
        draw.text(name.anchor, name.text, name.colour, _font(name.size), anchor, stroke_width=rim, stroke_fill=ink.halo)


def png_bytes(picture: Image.Image) -> bytes:
    """``picture`` as a PNG file."""
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def text_width(text: str, size: float) -> float:
    """As wide as ``text`` is drawn."""
    return float(_font(size).getlength(text))


@lru_cache(maxsize=8)
def _font(size: float) -> Font:
    return ImageFont.load_default(size)


def _draw(picture: Image.Image, stroke: Stroke, colour: str, width: float, opacity: float) -> None:
    outlines = [_outline(shape) for shape in stroke.shapes]
    reach = width / 2 + 1
    points = np.concatenate(outlines)
    limit = np.array(picture.size) - 1
    low = np.clip(np.floor(points.min(axis=0) - reach), 0, limit + 1).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + reach), -1, limit).astype(int) + 1
    if (high <= low).any():
        return
    cover = np.zeros((high[1] - low[1], high[0] - low[0]))
    for outline in outlines:
        for start, end in pairwise(outline):
            first = np.maximum(np.floor(np.minimum(start, end) - reach), low).astype(int)
            last = np.minimum(np.ceil(np.maximum(start, end) + reach) + 1, high).astype(int)
            if (last <= first).any():
                continue
            x, y = np.arange(first[0], last[0])[None, :], np.arange(first[1], last[1])[:, None]
            # How much of a pixel a line covers falls from 1 to 0 across its edge.
            part = np.clip(width / 2 + 0.5 - _distance(x, y, start, end), 0.0, 1.0)
            rows, columns = slice(first[1] - low[1], last[1] - low[1]), slice(first[0] - low[0], last[0] - low[0])
            cover[rows, columns] = np.maximum(cover[rows, columns], part)
    mask = Image.fromarray(np.rint(255 * opacity * cover).astype(np.uint8))
    picture.paste(colour, (int(low[0]), int(low[1])), mask)


def _outline(shape: Shape) -> Floats:
    """(n, 2) corners of ``shape``, at least two."""
    if not isinstance(shape, Ellipse):
        return np.array(shape if len(shape) > 1 else (*shape, *shape), dtype=np.float64)
    a, b = shape.half_axes
    angle = np.linspace(0, 2 * np.pi, 4 * int(np.clip(max(a, b), 8, 24)) + 1)
    cos, sin = np.cos(np.radians(shape.degrees)), np.sin(np.radians(shape.degrees))
    circle = np.stack((a * np.cos(angle), b * np.sin(angle)), axis=-1)
    return np.array(shape.centre) + circle @ np.array([[cos, sin], [-sin, cos]])


def _distance(x: NDArray[np.int_], y: NDArray[np.int_], start: Floats, end: Floats) -> Floats:
    """(h, w) pixels from the line between two points."""
    (dx, dy), (left, top) = end - start, start
    length = dx * dx + dy * dy
    share = np.clip(((x - left) * dx + (y - top) * dy) / length, 0.0, 1.0) if length else 0.0
    return np.asarray(np.hypot(x - left - share * dx, y - top - share * dy))
