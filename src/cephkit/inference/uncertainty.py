"""How far off a predicted landmark may be: an expected error and a 90 % region, calibrated on labelled films.

What the network shows (how wide its heatmaps are, how strong, how much looks disagree) ranks errors well, but
its scale means nothing. So the logarithm of the error is fitted to it, landmark by landmark, on the validation
films; and the regions are made as large as it takes to hold 90 % of these films' true points (split conformal
prediction: Angelopoulos and Bates, A Gentle Introduction to Conformal Prediction, 2021, sections 2.2 and 2.3).

That holds for films and examiners like those of the calibration. Other examiners put their points elsewhere, so regions
are widened by how far examiners differ (``conventions``), on films that look unlike by more.

Lengths are canvas pixels throughout: the network's own, whatever the film's. Directions are those of the film as it was
shown to the network: upright, and facing as the training's films do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.inference.likeness import Likeness

Floats = NDArray[np.float64]

COVERAGE = 0.9
FEWEST_ERRORS = 200
"""Points with a truth below which a calibration means little."""
RIDGE = 1.0
PRIOR_FILMS = 20.0
"""A landmark's own shape and size count as much as those of all landmarks together once it has this many films."""
SMALLEST_PIXELS = 0.02
"""Errors below are read as this: their logarithms mean nothing."""
FOLDS = 5
SMALLEST_FEATURE = 1e-4
LONGEST = 3.0
"""Of a landmark's lengths, in medians of them: what is longer is a slip, and counts as this."""
NORMAL_90 = 2 * np.log(10)
"""Squared radius, in standard deviations, that holds 90 % of a normal distribution in the plane."""
NEW_EXAMINER = 0.75
"""Mean square distance of a new examiner from the mean of two, as a share of that between two examiners."""


@dataclass(frozen=True)
class Calibration:
    """From what the network shows to canvas pixels."""

    intercepts: Floats
    """(K,) of the logarithm of the expected error."""
    weights: Floats
    """(F,) of the features' logarithms."""
    shapes: Floats
    """(K, 2, 2) covariance of the error's direction, determinant 1."""
    radius: float
    """Of the region, in expected errors: ``COVERAGE`` of the films' true points lie within."""
    films: tuple[str, ...] = ()
    """Content hashes of the films that it was made from: these say nothing of how well it holds."""
    examiners: Floats | None = None
    """(K, 2, 2) second moments of the distance between two examiners' points; None: nothing is added for them."""
    share: float = 0.0
    """Of ``examiners``, what is added on films like those of the calibration; on unlike ones up to ``NEW_EXAMINER``."""
    likeness: Likeness | None = None
    """What the films looked like; None: there is no telling, and no film is unlike them."""
    removed_bias: Floats | None = None
    """(K, 2) added to what the network finds; None: nothing."""
    is_local: bool = False
    """Whether it was made from a user's own films."""
    films_said: str = ""
    """Which films it was made from, in words."""
    truth: str = ""
    """Whose landmarks were right; empty where an older file does not say it."""

    @property
    def bias(self) -> Floats:
        """(K, 2) added to what the network finds."""
        return np.zeros((len(self.intercepts), 2)) if self.removed_bias is None else self.removed_bias

    @property
    def rests_on(self) -> str:
        """What the promise of 90 % rests on, in a line."""
        text = self.films_said or f"{len(self.films)} films"
        if self.removed_bias is not None:
            text += ", the model's bias against them removed"
        if self.is_local:
            return f"{text}; it holds for films and examiners like these"
        if self.examiners is None:
            return f"{text}; other machines and other examiners need a calibration of their own"
        return f"{text}, and on how far two examiners differ; to be sure on your films, calibrate on 20 of them"

    def strangeness(self, signatures: Floats | None, films: int) -> Floats:
        """(N,) 0 for films like those of the calibration, 1 and more for unlike ones; see ``Likeness.strangeness``."""
        if self.likeness is None or signatures is None:
            return np.zeros(films)
        return self.likeness.strangeness(signatures)

    def unlike_notes(self, signatures: Floats | None, films: int) -> list[str]:
        """For each film, what is to be said of how unlike it looks; mostly empty."""
        if self.likeness is None or signatures is None:
            return [""] * films
        far = ~(self.likeness.distance(signatures) <= self.likeness.farthest)
        note = "looks unlike all films of the calibration: errors may be larger than said; check the landmarks"
        return [note if film else "" for film in far]

    def expected(self, features: ArrayLike, strangeness: ArrayLike = 0.0) -> Floats:
        """Expected error (N, K) in canvas pixels from features (N, K, F); NaN where a feature is NaN.

        On films whose ``strangeness`` (N,) is more than 1 they grow by what is unknown of the examiners' conventions.
        """
        near = np.exp(self.intercepts + _logs(features) @ self.weights)
        more = self._examiners(np.asarray(strangeness, dtype=np.float64) - 1) - self._examiners(0.0)
        errors: Floats = np.sqrt(near**2 + np.pi / 4 * np.trace(more, axis1=-2, axis2=-1))
        return errors

    def regions(self, features: ArrayLike, strangeness: ArrayLike = 0.0) -> Floats:
        """(N, K, 2, 2) matrices R, canvas pixels squared: the true point lies where r' R^-1 r <= 1 (90 %).

        They grow with ``strangeness`` (N,) from 0 to 1; those of a local calibration, whose films hardly tell what is
        usual, from 1 to 2.
        """
        reach = self.radius * self.expected(features)
        strange = np.asarray(strangeness, dtype=np.float64) - self.is_local
        regions: Floats = reach[..., None, None] ** 2 * self.shapes + NORMAL_90 * self._examiners(strange)
        return regions

    def _examiners(self, strangeness: ArrayLike) -> Floats:
        """(N, K, 2, 2), or (K, 2, 2) for a single number: what examiners add to the second moments of the error."""
        if self.examiners is None:
            return np.zeros_like(self.shapes)
        share = self.share + (NEW_EXAMINER - self.share) * np.clip(strangeness, 0.0, 1.0)
        return np.asarray(share)[..., None, None, None] * self.examiners

    def without_examiners(self) -> "Calibration":
        """The same for the examiners of the calibration's own films."""
        return replace(self, examiners=None)

    def of_landmarks(self, columns: Sequence[int]) -> "Calibration":
        """The same for some landmarks, or for all in another order."""
        chosen = list(columns)
        changed = {
            name: getattr(self, name)[chosen] for name in _ARRAYS_OF_LANDMARKS if getattr(self, name) is not None
        }
        return replace(self, **changed)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        plain |= {name: array.tolist() for name, array in plain.items() if isinstance(array, np.ndarray)}
        likeness = None if self.likeness is None else self.likeness.to_dict()
        return {**plain, "films": list(self.films), "likeness": likeness}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Calibration":
        """The calibration that ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a key is missing or unknown, or a value cannot be one.
        """
        arrays = {
            name: np.array(plain[name], dtype=np.float64)
            for name in ("weights", *_ARRAYS_OF_LANDMARKS)
            if plain.get(name) is not None
        }
        likeness = plain.get("likeness")
        likeness = None if likeness is None else Likeness.from_dict(likeness)
        made = cls(**{**plain, **arrays, "films": tuple(plain["films"]), "likeness": likeness})
        made._check()
        return made

    def _check(self) -> None:
        landmarks = len(self.intercepts) if self.intercepts.ndim else 0
        sides = {"intercepts": (), "shapes": (2, 2), "examiners": (2, 2), "removed_bias": (2,)}
        for name, side in sides.items():
            array = getattr(self, name)
            if array is not None and (array.shape != (landmarks, *side) or not np.isfinite(array).all()):
                raise ValueError(f"{name} {array.shape} of {landmarks} landmarks")
        if self.weights.ndim != 1 or not np.isfinite(self.weights).all():
            raise ValueError(f"weights {self.weights.shape}")
        if not (np.linalg.det(self.shapes) > 0).all() or not (self.shapes[:, 0, 0] > 0).all():
            raise ValueError("a shape is none of an ellipse")
        if self.examiners is not None and np.linalg.eigvalsh(self.examiners).min(initial=0.0) < -1e-9:
            raise ValueError("examiners differ by less than nothing")
        if type(self.is_local) is not bool:
            raise TypeError(f"is_local {self.is_local!r:.20}")
        if type(self.radius) not in (int, float) or not 0 < float(self.radius) < np.inf or not 0 <= self.share <= 1:
            raise ValueError(f"radius {self.radius!r:.20}, share {self.share!r:.20}")
        if (
            not isinstance(self.films_said, str)
            or not isinstance(self.truth, str)
            or not all(isinstance(film, str) for film in self.films)
        ):
            raise TypeError("films are no texts")


_ARRAYS_OF_LANDMARKS = ("intercepts", "shapes", "examiners", "removed_bias")


def fit_calibration(features: ArrayLike, residuals: ArrayLike, films: Sequence[str] = ()) -> Calibration:
    """The calibration of predictions with a truth.

    Args:
        features: (N, K, F) positive, what the network showed; NaN where a landmark was not found.
        residuals: (N, K, 2) truth minus prediction, canvas pixels; NaN where there is none.
        films: content hashes of the N films.

    Raises:
        ValueError: other shapes, or fewer than ``FEWEST_ERRORS`` points that have both.
    """
    logs, gaps = _logs(features), np.asarray(residuals, dtype=np.float64)
    if logs.ndim != 3 or gaps.shape != (*logs.shape[:2], 2):
        raise ValueError(f"features (N, K, F) and residuals (N, K, 2) do not fit: {logs.shape} and {gaps.shape}")
    used: NDArray[np.bool_] = np.asarray(np.isfinite(logs).all(-1) & np.isfinite(gaps).all(-1))
    if used.sum() < FEWEST_ERRORS:
        raise ValueError(f"{int(used.sum())} predicted points with a truth; a calibration needs {FEWEST_ERRORS}")
    errors = np.hypot(*np.moveaxis(gaps, -1, 0))
    intercepts, weights = _regression(logs, np.log(np.maximum(errors, SMALLEST_PIXELS)), used)
    # The mean of the logarithms lies below the logarithm of the mean: what is expected is the mean.
    expected = np.exp(intercepts + np.where(used[..., None], logs, 0.0) @ weights)
    ratio = errors[used] / expected[used]
    intercepts += np.log(_trimmed_mean(ratio))
    expected *= _trimmed_mean(ratio)
    shapes = error_shapes(gaps / expected[..., None], used)
    scaled = shape_distances(gaps, shapes)[used] / expected[used]
    return Calibration(intercepts, weights, shapes, conformal_quantile(scaled), tuple(films))


def cross_fitted(
    features: ArrayLike,
    residuals: ArrayLike,
    whole: Calibration | None = None,
    strangeness: ArrayLike = 0.0,
    excess: ArrayLike = 1.0,
    judged: ArrayLike | None = None,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Expected errors and whether regions hold the truth, each film judged by a calibration made without it.

    Args:
        features: as ``fit_calibration``.
        residuals: as ``fit_calibration``.
        whole: the calibration made of all of them, whose examiners are added; None: none are.
        strangeness: of the films, as ``Calibration.expected``.
        excess: (N,) by how much more errors of unusual faces are expected to be; see ``Pose.excess``.
        judged: (N, K, 2) residuals of the truth that regions are to hold; None: ``residuals``.

    Returns:
        Expected error (N, K) canvas pixels, and (N, K) whether the truth lies in the region; NaN and False
        where there is no prediction or no truth.

    Raises:
        ValueError: as ``fit_calibration``, for the films outside a fold.
    """
    features, gaps = np.asarray(features, dtype=np.float64), np.asarray(residuals, dtype=np.float64)
    others = gaps if judged is None else np.asarray(judged, dtype=np.float64)
    expected, inside = np.full(features.shape[:2], np.nan), np.zeros(features.shape[:2], dtype=bool)
    fold, strange = np.arange(len(features)) % FOLDS, np.broadcast_to(strangeness, len(features))
    for held_out in range(FOLDS):
        here = fold == held_out
        calibration = fit_calibration(features[~here], gaps[~here])
        if whole is not None:
            calibration = replace(calibration, examiners=whole.examiners, share=whole.share)
        more = np.broadcast_to(excess, len(features))[here]
        expected[here] = calibration.expected(features[here], strange[here]) * more[:, None]
        inside[here] = within(calibration.regions(features[here], strange[here]), others[here] / more[:, None, None])
    return expected, inside


def within(regions: ArrayLike, gaps: ArrayLike) -> NDArray[np.bool_]:
    """(...) whether ``gaps`` (..., 2) lie in ``regions`` (..., 2, 2); False for NaN."""
    r, g = np.asarray(regions, dtype=np.float64), np.asarray(gaps, dtype=np.float64)
    determinant = r[..., 0, 0] * r[..., 1, 1] - r[..., 0, 1] * r[..., 1, 0]
    x, y = g[..., 0], g[..., 1]
    form = r[..., 1, 1] * x * x - (r[..., 0, 1] + r[..., 1, 0]) * x * y + r[..., 0, 0] * y * y
    with np.errstate(invalid="ignore"):
        return np.asarray(form <= determinant)


def _logs(features: ArrayLike) -> Floats:
    values = np.asarray(features, dtype=np.float64)
    return np.asarray(np.log(np.maximum(values, SMALLEST_FEATURE)))


def _regression(logs: Floats, target: Floats, used: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Ridge regression with an intercept for each landmark, itself drawn to the mean of them all."""
    landmarks, count = logs.shape[1:]
    rows = logs[used]
    centre = rows.mean(0)
    which = np.nonzero(used)[1]
    one_hot = np.eye(landmarks)[which]
    design = np.concatenate((np.ones((len(rows), 1)), one_hot, rows - centre), axis=1)
    penalty = np.diag([0.0, *[RIDGE] * (landmarks + count)])
    solution = np.linalg.solve(design.T @ design + penalty, design.T @ target[used])
    weights = solution[1 + landmarks :]
    return solution[0] + solution[1 : 1 + landmarks] - centre @ weights, weights


def _trimmed_mean(values: Floats) -> float:
    """The mean without the largest hundredth: one gross error shall not double what all films are told."""
    ordered = np.sort(values)
    return float(ordered[: max(1, int(len(ordered) * 0.99))].mean())


def without_slips(gaps: Floats) -> Floats:
    """Gaps (n, 2) of one landmark, none longer than ``LONGEST`` medians of their lengths."""
    length = np.hypot(gaps[:, 0], gaps[:, 1])
    most = LONGEST * max(float(np.median(length)), SMALLEST_PIXELS)
    return np.asarray(gaps * np.minimum(1.0, most / np.maximum(length, SMALLEST_PIXELS))[:, None])


def error_shapes(scaled: Floats, used: NDArray[np.bool_]) -> Floats:
    """(K, 2, 2) second moments of errors (N, K, 2), determinant 1; long ones count no more than twice the usual."""
    length = np.hypot(scaled[..., 0], scaled[..., 1])
    kept = np.where(used[..., None], scaled * np.minimum(1.0, 2.0 / np.maximum(length, 1e-9))[..., None], 0.0)
    sums = np.einsum("nki,nkj->kij", kept, kept)
    pooled = sums.sum(0) / used.sum()
    shapes = (sums + PRIOR_FILMS * pooled) / (used.sum(0) + PRIOR_FILMS)[:, None, None]
    return np.asarray(shapes / np.sqrt(np.linalg.det(shapes))[:, None, None])


def shape_distances(gaps: Floats, shapes: Floats) -> Floats:
    """(N, K): root of r' S^-1 r."""
    return np.asarray(np.sqrt(np.maximum(np.einsum("nki,kij,nkj->nk", gaps, np.linalg.inv(shapes), gaps), 0.0)))


def conformal_quantile(values: Floats) -> float:
    ordered = np.sort(values)
    rank = int(np.ceil((len(ordered) + 1) * COVERAGE)) - 1
    return float(ordered[min(rank, len(ordered) - 1)])
