"""Whether a label or its mended form fits the picture: both are compared with the pictures under other labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.face_shapes import Complex, placing
from cephkit.data.label_pose import pose_of, reflected
from cephkit.data.opened import read_grey
from cephkit.data.pixels import to_uint8
from cephkit.errors import FilmError
from cephkit.geometry import Size

Floats = NDArray[np.float64]

FILM_SIDE, CROP_SIDE = 256, 48
"""Pixels of the reduced film, and of the face cut from it."""
MARGIN_MM = 20.0
"""Of an average face, about its landmarks."""
MOST_EXAMPLES = 16
FEWEST_EXAMPLES = 3
CLEAR = 0.1
"""Difference of correlations from which on one of two labels fits better."""


@dataclass(frozen=True)
class _Reduced:
    grey: Floats
    scale: float
    """Of ``grey`` against the film."""
    size: Size
    """(height, width) of the film."""


class PictureJudge:
    """Films under labels that are not in doubt, to judge doubtful labels by."""

    def __init__(self, examples: Sequence[tuple[Path, Complex]], mean: Complex) -> None:
        self._mean = mean
        low, high = np.array([[mean.real.min(), mean.imag.min()], [mean.real.max(), mean.imag.max()]])
        x, y = np.linspace(low - MARGIN_MM, high + MARGIN_MM, CROP_SIDE).T
        self._grid = x[None, :] + 1j * y[:, None]
        step = max(1, len(examples) // MOST_EXAMPLES)
        crops = [self._crop(_reduced(path), points) for path, points in examples[::step][:MOST_EXAMPLES]]
        found = [crop for crop in crops if crop is not None]
        self._usual = _mean(np.array(found)) if len(found) >= FEWEST_EXAMPLES else None

    def prefers(self, path: Path, points: Complex, other: Callable[[Size], Complex]) -> bool | None:
        """Whether the film at ``path`` looks more like the examples under ``other`` than under ``points``.

        ``other`` is given the film's (height, width).

        None where that is not clear: few examples, no such film, hardly a difference.
        """
        if self._usual is None:
            return None
        film = _reduced(path)
        if film is None:
            return None
        gain = self._likeness(self._crop(film, other(film.size))) - self._likeness(self._crop(film, points))
        return None if abs(gain) < CLEAR else gain > 0

    def _likeness(self, crop: Floats | None) -> float:
        """Correlation with the usual picture; 0 where less than half of the face lies on the film."""
        if crop is None or self._usual is None:
            return 0.0
        both = np.isfinite(crop) & np.isfinite(self._usual)
        if both.mean() < 0.5:
            return 0.0
        return float(np.nan_to_num(np.corrcoef(crop[both], self._usual[both])[0, 1]))

    def _crop(self, film: _Reduced | None, points: Complex) -> Floats | None:
        """(CROP_SIDE, CROP_SIDE) of the face, upright and looking right, mean 0 and SD 1; NaN beyond the film."""
        pose = pose_of(points, self._mean)
        if film is None or pose is None:
            return None
        grey, scale = film.grey, film.scale
        placed = placing(reflected(points) if pose.mirrored else points, self._mean)
        assert placed is not None
        factor, shift = placed
        there = (self._grid - shift) / factor
        there = reflected(there) if pose.mirrored else there
        column, row = np.rint(there.real * scale).astype(int), np.rint(there.imag * scale).astype(int)
        height, width = grey.shape
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        crop = np.where(inside, grey[row.clip(0, height - 1), column.clip(0, width - 1)], np.nan)
        spread = np.nanstd(crop) if inside.any() else 0.0
        return (crop - np.nanmean(crop)) / spread if spread > 0 else None


def _mean(crops: Floats) -> Floats:
    """(h, w) of ``crops`` (N, h, w) over those that have a pixel there; NaN where none has."""
    there = np.isfinite(crops)
    return np.where(there, crops, 0).sum(axis=0) / np.where(there.any(axis=0), there.sum(axis=0), np.nan)


def _reduced(path: Path) -> _Reduced | None:
    """The film with a longer side of ``FILM_SIDE``; None where it cannot be read."""
    try:
        grey = to_uint8(read_grey(path))
    except FilmError:
        return None
    scale = min(1.0, FILM_SIDE / max(grey.shape))
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    small = Image.fromarray(grey).resize((width, height), Image.Resampling.BOX)
    return _Reduced(np.asarray(small, dtype=np.float64), scale, (grey.shape[0], grey.shape[1]))
