"""How much a second stage counts, what it gains, and at what size it sees films."""

from pathlib import Path

import numpy as np
import pytest

from cephkit.data.film import Film
from cephkit.data.spacing import Spacing, square
from cephkit.evaluation.scoring import Scores
from cephkit.models.refiner import RefinerSpec
from cephkit.training.finish import (
    LARGEST_DETAIL,
    SHARE_FOLDS,
    SHARES,
    choose_share,
    detail_size,
    gains,
)


def test_the_share_of_the_second_stage_is_the_best_one_and_each_film_has_one_chosen_without_it() -> None:
    films = np.linspace(0.3, 0.9, 4 * SHARE_FOLDS)  # the best share of each film
    errors = np.abs(SHARES[:, None] - films)[:, :, None].repeat(3, -1)
    errors[:, 1, 2] = np.nan  # without a truth
    share, shares = choose_share(errors)
    assert share == pytest.approx(np.median(films), abs=0.05)
    for number in range(SHARE_FOLDS):
        own = np.arange(len(films)) % SHARE_FOLDS == number
        assert len(set(shares[own])) == 1
        changed = errors.copy()
        changed[:, own] = np.abs(SHARES[:, None] - 0.2)[:, :, None]  # its own films say something else
        assert choose_share(changed)[1][own] == pytest.approx(shares[own])
        assert choose_share(changed)[0] <= share


def test_without_a_judged_film_the_share_is_the_usual_one() -> None:
    share, shares = choose_share(np.full((len(SHARES), 3, 2), np.nan))
    assert share == RefinerSpec.share
    assert (shares == RefinerSpec.share).all()


HALF_MM = square(0.5, "")


def scores_of(*points: tuple[tuple[float, float], ...], spacing: Spacing | None = HALF_MM) -> Scores:
    """Predictions of A, S and B on films whose truth is (10, 20) and (5, 5), and none for B."""
    truth = {"senior": {"A": (10.0, 20.0), "S": (5.0, 5.0)}}
    film = Film("1", Path("x.png"), "valid", spacing=spacing, annotations=truth)
    return Scores((film,) * len(points), ("A", "S", "B"), np.array(points, dtype=float), "senior")


def test_gains_name_what_gained_most_first() -> None:
    before = scores_of(((10, 22), (5, 9), (0, 0)), ((10, 22), (5, 11), (0, 0)))  # 1 and 1; 2 and 3 mm
    after = scores_of(((10, 24), (5, 9), (0, 0)), ((10, 20), (5, 5), (0, 0)))  # 2 and 0; 2 and 0 mm
    assert gains(before, after) == [
        "second stage on valid: MRE 1.750 -> 1.000 mm, SDR@2 75.0 -> 100.0 %",
        "by landmark, mm, largest gain first: S 2.50 -> 1.00, A 1.00 -> 1.00",
    ]


def test_without_a_pixel_size_gains_are_in_pixels() -> None:
    before = scores_of(((10, 22), (5, 9), (0, 0)), spacing=None)
    after = scores_of(((10, 21), (5, 6), (0, 0)), spacing=None)
    assert gains(before, after)[0] == "second stage on valid: MRE 3.000 -> 1.000 px"


def test_the_second_stage_sees_the_median_film_in_its_own_size_where_it_is_not_too_large() -> None:
    def sized(*sizes: tuple[int, int]) -> list[Film]:
        return [Film(str(size), Path("x.png"), "train", size=size) for size in sizes]

    assert detail_size(sized((90, 80)), None) == (96, 96)
    assert detail_size(sized((960, 640), (900, 600), (2400, 1900)), None) == (960, 640)
    assert detail_size(sized((961, 640)), None) == (992, 640)
    height, width = detail_size(sized((2304, 1792)), None)
    assert (height, width) == (LARGEST_DETAIL, 1216)  # 1194.7, up to a multiple of 32
    assert detail_size(sized((90, 80)), (128, 64)) == (128, 64)
