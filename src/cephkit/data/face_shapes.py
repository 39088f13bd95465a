"""Where the landmarks of a face lie, and where each of them should lie given the others.

Faces are aligned with the mean of the table of Aariz faces, so that lengths are in millimetres of an average face
whatever the film's pixels are. A data set's own labels add to that table, since annotators have habits of their own;
a few of the labels may be wrong.
"""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cephkit.data.synthetic.shapes import table
from cephkit.geometry import Floats
from cephkit.landmarks.shipped import AARIZ

Complex = NDArray[np.complex128]

FEWEST_LANDMARKS = 6
"""Fewer do not show which way a face looks, nor which of them is wrong."""
FEWEST_LABELS = 8
"""Fewer do not show habits, and are compared with the table alone."""
HABIT_SD_MM = 3.0
"""Between the places where two annotators believe a landmark to be, per axis."""
MARKING_SD_MM = 1.0
"""Of one annotator's marks around where they believe it to be, per axis."""
TABLE_FACES = 40.0
"""Weight of the table in the covariance, in labels."""
TABLE_MEANS = 3.0
"""Weight of the table in the mean, in labels."""
OUTLIER_SDS, OUTLIER_MM = 4.5, 6.0
"""A landmark is out of place beyond both, measured from where the others predict it."""
MOST_OUTLIERS = 8
"""With more it is unclear which landmarks are wrong: the label as a whole is."""
_FREE_MM2 = 1e4
"""Variance of place, size and rotation, which are not part of the shape."""
_ROUNDS = 8
_LEARNING_ROUNDS = 2


@dataclass(frozen=True)
class Displaced:
    """A landmark that lies where the others do not predict it."""

    symbol: str
    sds: float
    mm: float
    """Of an average face."""
    expected: complex
    """Where the others predict it."""


@dataclass(frozen=True)
class FaceShape:
    """Mean and covariance of K landmarks of upright right-facing faces, in mm of an average face."""

    mean: Complex
    """(K,) x + iy, y down."""
    covariance: Floats
    """(2K, 2K), x0, y0, x1, ..., of faces aligned with the mean; place, size and rotation are free."""
    symbols: tuple[str, ...] = AARIZ.symbols
    """The landmarks, in order."""
    _precisions: dict[bytes, Floats] = field(default_factory=dict, repr=False, compare=False)
    """By which landmarks are present: few patterns occur, and inversion takes the most time."""

    def displaced(self, points: Complex) -> list[Displaced]:
        """Find landmarks of ``points`` (K,), NaN where missing, that the others contradict; the worst first.

        One is removed at a time, since a landmark out of place makes its neighbours look wrong.
        """
        left = points.copy()
        found: list[Displaced] = []
        while len(found) < MOST_OUTLIERS and np.isfinite(left).sum() > 3:
            placed = placing(left, self.mean)
            if placed is None:
                break
            sds, gaps = self.residuals(placed[0] * left + placed[1])
            mm = np.abs(gaps)
            bad = (sds > OUTLIER_SDS) & (mm > OUTLIER_MM)
            if not bad.any():
                break
            worst = int(np.argmax(np.where(bad, sds, -1)))
            expected = complex(left[worst] - gaps[worst] / placed[0])
            found.append(Displaced(self.symbols[worst], float(sds[worst]), float(mm[worst]), expected))
            left[worst] = np.nan
        return found

    def residuals(self, face: Complex) -> tuple[Floats, Complex]:
        """Return (K,) SDs and gaps in mm from where the others predict each landmark to it; NaN where missing."""
        found = np.isfinite(face)
        precision, pull = self._pull(face)
        sds, all_gaps = np.full(len(face), np.nan), np.full(len(face), complex(np.nan, np.nan))
        places = np.arange(int(found.sum()))
        blocks = precision.reshape(len(places), 2, len(places), 2)[places, :, places, :]
        gaps = np.linalg.solve(blocks, pull.reshape(-1, 2, 1))[..., 0]
        sds[found] = np.sqrt(np.einsum("ki,kij,kj->k", gaps, blocks, gaps))
        all_gaps[found] = gaps[:, 0] + 1j * gaps[:, 1]
        return sds, all_gaps

    def exchange_gains(self, face: Complex) -> Floats:
        """Return (K, K): how much exchanging two landmarks reduces the squared distance; -inf if one is missing."""
        found = np.flatnonzero(np.isfinite(face))
        precision, pull = self._pull(face)
        count = len(found)
        planar = _planar(face[found])
        step = planar[None, :] - planar[:, None]  # (k, l, 2): added to k, subtracted from l
        force = pull.reshape(count, 2)
        linear = np.einsum("kli,kli->kl", step, force[:, None] - force[None])
        blocks = precision.reshape(count, 2, count, 2).transpose(0, 2, 1, 3)
        own = blocks[np.arange(count), np.arange(count)]
        curve = own[:, None] + own[None] - blocks - blocks.transpose(1, 0, 2, 3)
        squares = np.einsum("kli,klij,klj->kl", step, curve, step)
        gains = np.full((len(face), len(face)), -np.inf)
        gains[np.ix_(found, found)] = -(2 * linear + squares)
        return gains

    def given(self, face: Complex) -> tuple[Complex, Floats]:
        """Predict every landmark from those of ``face`` (K,), NaN where unknown: means (K,), covariances (K, 2, 2).

        Place, size and rotation are known only as far as ``face`` shows them; its own landmarks are predicted as the
        annotator might have marked them again.
        """
        present = np.repeat(np.isfinite(face), 2)
        free = _similarities(self.mean)
        covariance = self.covariance + _FREE_MM2 * free.T @ free
        gain = np.linalg.solve(covariance[np.ix_(present, present)], covariance[present]).T
        moved = gain @ _planar((face - self.mean)[np.isfinite(face)]).ravel()
        left = (covariance - gain @ covariance[present]).reshape(len(face), 2, len(face), 2)
        places = np.arange(len(face))
        blocks = left[places, :, places, :] + MARKING_SD_MM**2 * np.eye(2)
        return self.mean + (moved[0::2] + 1j * moved[1::2]), blocks

    def _pull(self, face: Complex) -> tuple[Floats, Floats]:
        """Return the precision matrix of the landmarks present, and its product with their residuals."""
        found = np.isfinite(face)
        precision = self._precisions.get(found.tobytes())
        if precision is None:
            present = np.repeat(found, 2)
            free = _similarities(self.mean)
            covariance = self.covariance + _FREE_MM2 * free.T @ free
            precision = self._precisions[found.tobytes()] = np.linalg.inv(covariance[np.ix_(present, present)])
        return precision, precision @ _planar((face - self.mean)[found]).ravel()


@cache
def table_shape() -> FaceShape:
    """Return the shape of the table's faces, for labels by an annotator of unknown habits."""
    mean = table()["mean_mm"].reshape(-1, 2)
    return FaceShape(mean[:, 0] + 1j * mean[:, 1], _table_covariance(HABIT_SD_MM**2))


def learn_shape(labels: Complex) -> FaceShape:
    """Combine the table's shape with ``labels`` (N, 29), NaN where missing: upright right-facing faces.

    Landmarks out of place are left out, and so are labels with many of them. Fewer than ``FEWEST_LABELS`` change
    nothing.
    """
    shape = table_shape()
    if len(labels) < FEWEST_LABELS:
        return shape
    faces = np.stack([laid(label, shape.mean) for label in labels])
    marked = np.isfinite(faces)
    present, share = marked.any(axis=0), TABLE_MEANS / (len(labels) + TABLE_MEANS)
    middle = np.array([_median(column[rows]) for column, rows in zip(faces.T, marked.T, strict=True)])
    mean = np.where(present, (1 - share) * middle + share * shape.mean, shape.mean)
    shape = FaceShape(mean, shape.covariance)
    for _ in range(_LEARNING_ROUNDS):
        whole = []
        for label in labels:
            out = {entry.symbol for entry in shape.displaced(label)}
            if len(out) < MOST_OUTLIERS:
                kept = np.where([symbol in out for symbol in AARIZ.symbols], np.nan, label)
                whole.append(_completed(laid(kept, shape.mean) - shape.mean, shape.covariance))
        if len(whole) < FEWEST_LABELS:
            return table_shape()
        residuals = np.array(whole)
        count = len(residuals)
        shift = residuals.mean(axis=0)
        moved = shape.mean + (shift[0::2] + 1j * shift[1::2]) * count / (count + TABLE_MEANS)
        residuals = residuals - shift
        # More labels show the annotator's habits more exactly.
        habit = HABIT_SD_MM**2 * TABLE_MEANS / (TABLE_MEANS + count)
        own = TABLE_FACES * _table_covariance(habit) + residuals.T @ residuals
        shape = FaceShape(np.where(present, moved, shape.mean), own / (TABLE_FACES + count))
    return shape


def laid(points: Complex, mean: Complex) -> Complex:
    """Align ``points`` (K,) with ``mean`` by rotation, scale and shift, robust to single landmarks far off.

    All NaN if they have no shape.
    """
    placed = placing(points, mean)
    return np.full_like(points, np.nan) if placed is None else placed[0] * points + placed[1]


def placing(points: Complex, mean: Complex) -> tuple[complex, complex] | None:
    """Find ``(factor, shift)`` so that factor * points + shift lies on ``mean``; a complex factor never mirrors.

    Minimises the sum of distances instead of squares, by reweighting. None if fewer than three landmarks are present,
    or all of them in one place. Landmarks that ``mean`` lacks (NaN) do not count.
    """
    found = np.isfinite(points) & np.isfinite(mean)
    z, goal = points[found], mean[found]
    if len(z) < 3:
        return None
    weights = np.ones(len(z))
    factor = shift = 0j
    for _ in range(_ROUNDS):
        share = weights / weights.sum()
        start, end = (share * z).sum(), (share * goal).sum()
        size = float((share * np.abs(z - start) ** 2).sum())
        if size <= 1e-12 * max(1.0, abs(start)) ** 2:
            return None
        factor = complex((share * np.conj(z - start) * (goal - end)).sum()) / size
        shift = complex(end - factor * start)
        weights = 1 / np.maximum(np.abs(factor * z + shift - goal), HABIT_SD_MM)
    return factor, shift


def _completed(residuals: Complex, covariance: Floats) -> Floats:
    """Fill missing ``residuals`` (29,) with what the others predict: (58,)."""
    present = np.repeat(np.isfinite(residuals), 2)
    flat = _planar(residuals).ravel()
    if not present.all():
        known = np.linalg.solve(covariance[np.ix_(present, present)], flat[present])
        flat[~present] = covariance[np.ix_(~present, present)] @ known
    return flat


@cache
def _table_covariance(habit: float) -> Floats:
    mean, components = table()["mean_mm"].reshape(-1, 2), table()["components_mm"]
    free = _similarities(mean[:, 0] + 1j * mean[:, 1])
    components = components - (components @ free.T) @ free
    covariance: Floats = components.T @ components
    explained = float(table()["explained"])
    left_out = float(np.trace(covariance)) * (1 - explained) / explained / len(covariance)
    return covariance + np.eye(len(covariance)) * (left_out + MARKING_SD_MM**2 + habit)


def _similarities(mean: Complex) -> Floats:
    """Return (4, 2K) orthonormal directions in which place, size and rotation move ``mean``."""
    centred = mean - mean.mean()
    moves = np.stack([np.ones_like(mean), np.full_like(mean, 1j), centred, 1j * centred])
    flat = _planar(moves).reshape(4, -1)
    return np.ascontiguousarray(np.linalg.qr(flat.T)[0].T)


def _median(values: Complex) -> complex:
    return complex(np.median(values.real), np.median(values.imag)) if len(values) else complex(np.nan, np.nan)


def _planar(values: Complex) -> Floats:
    return np.stack([values.real, values.imag], axis=-1)
