"""Calibration on few films, on predictions whose errors are known."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cephkit.calibration.expected import fit_calibration
from cephkit.calibration.local import FEWEST_FILMS, fit_bias, fit_local
from cephkit.inference.uncertainty import Calibration, fit_likeness, within

Floats = NDArray[np.float64]

LANDMARKS = 19


def predicted(seed: int, films: int, scale: float = 1.0, bias: Floats | float = 0.0) -> tuple[Floats, Floats]:
    """Features (N, K, 1), the scale of the error, and residuals (N, K, 2)."""
    rng = np.random.default_rng(seed)
    features = np.exp(rng.normal(0, 0.4, (films, LANDMARKS, 1)))
    return features, scale * features * rng.normal(0, 1, (films, LANDMARKS, 2)) + bias


FIRST = fit_calibration(*predicted(0, 150))
BIAS = np.random.default_rng(5).normal(0, 2.5, (LANDMARKS, 2))


def coverage(calibration: Calibration, scale: float, bias: Floats | float, seed: int) -> float:
    features, residuals = predicted(1000 + seed, 200, scale, bias)
    return float(within(calibration.regions(features), residuals - calibration.bias).mean())


@pytest.mark.parametrize("remove_bias", [False, True])
@pytest.mark.parametrize(("scale", "bias"), [(1.0, 0.0), (2.0, 0.0), (1.0, BIAS), (0.5, BIAS)])
def test_twenty_films_make_regions_hold_90_percent(scale: float, bias: Floats | float, remove_bias: bool) -> None:
    held = []
    for seed in range(8):
        features, residuals = predicted(1 + seed, 20, scale, bias)
        made, _ = fit_local(FIRST, features, residuals, remove_bias=remove_bias)
        held.append(coverage(made, scale, bias, seed))
    assert 0.88 < np.mean(held) < 0.925
    assert min(held) > 0.84


def test_the_first_calibration_alone_would_not_hold() -> None:
    assert coverage(FIRST, 1.0, BIAS, 0) < 0.6


def test_removing_the_bias_takes_most_of_it_away_and_makes_regions_small() -> None:
    features, residuals = predicted(1, 20, 1.0, BIAS)
    kept, moved = fit_local(FIRST, features, residuals)
    removed, _ = fit_local(FIRST, features, residuals, remove_bias=True)
    assert np.abs(kept.bias).max() == 0.0
    assert np.hypot(*(removed.bias - BIAS).T).mean() < 0.2 * np.hypot(*BIAS.T).mean()
    areas = [np.linalg.det(each.regions(features)).mean() for each in (removed, kept)]
    assert areas[0] < 0.5 * areas[1]
    # What the other films show of it, and no film of its own.
    before, after = (np.hypot(*np.moveaxis(each, -1, 0)).mean() for each in (residuals, moved))
    unbiased = np.hypot(*np.moveaxis(residuals - BIAS, -1, 0)).mean()
    assert unbiased < after < 1.1 * unbiased < before


def test_a_bias_that_is_none_is_drawn_to_none() -> None:
    _, residuals = predicted(1, 20)
    bias = fit_bias(residuals)
    assert np.abs(bias.removable).mean() < 0.35 * np.abs(bias.mean).mean()
    assert bias.mean / bias.standard_error == pytest.approx(0.0, abs=4.0)


def test_one_slip_of_the_annotator_does_not_become_a_bias() -> None:
    features, residuals = predicted(1, 20)
    residuals[3, 4] = (300.0, 0.0)
    made, _ = fit_local(FIRST, features, residuals, remove_bias=True)
    assert np.abs(made.bias[4]).max() < 2.0


def test_landmarks_without_truth_or_prediction_keep_what_all_share() -> None:
    features, residuals = predicted(1, 20, 2.0)
    residuals[:, 7] = np.nan
    features[:5, 3] = np.nan
    made, moved = fit_local(FIRST, features, residuals, remove_bias=True)
    assert made.bias[7].tolist() == [0.0, 0.0]
    assert np.isnan(moved[:, 7]).all()
    change = made.intercepts - FIRST.intercepts
    assert np.isfinite(change).all()
    assert change[7] == pytest.approx(np.median(change), abs=0.2)
    assert np.isfinite(made.shapes).all()


def test_films_that_look_a_little_unlike_the_few_get_no_wider_regions_and_those_that_look_far_off_do() -> None:
    features, residuals = predicted(1, 20)
    first = replace(FIRST, examiners=np.broadcast_to(np.eye(2), (LANDMARKS, 2, 2)).copy(), share=0.2)
    made, _ = fit_local(first, features, residuals)
    near, usual, far = (made.regions(features, np.full(20, strange)) for strange in (1.0, 0.0, 2.0))
    assert np.array_equal(near, usual)
    assert (np.linalg.det(far) > np.linalg.det(usual)).all()


def test_it_says_that_it_is_local_and_adds_nothing_for_other_examiners() -> None:
    features, residuals = predicted(1, 20)
    made, _ = fit_local(FIRST, features, residuals, films=["a"], description="20 films of mine", remove_bias=True)
    assert made.is_local
    assert made.films == ("a",)
    assert made.share == 0.0
    assert made.rests_on.startswith("20 films of mine, the model's bias against them removed")


def test_too_few_films_are_refused() -> None:
    features, residuals = predicted(1, FEWEST_FILMS - 1)
    with pytest.raises(
        ValueError, match=f"on {FEWEST_FILMS - 1} films; a local calibration needs 50 on {FEWEST_FILMS}"
    ):
        fit_local(FIRST, features, residuals)
    with pytest.raises(ValueError, match="40 predicted points"):
        fit_local(FIRST.of_landmarks([0, 1]), *(each[:, :2] for each in predicted(1, 20)))


@pytest.mark.parametrize("share", [0.1, 0.19])
def test_labels_that_were_left_where_the_model_put_them_do_not_make_regions_absurd(share: float) -> None:
    features, residuals = predicted(1, 20)
    left = np.random.default_rng(0).random((20, LANDMARKS)) < share
    left[:, 3] = True  # a landmark that nobody moved
    residuals[left & (np.cumsum(left).reshape(left.shape) <= 0.19 * left.size)] = 0.0
    made, _ = fit_local(FIRST, features, residuals)
    assert np.isfinite(made.intercepts).all()
    assert np.linalg.det(made.regions(features)).max() < 50 * np.linalg.det(FIRST.regions(features)).max()


def test_corrected_predictions_are_no_truth() -> None:
    features, residuals = predicted(1, 20)
    residuals[:5] = 1e-3
    with pytest.raises(ValueError, match="95 of 380 labels are the model's own points"):
        fit_local(FIRST, features, residuals)


def test_so_few_films_that_nothing_is_known_of_their_looks_are_not_called_unlike_the_first_ones() -> None:
    features, residuals = predicted(1, 8)
    first = replace(FIRST, likeness=fit_likeness(np.random.default_rng(0).normal(0, 1, (50, 6)))[0])
    made, _ = fit_local(first, features, residuals, np.full((8, 6), 20.0))
    assert made.likeness is None
