"""Whether predicted landmarks can be those of a lateral cephalogram at all.

A network returns landmarks for whatever picture it is given. Here their shape is compared with the shapes of
labelled films, regardless of place, size and (for the distance) rotation: what lies far from all of them is
no lateral cephalogram, or one that the network did not understand. It says nothing of single landmarks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

FEWEST_POINTS = 3
"""Two points fit any shape exactly."""
QUANTILE = 0.99
"""Share of the fitted films that may lie within a limit before its margin."""
DISTANCE_MARGIN = 1.5
SCORE_MARGIN = 0.5
ROTATION_MARGIN_DEGREES = 20.0
LEAST_SHRINKAGE = 0.1
"""Alignment leaves four directions without any variance; this keeps the covariance invertible."""
ALIGNMENT_ROUNDS = 10


@dataclass(frozen=True)
class Plausibility:
    """What ``ShapeModel.check`` found."""

    ok: bool
    shape_distance: float
    """About 1 for a typical film, in standard deviations per coordinate; inf where there is no shape."""
    reason: str
    """Why not, for people; empty if ``ok``."""


@dataclass(frozen=True)
class ShapeModel:
    """Mean shape of K landmarks, how shapes vary, and how far a plausible one may lie."""

    mean: Floats
    """(K, 2), centred, with a root mean square distance of 1 from its centre."""
    covariance: Floats
    """(2K, 2K) of aligned shapes, x0, y0, x1, ..., shrunk towards a multiple of the identity."""
    largest_distance: float
    largest_rotation_degrees: float
    """Against the mean shape, whichever way."""
    lowest_score: float | None = None
    """Of the median over a film's peak scores; None does not look at scores."""

    def check(self, points: ArrayLike, scores: ArrayLike | None = None) -> Plausibility:
        """Judge the landmarks of one film.

        Args:
            points: (K, 2) pixels of whatever frame with square pixels; NaN where a landmark is missing.
            scores: (K,) heights of the heatmaps' peaks, NaN where missing; None does not look at them.

        Raises:
            ValueError: not K points or not K scores.
        """
        xy = np.asarray(points, dtype=np.float64)
        if xy.shape != self.mean.shape:
            raise ValueError(f"points must be {self.mean.shape}, one per landmark of the shape model, got {xy.shape}")
        found = _found(xy)
        if found.sum() < FEWEST_POINTS:
            return Plausibility(False, np.inf, f"only {int(found.sum())} of {len(found)} landmarks were found")
        distance, rotation = self.distance(xy), _rotation_degrees(xy, self.mean)
        reasons = []
        if distance > self.largest_distance:
            reason = (
                f"the landmarks' shape is at distance {distance:.1f} from films, at most {self.largest_distance:.1f}"
            )
            if self.distance(xy * (-1, 1)) <= self.largest_distance:
                reason = "the face looks to the other side than on the films of the training"
            reasons.append(reason)
        elif abs(rotation) > self.largest_rotation_degrees:
            most = self.largest_rotation_degrees
            reasons.append(f"the face is turned by {rotation:+.0f} degrees in the picture, at most {most:.0f}")
        if scores is not None and self.lowest_score is not None:
            peaks = np.asarray(scores, dtype=np.float64)
            if peaks.shape != found.shape:
                raise ValueError(f"scores must be {found.shape}, one per landmark, got {peaks.shape}")
            median = _median(peaks)
            if not median >= self.lowest_score:  # NaN is no score
                reasons.append(f"the network is unsure: median peak {median:.3g}, at least {self.lowest_score:.3g}")
        return Plausibility(not reasons, distance, "; ".join(reasons))

    def distance(self, points: ArrayLike) -> float:
        """Mahalanobis distance of a shape (K, 2) per coordinate found, after similarity alignment.

        Missing landmarks (NaN) are left out of the shape and of the covariance. inf where fewer than three
        were found, or all of them in one place.
        """
        xy = np.asarray(points, dtype=np.float64)
        aligned = _aligned(xy, self.mean)
        found = _found(aligned)
        if found.sum() < FEWEST_POINTS:
            return float("inf")
        gap = (aligned - self.mean)[found].ravel()
        seen = np.repeat(found, 2)
        squared = gap @ np.linalg.solve(self.covariance[np.ix_(seen, seen)], gap)
        return float(np.sqrt(squared / len(gap)))

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        return {
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
            "largest_distance": self.largest_distance,
            "largest_rotation_degrees": self.largest_rotation_degrees,
            "lowest_score": self.lowest_score,
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "ShapeModel":
        """The model that ``to_dict`` wrote.

        Raises:
            TypeError: a key is missing or unknown.
            ValueError: mean and covariance do not fit each other.
        """
        arrays: dict[str, Any] = {
            key: np.array(plain[key], dtype=np.float64) for key in ("mean", "covariance") if key in plain
        }
        model = cls(**{**plain, **arrays})
        side = model.mean.size
        if model.mean.ndim != 2 or model.covariance.shape != (side, side):
            raise ValueError(f"mean {model.mean.shape} and covariance {model.covariance.shape} do not fit each other")
        return model


def fit_shape(points: ArrayLike, scores: ArrayLike | None = None) -> ShapeModel:
    """The shapes of labelled or predicted films, and limits for new ones.

    Generalised Procrustes alignment without reflection; a missing landmark counts as its mean. The covariance
    is shrunk as by Chen et al. 2010 (OAS, https://arxiv.org/abs/0907.4698), though never less than by
    ``LEAST_SHRINKAGE``. Limits are quantiles over these films with a margin.

    Args:
        points: (N, K, 2) pixels of whatever frame with square pixels; NaN where a landmark is missing.
        scores: (N, K) heights of the heatmaps' peaks of a model's predictions; None: no limit for scores.

    Raises:
        ValueError: other shapes, fewer than two films with three landmarks, or a landmark that no film has.
    """
    xy = np.asarray(points, dtype=np.float64)
    if xy.ndim != 3 or xy.shape[-1] != 2:
        raise ValueError(f"points must be (films, landmarks, 2), got {xy.shape}")
    found = _found(xy)
    xy = np.where(found[..., None], xy, np.nan)
    usable = found.sum(1) >= FEWEST_POINTS
    if usable.sum() < 2 or not found[usable].any(0).all():
        raise ValueError(
            f"a shape model needs two films or more with {FEWEST_POINTS} landmarks, and each landmark on one of them; "
            f"got {int(usable.sum())} such films"
        )
    shapes = xy[usable]
    # Begin with the most complete film; what it lacks joins in the first round.
    mean = _normalised(shapes[found[usable].sum(1).argmax()])
    for _ in range(ALIGNMENT_ROUNDS):
        aligned = np.stack([_aligned(shape, mean) for shape in shapes])
        known = _found(aligned)
        new = np.where(known[..., None], aligned, 0).sum(0) / np.maximum(known.sum(0), 1)[:, None]
        new[~known.any(0)] = np.nan
        mean = _normalised(new)
    if not np.isfinite(mean).all():
        raise ValueError("a landmark lies only on films that share fewer than three landmarks with the others")
    # The mean of turned shapes may itself be turned; films decide what upright is.
    turn = np.exp(1j * np.deg2rad(-np.median([_rotation_degrees(shape, mean) for shape in shapes])))
    mean = _planar(_complex(mean) / turn)
    aligned = np.stack([_aligned(shape, mean) for shape in shapes])
    residuals = np.nan_to_num(aligned - mean).reshape(len(shapes), -1)
    plain = ShapeModel(mean, _shrunk(residuals), np.inf, np.inf)
    distances = np.array([plain.distance(shape) for shape in shapes])
    rotations = np.abs([_rotation_degrees(shape, mean) for shape in shapes])
    lowest = None
    if scores is not None:
        peaks = np.asarray(scores, dtype=np.float64)
        if peaks.shape != found.shape:
            raise ValueError(f"scores must be {found.shape}, one per point, got {peaks.shape}")
        medians = [_median(film) for film in peaks[usable] if np.isfinite(film).any()]
        lowest = SCORE_MARGIN * float(np.quantile(medians, 1 - QUANTILE)) if medians else None
    return ShapeModel(
        mean=mean,
        covariance=plain.covariance,
        largest_distance=DISTANCE_MARGIN * float(np.quantile(distances[np.isfinite(distances)], QUANTILE)),
        largest_rotation_degrees=min(180.0, float(np.quantile(rotations, QUANTILE)) + ROTATION_MARGIN_DEGREES),
        lowest_score=lowest,
    )


def similarity(points: Floats, mean: Floats) -> tuple[complex, complex, complex] | None:
    """``(factor, from, to)``: z becomes factor * (z - from) + to, closest to ``mean``; None without a shape.

    A complex factor turns and scales, and cannot reflect.
    """
    both = _found(points) & _found(mean)
    if both.sum() < FEWEST_POINTS:
        return None
    z, goal = _complex(points)[both], _complex(mean)[both]
    start, end = z.mean(), goal.mean()
    size = float((np.abs(z - start) ** 2).sum())
    if size <= 1e-12 * max(1.0, abs(start)) ** 2:
        return None
    return complex(np.vdot(z - start, goal - end)) / size, complex(start), complex(end)


def _aligned(points: Floats, mean: Floats) -> Floats:
    """``points`` (K, 2) laid onto ``mean``; all NaN where they have no shape."""
    found = similarity(points, mean)
    if found is None:
        return np.full_like(points, np.nan)
    factor, start, end = found
    return _planar(factor * (_complex(points) - start) + end)


def _rotation_degrees(points: Floats, mean: Floats) -> float:
    """How far ``points`` are turned against ``mean``, clockwise as one sees it; 0 where they have no shape."""
    found = similarity(points, mean)
    return 0.0 if found is None else float(-np.angle(found[0], deg=True))


def _normalised(shape: Floats) -> Floats:
    centred = shape - np.nanmean(shape, axis=0)
    return centred / np.sqrt(np.nanmean((centred**2).sum(-1)))


def _shrunk(residuals: Floats) -> Floats:
    films, side = residuals.shape
    sample = residuals.T @ residuals / films
    trace, squares = float(np.trace(sample)), float((sample**2).sum())
    spread = (films + 1 - 2 / side) * (squares - trace**2 / side)
    wanted = ((1 - 2 / side) * squares + trace**2) / spread if spread > 0 else 1.0
    shrinkage = min(1.0, max(LEAST_SHRINKAGE, wanted))
    # Films that are all the same have no spread; a floor far below any real one keeps distances finite.
    variance = max(trace / side, 1e-12)
    return (1 - shrinkage) * sample + shrinkage * variance * np.eye(side)


def _found(points: Floats) -> NDArray[np.bool_]:
    """(...) whether both coordinates of ``points`` (..., 2) are finite."""
    return np.isfinite(points[..., 0]) & np.isfinite(points[..., 1])


def _median(scores: Floats) -> float:
    finite = scores[np.isfinite(scores)]
    return float(np.median(finite)) if finite.size else float("nan")


def _complex(points: Floats) -> NDArray[np.complex128]:
    return points[..., 0] + 1j * points[..., 1]


def _planar(values: NDArray[np.complex128]) -> Floats:
    return np.stack([values.real, values.imag], axis=-1)
