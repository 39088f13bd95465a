"""Films whose pixels are not square, as the networks know films: stretched until they are.

One place for prediction, evaluation and calibration, so that all look at the same film. Points stay those of the film
as it is stored; only distances are taken between points of the stretched film.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.grey import LARGEST_PIXELS
from cephkit.data.spacing import Spacing
from cephkit.errors import FilmError

Stretch = tuple[float, float]
"""By how much a film is stretched (across, down); the finer side by 1."""
SQUARE: Stretch = (1.0, 1.0)


def stretch_of(spacing: Spacing | None) -> Stretch:
    """What makes pixels of ``spacing`` square."""
    if spacing is None or spacing.is_square:
        return SQUARE
    fine = min(spacing.row_mm, spacing.column_mm)
    return spacing.column_mm / fine, spacing.row_mm / fine


def straightened(grey: NDArray[np.uint8], stretch: Stretch) -> NDArray[np.uint8]:
    """``grey`` (H, W) with square pixels.

    Raises:
        FilmError: it would be too large.
    """
    if stretch == SQUARE:
        return grey
    height, width = grey.shape
    size = (round(width * stretch[0]), round(height * stretch[1]))
    if size[0] * size[1] > LARGEST_PIXELS:
        raise FilmError(f"{size[0]}x{size[1]} pixels, once they are square, are too many", "save the film smaller")
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))


def unstretched(points: NDArray[np.float64], shrink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (..., 2) of the stretched film in pixels of the stored one, by ``shrink`` (across, down)."""
    # Pixel centres are integers, so that the film's edge lies half a pixel before 0.
    return (points + 0.5) * shrink - 0.5
