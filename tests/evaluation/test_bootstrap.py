import numpy as np
import pytest

from cephkit.evaluation.bootstrap import drawn_means, film_draws, interval_95


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
