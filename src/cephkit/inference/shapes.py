"""Shapes of landmarks, regardless of place, size and rotation; missing landmarks are NaN.

How shapes of faces vary before any data set is known is taken from the table of Aariz faces, or assumed to be smooth.
Covariances are (2K, 2K), x0, y0, x1, ..., of shapes aligned to a mean with a root mean square radius of 1.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cephkit.data.synthetic.shapes import table
from cephkit.geometry import Floats

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


LENGTH = 0.85
"""Landmarks this far apart (about 40 mm in a head) move together only in part."""
ORDINARY_SD, ORDINARY_NOISE = 0.055, 0.025
"""What faces differ by where the landmarks are unknown: smoothly, and each landmark for itself (2.6 and 1.2 mm)."""
GROSS_SD, GROSS_NOISE = 0.17, 0.053
"""What the oddest faces differ by: a cleft, a jaw far back, a bite without teeth, with landmarks off by 2.5 mm."""
ANNOTATOR_SD = 0.02
"""Each landmark, beyond what the components of the table say: conventions and annotators differ."""
LARGEST_MISFIT = 0.3
"""``misfit`` above which a mean shape is none of the table's faces."""


def smooth(mean: Floats, sd: float, noise: float) -> Floats:
    """Covariance of smooth deformations: ``sd`` of each coordinate, alike in near landmarks, and ``noise`` alone."""
    apart = np.linalg.norm(mean[:, None] - mean[None], axis=-1)
    together = sd**2 * np.exp(-(apart**2) / (2 * LENGTH**2)) + noise**2 * np.eye(len(mean))
    return np.kron(together, np.eye(2))


def prior_covariance(mean: Floats, symbols: Sequence[str] | None) -> Floats:
    """What shapes about ``mean`` (K, 2) are expected to vary by before films tell.

    The table's where it knows all of ``symbols`` and their mean shape, whichever way it looks; else any smooth one's.
    """
    known = None if symbols is None else _of_the_table(mean, symbols)
    return smooth(mean, ORDINARY_SD, ORDINARY_NOISE) if known is None else known


def _of_the_table(mean: Floats, symbols: Sequence[str]) -> Floats | None:
    faces = table()
    order = list(faces["symbols"])
    if not set(symbols) <= set(order):
        return None
    rows = [order.index(symbol) for symbol in symbols]
    face = faces["mean_mm"].reshape(-1, 2)[rows]
    moves = faces["components_mm"].reshape(-1, len(order), 2)[:, rows]
    flip = np.array([-1.0, 1.0])
    mirrored = misfit(face * flip, mean) < misfit(face, mean)
    if mirrored:
        face, moves = face * flip, moves * flip
    if misfit(face, mean) > LARGEST_MISFIT:
        return None
    z, goal = as_complex(face - face.mean(0)), as_complex(mean - mean.mean(0))
    factor = np.vdot(z, goal) / np.vdot(z, z).real
    shape, turned = z * factor, (as_complex(moves) - as_complex(moves).mean(1, keepdims=True)) * factor
    # What a similarity explains is no change of shape.
    turned -= np.outer(turned @ shape.conj(), shape) / np.vdot(shape, shape).real
    flat = np.stack((turned.real, turned.imag), -1).reshape(len(turned), -1)
    left_out = (1 - faces["explained"]) / faces["explained"] * float((flat**2).sum()) / flat.shape[1]
    return np.asarray(flat.T @ flat + (left_out + ANNOTATOR_SD**2) * np.eye(flat.shape[1]))
