"""Bootstrap over films: how much a figure varies if the films are drawn again, with replacement.

Films are drawn rather than points: errors on one film depend on each other, so drawing points would feign certainty.

Reference: B. Efron, R. Tibshirani. An Introduction to the Bootstrap. Chapman & Hall, 1993.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Interval = tuple[float, float]


@lru_cache(maxsize=4)  # a report asks for the same draws for every landmark
def film_draws(films: int, draws: int, seed: int) -> Floats:
    """(draws, films): how often each film is drawn."""
    drawn = np.random.default_rng(seed).multinomial(films, np.full(films, 1 / films), size=draws)
    weights: Floats = drawn.astype(np.float64)
    weights.flags.writeable = False
    return weights


def drawn_means(weights: Floats, sums: ArrayLike, counts: ArrayLike) -> Floats:
    """(draws, ...): the mean over the films of each draw; NaN if none of them has a value.

    Args:
        weights: (draws, films); see ``film_draws``.
        sums: (films, ...) sum of each film's values.
        counts: (films, ...) their number.
    """
    total = np.asarray(weights @ np.asarray(counts), dtype=np.float64)
    means = np.full(total.shape, np.nan)
    np.divide(weights @ np.asarray(sums), total, out=means, where=total > 0)
    return means


def interval_95(means: Floats) -> Interval | None:
    """Percentile interval of the means (draws,) of all draws; NaN does not count. None if there is none."""
    means = means[~np.isnan(means)]
    if not means.size:
        return None
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
