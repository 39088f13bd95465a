"""Looks at a film: the same canvas turned, enlarged, mirrored, brighter or darker.

A look is a 3x3 matrix from canvas pixels to the pixels of what the network sees, and an exponent of the grey
values. Points found in a look are taken back through the inverse of its matrix.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from cephkit.geometry import Matrix, Size, invert


@dataclass(frozen=True)
class Look:
    """One way of showing a canvas."""

    degrees: float = 0.0
    """Clockwise, about the canvas centre."""
    scale: float = 1.0
    gamma: float = 1.0

    def matrix(self, size: Size) -> Matrix:
        """Canvas to look, for a canvas of ``size``."""
        return about_centre(size, self.degrees, self.scale)


PLAIN = (Look(),)
TEST_TIME = (
    Look(),
    Look(degrees=-5),
    Look(degrees=5),
    Look(scale=0.94),
    Look(scale=1.06),
    Look(gamma=0.7),
    Look(gamma=1.4),
)
"""What ``--tta`` looks at: all of it within what the training has shown."""


BLACKEST, WHITEST, LEAST_GREY = 8, 217, 0.05
"""Of the grey of a film, and the share of a row or a column that it must make up."""
SMALLEST_FILM = 0.2
"""Sides as a share of the canvas': what is smaller shows too little."""


def about_centre(size: Size, degrees: float = 0.0, scale: float = 1.0, mirror: bool = False) -> Matrix:
    """Turn (clockwise as seen), scale and mirror (left to right, first of all) about the centre of the canvas."""
    height, width = size
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    angle = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirror:
        linear = linear @ np.diag([-1.0, 1.0])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = centre - linear @ centre
    return matrix


def fitted(size: Size, rectangle: ArrayLike, degrees: float = 0.0, mirror: bool = False) -> Matrix:
    """Mirror and turn a rectangle of the canvas about its middle, and make it as large as the canvas holds.

    Args:
        size: (height, width) of the canvas.
        rectangle: (4,) left, top, right, bottom: centres of its outermost pixels.
        degrees: quarter turns, clockwise as seen.
        mirror: left to right, first of all.
    """
    left, top, right, bottom = np.asarray(rectangle, dtype=np.float64)
    across, down = right - left + 1, bottom - top + 1
    if degrees % 180:
        across, down = down, across
    scale = min(size[0] / down, size[1] / across)
    matrix = about_centre(size, degrees, scale, mirror)
    centre = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    matrix[:2, 2] = centre - matrix[:2, :2] @ np.array([(left + right) / 2, (top + bottom) / 2])
    return matrix


def film_rectangles(canvases: Tensor) -> Tensor:
    """Inside of where the film lies on each canvas, for one scanned with a white frame around it.

    The rows and columns that hold more than single pixels of grey, which neither the frame nor what is beyond the
    picture is; the whole canvas where these are too few for a film.

    Args:
        canvases: (B, 1, H, W) uint8.

    Returns:
        (B, 4) float64: left, top, right, bottom, centres of the outermost pixels.
    """
    grey = ((canvases[:, 0] > BLACKEST) & (canvases[:, 0] < WHITEST)).float()
    ends = []
    for axis in (1, 2):  # the mean over rows leaves columns
        holds = (grey.mean(axis) > LEAST_GREY).long()
        first, last = holds.argmax(-1), holds.shape[-1] - 1 - holds.flip(-1).argmax(-1)
        ends += [first.double(), last.double()]
    left, right, top, bottom = ends
    height, width = canvases.shape[-2:]
    usable = (right - left >= SMALLEST_FILM * width) & (bottom - top >= SMALLEST_FILM * height)
    whole = torch.tensor([0, 0, width - 1, height - 1], dtype=torch.float64)
    inside = torch.stack((left + 1, top + 1, right - 1, bottom - 1), -1)  # the outermost pixels are half frame
    return torch.where(usable[:, None], inside, whole)


def show(canvases: Tensor, matrices: NDArray[np.float64], gamma: float = 1.0) -> Tensor:
    """The looks at canvases; black beyond them.

    Args:
        canvases: (B, 1, H, W) float32 in [0, 1].
        matrices: (B, 3, 3), canvas to look. Where all are the identity nothing is sampled again.
        gamma: exponent of the grey values.

    Returns:
        (B, 1, H, W) float32 in [0, 1].
    """
    images = canvases
    if not np.array_equal(matrices, np.broadcast_to(np.eye(3), matrices.shape)):
        size = canvases.shape[-2:]
        normalise = _to_unit(size)
        # affine_grid asks for the way from the look back to the canvas, in units of half the canvas side.
        back = np.stack([normalise @ invert(matrix) @ invert(normalise) for matrix in matrices])
        theta = torch.from_numpy(back[:, :2]).to(canvases)
        grid = functional.affine_grid(theta, list(canvases.shape), align_corners=False)
        images = functional.grid_sample(canvases, grid, mode="bilinear", align_corners=False)
    return images if gamma == 1.0 else images.clamp_min(0) ** gamma


def _to_unit(size: torch.Size | Size) -> Matrix:
    """Pixels, centres at integers, to -1 at the left or upper EDGE and 1 at the right or lower one."""
    height, width = size
    return np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1]], dtype=np.float64)
