import json

import numpy as np
import pytest

from cephkit.inference.uncertainty import FEWEST_FILMS, Likeness, fit_likeness

RNG = np.random.default_rng(0)
HOME = RNG.normal(3.0, 0.5, (120, 30))


def test_films_of_the_calibration_are_mostly_like_one_another_and_others_are_not() -> None:
    made, strange = fit_likeness(HOME)
    assert made is not None
    assert (strange == 0).mean() == pytest.approx(0.75)
    assert (strange >= 1).mean() == pytest.approx(0.05)
    # Fresh films of the same kind are judged as those were that it was made from, each left out of its own judgement.
    fresh = made.strangeness(RNG.normal(3.0, 0.5, (2000, 30)))
    assert (fresh == 0).mean() == pytest.approx(0.75, abs=0.05)
    assert made.strangeness(HOME + 0.6).min() > 1.0
    assert np.all(np.diff(made.strangeness(HOME[:1] + np.linspace(0.0, 1.0, 20)[:, None])) >= 0)


def test_a_film_that_gives_no_numbers_is_unlike_the_others() -> None:
    made, _ = fit_likeness(HOME)
    assert made is not None
    assert made.strangeness(np.full((1, 30), np.nan)).tolist() == [2.0]


def test_few_films_tell_nothing() -> None:
    made, strange = fit_likeness(HOME[: FEWEST_FILMS - 1])
    assert made is None
    assert strange.tolist() == [0.0] * (FEWEST_FILMS - 1)
    assert fit_likeness(HOME[:FEWEST_FILMS])[0] is not None


def test_films_that_are_all_the_same_do_not_divide_by_zero() -> None:
    made, strange = fit_likeness(np.ones((20, 4)))
    assert made is None or np.isfinite(strange).all()
    channel = HOME.copy()
    channel[:, 3] = 0.0  # a channel that is always empty
    made, strange = fit_likeness(channel)
    assert made is not None
    assert np.isfinite(strange).all()


def test_survives_json() -> None:
    made, _ = fit_likeness(HOME)
    assert made is not None
    again = Likeness.from_dict(json.loads(json.dumps(made.to_dict())))
    assert np.array_equal(again.strangeness(HOME + 0.2), made.strangeness(HOME + 0.2))
