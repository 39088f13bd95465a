import json

import numpy as np
import pytest

from cephkit.inference.plausible import ShapeModel, fit_shape

RNG = np.random.default_rng(0)
FACE = RNG.uniform(0, 1000, (12, 2))
FILMS = FACE + RNG.normal(0, 15, (80, 12, 2))
MODEL = fit_shape(FILMS, np.full((80, 12), 0.8))


def test_place_and_size_do_not_matter_but_shape_does() -> None:
    assert MODEL.check(FACE * 3 + 500, np.full(12, 0.8)).ok
    assert not MODEL.check(RNG.uniform(0, 1000, (12, 2))).ok
    assert "other side" in MODEL.check(FACE * (-1, 1)).reason
    assert "turned by +180" in MODEL.check(-FACE).reason or "turned by -180" in MODEL.check(-FACE).reason


def test_low_peaks_are_not_plausible() -> None:
    assert "unsure" in MODEL.check(FACE, np.full(12, 0.1)).reason


def test_missing_points_are_left_out() -> None:
    some = FACE.copy()
    some[:6] = np.nan
    assert MODEL.check(some).ok
    some[:10] = np.nan
    assert MODEL.check(some).reason == "only 2 of 12 landmarks were found"
    assert not MODEL.check(np.ones((12, 2))).ok


def test_survives_json() -> None:
    again = ShapeModel.from_dict(json.loads(json.dumps(MODEL.to_dict())))
    assert again.check(FILMS[0]) == MODEL.check(FILMS[0])


def test_refuses_one_film() -> None:
    with pytest.raises(ValueError, match="two films"):
        fit_shape(FILMS[:1])
