"""Calibration on few films of a user's own: the model's first calibration, adjusted to them.

Twenty films with their truth show how far the model lies from these examiners' convention at each landmark, its bias,
and how much larger or smaller its errors are here. Both are shrunk towards what all landmarks share, as far as the
films do not tell them apart (empirical Bayes: Efron and Morris, Data Analysis Using Stein's Estimator and its
Generalizations, 1975); regions are large enough to hold 90 % of the points of films left out one by one.

Lengths are canvas pixels, directions those of the film as the network got it; see ``inference.uncertainty``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.calibration.expected import (
    LONGEST,
    SMALLEST_PIXELS,
    conformal_quantile,
    error_shapes,
    shape_distances,
    without_slips,
)
from cephkit.geometry import Floats
from cephkit.inference.uncertainty import Calibration, fit_likeness

FEWEST_FILMS = 8
FEWEST_POINTS = 50
PRIOR_FILMS = 5.0
"""A landmark's own size of errors counts as much as that of all landmarks together once it has this many films."""
MOST_BETTER = float(np.log(4))
"""No landmark's errors are held for less than a quarter of what all landmarks' are."""
UNTOUCHED, MOST_UNTOUCHED = 0.02, 0.2
"""Canvas pixels, and the share of residuals below that shows labels to be corrected predictions."""


@dataclass(frozen=True)
class Bias:
    """How far the truth of few films lies from the model's points, landmark by landmark."""

    films: NDArray[np.int64]
    """(K,) with a point and a truth."""
    mean: Floats
    """(K, 2)."""
    standard_error: Floats
    """(K, 2) of ``mean``."""
    removable: Floats
    """(K, 2) ``mean``, shrunk towards zero as far as it may be chance."""


def fit_bias(residuals: ArrayLike) -> Bias:
    """The bias of residuals (N, K, 2), NaN where there is none.

    A landmark with fewer than two residuals has none that could be removed.
    """
    gaps = np.asarray(residuals, dtype=np.float64)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(gaps).all(-1))
    count = known.sum(0)
    mean, error = np.full(gaps.shape[1:], np.nan), np.full(gaps.shape[1:], np.nan)
    for column in np.nonzero(count >= 2)[0]:
        values = gaps[known[:, column], column]
        middle = np.median(values, axis=0)
        values = middle + without_slips(values - middle)
        mean[column] = values.mean(0)
        error[column] = values.std(0, ddof=1) / np.sqrt(len(values))
    measured = np.isfinite(mean).all(-1)
    removable = np.zeros_like(mean)
    if measured.any():
        # Of the biases' variance over landmarks, what is not chance.
        real = np.maximum((mean[measured] ** 2 - error[measured] ** 2).mean(), 0.0)
        removable[measured] = mean[measured] * real / np.maximum(real + error[measured] ** 2, 1e-12)
    return Bias(count, mean, error, removable)


def fit_local(
    first: Calibration,
    features: ArrayLike,
    residuals: ArrayLike,
    signatures: Floats | None = None,
    films: Sequence[str] = (),
    description: str = "",
    remove_bias: bool = False,
) -> tuple[Calibration, Floats]:
    """Adjust ``first`` to the films at hand.

    Args:
        first: the model's calibration.
        features: (N, K, F), as ``fit_calibration``.
        residuals: (N, K, 2) truth minus prediction with no bias removed; NaN where there is none.
        signatures: (N, D) of the films.
        films: their content hashes.
        description: of the films, for the user.
        remove_bias: move predictions by the bias; without it regions are as large as it makes them.

    Returns:
        The calibration; and residuals (N, K, 2) of each film once the bias that the other films show is removed.

    Raises:
        ValueError: fewer than ``FEWEST_FILMS`` films or ``FEWEST_POINTS`` points with a prediction and a truth; or the
            truth is the model's own.
    """
    heatmap_features, gaps = np.asarray(features, dtype=np.float64), np.asarray(residuals, dtype=np.float64)
    expected = first.without_examiners().expected(heatmap_features)
    known = np.isfinite(gaps).all(-1) & np.isfinite(expected)
    if known.any(1).sum() < FEWEST_FILMS or known.sum() < FEWEST_POINTS:
        raise ValueError(
            f"{int(known.sum())} predicted points with a truth on {int(known.any(1).sum())} films; a local calibration "
            f"needs {FEWEST_POINTS} on {FEWEST_FILMS}; mark more films"
        )
    untouched = known & (np.hypot(gaps[..., 0], gaps[..., 1]) < UNTOUCHED)
    if untouched.sum() > MOST_UNTOUCHED * known.sum():
        raise ValueError(
            f"{int(untouched.sum())} of {int(known.sum())} labels are the model's own points, which cannot show its "
            "errors; mark films without its points in view"
        )
    gaps = np.where(known[..., None], gaps, np.nan)
    moved, scaled = np.full_like(gaps, np.nan), np.full(known.shape, np.nan)
    for film in range(len(gaps)):
        others = np.arange(len(gaps)) != film
        moved[film] = gaps[film] - fit_bias(gaps[others]).removable
        factors, shapes, bias = _fitted(gaps[others], expected[others], known[others], remove_bias)
        scaled[film] = shape_distances(gaps[[film]] - bias, shapes)[0] / (expected[film] * factors)
    factors, shapes, bias = _fitted(gaps, expected, known, remove_bias)
    likeness = None if signatures is None else fit_likeness(signatures)[0]
    made = replace(
        first,
        intercepts=first.intercepts + np.log(factors),
        shapes=shapes,
        radius=conformal_quantile(scaled[known]),
        films=tuple(films),
        share=0.0,
        likeness=likeness,
        removed_bias=bias if remove_bias else None,
        is_local=True,
        films_said=description,
    )
    return made, moved


def _fitted(
    gaps: Floats, expected: Floats, known: NDArray[np.bool_], remove_bias: bool
) -> tuple[Floats, Floats, Floats]:
    """How many times larger than ``expected`` (N, K) errors are (K,), their shapes (K, 2, 2), and the bias (K, 2)."""
    bias = fit_bias(gaps).removable if remove_bias else np.zeros(gaps.shape[1:])
    left = np.where(known[..., None], gaps - bias, 0.0)
    length = np.maximum(np.hypot(left[..., 0], left[..., 1]), SMALLEST_PIXELS)
    ratio = np.where(known, length / expected, np.nan)
    count = known.sum(0)
    usual = np.log(np.nanmean(np.minimum(ratio, LONGEST * np.nanmedian(ratio))))
    own = np.full(len(count), usual)
    for column in np.nonzero(count)[0]:
        of_landmark = ratio[known[:, column], column]
        most = LONGEST * float(np.median(of_landmark))
        own[column] = max(np.log(float(np.minimum(of_landmark, most).mean())), usual - MOST_BETTER)
    factors = np.exp((count * own + PRIOR_FILMS * usual) / (count + PRIOR_FILMS))
    scaled = left / np.where(known, expected * factors, 1.0)[..., None]
    return factors, error_shapes(scaled, known), bias
