"""Fits expected errors and 90 % regions to predictions with a truth."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.geometry import Floats
from cephkit.inference.uncertainty import COVERAGE, Calibration, logarithms, within

FEWEST_ERRORS = 200
"""Points with a truth below which a calibration means little."""
RIDGE = 1.0
PRIOR_FILMS = 20.0
"""A landmark's own shape and size count as much as those of all landmarks together once it has this many films."""
SMALLEST_PIXELS = 0.02
"""Smaller errors count as this: their logarithms mean nothing."""
FOLDS = 5
LONGEST = 3.0
"""In medians of a landmark's lengths: anything longer is a slip, and counts as this."""


def fit_calibration(features: ArrayLike, residuals: ArrayLike, films: Sequence[str] = ()) -> Calibration:
    """Fit a calibration to predictions with a truth.

    Args:
        features: (N, K, F) positive, see ``inference.predictor.Found``; NaN where a landmark was not found.
        residuals: (N, K, 2) truth minus prediction, canvas pixels; NaN where there is none.
        films: content hashes of the N films.

    Raises:
        ValueError: other shapes, or fewer than ``FEWEST_ERRORS`` points that have both.
    """
    logs, gaps = logarithms(features), np.asarray(residuals, dtype=np.float64)
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
    """Compute expected errors and whether regions hold the truth, each film by a calibration made without it.

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
    """The mean without the largest hundredth, so that one gross error does not double the errors of all films."""
    ordered = np.sort(values)
    return float(ordered[: max(1, int(len(ordered) * 0.99))].mean())


def without_slips(gaps: Floats) -> Floats:
    """Shorten gaps (n, 2) of one landmark to at most ``LONGEST`` medians of their lengths."""
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
    """The value that ``COVERAGE`` of new ones stay below."""
    ordered = np.sort(values)
    rank = int(np.ceil((len(ordered) + 1) * COVERAGE)) - 1
    return float(ordered[min(rank, len(ordered) - 1)])
