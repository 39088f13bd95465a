import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cephkit.evaluation.metrics import (
    THRESHOLDS_MM,
    drawn_means,
    film_draws,
    interval_95,
    radial_errors,
    summarise,
    to_mm,
)

SEEDS = st.integers(0, 10_000)


def some_errors(seed: int, films: int = 12, landmarks: int = 5) -> NDArray[np.float64]:
    """Errors in pixels with a few missing truths (NaN) and missing predictions (inf)."""
    generator = np.random.default_rng(seed)
    errors = generator.exponential(15.0, (films, landmarks))
    errors[generator.random(errors.shape) < 0.1] = np.nan
    errors[generator.random(errors.shape) < 0.05] = np.inf
    return errors


def test_an_error_is_a_distance_nan_without_truth_and_inf_without_prediction() -> None:
    nan = np.nan
    truth = [[[0, 0], [10, 10], [nan, nan], [5, 5]]]
    predicted = [[[3, 4], [nan, 10], [1, 1], [5, 5]]]
    errors = radial_errors(predicted, truth)
    assert errors.shape == (1, 4)
    assert errors[0, 0] == 5.0
    assert np.isinf(errors[0, 1])
    assert np.isnan(errors[0, 2])
    assert errors[0, 3] == 0.0


def test_points_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="films, landmarks, 2"):
        radial_errors(np.zeros((2, 3, 2)), np.zeros((2, 4, 2)))


def test_figures_by_hand() -> None:
    # 0.1 mm/px: 1.0, 2.0, 2.5, 3.0 mm; 0.2 mm/px: 4.0, 5.0 mm, nothing, missing.
    errors = [[10, 20, 25, 30], [20, 25, np.nan, np.inf]]
    metrics = summarise(errors, [0.1, 0.2])
    assert metrics.mre_mm == pytest.approx(17.5 / 6)
    assert metrics.sd_mm == pytest.approx(np.sqrt(np.mean((np.array([1, 2, 2.5, 3, 4, 5]) - 17.5 / 6) ** 2)))
    assert metrics.median_mm == pytest.approx(2.75)
    assert metrics.mre_pixels == pytest.approx(130 / 6)
    assert metrics.sdr == pytest.approx({"1": 100 / 7, "2": 200 / 7, "2.5": 300 / 7, "3": 400 / 7, "4": 500 / 7})
    assert (metrics.films, metrics.landmarks, metrics.points, metrics.missing) == (2, 4, 6, 1)


def test_an_error_equal_to_the_threshold_is_a_success() -> None:
    assert summarise([[20.0]], [0.1]).sdr["2"] == 100.0
    assert summarise([[20.0001]], [0.1]).sdr["2"] == 0.0


def test_a_film_without_pixel_size_counts_in_pixels_and_never_in_mm() -> None:
    metrics = summarise([[10.0, 30.0], [1000.0, 2000.0]], [0.1, np.nan], draws=50)
    assert metrics.mre_mm == pytest.approx(2.0)
    assert metrics.sdr["3"] == 100.0
    assert metrics.mre_pixels == pytest.approx(760.0)
    assert (metrics.films, metrics.films_in_mm, metrics.points, metrics.points_in_mm) == (2, 1, 4, 2)


def test_nothing_to_score_is_none_and_plain_json() -> None:
    metrics = summarise(np.full((2, 3), np.nan), [0.1, np.nan], draws=10)
    assert metrics.mre_mm is None
    assert metrics.mre_pixels is None
    assert set(metrics.sdr.values()) == {None}
    assert (metrics.films, metrics.landmarks, metrics.points) == (0, 0, 0)
    json.dumps(metrics.to_dict(), allow_nan=False)


def test_all_predictions_missing_is_zero_percent_not_nothing() -> None:
    metrics = summarise(np.full((2, 3), np.inf), [0.1, 0.1], draws=10)
    assert metrics.mre_mm is None
    assert metrics.mre_mm_ci95 is None
    assert metrics.sdr["4"] == 0.0
    assert metrics.missing == 6
    json.dumps(metrics.to_dict(), allow_nan=False)


@pytest.mark.parametrize("size", [0.0, -0.1, np.inf])
def test_an_impossible_pixel_size_is_refused(size: float) -> None:
    with pytest.raises(ValueError, match="pixel sizes must be positive"):
        to_mm([[1.0]], [size])


@given(SEEDS)
def test_sdr_grows_with_the_threshold(seed: int) -> None:
    sdr = summarise(some_errors(seed), np.full(12, 0.1)).sdr
    rates = [sdr[key] for key in THRESHOLDS_MM]
    assert rates == sorted(rates, key=lambda rate: rate or 0.0)


@given(SEEDS)
def test_the_order_of_films_does_not_matter(seed: int) -> None:
    errors, sizes = some_errors(seed), np.random.default_rng(seed).uniform(0.08, 0.2, 12)
    order = np.random.default_rng(seed + 1).permutation(12)
    one, other = summarise(errors, sizes), summarise(errors[order], sizes[order])
    assert one.mre_mm == pytest.approx(other.mre_mm)
    assert one.sd_mm == pytest.approx(other.sd_mm)
    assert one.sdr == other.sdr


@given(SEEDS, st.floats(0.01, 100))
def test_mm_are_linear_in_the_pixel_size(seed: int, factor: float) -> None:
    errors, sizes = some_errors(seed), np.random.default_rng(seed).uniform(0.08, 0.2, 12)
    one, other = summarise(errors, sizes), summarise(errors, sizes * factor)
    assert one.mre_mm is not None
    assert other.mre_mm == pytest.approx(one.mre_mm * factor)
    assert other.mre_pixels == one.mre_pixels


@given(SEEDS)
@settings(max_examples=20)
def test_the_bootstrap_repeats_by_seed_and_holds_the_figure(seed: int) -> None:
    errors, sizes = some_errors(seed), np.full(12, 0.1)
    metrics = summarise(errors, sizes, draws=200, seed=seed)
    assert metrics == summarise(errors, sizes, draws=200, seed=seed)
    assert metrics.mre_mm_ci95 is not None
    assert metrics.mre_mm is not None
    low, high = metrics.mre_mm_ci95
    assert low <= metrics.mre_mm <= high
    assert low < high


def test_the_bootstrap_draws_films_not_points() -> None:
    # All landmarks of a film share its error: the interval of 10 x 1000 points is that of 10 films.
    film_errors = np.arange(10.0)[:, None]
    few = summarise(film_errors, np.ones(10), draws=4000)
    many = summarise(np.repeat(film_errors, 1000, axis=1), np.ones(10), draws=4000)
    assert few.mre_mm_ci95 == pytest.approx(many.mre_mm_ci95)
    assert few.mre_mm_ci95 is not None
    # The mean of ten draws from 0..9 has standard error sqrt(8.25 / 10) = 0.908.
    low, high = few.mre_mm_ci95
    assert (high - low) / (2 * 1.96) == pytest.approx(0.908, rel=0.08)


def test_one_film_has_no_interval() -> None:
    assert summarise([[1.0, 2.0]], [0.1], draws=100).mre_mm_ci95 is None


def test_each_draw_has_as_many_films_as_there_are() -> None:
    weights = film_draws(7, 50, 3)
    assert weights.shape == (50, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert (weights == film_draws(7, 50, 3)).all()
    assert (weights != film_draws(7, 50, 4)).any()


def test_a_drawn_mean_is_over_the_values_of_the_films_drawn() -> None:
    weights = np.array([[2.0, 0, 1], [0, 3, 0]])
    sums, counts = np.array([[4.0, 1.0], [9.0, 0.0], [1.0, 2.0]]), np.array([[2, 1], [3, 0], [1, 1]])
    assert drawn_means(weights, sums, counts) == pytest.approx(np.array([[9 / 5, 4 / 3], [3, np.nan]]), nan_ok=True)


def test_the_interval_holds_95_percent_of_the_draws_that_have_a_mean() -> None:
    assert interval_95(np.array([*range(101), np.nan])) == (2.5, 97.5)
    assert interval_95(np.array([np.nan])) is None
