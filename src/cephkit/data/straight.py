"""Stretch films until their pixels are square, as the networks expect.

Points stay those of the film as it is stored; only distances are taken between points of the stretched film.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.grey import LARGEST_PIXELS
from cephkit.data.spacing import SQUARE, Stretch
from cephkit.errors import BrokenFilmError


def straightened(grey: NDArray[np.uint8], stretch: Stretch) -> NDArray[np.uint8]:
    """Resample ``grey`` (H, W) to square pixels.

    Raises:
        BrokenFilmError: it would be too large.
    """
    if stretch == SQUARE:
        return grey
    height, width = grey.shape
    size = (round(width * stretch[0]), round(height * stretch[1]))
    if size[0] * size[1] > LARGEST_PIXELS:
        raise BrokenFilmError(
            f"{size[0]}x{size[1]} pixels, once they are square, are too many", "save the film smaller"
        )
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))


def unstretched(points: NDArray[np.float64], shrink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map points (..., 2) of the stretched film to pixels of the stored one, by ``shrink`` (across, down)."""
    # Pixel centres are integers, so the film's edge lies half a pixel before 0.
    return (points + 0.5) * shrink - 0.5
