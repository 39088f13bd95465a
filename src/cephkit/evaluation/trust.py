"""Whether the expected errors of a model can be trusted: coverage of its regions, rank correlation with the truth."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cephkit.calibration.expected import cross_fitted
from cephkit.calibration.fit import residuals
from cephkit.evaluation.scoring import Scores
from cephkit.geometry import Floats
from cephkit.inference.uncertainty import COVERAGE, Calibration, within
from cephkit.records.record import REVIEW_MM

if TYPE_CHECKING:
    from cephkit.inference.predictor import Found


LARGE_MM = 4.0
"""The largest distance of a success detection rate: an error beyond it is a miss by any count."""


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
        For ``metrics.json``, plain numbers: ``coverage_90_percent`` of the regions that ``predict`` gives;
        ``coverage_90_percent_without_examiners``, the same without what other examiners add; ``rank_correlation``
        (Spearman) of all points and ``rank_correlation_within_landmarks``, the mean of each landmark's own; how many
        ``errors_over_4mm`` there are and what share of them, and of all points, ``predict`` marks for a look; means,
        and the lists ``expected_mm`` and ``observed_mm`` of all points in mm.
    """
    units = found.units[:, None]
    features = found.features[:, columns]
    gaps = residuals(found, scores.films, scores.symbols, scores.truth_source, columns)
    excess = np.array([pose.excess for pose in found.poses])
    own = calibration.of_landmarks(columns)
    plain, strange = own.without_examiners(), own.strangeness(found.signatures, len(features))
    expected = own.expected(features, strange) * excess[:, None]
    inside = within(own.regions(features, strange), gaps / excess[:, None, None])
    inside_plain = within(plain.regions(features), gaps / excess[:, None, None])
    used = np.array([film.content in calibration.films for film in scores.films], dtype=bool)
    judged = "by the stored calibration"
    if used.any():
        try:
            if calibration.is_local:
                raise ValueError("a part of few films, made of another calibration")
            # Made of the truth that the calibration was made of, whichever truth is to lie in its regions.
            own_truth = calibration.truth or scores.truth_source
            own_gaps = residuals(found, scores.films, scores.symbols, own_truth, columns)
            there = features[used], own_gaps[used]
            expected[used], inside[used] = cross_fitted(*there, own, strange[used], excess[used], gaps[used])
            _, inside_plain[used] = cross_fitted(*there, excess=excess[used], judged=gaps[used])
            judged = "by calibrations made without the film"
        except ValueError:  # few of the films that it was made from are here
            expected[used] = np.nan
            judged += f", without the {int(used.sum())} films that it was made from"
    known = np.isfinite(expected) & np.isfinite(scores.errors_px)
    in_mm = known & np.isfinite(scores.errors_mm)
    expected_mm = expected * units * scores.pixel_sizes[:, None]
    coverage = {
        symbol: 100 * float(inside[known[:, column], column].mean())
        for column, symbol in enumerate(scores.symbols)
        if known[:, column].any()
    }
    error = scores.errors_px / units
    large, reviewed = in_mm & (scores.errors_mm > LARGE_MM), in_mm & (expected_mm > REVIEW_MM)
    return {
        "films": int(known.any(1).sum()),
        "points": int(known.sum()),
        "films_of_the_calibration": int(used.sum()),
        "judged": judged,
        "rests_on": calibration.rests_on,
        "nominal_coverage_percent": 100 * COVERAGE,
        "coverage_90_percent": _percent(inside, known),
        "coverage_90_percent_without_examiners": _percent(inside_plain, known),
        "coverage_90_percent_per_landmark": coverage,
        "films_unlike_the_calibration": int((strange >= 1).sum()),
        "rank_correlation": spearman(expected[known], error[known]),
        "rank_correlation_within_landmarks": _within_landmarks(expected, error, known),
        "errors_over_4mm": int(large.sum()),
        "errors_over_4mm_marked_percent": _percent(reviewed, large),
        "points_marked_percent": _percent(reviewed, in_mm),
        "mean_expected_mm": float(expected_mm[in_mm].mean()) if in_mm.any() else None,
        "mean_observed_mm": float(scores.errors_mm[in_mm].mean()) if in_mm.any() else None,
        "expected_mm": [round(value, 4) for value in expected_mm[in_mm].tolist()],
        "observed_mm": [round(value, 4) for value in scores.errors_mm[in_mm].tolist()],
    }


def _percent(true: NDArray[np.bool_], of: NDArray[np.bool_]) -> float | None:
    return 100 * float(true[of].mean()) if of.any() else None


def _within_landmarks(expected: Floats, error: Floats, known: NDArray[np.bool_]) -> float | None:
    """The mean over landmarks of the rank correlation over films, weighted by the landmarks' points."""
    each = [(spearman(expected[there, k], error[there, k]), int(there.sum())) for k, there in enumerate(known.T)]
    ranked = [(value, count) for value, count in each if value is not None]
    return float(np.average([v for v, _ in ranked], weights=[n for _, n in ranked])) if ranked else None


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
