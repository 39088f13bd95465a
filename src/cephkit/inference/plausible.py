"""Whether landmarks can be those of a lateral cephalogram at all, and whether they are those of an unusual face.

A network returns landmarks for any picture. Here their shape is compared with the shapes of labelled films, regardless
of place, size and (for the distance) rotation. Two questions are kept apart: a shape that no face has, however
deformed, is not a lateral cephalogram, or one that the network failed on; a shape that is only unlike the films is an
unusual face, which keeps its landmarks and needs review.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cephkit.geometry import Floats
from cephkit.inference.shapes import (
    FEWEST_POINTS,
    GROSS_NOISE,
    GROSS_SD,
    aligned_to,
    found_in,
    mahalanobis,
    misfit,
    rotation_degrees,
    similarity,
    smooth,
)

LEAST_FOUND = 0.5
"""Share of the landmarks that a judgement needs."""
SCORE_MARGIN, UNUSUAL_SCORE = 0.5, 1.5
"""Peaks may be half as high as those of usual films; those of an unusual face less so, because what a network finds
where there is no face is unusual too, with low peaks."""
LARGEST_STRAIN = 1.6
"""Distance among the oddest faces (``gross``): real ones with 20 mm too much or too little anywhere reach 1.3,
landmarks scattered by 8 mm begin at 1.6."""
MOST_MISFIT = 0.45
"""Real faces reach 0.15, deformed ones 0.27; landmarks in a heap, in disorder or mirrored begin at 0.6."""


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
        """A note for the user on a face unlike the films' faces; empty for any other."""
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
    """(2K, 2K) of aligned shapes, x0, y0, x1, ..., shrunk towards the variation of faces in general."""
    largest_distance: float
    """Beyond it a face is unusual."""
    largest_rotation_degrees: float
    """Against the mean shape, in either direction."""
    lowest_score: float | None = None
    """Of the median over a film's peak scores; None ignores scores."""

    def check(self, points: ArrayLike, scores: ArrayLike | None = None) -> Plausibility:
        """Judge the landmarks of one film.

        Args:
            points: (K, 2) pixels of any frame with square pixels; NaN where a landmark is missing.
            scores: (K,) heights of the heatmaps' peaks, NaN where missing; None ignores them.

        Raises:
            ValueError: not K points or not K scores.
        """
        xy = np.asarray(points, dtype=np.float64)
        if xy.shape != self.mean.shape:
            raise ValueError(f"points must be {self.mean.shape}, one per landmark of the shape model, got {xy.shape}")
        found = found_in(xy)
        if found.sum() < max(FEWEST_POINTS, LEAST_FOUND * len(found)):
            return Plausibility(False, np.inf, f"only {int(found.sum())} of {len(found)} landmarks were found")
        distance, rotation = self.distance(xy), rotation_degrees(xy, self.mean)
        reasons = []
        face = self.is_face(xy)
        if not face:
            reason = f"the landmarks' shape is not a face's (distance {distance:.1f} from films)"
            if self.is_face(xy * (-1, 1)):
                reason = "the face looks the other way than on the training films"
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
        found = found_in(xy)
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
        aligned = aligned_to(points, self.mean)
        found = found_in(aligned)
        if found.sum() < FEWEST_POINTS:
            return float("inf")
        return mahalanobis((aligned - self.mean)[found].ravel(), covariance, np.repeat(found, 2))

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
            raise ValueError("mean or covariance is not one of shapes")
        lowest = 0.0 if model.lowest_score is None else model.lowest_score
        limits = (model.largest_distance, model.largest_rotation_degrees, lowest)
        # A whole number may be too large for a float, and is still below infinity.
        if not all(type(limit) in (int, float) and 0 <= float(limit) < np.inf for limit in limits):
            raise ValueError(f"limits {limits!r:.100}")
        return model


def median_score(scores: Floats) -> float:
    """Median of the finite scores; NaN if there are none."""
    finite = scores[np.isfinite(scores)]
    return float(np.median(finite)) if finite.size else float("nan")
