"""A picture of a film with its landmarks, to be looked at by people.

The film keeps its pixels: a point at film (x, y) is drawn at picture (x, y). A strip below carries the
legend. Tissues differ in colour (after Okabe and Ito's palette, for colour-blind people) and in shape.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cephkit.data.film import Points
from cephkit.drawing.placing import best_place, box_around, places_around
from cephkit.landmarks import BY_SYMBOL, Tissue, in_canonical_order
from cephkit.notice import VERSION

COLOURS: dict[Tissue, tuple[int, int, int]] = {
    "bone": (86, 180, 233),
    "tooth": (240, 228, 66),
    "soft": (255, 140, 60),
}
NAMES: dict[Tissue, str] = {"bone": "bone", "tooth": "tooth", "soft": "soft tissue"}
LOOK = (230, 130, 190)
"""Of the regions of landmarks that a person should check."""
NOTICE = "research use only, not a medical device"

_HALO = (0, 0, 0)
_STRIP = (16, 16, 16)
_GREY = (200, 200, 200)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Scale:
    """Sizes in pixels, in proportion to the film."""

    arm: float
    line: float
    font: int

    @classmethod
    def of(cls, width: int, height: int) -> "_Scale":
        unit = max(width, height) / 1000
        return cls(arm=max(4.0, 6.0 * unit), line=max(1.0, 1.3 * unit), font=max(10, round(12.5 * unit)))


def draw_overlay(
    film: NDArray[np.uint8], points: Points, caption: str = "", regions: Mapping[str, Floats] | None = None
) -> Image.Image:
    """The film (H, W) as an RGB picture, W wide and H plus a strip high, with ``points`` (film pixels) on it.

    Args:
        film: the film.
        points: landmarks by symbol; those outside the film are named in the strip and not drawn.
        caption: left in the strip, e.g. the film's name.
        regions: 90 % regions (2, 2) of landmarks that need a look, by symbol, drawn as ellipses.
    """
    height, width = film.shape
    caption = caption.encode("utf-8", "replace").decode()  # a name that is no UTF-8 cannot be drawn
    scale = _Scale.of(width, height)
    picture = Image.fromarray(film).convert("RGB")
    inside = {s: points[s] for s in in_canonical_order(points) if _is_inside(points[s], width, height)}
    font = ImageFont.load_default(scale.font)
    shown = {symbol: region for symbol, region in (regions or {}).items() if symbol in inside}
    for symbol, region in shown.items():
        _put_region(picture, inside[symbol], region, scale)
    for symbol, (x, y) in inside.items():
        _put_marker(picture, x, y, BY_SYMBOL[symbol].tissue, scale)
    _put_labels(picture, inside, font, scale)
    outside = [symbol for symbol in in_canonical_order(points) if symbol not in inside]
    if outside:
        caption = f"{caption}   outside the film: {' '.join(outside)}".strip()
    return _with_strip(picture, caption, scale, bool(shown))


def png_bytes(picture: Image.Image) -> bytes:
    """``picture`` as a PNG file."""
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def _is_inside(point: tuple[float, float], width: int, height: int) -> bool:
    x, y = point
    return -0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5


def _put_marker(picture: Image.Image, x: float, y: float, tissue: Tissue, scale: _Scale) -> None:
    """A marker whose centre is at (x, y), to a fraction of a pixel: bright lines on wider dark ones."""
    reach = int(np.ceil(scale.arm + 2 * scale.line)) + 1
    left, top = round(x) - reach, round(y) - reach
    steps = np.arange(2 * reach + 1, dtype=np.float64)
    distance = _distance(steps[None, :] + left - x, steps[:, None] + top - y, tissue, scale.arm)
    for colour, width in ((_HALO, 3 * scale.line), (COLOURS[tissue], scale.line)):
        # How much of a pixel a line covers falls from 1 to 0 across its edge.
        cover = np.clip(width / 2 + 0.5 - distance, 0.0, 1.0)
        picture.paste(colour, (left, top), Image.fromarray(np.rint(255 * cover).astype(np.uint8)))


def _put_region(picture: Image.Image, point: tuple[float, float], region: Floats, scale: _Scale) -> None:
    """The ellipse r' R^-1 r = 1 about ``point``."""
    variances, axes = np.linalg.eigh(region)
    angle = np.linspace(0, 2 * np.pi, 73)
    circle = np.stack((np.cos(angle), np.sin(angle)), axis=-1)
    # A pixel reaches half a pixel beyond its centre; PIL counts from corners.
    rim = circle * np.sqrt(np.maximum(variances, 0)) @ axes.T + np.array(point) + 0.5
    draw = ImageDraw.Draw(picture)
    for colour, width in ((_HALO, 3 * scale.line), (LOOK, scale.line)):
        draw.line([(x, y) for x, y in rim.tolist()], fill=colour, width=max(1, round(width)), joint="curve")


def _distance(dx: Floats, dy: Floats, tissue: Tissue, arm: float) -> Floats:
    """Pixels from the lines of a marker; (``dx``, ``dy``) is measured from its centre.

    Bone: an upright cross; tooth: an oblique one; soft tissue: a ring with a point in its middle.
    """
    if tissue == "soft":
        radius = np.hypot(dx, dy)
        return np.minimum(np.abs(radius - 0.8 * arm), radius)
    if tissue == "tooth":
        dx, dy = (dx + dy) / np.sqrt(2), (dx - dy) / np.sqrt(2)
    across = np.hypot(np.maximum(np.abs(dx) - arm, 0), dy)
    upright = np.hypot(dx, np.maximum(np.abs(dy) - arm, 0))
    return np.minimum(across, upright)


def _put_labels(picture: Image.Image, points: Points, font: Font, scale: _Scale) -> None:
    """Symbols beside their markers, where they hide the fewest other markers and labels."""
    draw = ImageDraw.Draw(picture)
    keep_free = [box_around(x, y, scale.arm) for x, y in points.values()]
    whole = (0.0, 0.0, float(picture.width), float(picture.height))
    for symbol, (x, y) in points.items():
        left, top, right, bottom = draw.textbbox((0, 0), symbol, font=font)
        size = (right - left, bottom - top)
        box = best_place(places_around(x, y, size, scale.arm), keep_free, whole)
        keep_free.append(box)
        draw.text(
            (box[0] - left, box[1] - top),
            symbol,
            font=font,
            fill=COLOURS[BY_SYMBOL[symbol].tissue],
            stroke_width=max(1, round(scale.line)),
            stroke_fill=_HALO,
        )


def _with_strip(picture: Image.Image, caption: str, scale: _Scale, looks: bool) -> Image.Image:
    """``picture`` with a strip below: legend and caption, and the notice."""
    font = ImageFont.load_default(scale.font)
    row = round(2.0 * scale.font)
    whole = Image.new("RGB", (picture.width, picture.height + 2 * row + row // 2), _STRIP)
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole)
    margin, first = scale.font, picture.height + row // 4 + row / 2
    x = float(margin)
    for tissue, name in NAMES.items():
        _put_marker(whole, x + scale.arm, first, tissue, scale)
        x += 3 * scale.arm
        draw.text((x, first), name, font=font, fill=COLOURS[tissue], anchor="lm")
        x += draw.textlength(name, font=font) + 1.5 * scale.font
    if looks:
        text = "look here: the true point is inside with 90 %"
        draw.text((x, first), text, font=font, fill=LOOK, anchor="lm")
        x += draw.textlength(text, font=font) + 1.5 * scale.font
    second = first + row
    notice = f"cephkit {VERSION} - {NOTICE}"
    draw.text((margin, second), notice, font=font, fill=_GREY, anchor="lm")
    space = picture.width - margin - x
    draw.text(
        (picture.width - margin, first),
        _shortened(caption, font, space, draw),
        font=font,
        fill=_GREY,
        anchor="rm",
    )
    return whole


def _shortened(text: str, font: Font, space: float, draw: ImageDraw.ImageDraw) -> str:
    """``text``, its end cut off where it is wider than ``space``."""
    if draw.textlength(text, font=font) <= space:
        return text
    while text and draw.textlength(f"{text}...", font=font) > space:
        text = text[:-1]
    return f"{text}..." if text else ""
