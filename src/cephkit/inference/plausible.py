"""Whether landmarks can be those of a lateral cephalogram at all, and whether they are those of an unusual face.

A network returns landmarks for whatever picture it is given. Here their shape is compared with the shapes of
labelled films, regardless of place, size and (for the distance) rotation. Two questions are kept apart: what no
face can be, however deformed, is no lateral cephalogram, or one that the network did not understand; what is only
unlike the films is an unusual face, which keeps its landmarks and is worth a look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.inference.shape_prior import GROSS_NOISE, GROSS_SD, as_complex, misfit, prior_covariance, smooth

Floats = NDArray[np.float64]

FEWEST_POINTS = 3
"""Two points fit any shape exactly."""
LEAST_FOUND = 0.5
"""Share of the landmarks without which there is no telling."""
PRIOR_FILMS = 30.0
"""What is known of faces in general counts as much as so many films."""
USUAL_SDS = 2.5
"""Of the logarithm of a film's distance: about one film in a hundred lies beyond."""
SD_OF_LOGARITHM, SD_FILMS = 0.2, 10.0
"""Of distances and of scores, and how many films that counts for: few films do not tell it."""
SCORE_MARGIN, UNUSUAL_SCORE = 0.5, 1.5
"""Peaks may be half as high as those of usual films; those of an unusual face only so much less, as what a network
sees where there is no face is unusual too, and faint."""
LARGEST_STRAIN = 1.6
"""Distance among the oddest faces (``gross``): real ones with 20 mm too much or too little anywhere reach 1.3,
landmarks scattered by 8 mm begin at 1.6."""
MOST_MISFIT = 0.45
"""Real faces reach 0.15, deformed ones 0.27; landmarks in a heap, in disorder or mirrored begin at 0.6."""
QUANTILE = 0.99
ROTATION_MARGIN_DEGREES = 20.0
ALIGNMENT_ROUNDS = 10


@dataclass(frozen=True)
class Plausibility:
    """What ``ShapeModel.check`` found."""

    ok: bool
    shape_distance: float
    """About 1 for a typical film, in standard deviations per coordinate; inf where there is no shape."""
    reason: str
    """Why not, for people; empty if ``ok``."""
    excess: float = 1.0
    """``shape_distance`` as a multiple of the largest usual one; 1 for all usual faces."""

    @property
    def is_usual(self) -> bool:
        """Whether this is a face like those of the films."""
        return self.ok and self.excess <= 1

    @property
    def note(self) -> str:
        """What is to be said of a face that is unlike the films and a face nonetheless; else empty."""
        if not self.ok or self.is_usual:
            return ""
        return (
            f"unusual face: {self.excess:.1f} times as far from the training's faces as these usually are; "
            "check its landmarks"
        )


@dataclass(frozen=True)
class ShapeModel:
    """Mean shape of K landmarks, how shapes vary, and how far a plausible one may lie."""

    mean: Floats
    """(K, 2), centred, with a root mean square distance of 1 from its centre."""
    covariance: Floats
    """(2K, 2K) of aligned shapes, x0, y0, x1, ..., drawn to what faces in general vary by."""
    largest_distance: float
    """Beyond it a face is unusual."""
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
        if found.sum() < max(FEWEST_POINTS, LEAST_FOUND * len(found)):
            return Plausibility(False, np.inf, f"only {int(found.sum())} of {len(found)} landmarks were found")
        distance, rotation = self.distance(xy), _rotation_degrees(xy, self.mean)
        reasons = []
        face = self.is_face(xy)
        if not face:
            reason = f"the landmarks' shape is none of a face (distance {distance:.1f} from films)"
            if self.is_face(xy * (-1, 1)):
                reason = "the face looks to the other side than on the films of the training"
            reasons.append(reason)
        elif abs(rotation) > self.largest_rotation_degrees:
            most = self.largest_rotation_degrees
            reasons.append(f"the face is turned by {rotation:+.0f} degrees in the picture, at most {most:.0f}")
        if scores is not None and self.lowest_score is not None:
            peaks = np.asarray(scores, dtype=np.float64)
            if peaks.shape != found.shape:
                raise ValueError(f"scores must be {found.shape}, one per landmark, got {peaks.shape}")
            median = median_score(peaks)
            usual = not face or distance <= self.largest_distance
            least = self.lowest_score if usual else UNUSUAL_SCORE * self.lowest_score
            if not median >= least:  # NaN is no score
                of = "" if usual else "an unusual face, and "
                reasons.append(f"{of}the network is unsure: median peak {median:.3g}, at least {least:.3g}")
        return Plausibility(not reasons, distance, "; ".join(reasons), max(1.0, distance / self.largest_distance))

    def is_face(self, points: ArrayLike) -> bool:
        """Whether a shape (K, 2) can be a face at all, however unusual; its rotation does not matter."""
        xy = np.asarray(points, dtype=np.float64)
        found = _found(xy)
        if similarity(xy, self.mean) is None:
            return False
        strain = self._distance(xy, self.gross_covariance)
        return strain <= LARGEST_STRAIN and misfit(xy[found], self.mean[found]) <= MOST_MISFIT

    @cached_property
    def gross_covariance(self) -> Floats:
        """(2K, 2K) of the oddest faces: that of the films, and smooth deformations far beyond them."""
        return self.covariance + smooth(self.mean, GROSS_SD, GROSS_NOISE)

    def distance(self, points: ArrayLike) -> float:
        """Mahalanobis distance of a shape (K, 2) per coordinate found, after similarity alignment.

        Missing landmarks (NaN) are left out of the shape and of the covariance. inf where fewer than three
        were found, or all of them in one place.
        """
        return self._distance(np.asarray(points, dtype=np.float64), self.covariance)

    def _distance(self, points: Floats, covariance: Floats) -> float:
        aligned = _aligned(points, self.mean)
        found = _found(aligned)
        if found.sum() < FEWEST_POINTS:
            return float("inf")
        return _mahalanobis((aligned - self.mean)[found].ravel(), covariance, np.repeat(found, 2))

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
            ValueError: mean and covariance do not fit each other, or are none of shapes.
        """
        arrays: dict[str, Any] = {
            key: np.array(plain[key], dtype=np.float64) for key in ("mean", "covariance") if key in plain
        }
        model = cls(**{**plain, **arrays})
        side = model.mean.size
        if model.mean.ndim != 2 or model.covariance.shape != (side, side):
            raise ValueError(f"mean {model.mean.shape} and covariance {model.covariance.shape} do not fit each other")
        # Anything that is not finite or not positive definite cannot be inverted; Cholesky refuses both.
        if not np.isfinite(model.mean).all() or not np.isfinite(np.linalg.cholesky(model.covariance)).all():
            raise ValueError("mean or covariance is none of shapes")
        lowest = 0.0 if model.lowest_score is None else model.lowest_score
        limits = (model.largest_distance, model.largest_rotation_degrees, lowest)
        # A whole number may be too large for a float, and is still below infinity.
        if not all(type(limit) in (int, float) and 0 <= float(limit) < np.inf for limit in limits):
            raise ValueError(f"limits {limits!r:.100}")
        return model


def fit_shape(points: ArrayLike, scores: ArrayLike | None = None, symbols: Sequence[str] | None = None) -> ShapeModel:
    """The shapes of labelled or predicted films, and limits for new ones.

    Generalised Procrustes alignment without reflection; a missing landmark counts as its mean. The covariance
    is the mode of an inverse Wishart posterior: what faces in general vary by counts as ``PRIOR_FILMS`` films. The
    limit of the distance comes from distances of films to models without them, with a margin that is wider for few.
    Films that are no faces to the model of all films are left out of it.

    Args:
        points: (N, K, 2) pixels of whatever frame with square pixels; NaN where a landmark is missing.
        scores: (N, K) heights of the heatmaps' peaks of a model's predictions; None: no limit for scores.
        symbols: names of the landmarks, by which it is known how faces vary; None: by smoothness alone.

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
    mean, aligned = _mean_shape(shapes)
    model = ShapeModel(mean, prior_covariance(mean, symbols), np.inf, 180.0)
    sound = np.array([model.is_face(shape) for shape in shapes])
    if sound.sum() >= 2 and not sound.all() and _found(shapes[sound]).any(0).all():
        shapes = shapes[sound]
        mean, aligned = _mean_shape(shapes)
    residuals = np.nan_to_num(aligned - mean).reshape(len(shapes), -1)
    prior = prior_covariance(mean, symbols)
    rotations = np.abs([_rotation_degrees(shape, mean) for shape in shapes])
    lowest = None
    if scores is not None:
        peaks = np.asarray(scores, dtype=np.float64)
        if peaks.shape != found.shape:
            raise ValueError(f"scores must be {found.shape}, one per point, got {peaks.shape}")
        medians = np.array([median_score(film) for film in peaks[usable] if np.isfinite(film).any()])
        lowest = SCORE_MARGIN * _lower_limit(medians) if len(medians) else None
    return ShapeModel(
        mean=mean,
        covariance=_posterior(residuals.T @ residuals, len(shapes), prior),
        largest_distance=1 / _lower_limit(1 / _distances_without(residuals, _found(aligned), prior)),
        largest_rotation_degrees=min(180.0, float(np.quantile(rotations, QUANTILE)) + ROTATION_MARGIN_DEGREES),
        lowest_score=lowest,
    )


def _mean_shape(shapes: Floats) -> tuple[Floats, Floats]:
    """The mean of shapes (N, K, 2), upright as films are, and the shapes laid onto it.

    Raises:
        ValueError: too little is shared between them.
    """
    # Begin with the most complete film; what it lacks joins in the first round.
    mean = _normalised(shapes[_found(shapes).sum(1).argmax()])
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
    mean = _planar(as_complex(mean) / turn)
    return mean, np.stack([_aligned(shape, mean) for shape in shapes])


def _posterior(squares: Floats, films: int, prior: Floats) -> Floats:
    """Covariance from the sum of squares (2K, 2K) of so many films' residuals."""
    return (squares + PRIOR_FILMS * prior) / (films + PRIOR_FILMS)


def _distances_without(residuals: Floats, found: NDArray[np.bool_], prior: Floats) -> Floats:
    """(N,) distance of each film's residuals (N, 2K) to the model of all others."""
    films = len(residuals)
    squares, share = residuals.T @ residuals, films / (films - 1)
    distances = []
    for row, known in zip(residuals, found, strict=True):
        if known.sum() < FEWEST_POINTS:
            continue
        seen = np.repeat(known, 2)
        # Without it the mean lies further away, and the others' squares about that mean are fewer.
        others = _posterior(squares - share * np.outer(row, row), films - 1, prior)
        distances.append(_mahalanobis(share * row[seen], others, seen))
    return np.maximum(distances, 1e-6)


def _mahalanobis(gap: Floats, covariance: Floats, seen: NDArray[np.bool_]) -> float:
    """Of ``gap``, the coordinates that were ``seen``, per coordinate."""
    squared = gap @ np.linalg.solve(covariance[np.ix_(seen, seen)], gap)
    return float(np.sqrt(squared / len(gap)))


def _lower_limit(values: Floats) -> float:
    """What a new film falls below once in a hundred times, by the logarithms of the films' ``values``."""
    logs, films = np.log(np.maximum(values, 1e-12)), len(values)
    squares = ((logs - logs.mean()) ** 2).sum() + SD_FILMS * SD_OF_LOGARITHM**2
    sd = np.sqrt(squares / (films - 1 + SD_FILMS) * (1 + 1 / films))
    return float(np.exp(min(logs.mean() - USUAL_SDS * sd, np.quantile(logs, 1 - QUANTILE))))


def similarity(points: Floats, mean: Floats) -> tuple[complex, complex, complex] | None:
    """``(factor, from, to)``: z becomes factor * (z - from) + to, closest to ``mean``; None without a shape.

    A complex factor turns and scales, and cannot reflect.
    """
    both = _found(points) & _found(mean)
    if both.sum() < FEWEST_POINTS:
        return None
    z, goal = as_complex(points)[both], as_complex(mean)[both]
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
    return _planar(factor * (as_complex(points) - start) + end)


def _rotation_degrees(points: Floats, mean: Floats) -> float:
    """How far ``points`` are turned against ``mean``, clockwise as one sees it; 0 where they have no shape."""
    found = similarity(points, mean)
    return 0.0 if found is None else float(-np.angle(found[0], deg=True))


def _normalised(shape: Floats) -> Floats:
    centred = shape - np.nanmean(shape, axis=0)
    normalised: Floats = centred / np.sqrt(np.nanmean((centred**2).sum(-1)))
    return normalised


def _found(points: Floats) -> NDArray[np.bool_]:
    """(...) whether both coordinates of ``points`` (..., 2) are finite."""
    return np.isfinite(points[..., 0]) & np.isfinite(points[..., 1])


def median_score(scores: Floats) -> float:
    """Of those scores that are finite; NaN where none is."""
    finite = scores[np.isfinite(scores)]
    return float(np.median(finite)) if finite.size else float("nan")


def _planar(values: NDArray[np.complex128]) -> Floats:
    return np.stack([values.real, values.imag], axis=-1)
