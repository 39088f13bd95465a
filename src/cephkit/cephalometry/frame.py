"""The frame in which faces are measured: looking right, x towards the front, y up, mm where the pixel size is known.

Landmarks come in film pixels (x to the right, y down). Signs hold in this frame alone: nothing is measured outside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.data.film import Points
from cephkit.data.spacing import Spacing, as_spacing
from cephkit.geometry import Matrix, film_to_face, transform
from cephkit.landmarks import Facing

Vector: TypeAlias = NDArray[np.float64]

FRONT = ("N", "Or", "A", "ANS", "Pn", "Pog", "UIT")
BACK = ("S", "Po", "Ar", "Co", "Go", "PNS")
UPPER = ("N", "S", "Or", "Po", "N`")
LOWER = ("B", "Pog", "Gn", "Me", "Go", "LIA", "Pog`")


@dataclass(frozen=True)
class Face:
    """One face in the frame of measuring."""

    points: Mapping[str, Vector]
    """(2,) by symbol: x towards the front, y up; mm, or film pixels where ``in_mm`` is False."""
    in_mm: bool
    covariances: Mapping[str, Matrix] = field(default_factory=dict)
    """(2, 2) of the landmarks' errors, in the same units squared; a landmark without one has no entry."""


def facing_of(points: Points) -> Facing | None:
    """Where the face looks once it stands upright: to which side of its height its front lies.

    A film that lies on its side or upside down is told from a mirrored one by landmarks above and below; without such
    a pair the film is taken to stand upright. None where front or back has no landmark, or they do not tell.
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
    """The face of landmarks in film pixels.

    Args:
        points: film pixels, x to the right, y down.
        facing: where the face looks on the film.
        spacing: mm per film pixel; None: lengths stay in pixels.
        covariances_px: (2, 2) of the landmarks' errors by symbol, film pixels squared.

    Raises:
        ValueError: a coordinate is not finite, or a covariance is none.
        SettingsError: no pixel of a cephalogram has that size.
    """
    spacing = as_spacing(spacing)
    sides = () if spacing is None else (spacing.column_mm, spacing.row_mm)
    to_face = film_to_face(facing == "left", *sides)
    placed = {}
    for symbol, point in points.items():
        if not np.isfinite(point).all():
            raise ValueError(f"{symbol} lies at {point}; leave a landmark that is not there out")
        placed[symbol] = transform(to_face, point)
    turn = to_face[:2, :2]
    spread = {symbol: turn @ _covariance(symbol, given) @ turn.T for symbol, given in (covariances_px or {}).items()}
    return Face(placed, spacing is not None, spread)


def _covariance(symbol: str, given: ArrayLike) -> Matrix:
    matrix = np.asarray(given, dtype=np.float64)
    usable = matrix.shape == (2, 2) and np.isfinite(matrix).all() and np.allclose(matrix, matrix.T)
    if not usable or np.linalg.eigvalsh(matrix).min() < -1e-9 * max(1.0, float(np.abs(matrix).max())):
        raise ValueError(f"{symbol}: no covariance of two coordinates: {matrix.tolist()}")
    return matrix
