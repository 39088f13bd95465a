"""Test-time views of a film: the same canvas turned, enlarged, mirrored, brighter or darker.

A view is a 3x3 matrix from canvas pixels to the network's input, and an exponent of the grey values. Points found in a
view are mapped back by the inverse of its matrix.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional

from cephkit.geometry import Floats, Matrix, Size, invert


@dataclass(frozen=True)
class View:
    """One view of a canvas."""

    degrees: float = 0.0
    """Clockwise, about the canvas centre."""
    scale: float = 1.0
    gamma: float = 1.0

    def matrix(self, size: Size) -> Matrix:
        """Canvas to view, for a canvas of ``size``."""
        return about_centre(size, self.degrees, self.scale)


PLAIN = (View(),)
TEST_TIME = (
    View(),
    View(degrees=-5),
    View(degrees=5),
    View(scale=0.94),
    View(scale=1.06),
    View(gamma=0.7),
    View(gamma=1.4),
)
"""The views of ``--tta``, all within what the augmentation of training covers."""

BLACKEST, WHITEST, LEAST_GREY = 8, 217, 0.05
"""Of the greys of a film, and the share of a row or a column that they must make up."""
SMALLEST_FILM = 0.2
"""Sides as a share of the canvas's: what is smaller holds too little detail."""


def about_centre(size: Size, degrees: float = 0.0, scale: float = 1.0, mirror: bool = False) -> Matrix:
    """Turn (clockwise on screen), scale and mirror (left to right, before all else) about the centre of the canvas."""
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
    """Mirror and turn a rectangle of the canvas about its middle, and enlarge it until it fills the canvas.

    Args:
        size: (height, width) of the canvas.
        rectangle: (4,) left, top, right, bottom: centres of its outermost pixels.
        degrees: quarter turns, clockwise on screen.
        mirror: left to right, before all else.
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
    """Find where the film lies on each canvas, for films scanned with a white frame around them.

    That is the rows and columns with more than a few grey pixels: neither the frame nor the canvas beyond the picture
    is grey. It is the whole canvas where these are too few for a film.

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


def warp(canvases: Tensor, matrices: Floats, gamma: float = 1.0) -> Tensor:
    """Resample canvases to views of them; black beyond the canvas.

    Args:
        canvases: (B, 1, H, W) float32 in [0, 1].
        matrices: (B, 3, 3), canvas to view. If all are the identity nothing is resampled.
        gamma: exponent of the grey values.

    Returns:
        (B, 1, H, W) float32 in [0, 1].
    """
    images = canvases
    if not np.array_equal(matrices, np.broadcast_to(np.eye(3), matrices.shape)):
        size = canvases.shape[-2:]
        normalise = _to_unit(size)
        # affine_grid takes the matrix from view to canvas, in units of half the canvas side.
        back = np.stack([normalise @ invert(matrix) @ invert(normalise) for matrix in matrices])
        theta = torch.from_numpy(back[:, :2]).to(canvases)
        grid = functional.affine_grid(theta, list(canvases.shape), align_corners=False)
        images = functional.grid_sample(canvases, grid, mode="bilinear", align_corners=False)
    return images if gamma == 1.0 else images.clamp_min(0) ** gamma


def _to_unit(size: torch.Size | Size) -> Matrix:
    """Pixels, centres at integers, to -1 at the left or upper EDGE and 1 at the right or lower one."""
    height, width = size
    return np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1]], dtype=np.float64)
