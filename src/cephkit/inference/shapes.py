"""Shapes of landmarks, regardless of place, size and rotation; missing landmarks are NaN."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST_POINTS = 3
"""Two points fit any shape exactly."""


def similarity(points: Floats, mean: Floats) -> tuple[complex, complex, complex] | None:
    """``(factor, from, to)``: z becomes factor * (z - from) + to, closest to ``mean``; None without a shape.

    A complex factor turns and scales, and cannot reflect.
    """
    both = found_in(points) & found_in(mean)
    if both.sum() < FEWEST_POINTS:
        return None
    z, goal = as_complex(points)[both], as_complex(mean)[both]
    start, end = z.mean(), goal.mean()
    size = float((np.abs(z - start) ** 2).sum())
    if size <= 1e-12 * max(1.0, abs(start)) ** 2:
        return None
    return complex(np.vdot(z - start, goal - end)) / size, complex(start), complex(end)


def aligned_to(points: Floats, mean: Floats) -> Floats:
    """Lay ``points`` (K, 2) onto ``mean``; all NaN if they have no shape."""
    found = similarity(points, mean)
    if found is None:
        return np.full_like(points, np.nan)
    factor, start, end = found
    return planar(factor * (as_complex(points) - start) + end)


def rotation_degrees(points: Floats, mean: Floats) -> float:
    """How far ``points`` are turned against ``mean``, clockwise on screen; 0 if they have no shape."""
    found = similarity(points, mean)
    return 0.0 if found is None else float(-np.angle(found[0], deg=True))


def normalised(shape: Floats) -> Floats:
    """Centre ``shape`` and scale it to a root mean square radius of 1."""
    centred: Floats = shape - np.nanmean(shape, axis=0)
    radius = float(np.sqrt(np.nanmean((centred**2).sum(-1))))
    return centred / radius


def misfit(points: Floats, goal: Floats) -> float:
    """0 if a similarity lays ``points`` (K, 2) onto ``goal``, 1 if none brings them nearer than a single point is."""
    z, w = (as_complex(shape - shape.mean(0)) for shape in (points, goal))
    sizes = float(np.vdot(z, z).real) * float(np.vdot(w, w).real)
    shared = abs(complex(np.vdot(z, w))) ** 2
    return max(0.0, 1 - shared / sizes) ** 0.5 if sizes > 0 else 1.0


def mahalanobis(gap: Floats, covariance: Floats, known: NDArray[np.bool_]) -> float:
    """Mahalanobis length per coordinate of ``gap``, the ``known`` coordinates."""
    squared = gap @ np.linalg.solve(covariance[np.ix_(known, known)], gap)
    return float(np.sqrt(squared / len(gap)))


def found_in(points: Floats) -> NDArray[np.bool_]:
    """(...) whether both coordinates of ``points`` (..., 2) are finite."""
    return np.isfinite(points[..., 0]) & np.isfinite(points[..., 1])


def as_complex(points: Floats) -> NDArray[np.complex128]:
    """x + iy."""
    return points[..., 0] + 1j * points[..., 1]


def planar(values: NDArray[np.complex128]) -> Floats:
    """The way back from ``as_complex``."""
    return np.stack([values.real, values.imag], axis=-1)
