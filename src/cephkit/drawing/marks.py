"""Strokes, names and colours, whichever back end draws them, and where names hide little else.

Lengths are pixels, pixel centres at integers.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from cephkit.geometry import Floats
from cephkit.landmarks.schema import Tissue

XY: TypeAlias = tuple[float, float]
Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom."""

HALO_OPACITY = 0.8


@dataclass(frozen=True)
class Ellipse:
    """A whole ellipse."""

    centre: XY
    half_axes: XY
    degrees: float = 0.0
    """From the picture's x axis to the first half axis, clockwise on the screen."""


Shape: TypeAlias = Ellipse | tuple[XY, ...]
"""An ellipse, or points joined in order; a single point is a dot."""


@dataclass(frozen=True)
class Stroke:
    """Shapes drawn with one pen."""

    shapes: tuple[Shape, ...]
    colour: str
    """``#rrggbb``."""
    width: float
    rim: float = 0.0
    """Width of the halo on each side, which makes the stroke stand out from the film."""
    dash: float = 0.0
    """Length of a dash; 0 for a solid line. SVG only."""
    opacity: float = 1.0


@dataclass(frozen=True)
class Name:
    """A line of text in a box."""

    text: str
    box: Box
    size: float
    """Of the font; the box is as high."""
    colour: str
    bold: bool = False
    align: Literal["start", "middle", "end"] = "middle"

    @property
    def anchor(self) -> XY:
        """Where the text is aligned, on its baseline."""
        left, _, right, bottom = self.box
        x = {"start": left, "middle": (left + right) / 2, "end": right}[self.align]
        return x, bottom - 0.18 * self.size


@dataclass(frozen=True)
class Ink:
    """Colours on one kind of background, after Okabe and Ito's palette, for colour-blind people."""

    tissues: dict[Tissue, str]
    review: str
    """Of the regions of landmarks that need review."""
    halo: str
    text: str
    truth: str = "#56d4ff"
    prediction: str = "#ffb000"
    error: str = "#ff5c5c"
    ring: str = "#ffffff"


ON_FILM = Ink({"bone": "#56b4e9", "tooth": "#f0e442", "soft": "#ff8c3c"}, "#e682be", "#000000", "#ffffff")
ON_WHITE = Ink({"bone": "#00588f", "tooth": "#7a5c00", "soft": "#b04a00"}, "#a0306e", "#ffffff", "#222222")


@dataclass(frozen=True)
class Pen:
    """Colours and sizes of one picture."""

    ink: Ink
    arm: float
    """From the centre of a marker to its end."""
    line: float
    rim: float
    font: float


def marker(point: XY, tissue: Tissue, arm: float) -> tuple[Shape, ...]:
    """An upright cross on bone, an oblique one on a tooth, a ring with a dot on soft tissue: distinct in grey too."""
    (x, y), reach = point, arm / 2**0.5
    shapes: dict[Tissue, tuple[Shape, ...]] = {
        "bone": (((x - arm, y), (x + arm, y)), ((x, y - arm), (x, y + arm))),
        "tooth": (((x - reach, y - reach), (x + reach, y + reach)), ((x - reach, y + reach), (x + reach, y - reach))),
        "soft": (Ellipse(point, (0.8 * arm, 0.8 * arm)), (point,)),
    }
    return shapes[tissue]


def region_ellipse(point: XY, region: ArrayLike) -> Ellipse:
    """The ellipse r' R^-1 r = 1 about ``point``; R (2, 2) in square pixels."""
    variances, axes = np.linalg.eigh(np.asarray(region, dtype=np.float64))
    small, large = np.sqrt(np.maximum(variances, 0)).tolist()
    return Ellipse(point, (large, small), float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))))


def best_place(places: Iterable[Box], others: Sequence[Box], picture: Box) -> Box:
    """The first of the places that cover the least of ``others`` and lie the least outside ``picture``."""
    choice = list(places)
    boxes = np.array(choice, dtype=np.float64)
    taken = np.array(others, dtype=np.float64).reshape(-1, 4)
    outside = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared_area(boxes, picture)
    cost = shared_area(boxes[:, None], taken).sum(axis=1) + 10 * outside
    return choice[int(cost.argmin())]


def places_around(point: tuple[float, float], size: tuple[float, float], gaps: Iterable[float]) -> Iterator[Box]:
    """Boxes of ``size`` (width, height) around ``point``, at each distance of ``gaps``, the preferred ones first."""
    (x, y), (width, height) = point, size
    for gap in gaps:
        right, left, middle_x = x + gap, x - gap - width, x - width / 2
        above, below, middle_y = y - gap - height, y + gap, y - height / 2
        corners = (
            *((right, middle_y), (left, middle_y), (right, above + gap / 2), (right, below - gap / 2)),
            *((left, above + gap / 2), (left, below - gap / 2), (middle_x, above), (middle_x, below)),
        )
        for px, py in corners:
            yield px, py, px + width, py + height


def box_around(x: float, y: float, reach: float) -> Box:
    """The square with sides ``reach`` from a point."""
    return x - reach, y - reach, x + reach, y + reach


def shared_area(one: ArrayLike, other: ArrayLike) -> Floats:
    """Area of the intersection of boxes (..., 4)."""
    ours, theirs = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    sides = np.minimum(ours[..., 2:], theirs[..., 2:]) - np.maximum(ours[..., :2], theirs[..., :2])
    return np.asarray(np.prod(np.maximum(sides, 0.0), axis=-1))
