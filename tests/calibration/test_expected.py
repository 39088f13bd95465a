import json

import numpy as np
import pytest
from numpy.typing import NDArray

from cephkit.calibration import expected
from cephkit.calibration.expected import cross_fitted, fit_calibration
from cephkit.evaluation.trust import spearman
from cephkit.inference.uncertainty import Calibration, within

Floats = NDArray[np.float64]

FILMS, LANDMARKS = 200, 10


def synthetic(seed: int = 0, stretch: float = 1.0) -> tuple[Floats, Floats]:
    """Features (N, K, 2), of which the second is the true scale of the error, and residuals (N, K, 2)."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(0, 0.8, (FILMS, LANDMARKS)))
    features = np.stack((rng.uniform(0.3, 0.9, scale.shape), 3 * scale), axis=-1)
    direction = rng.normal(0, 1, (*scale.shape, 2)) * (1.0, stretch)
    return features, scale[..., None] * direction


FEATURES, RESIDUALS = synthetic()
ERRORS = np.hypot(RESIDUALS[..., 0], RESIDUALS[..., 1])


def test_regions_hold_90_percent_of_films_that_they_were_not_made_from() -> None:
    expected, inside = cross_fitted(FEATURES, RESIDUALS)
    assert 0.87 < inside.mean() < 0.93
    assert inside.shape == expected.shape == (FILMS, LANDMARKS)
    correlation = spearman(expected.ravel(), ERRORS.ravel())
    assert correlation is not None
    assert correlation > 0.4
    assert expected.mean() == pytest.approx(ERRORS.mean(), rel=0.1)


def test_a_fresh_set_of_films_is_covered_too() -> None:
    calibration = fit_calibration(FEATURES, RESIDUALS)
    features, residuals = synthetic(seed=1)
    assert 0.87 < within(calibration.regions(features), residuals).mean() < 0.93
    # The error is proportional to the second feature, and the first says nothing.
    assert calibration.weights == pytest.approx([0.0, 1.0], abs=0.1)


def test_the_expected_error_grows_with_the_feature_that_the_error_grows_with() -> None:
    calibration = fit_calibration(FEATURES, RESIDUALS)
    low, high = calibration.expected(np.broadcast_to([[[0.5, 1.0]], [[0.5, 10.0]]], (2, LANDMARKS, 2)))
    assert high / low == pytest.approx(np.full(LANDMARKS, 10.0), rel=0.05)


def test_regions_are_long_where_residuals_are() -> None:
    features, residuals = synthetic(stretch=4.0)
    calibration = fit_calibration(features, residuals)
    assert np.linalg.det(calibration.shapes) == pytest.approx(np.ones(LANDMARKS))
    across, down = calibration.shapes[:, 0, 0] ** 0.5, calibration.shapes[:, 1, 1] ** 0.5
    assert np.median(down / across) == pytest.approx(4.0, rel=0.1)
    assert (down / across).min() > 3.0


def test_a_landmark_with_larger_errors_is_told_so() -> None:
    residuals = RESIDUALS * np.where(np.arange(LANDMARKS) == 3, 5.0, 1.0)[:, None]
    expected = fit_calibration(FEATURES, residuals).expected(FEATURES).mean(0)
    assert expected[3] / np.delete(expected, 3).mean() == pytest.approx(5.0, rel=0.15)  # drawn towards the others


def test_one_gross_error_moves_the_others_expected_errors_by_little() -> None:
    spoiled = RESIDUALS.copy()
    spoiled[0, 0] = 1e4
    plain, moved = (fit_calibration(FEATURES, each).expected(FEATURES) for each in (RESIDUALS, spoiled))
    assert (moved / plain)[:, 1:] == pytest.approx(1.0, abs=0.05)


def test_what_was_not_found_has_no_expected_error_and_spoils_nothing() -> None:
    features, residuals = FEATURES.copy(), RESIDUALS.copy()
    features[:20, 2] = np.nan
    residuals[:, 7] = np.nan  # no film has this landmark's truth
    expected, inside = cross_fitted(features, residuals)
    assert np.isnan(expected[:20, 2]).all()
    assert np.isfinite(np.delete(expected, 2, axis=1)).all()
    assert not inside[:20, 2].any()
    assert not inside[:, 7].any()
    known = np.isfinite(expected) & np.isfinite(residuals).all(-1)
    assert 0.86 < inside[known].mean() < 0.94


def test_the_boundary_belongs_to_the_region() -> None:
    region = np.array([[4.0, 0.0], [0.0, 9.0]])
    assert within(region, [2.0, 0.0])
    assert within(region, [0.0, -3.0])
    assert not within(region, [2.0 + 1e-9, 0.0])
    assert not within(region, [0.0, 3.0 + 1e-9])
    assert not within(region, [np.nan, 0.0])
    assert not within(np.full((2, 2), np.nan), [0.0, 0.0])


def test_a_slanting_region_is_its_quadratic_form() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(0, 1, (50, 2, 2))
    regions, gaps = root @ root.swapaxes(-1, -2), rng.normal(0, 1, (50, 2))
    form = np.einsum("ni,nij,nj->n", gaps, np.linalg.inv(regions), gaps)
    assert within(regions, gaps).tolist() == (form <= 1).tolist()


def test_a_region_is_the_shape_as_large_as_radius_and_expected_error_make_it() -> None:
    shape = np.array([[[2.0, 0.0], [0.0, 0.5]]])
    calibration = Calibration(np.log([3.0]), np.array([1.0]), shape, 1.5)
    assert calibration.expected([[[2.0]]]) == pytest.approx(np.array([[6.0]]))
    assert calibration.regions([[[2.0]]]) == pytest.approx(np.array([[shape[0] * 81.0]]))


def test_too_few_errors_or_other_shapes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="190 predicted points with a truth; a calibration needs 200"):
        fit_calibration(FEATURES[:19], RESIDUALS[:19])
    with pytest.raises(ValueError, match="160 predicted points"):
        cross_fitted(FEATURES[:20], RESIDUALS[:20])
    with pytest.raises(ValueError, match="do not fit"):
        fit_calibration(FEATURES, RESIDUALS[:, :5])
    with pytest.raises(ValueError, match="do not fit"):
        fit_calibration(FEATURES[..., 0], RESIDUALS)
    monkeypatch.setattr(expected, "FEWEST_ERRORS", 50)
    assert np.isfinite(fit_calibration(FEATURES[:19], RESIDUALS[:19]).radius)


def test_survives_json() -> None:
    calibration = fit_calibration(FEATURES, RESIDUALS, ["a", "b"])
    again = Calibration.from_dict(json.loads(json.dumps(calibration.to_dict())))
    assert again.films == ("a", "b")
    assert np.array_equal(again.expected(FEATURES), calibration.expected(FEATURES))
    assert np.array_equal(again.regions(FEATURES), calibration.regions(FEATURES))


def test_a_key_too_many_or_too_few_is_an_error() -> None:
    plain = fit_calibration(FEATURES, RESIDUALS).to_dict()
    with pytest.raises(TypeError):
        Calibration.from_dict({**plain, "more": 1})
    with pytest.raises((KeyError, TypeError)):
        Calibration.from_dict({key: value for key, value in plain.items() if key != "radius"})
