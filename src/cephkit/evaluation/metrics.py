"""Radial errors and their statistics: MRE, SDR, their spread and their uncertainty.

An error is finite where truth and prediction both exist, ``NaN`` where there is no truth (nothing to score)
and ``inf`` where there is a truth but no prediction. A missing prediction therefore cannot vanish: it is a
miss in every SDR and is counted under ``missing``; MRE, SD and median are over the predictions that exist.

Uncertainty comes from a bootstrap over films: how much a figure varies if the films are drawn again, with replacement.
Films are drawn rather than points: errors on one film depend on each other, so drawing points would feign certainty.

Reference: B. Efron, R. Tibshirani. An Introduction to the Bootstrap. Chapman & Hall, 1993.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cephkit.geometry import Floats

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


THRESHOLDS_MM: dict[str, float] = {"1": 1.0, "2": 2.0, "2.5": 2.5, "3": 3.0, "4": 4.0}
"""SDR thresholds in mm by the keys that they have in ``metrics.json``."""


@dataclass(frozen=True)
class Metrics:
    """How well points fit the truth. A figure is None where there is nothing to score.

    Millimetres are original film pixels x that film's own mm per pixel; a film without a pixel size counts in
    ``mre_pixels`` and never in mm.
    """

    mre_mm: float | None
    """Mean radial error over all films x landmarks."""
    sd_mm: float | None
    """Standard deviation of those errors (population: divided by n, not n - 1)."""
    median_mm: float | None
    p95_mm: float | None
    """95 % of the errors are at most this."""
    sdr: dict[str, float | None]
    """Successful detection rate by threshold in mm: percent of truths with error <= threshold."""
    mre_pixels: float | None
    """Mean radial error in film pixels, over ALL films."""
    films: int
    """Films with at least one truth."""
    films_in_mm: int
    """Those of them that have a pixel size."""
    landmarks: int
    """Kinds of landmark with at least one truth."""
    points: int
    """Truths that have a prediction: the errors in ``mre_pixels``."""
    points_in_mm: int
    """Those of them on films with a pixel size: the errors in ``mre_mm``."""
    missing: int
    """Truths without a prediction; each is a miss in ``sdr``."""
    mre_mm_ci95: Interval | None = None
    """95 % interval of a bootstrap over films; None unless asked for, and with fewer than two films."""
    sdr_ci95: dict[str, Interval | None] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain types for JSON, with the names of the fields."""
        return asdict(self)


def radial_errors(predicted: ArrayLike, truth: ArrayLike) -> Floats:
    """Euclidean distances in film pixels.

    Args:
        predicted: (N, K, 2) film pixels; a point with a non-finite coordinate is missing.
        truth: (N, K, 2) film pixels; likewise.

    Returns:
        (N, K) float64: NaN where there is no truth, inf where there is a truth but no prediction.

    Raises:
        ValueError: the shapes differ or the last axis is not (x, y).
    """
    guess, goal = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if guess.shape != goal.shape or goal.ndim != 3 or goal.shape[-1] != 2:
        raise ValueError(f"predicted {guess.shape} and truth {goal.shape} must both be (films, landmarks, 2)")
    has_guess, has_goal = np.isfinite(guess).all(-1), np.isfinite(goal).all(-1)
    errors = np.full(goal.shape[:2], np.nan)
    errors[has_goal] = np.inf
    both = has_guess & has_goal
    gap = guess[both] - goal[both]
    errors[both] = np.hypot(gap[:, 0], gap[:, 1])
    return errors


def to_mm(errors_px: ArrayLike, pixel_sizes: ArrayLike) -> Floats:
    """(N, K) errors in mm; NaN on films whose pixel size (N,) in mm is NaN.

    Raises:
        ValueError: a pixel size that is zero, negative or infinite, or not one per film.
    """
    errors, sizes = np.asarray(errors_px, dtype=np.float64), np.asarray(pixel_sizes, dtype=np.float64)
    if errors.ndim != 2 or sizes.shape != errors.shape[:1]:
        raise ValueError(f"errors {errors.shape} must be (films, landmarks), pixel sizes {sizes.shape} one per film")
    if np.any((sizes <= 0) | np.isinf(sizes)):
        raise ValueError(f"pixel sizes must be positive mm per pixel or NaN, got {sizes[~(sizes > 0)].tolist()}")
    return errors * sizes[:, None]


def summarise(errors_px: ArrayLike, pixel_sizes: ArrayLike, draws: int = 0, seed: int = 0) -> Metrics:
    """The figures of ``errors_px`` (N, K), made by ``radial_errors``.

    Args:
        errors_px: (N, K) film pixels.
        pixel_sizes: (N,) mm per film pixel, NaN where unknown.
        draws: bootstrap draws over films for the 95 % intervals; 0 leaves them out.
        seed: of the bootstrap; the same seed gives the same intervals.

    Raises:
        ValueError: see ``to_mm``.
    """
    pixels = np.asarray(errors_px, dtype=np.float64)
    mm = to_mm(pixels, pixel_sizes)
    has_truth, found_px, found_mm = ~np.isnan(pixels), pixels[np.isfinite(pixels)], mm[np.isfinite(mm)]
    mre_interval, sdr_intervals = _intervals(mm, draws, seed) if draws else (None, None)
    return Metrics(
        mre_mm=_or_none(found_mm, np.mean),
        sd_mm=_or_none(found_mm, np.std),
        median_mm=_or_none(found_mm, np.median),
        p95_mm=_or_none(found_mm, lambda values: np.percentile(values, 95)),
        sdr={key: detection_rate(mm, threshold) for key, threshold in THRESHOLDS_MM.items()},
        mre_pixels=_or_none(found_px, np.mean),
        films=int(has_truth.any(axis=1).sum()),
        films_in_mm=int((~np.isnan(mm)).any(axis=1).sum()),
        landmarks=int(has_truth.any(axis=0).sum()),
        points=found_px.size,
        points_in_mm=found_mm.size,
        missing=int(np.isinf(pixels).sum()),
        mre_mm_ci95=mre_interval,
        sdr_ci95=sdr_intervals,
    )


def detection_rate(errors_mm: ArrayLike, threshold_mm: float) -> float | None:
    """Percent of the truths in ``errors_mm`` with error <= ``threshold_mm``; None where there is no truth."""
    errors = np.asarray(errors_mm, dtype=np.float64)
    scored = int((~np.isnan(errors)).sum())
    return 100.0 * int((errors <= threshold_mm).sum()) / scored if scored else None


def _intervals(mm: Floats, draws: int, seed: int) -> tuple[Interval | None, dict[str, Interval | None]]:
    """95 % intervals of MRE and SDR; see ``bootstrap``."""
    films = mm[~np.isnan(mm).all(axis=1)]
    if len(films) < 2:
        return None, dict.fromkeys(THRESHOLDS_MM)
    weights, finite, scored = film_draws(len(films), draws, seed), np.isfinite(films), (~np.isnan(films)).sum(axis=1)
    mre = interval_95(drawn_means(weights, np.where(finite, films, 0.0).sum(axis=1), finite.sum(axis=1)))
    return mre, {
        key: interval_95(drawn_means(weights, 100 * (films <= threshold).sum(axis=1), scored))
        for key, threshold in THRESHOLDS_MM.items()
    }


def _or_none(values: Floats, statistic: Callable[[Floats], Any]) -> float | None:
    return float(statistic(values)) if values.size else None
