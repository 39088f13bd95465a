"""The SVG back end."""

import io
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.drawing.marks import HALO_OPACITY, Box, Ellipse, Ink, Name, Stroke


@dataclass(frozen=True)
class View:
    """The part of a film that is drawn, film pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def whole(cls, height: int, width: int) -> "View":
        """All of a film: pixel centres lie at integers, so it begins at -0.5."""
        return cls(-0.5, -0.5, width - 0.5, height - 0.5)

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def box(self) -> Box:
        """All four sides."""
        return self.left, self.top, self.right, self.bottom


def document(view: View, parts: Iterable[str], **attributes: object) -> str:
    """An ``svg`` element with ``parts``, which are SVG already; ``attributes`` are escaped."""
    given = "".join(f' {name.replace("_", "-")}="{escape(str(value))}"' for name, value in attributes.items())
    box = " ".join(map(num, (view.left, view.top, view.width, view.height)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"{given} fill="none" stroke-linejoin="round" '
        f'stroke-linecap="round" font-family="Arial, Helvetica, Liberation Sans, sans-serif">{"".join(parts)}</svg>'
    )


def marks_svg(strokes: Sequence[Stroke], names: Iterable[Name], ink: Ink) -> str:
    """All halos, all strokes, then the names: no stroke lies under the halo of another."""
    halos = (_element(s, ink.halo, s.width + 2 * s.rim, HALO_OPACITY * s.opacity, 0) for s in strokes if s.rim)
    solid = (_element(s, s.colour, s.width, s.opacity, s.dash) for s in strokes)
    return "".join([*halos, *solid, *(_text(name, ink.halo) for name in names)])


def film_svg(grey: NDArray[np.uint8], view: View, largest: tuple[int, int]) -> str:
    """The part of ``grey`` (H, W) in ``view``, as a JPEG of at most ``largest`` (width, height)."""
    height, width = grey.shape
    left, top = max(0, int(view.left)), max(0, int(view.top))
    right, bottom = min(width, int(view.right) + 2), min(height, int(view.bottom) + 2)
    if left >= right or top >= bottom:
        return ""
    part = Image.fromarray(grey[top:bottom, left:right])
    stream = io.BytesIO()
    part.resize(reduced(part.size, largest), Image.Resampling.BILINEAR).save(stream, "JPEG", quality=85)
    data = b64encode(stream.getvalue()).decode("ascii")
    return (
        f'<image x="{left - 0.5}" y="{top - 0.5}" width="{right - left}" height="{bottom - top}" '
        f'preserveAspectRatio="none" href="data:image/jpeg;base64,{data}"/>'
    )


def reduced(size: tuple[int, int], largest: tuple[int, int]) -> tuple[int, int]:
    """``size`` (width, height) scaled down, if necessary, to fit into ``largest``."""
    scale = min(1.0, largest[0] / size[0], largest[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def text_width(text: str, size: float) -> float:
    """About as wide as Arial draws ``text``."""
    return size * sum(0.72 if letter.isupper() else 0.56 for letter in text)


def num(value: float) -> str:
    """A number to a hundredth, without idle zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _element(stroke: Stroke, colour: str, width: float, opacity: float, dash: float) -> str:
    style = f'stroke="{colour}" stroke-width="{num(width)}"'
    style += f' stroke-dasharray="{num(dash)} {num(0.7 * dash)}"' if dash else ""
    style += f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
    path, ellipses = "", ""
    for shape in stroke.shapes:
        if isinstance(shape, Ellipse):
            (x, y), (a, b) = map(num, shape.centre), map(num, shape.half_axes)
            turn = f' transform="rotate({num(shape.degrees)} {x} {y})"' if shape.degrees else ""
            ellipses += f'<ellipse cx="{x}" cy="{y}" rx="{a}" ry="{b}"{turn} {style}/>'
        else:
            path += "M" + "L".join(f"{num(x)} {num(y)}" for x, y in shape) + ("h.01" if len(shape) == 1 else "")
    return ellipses + (f'<path d="{path}" {style}/>' if path else "")


def _text(name: Name, halo: str) -> str:
    x, y = map(num, name.anchor)
    weight = ' font-weight="700"' if name.bold else ""
    return (
        f'<text x="{x}" y="{y}" text-anchor="{name.align}" font-size="{num(name.size)}" fill="{name.colour}"{weight} '
        f'stroke="{halo}" stroke-width="{num(0.16 * name.size)}" paint-order="stroke">{escape(name.text)}</text>'
    )
