"""Whether the expected errors of a model can be trusted: coverage of its regions, rank correlation with the truth."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cephkit.evaluation.scoring import Scores
from cephkit.inference.uncertainty import COVERAGE, Calibration, cross_fitted, within

if TYPE_CHECKING:
    from cephkit.inference.predictor import Found

Floats = NDArray[np.float64]


def trust(calibration: Calibration, found: "Found", columns: Sequence[int], scores: Scores) -> dict[str, Any]:
    """How expected errors and 90 % regions hold on films with a truth.

    Films that the calibration was made from are judged by calibrations made without them (cross-fitting over
    films), or, where these are too few, not at all; all others by the calibration itself.

    Args:
        calibration: of the model.
        found: predictions of ``scores.films``.
        columns: the landmarks of ``scores.symbols`` in ``found``.
        scores: the same predictions with their truth.

    Returns:
        For ``metrics.json``: ``coverage_90_percent``, ``rank_correlation`` (Spearman), means, and the lists
        ``expected_mm`` and ``observed_mm`` of all points in mm; plain numbers.
    """
    units = found.units[:, None]
    features = found.features[:, columns]
    residuals = (scores.truth - scores.predicted) / units[..., None]
    own = _columns(calibration, columns)
    expected = own.expected(features)
    inside = within(own.regions(features), residuals)
    used = np.array([film.content in calibration.films for film in scores.films], dtype=bool)
    judged = "by the stored calibration"
    if used.any():
        try:
            expected[used], inside[used] = cross_fitted(features[used], residuals[used])
            judged = "by calibrations made without the film"
        except ValueError:  # few of the films that it was made from are here
            expected[used] = np.nan
            judged += f", without {int(used.sum())} films that it was made from, too few to judge it by"
    known = np.isfinite(expected) & np.isfinite(scores.errors_px)
    in_mm = known & np.isfinite(scores.errors_mm)
    expected_mm = expected * units * scores.pixel_sizes[:, None]
    coverage = {
        symbol: 100 * float(inside[known[:, column], column].mean())
        for column, symbol in enumerate(scores.symbols)
        if known[:, column].any()
    }
    error, told = scores.errors_px / units, expected
    return {
        "films": int(known.any(1).sum()),
        "points": int(known.sum()),
        "films_of_the_calibration": int(used.sum()),
        "judged": judged,
        "nominal_coverage_percent": 100 * COVERAGE,
        "coverage_90_percent": 100 * float(inside[known].mean()) if known.any() else None,
        "coverage_90_percent_per_landmark": coverage,
        "rank_correlation": spearman(told[known], error[known]),
        "mean_expected_mm": float(expected_mm[in_mm].mean()) if in_mm.any() else None,
        "mean_observed_mm": float(scores.errors_mm[in_mm].mean()) if in_mm.any() else None,
        "expected_mm": [round(value, 4) for value in expected_mm[in_mm].tolist()],
        "observed_mm": [round(value, 4) for value in scores.errors_mm[in_mm].tolist()],
    }


def spearman(a: Floats, b: Floats) -> float | None:
    """Rank correlation of two lists; None for fewer than three pairs or where one of them is constant."""
    if len(a) < 3:
        return None
    ranks = [_ranks(values) for values in (a, b)]
    if any(rank.min() == rank.max() for rank in ranks):
        return None
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: Floats) -> Floats:
    """Ranks from 0, ties sharing their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    first = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return np.asarray((first + (counts - 1) / 2)[inverse], dtype=np.float64)


def _columns(calibration: Calibration, columns: Sequence[int]) -> Calibration:
    chosen = list(columns)
    return Calibration(
        calibration.intercepts[chosen], calibration.weights, calibration.shapes[chosen], calibration.radius,
        calibration.films,
    )  # fmt: skip
