"""Decides whether a label or its corrected form fits the picture, by the pictures under other labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.face_shapes import Complex, placing
from cephkit.data.film import Film
from cephkit.data.label_pose import pose_of, reflected
from cephkit.data.opened import read_grey
from cephkit.data.pixels import to_uint8
from cephkit.data.spacing import stretch_of
from cephkit.data.straight import straightened
from cephkit.errors import FilmError
from cephkit.geometry import Size

Floats = NDArray[np.float64]

FILM_SIDE, CROP_SIDE = 256, 48
"""Pixels of the reduced film, and of the face cropped from it."""
MARGIN_MM = 20.0
"""Around the landmarks of an average face."""
MOST_EXAMPLES = 16
FEWEST_EXAMPLES = 3
CLEAR = 0.1
"""Difference of correlations above which one of two labels fits better."""


@dataclass(frozen=True)
class _Reduced:
    grey: Floats
    scale: float
    """Of ``grey`` relative to the film."""
    size: Size
    """(height, width) of the film once its pixels are square."""


class PictureJudge:
    """Judges doubtful labels by the films under labels that are not in doubt."""

    def __init__(self, examples: Sequence[tuple[Film, Complex]], mean: Complex) -> None:
        self._mean = mean
        low, high = np.array([[mean.real.min(), mean.imag.min()], [mean.real.max(), mean.imag.max()]])
        x, y = np.linspace(low - MARGIN_MM, high + MARGIN_MM, CROP_SIDE).T
        self._grid = x[None, :] + 1j * y[:, None]
        step = max(1, len(examples) // MOST_EXAMPLES)
        crops = [self._crop(_reduced(film), points) for film, points in examples[::step][:MOST_EXAMPLES]]
        found = [crop for crop in crops if crop is not None]
        self._usual = _mean(np.array(found)) if len(found) >= FEWEST_EXAMPLES else None

    def prefers(self, film: Film, points: Complex, other: Callable[[Size], Complex]) -> bool | None:
        """Return whether ``film`` is more like the examples under ``other`` than under ``points``.

        Points are those of the film once its pixels are square; ``other`` gets its (height, width) then. None if
        unclear: few examples, no such film, hardly a difference.
        """
        if self._usual is None:
            return None
        reduced = _reduced(film)
        if reduced is None:
            return None
        gain = self._likeness(self._crop(reduced, other(reduced.size))) - self._likeness(self._crop(reduced, points))
        return None if abs(gain) < CLEAR else gain > 0

    def _likeness(self, crop: Floats | None) -> float:
        """Correlate with the mean picture; 0 if less than half of the face lies on the film."""
        if crop is None or self._usual is None:
            return 0.0
        both = np.isfinite(crop) & np.isfinite(self._usual)
        if both.mean() < 0.5:
            return 0.0
        return float(np.nan_to_num(np.corrcoef(crop[both], self._usual[both])[0, 1]))

    def _crop(self, film: _Reduced | None, points: Complex) -> Floats | None:
        """Crop the face to (CROP_SIDE, CROP_SIDE), upright and facing right, mean 0 and SD 1; NaN off the film."""
        pose = pose_of(points, self._mean)
        if film is None or pose is None:
            return None
        grey, scale = film.grey, film.scale
        placed = placing(reflected(points) if pose.mirrored else points, self._mean)
        assert placed is not None
        factor, shift = placed
        places = (self._grid - shift) / factor
        places = reflected(places) if pose.mirrored else places
        column, row = np.rint(places.real * scale).astype(int), np.rint(places.imag * scale).astype(int)
        height, width = grey.shape
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        crop = np.where(inside, grey[row.clip(0, height - 1), column.clip(0, width - 1)], np.nan)
        spread = np.nanstd(crop) if inside.any() else 0.0
        return (crop - np.nanmean(crop)) / spread if spread > 0 else None


def _mean(crops: Floats) -> Floats:
    """Average ``crops`` (N, h, w) over those that have a pixel; NaN where none has."""
    finite = np.isfinite(crops)
    pixels: Floats = np.where(finite.any(axis=0), finite.sum(axis=0), np.nan)
    return np.asarray(np.where(finite, crops, 0).sum(axis=0) / pixels)


def _reduced(film: Film) -> _Reduced | None:
    """Read the film, with square pixels, reduced to a longer side of ``FILM_SIDE``; None if it cannot be read."""
    try:
        grey = straightened(to_uint8(read_grey(film.path)), stretch_of(film.spacing))
    except FilmError:
        return None
    scale = min(1.0, FILM_SIDE / max(grey.shape))
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    small = Image.fromarray(grey).resize((width, height), Image.Resampling.BOX)
    return _Reduced(np.asarray(small, dtype=np.float64), scale, (grey.shape[0], grey.shape[1]))
