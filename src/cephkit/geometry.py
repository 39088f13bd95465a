"""The only place where coordinates change frame.

Three frames of pixels, pixel centres at integers in each:

- **film**: pixels of the film as it lies in its file;
- **canvas**: the network's input, the film scaled alike in x and y and centred (letterboxed);
- **grid**: heatmap cells; one cell covers ``stride`` x ``stride`` canvas pixels.

A fourth is that of measuring, **face**: looking right, x towards the front, y up, mm where the pixel size is known.

Sizes are ``(height, width)``, points ``(x, y)``. A change of frame is a 3x3 float64 matrix that acts on
column vectors ``(x, y, 1)``.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Size = tuple[int, int]
Floats: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = Floats
Facing: TypeAlias = Literal["right", "left"]
"""The side of the film that a face points to."""

CHI2_90 = -2.0 * math.log(1.0 - 0.9)
"""Squared radius, in standard deviations, of the circle that holds 90 % of a plane normal distribution."""
MEAN_RADIUS = math.sqrt(math.pi / 2.0)
"""Mean length of a plane normal vector with a standard deviation of 1 along each axis."""


@dataclass(frozen=True)
class Letterbox:
    """Where a film lands on a canvas: ``content`` canvas pixels from ``offset``, at ``scale``."""

    film_size: Size
    canvas_size: Size
    scale: float
    content: Size
    offset: tuple[int, int]  # (top, left)

    @property
    def film_box(self) -> tuple[float, float, float, float]:
        """The part of the film behind the content: (left, top, right, bottom) in film pixel EDGES.

        It ends less than one canvas pixel before the film's right and lower edges, so that the scale is
        exactly the same in x and y.
        """
        height, width = self.content
        return (0.0, 0.0, width / self.scale, height / self.scale)

    @property
    def to_canvas(self) -> Matrix:
        """Film to canvas."""
        top, left = self.offset
        # A pixel covers half a pixel on either side of its centre, hence the half-pixel shift.
        shift = 0.5 * self.scale - 0.5
        return np.array([[self.scale, 0, shift + left], [0, self.scale, shift + top], [0, 0, 1]], dtype=np.float64)

    @property
    def to_film(self) -> Matrix:
        """Canvas to film."""
        return invert(self.to_canvas)


def letterbox(film_size: Size, canvas_size: Size) -> Letterbox:
    """The letterbox that fits a film of ``film_size`` into ``canvas_size``.

    Raises:
        ValueError: a size is not positive.
    """
    (film_h, film_w), (canvas_h, canvas_w) = film_size, canvas_size
    if min(film_h, film_w, canvas_h, canvas_w) < 1:
        raise ValueError(f"sizes must be positive, got film {film_size} and canvas {canvas_size}")
    scale = min(canvas_h / film_h, canvas_w / film_w)
    # The small term keeps 1023.9999999 from losing a row to rounding.
    content_h = max(1, min(canvas_h, int(film_h * scale + 1e-6)))
    content_w = max(1, min(canvas_w, int(film_w * scale + 1e-6)))
    offset = ((canvas_h - content_h) // 2, (canvas_w - content_w) // 2)
    return Letterbox(film_size, canvas_size, scale, (content_h, content_w), offset)


def grid_size(canvas_size: Size, stride: int) -> Size:
    """Cells of the heatmap of a canvas.

    Raises:
        ValueError: the canvas is not a multiple of the stride.
    """
    height, width = canvas_size
    if height % stride or width % stride:
        raise ValueError(f"canvas {height}x{width} is not a multiple of the heatmap stride {stride}")
    return height // stride, width // stride


def canvas_to_grid(stride: int) -> Matrix:
    """Canvas to grid: the centre of cell (0, 0) lies at canvas ((stride - 1) / 2, (stride - 1) / 2)."""
    shift = (1 - stride) / (2 * stride)
    return np.array([[1 / stride, 0, shift], [0, 1 / stride, shift], [0, 0, 1]], dtype=np.float64)


def grid_to_canvas(stride: int) -> Matrix:
    """Grid to canvas."""
    return invert(canvas_to_grid(stride))


def film_to_face(faces_left: bool, column_mm: float = 1.0, row_mm: float = 1.0) -> Matrix:
    """Film to face, mirrored for one that ``faces_left``; without a pixel's sides the face is in film pixels."""
    return np.array([[-column_mm if faces_left else column_mm, 0, 0], [0, -row_mm, 0], [0, 0, 1]], dtype=np.float64)


def invert(matrix: Matrix) -> Matrix:
    """The way back."""
    return np.linalg.inv(matrix).astype(np.float64, copy=False)


def transform(matrix: Matrix, points: ArrayLike) -> Floats:
    """``points`` (..., 2) in the frame that ``matrix`` leads to, (..., 2) float64; NaN stays NaN."""
    xy = np.asarray(points, dtype=np.float64)
    return xy @ matrix[:2, :2].T + matrix[:2, 2]


def covariance_of_error(expected_error: float) -> Matrix:
    """(2, 2) covariance of a point that is expected to be ``expected_error`` off, alike in all directions.

    The errors are taken as normal; their mean length is then sqrt(pi / 2) standard deviations.
    """
    return np.eye(2) * (expected_error / MEAN_RADIUS) ** 2


def covariance_of_region(region: ArrayLike) -> Matrix:
    """(2, 2) covariance of a point whose 90 % region is r' R^-1 r <= 1, the errors taken as normal."""
    return np.asarray(region, dtype=np.float64) / CHI2_90
