"""The coordinate frame of measurements: the face points right, x forward, y up, in mm if the pixel size is known.

Landmarks are given in film pixels (x to the right, y down). Signs are defined in this frame only, so everything is
measured in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from cephkit.data.film import Points
from cephkit.data.spacing import Spacing, as_spacing
from cephkit.geometry import Facing, Floats, Matrix, film_to_face, transform

Vector: TypeAlias = Floats

FRONT = ("N", "Or", "A", "ANS", "Pn", "Pog", "UIT")
BACK = ("S", "Po", "Ar", "Co", "Go", "PNS")
UPPER = ("N", "S", "Or", "Po", "N`")
LOWER = ("B", "Pog", "Gn", "Me", "Go", "LIA", "Pog`")


@dataclass(frozen=True)
class Face:
    """One face in the measurement frame."""

    points: Mapping[str, Vector]
    """(2,) by symbol: x forward, y up; mm, or film pixels if ``in_mm`` is False."""
    in_mm: bool
    covariances: Mapping[str, Matrix] = field(default_factory=dict)
    """(2, 2) by symbol: covariance of a landmark's error, in the same units squared, for landmarks that have one."""


def facing_of(points: Points) -> Facing | None:
    """The side that the face points to once upright: the side of its vertical axis on which its front lies.

    Upper and lower landmarks distinguish a rotated film from a mirrored one; without both, the film is assumed to be
    upright. None if there are no landmarks at the front or back, or if they are ambiguous.
    """
    front, back, upper, lower = (
        np.array([points[symbol] for symbol in group if symbol in points]) for group in (FRONT, BACK, UPPER, LOWER)
    )
    if not len(front) or not len(back):
        return None
    ahead = front.mean(0) - back.mean(0)
    down = lower.mean(0) - upper.mean(0) if len(upper) and len(lower) else np.array([0.0, 1.0])
    side = float(ahead[0] * down[1] - ahead[1] * down[0])
    if side == 0:
        return None
    return "right" if side > 0 else "left"


def face_of(
    points: Points,
    facing: Facing,
    spacing: Spacing | float | None = None,
    covariances_px: Mapping[str, ArrayLike] | None = None,
) -> Face:
    """Transform landmarks from film pixels into the measurement frame.

    Args:
        points: film pixels, x to the right, y down.
        facing: the side of the film that the face points to.
        spacing: mm per film pixel; None: lengths stay in pixels.
        covariances_px: (2, 2) by symbol, covariances of the landmarks' errors in film pixels squared.

    Raises:
        ValueError: a coordinate is not finite, or a covariance is not valid.
        SettingsError: no pixel of a cephalogram has that size.
    """
    spacing = as_spacing(spacing)
    sides = () if spacing is None else (spacing.column_mm, spacing.row_mm)
    to_face = film_to_face(facing == "left", *sides)
    placed = {}
    for symbol, point in points.items():
        if not np.isfinite(point).all():
            raise ValueError(f"{symbol} has non-finite coordinates {point}; omit missing landmarks")
        placed[symbol] = transform(to_face, point)
    linear = to_face[:2, :2]
    covariances = {
        symbol: linear @ _covariance(symbol, given) @ linear.T for symbol, given in (covariances_px or {}).items()
    }
    return Face(placed, spacing is not None, covariances)


def _covariance(symbol: str, given: ArrayLike) -> Matrix:
    matrix = np.asarray(given, dtype=np.float64)
    usable = matrix.shape == (2, 2) and np.isfinite(matrix).all() and np.allclose(matrix, matrix.T)
    if not usable or np.linalg.eigvalsh(matrix).min() < -1e-9 * max(1.0, float(np.abs(matrix).max())):
        raise ValueError(f"{symbol}: not a valid 2 x 2 covariance matrix: {matrix.tolist()}")
    return matrix
