"""Whether the errors of one model are smaller than those of another on the same films: a paired bootstrap over films.

References: B. Efron, R. Tibshirani. An Introduction to the Bootstrap. Chapman & Hall, 1993 (intervals, p-values);
S. Holm. A Simple Sequentially Rejective Multiple Test Procedure. Scand. J. Statistics 6, 1979 (many landmarks).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from cephkit.evaluation.metrics import THRESHOLDS_MM, Interval, drawn_means, film_draws, interval_95
from cephkit.geometry import Floats

Unit = Literal["mm", "px"]

P_VALUE = "2 x the smaller of the shares of draws with B - A <= 0 and >= 0; at least 1 / draws, at most 1"
"""How ``Difference.p`` is computed, for readers of the results."""
LEVEL = 0.05
"""A difference with a smaller p-value is significant."""
TIE = 1e-9
"""Differences up to this (mm, pixels or percent) are rounding errors and count as zero."""


@dataclass(frozen=True)
class Difference:
    """One figure of A and of B. A field is None if there is nothing to compute it from."""

    a: float | None
    b: float | None
    difference: float | None
    """B - A."""
    ci95: Interval | None = None
    """95 % interval of the difference (percentiles); None with fewer than two films."""
    p: float | None = None
    """Two-sided; see ``P_VALUE``. None with fewer than two films."""
    p_holm: float | None = None
    """``p`` corrected for the number of landmarks; None for all landmarks together."""

    @property
    def significant(self) -> bool:
        """Whether the difference is significant, after the correction if there is one."""
        p = self.p if self.p_holm is None else self.p_holm
        return p is not None and p < LEVEL


@dataclass(frozen=True)
class Comparison:
    """A against B on some landmarks of the same films."""

    films: int
    """Films with at least one truth."""
    points: int
    """Truths: the denominator of ``sdr``."""
    points_both: int
    """Truths for which both have a prediction: the errors in ``mre``."""
    missing_a: int
    """Truths without a prediction of A; each is a miss in A's ``sdr``."""
    missing_b: int
    mre: Difference
    """Mean radial error in the unit of the errors."""
    sdr: dict[str, Difference]
    """Successful detection rate in percent by threshold, keys of ``THRESHOLDS_MM``; empty for errors in pixels."""

    @property
    def better(self) -> Literal["A", "B"] | None:
        """The one with the significantly smaller MRE; None if there is none, or if an SDR contradicts it."""
        if not self.mre.significant or self.mre.difference is None or self.contradicting:
            return None
        return "B" if self.mre.difference < 0 else "A"

    @property
    def contradicting(self) -> list[str]:
        """Thresholds at which SDR is significantly better for the one whose MRE is significantly worse."""
        if not self.mre.significant:
            return []
        # The better one has the smaller MRE and the larger SDR: two differences of the same sign disagree.
        return [
            key
            for key, rate in self.sdr.items()
            if rate.significant and (rate.difference or 0.0) * (self.mre.difference or 0.0) > 0
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain types for JSON, with the names of the fields."""
        return asdict(self)


def compare_errors(
    errors_a: ArrayLike, errors_b: ArrayLike, draws: int = 10_000, seed: int = 0, unit: Unit = "mm"
) -> tuple[Comparison, list[Comparison]]:
    """A and B over all landmarks, and landmark by landmark with Holm's correction of the p-values.

    Films are drawn with replacement, for A and B the same ones, and B - A is recomputed in each draw. MRE is
    over the points that both found; a point that one did not find is a miss in its SDR. Draws without a landmark are
    left out for that landmark.

    Args:
        errors_a: (N, K) mm or film pixels, as ``radial_errors`` makes them: NaN without truth, inf where not found.
        errors_b: (N, K) of the same films, landmarks and truth.
        draws: of films; 1 or more.
        seed: of the draws; the same seed gives the same figures.
        unit: of the errors. SDR has thresholds in mm: with ``px`` there is none.

    Returns:
        The comparison over all landmarks and K comparisons of one landmark each.

    Raises:
        ValueError: the shapes differ, or a truth exists for one but not for the other.
    """
    a, b = np.asarray(errors_a, dtype=np.float64), np.asarray(errors_b, dtype=np.float64)
    if a.ndim != 2 or a.shape != b.shape:
        raise ValueError(f"errors of A {a.shape} and of B {b.shape} must both be (films, landmarks)")
    if np.any(np.isnan(a) != np.isnan(b)):
        raise ValueError("A and B must have the same truths: their errors are NaN in different places")
    used = ~np.isnan(a).all(axis=1)
    a, b = a[used], b[used]
    weights = film_draws(len(a), draws, seed) if len(a) > 1 else None
    truth, both = ~np.isnan(a), np.isfinite(a) & np.isfinite(b)
    mre = _differences(np.where(both, a, 0.0), np.where(both, b, 0.0), both, weights)
    thresholds = THRESHOLDS_MM.items() if unit == "mm" else ()
    sdr = {
        key: _differences(np.where(a <= t, 100.0, 0.0), np.where(b <= t, 100.0, 0.0), truth, weights)
        for key, t in thresholds
    }
    found = []
    for column, chosen in enumerate([slice(None), *(slice(k, k + 1) for k in range(a.shape[1]))]):
        found.append(
            Comparison(
                films=int(truth[:, chosen].any(axis=1).sum()),
                points=int(truth[:, chosen].sum()),
                points_both=int(both[:, chosen].sum()),
                missing_a=int(np.isinf(a[:, chosen]).sum()),
                missing_b=int(np.isinf(b[:, chosen]).sum()),
                mre=mre[column],
                sdr={key: rates[column] for key, rates in sdr.items()},
            )
        )
    return found[0], found[1:]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's (1979) step-down correction: p-values that can each be compared with the level as if there were only one.

    The k-th smallest of m is multiplied by m - k + 1, is at least the one before it and at most 1. None (no test)
    stays None and does not count.
    """
    tested = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, index) in enumerate(tested):
        least = max(least, min(1.0, (len(tested) - rank) * p))
        corrected[index] = least
    return corrected


def _differences(a: Floats, b: Floats, counted: ArrayLike, weights: Floats | None) -> list[Difference]:
    """B - A of a mean, over all columns and then column by column, the latter corrected by ``holm``.

    Args:
        a: (N, K) values, 0 where not counted.
        b: likewise.
        counted: (N, K) bool: which values the mean is over.
        weights: (draws, N); None if there are too few films to draw from.
    """
    counts = _with_total(np.asarray(counted, dtype=np.float64))
    sums_a, sums_b, gaps = _with_total(a), _with_total(b), _with_total(b - a)
    drawn_gaps = None if weights is None else drawn_means(weights, gaps, counts)
    found = []
    for column, count in enumerate(counts.sum(axis=0)):
        if not count:
            found.append(Difference(None, None, None))
            continue
        mean_a, mean_b, gap = (float(sums[:, column].sum() / count) for sums in (sums_a, sums_b, gaps))
        interval = p = None
        # With a single film every draw is the same: there is no spread to infer from.
        if drawn_gaps is not None and np.count_nonzero(counts[:, column]) > 1:
            interval, p = interval_95(drawn_gaps[:, column]), _p_value(drawn_gaps[:, column])
        found.append(Difference(mean_a, mean_b, gap, interval, p))
    corrected = holm([one.p for one in found[1:]])
    return found[:1] + [replace(one, p_holm=p) for one, p in zip(found[1:], corrected, strict=True)]


def _with_total(values: Floats) -> Floats:
    """(N, K) -> (N, 1 + K): the sum of the columns first."""
    return np.concatenate([values.sum(axis=1, keepdims=True), values], axis=1)


def _p_value(differences: Floats) -> float | None:
    """Two-sided p-value (``P_VALUE``) of the differences of the draws."""
    differences = differences[~np.isnan(differences)]
    if not differences.size:
        return None
    tail = min(float(np.mean(differences <= TIE)), float(np.mean(differences >= -TIE)))
    return min(1.0, max(2 * tail, 1 / differences.size))
