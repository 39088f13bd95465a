"""The Pillow back end: strokes to a fraction of a pixel, with soft edges."""

import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cephkit.drawing.marks import HALO_OPACITY, Ellipse, Ink, Name, Shape, Stroke
from cephkit.geometry import Floats

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def paint(picture: Image.Image, strokes: Sequence[Stroke], names: Iterable[Name], ink: Ink) -> None:
    """Draw into ``picture`` (RGB): all halos, all strokes, then the names."""
    near = [(stroke, *_distances(stroke, picture.size)) for stroke in strokes]
    for stroke, corner, distance in near:
        if stroke.rim:
            _draw(picture, corner, distance, ink.halo, stroke.width + 2 * stroke.rim, HALO_OPACITY * stroke.opacity)
    for stroke, corner, distance in near:
        _draw(picture, corner, distance, stroke.colour, stroke.width, stroke.opacity)
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


def _draw(
    picture: Image.Image, corner: tuple[int, int], distance: Floats, colour: str, width: float, opacity: float
) -> None:
    if not distance.size:  # outside the picture
        return
    # How much of a pixel a line covers falls from 1 to 0 across its edge.
    cover = opacity * np.clip(width / 2 + 0.5 - distance, 0.0, 1.0)
    picture.paste(colour, corner, Image.fromarray(np.rint(255 * cover).astype(np.uint8)))


def _distances(stroke: Stroke, size: tuple[int, int]) -> tuple[tuple[int, int], Floats]:
    """Left and top of the part of the picture that the stroke covers, and (h, w) pixels from the stroke's middle."""
    outlines = [_outline(shape) for shape in stroke.shapes]
    reach = stroke.width / 2 + stroke.rim + 1

    def box(points: Floats) -> tuple[int, int, int, int]:
        low, high = np.floor(points.min(axis=0) - reach), np.ceil(points.max(axis=0) + reach) + 1
        (left, top), (right, bottom) = np.clip(low, 0, size).astype(int), np.clip(high, 0, size).astype(int)
        return int(left), int(top), int(right), int(bottom)

    left, top, right, bottom = box(np.concatenate(outlines))
    distance = np.full((bottom - top, right - left), np.inf)
    for outline in outlines:
        for ends in pairwise(outline):
            x0, y0, x1, y1 = box(np.array(ends))
            part = distance[y0 - top : y1 - top, x0 - left : x1 - left]
            np.minimum(part, _distance(np.arange(x0, x1), np.arange(y0, y1)[:, None], *ends), out=part)
    return (left, top), distance


def _outline(shape: Shape) -> Floats:
    """(n, 2) corners of ``shape``, at least two."""
    if not isinstance(shape, Ellipse):
        return np.array(shape if len(shape) > 1 else (*shape, *shape), dtype=np.float64)
    a, b = shape.half_axes
    angle = np.linspace(0, 2 * np.pi, 4 * int(np.clip(max(a, b), 8, 24)) + 1)
    cos, sin = np.cos(np.radians(shape.degrees)), np.sin(np.radians(shape.degrees))
    circle = np.stack((a * np.cos(angle), b * np.sin(angle)), axis=-1)
    return np.asarray(np.array(shape.centre) + circle @ np.array([[cos, sin], [-sin, cos]]))


def _distance(x: NDArray[np.int_], y: NDArray[np.int_], start: Floats, end: Floats) -> Floats:
    """(h, w) pixels from the line between two points."""
    (dx, dy), (left, top) = end - start, start
    length = dx * dx + dy * dy
    share = np.clip(((x - left) * dx + (y - top) * dy) / length, 0.0, 1.0) if length else 0.0
    return np.asarray(np.hypot(x - left - share * dx, y - top - share * dy))
