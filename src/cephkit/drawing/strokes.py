"""What a tracing is drawn with: lines, markers and ellipses as SVG, in colours for a dark film or for white paper.

Tissues differ in colour (after Okabe and Ito's palette, for colour-blind people) and in the shape of their markers, so
that a grey print keeps them apart.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cephkit.cephalometry.tracing import XY
from cephkit.drawing.overlay import COLOURS, LOOK
from cephkit.landmarks import Tissue


@dataclass(frozen=True)
class Ink:
    """Colours of a tracing."""

    tissues: dict[Tissue, str]
    look: str
    """Of the regions of landmarks that a person should check."""
    halo: str
    """Around all that is drawn, so that it stands out."""
    text: str


ON_FILM = Ink(
    {tissue: f"rgb{colour}".replace(" ", "") for tissue, colour in COLOURS.items()},
    f"rgb{LOOK}".replace(" ", ""),
    "#000",
    "#fff",
)
ON_WHITE = Ink({"bone": "#00588f", "tooth": "#7a5c00", "soft": "#b04a00"}, "#a0306e", "#fff", "#222")


@dataclass(frozen=True)
class Stroke:
    """One shape; lengths in film pixels."""

    shape: str
    """An SVG element's name and geometry."""
    colour: str
    width: float
    dash: float = 0.0
    """Length of a dash; 0 for a whole line."""
    opacity: float = 1.0

    def svg(self) -> str:
        """The shape."""
        dash = f' stroke-dasharray="{num(self.dash)} {num(0.7 * self.dash)}"' if self.dash else ""
        opacity = f' stroke-opacity="{self.opacity:g}"' if self.opacity < 1 else ""
        return f'<{self.shape} stroke="{self.colour}" stroke-width="{num(self.width)}"{dash}{opacity}/>'

    def halo(self, colour: str, rim: float) -> str:
        """What lies under it, ``rim`` wider on each side."""
        width = num(self.width + 2 * rim)
        return f'<{self.shape} stroke="{colour}" stroke-width="{width}" stroke-opacity="{0.6 * self.opacity:g}"/>'


def path(points: Sequence[XY], colour: str, width: float, dash: float = 0.0, opacity: float = 1.0) -> Stroke:
    """Points joined in a row."""
    places = " ".join(f"{num(x)},{num(y)}" for x, y in points)
    return Stroke(f'polyline points="{places}"', colour, width, dash, opacity)


def marker(point: XY, tissue: Tissue, colour: str, arm: float, width: float) -> Stroke:
    """A landmark: an upright cross on bone, an oblique one on a tooth, a ring with its middle on soft tissue."""
    x, y = point
    reach = {"bone": arm, "tooth": arm / math.sqrt(2), "soft": 0.8 * arm}[tissue]
    a, twice = num(reach), num(2 * reach)
    shape = {
        "bone": f"M{num(x - reach)} {num(y)}h{twice}M{num(x)} {num(y - reach)}v{twice}",
        "tooth": f"M{num(x - reach)} {num(y - reach)}l{twice} {twice}m0 -{twice}l-{twice} {twice}",
        "soft": f"M{num(x - reach)} {num(y)}a{a} {a} 0 1 0 {twice} 0a{a} {a} 0 1 0 -{twice} 0"
        f"M{num(x - reach / 8)} {num(y)}h{num(reach / 4)}",
    }[tissue]
    return Stroke(f'path d="{shape}"', colour, width)


def region(point: XY, matrix: ArrayLike, colour: str, width: float) -> Stroke:
    """The ellipse r' R^-1 r = 1 about a landmark, R (2, 2) in film pixels squared."""
    variances, axes = np.linalg.eigh(np.asarray(matrix, dtype=np.float64))
    small, large = np.sqrt(np.maximum(variances, 0)).tolist()
    x, y = (num(value) for value in point)
    turn = math.degrees(math.atan2(axes[1, 1], axes[0, 1]))
    where = f'cx="{x}" cy="{y}" rx="{num(large)}" ry="{num(small)}" transform="rotate({num(turn)} {x} {y})"'
    return Stroke(f"ellipse {where}", colour, width)


def num(value: float) -> str:
    """A number as SVG has it, to a hundredth."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
