import math

import numpy as np
import pytest

from cephkit.evaluation.compare import Difference, compare_errors, holm
from cephkit.evaluation.metrics import summarise


def correlated(films: int = 40, landmarks: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Errors in mm of two models that find the same films hard."""
    rng = np.random.default_rng(1)
    hard = rng.gamma(4, 0.4, (films, 1))
    return hard * rng.uniform(0.8, 1.2, (films, landmarks)), hard * rng.uniform(0.75, 1.2, (films, landmarks))


def test_two_films_by_hand() -> None:
    # B - A is +1 and -0.5 mm. The draws: first film twice (1/4), both (1/2), second twice (1/4).
    total, (landmark,) = compare_errors([[1.0], [3.0]], [[2.0], [2.5]], draws=20_000)
    assert (total.mre.a, total.mre.b, total.mre.difference) == (2.0, 2.25, 0.25)
    assert total.mre.ci95 == (-0.5, 1.0)
    assert total.mre.p == pytest.approx(0.5, abs=0.02)  # 2 x the 1/4 that is <= 0
    assert (total.sdr["1"].a, total.sdr["1"].b, total.sdr["1"].difference) == (50.0, 0.0, -50.0)
    assert total.sdr["1"].ci95 == (-100.0, 0.0)
    assert total.sdr["1"].p == pytest.approx(0.5, abs=0.02)  # 2 x the 1/4 that is >= 0
    assert (total.sdr["2"].difference, total.sdr["2"].ci95, total.sdr["2"].p) == (0.0, (0.0, 0.0), 1.0)
    assert (total.sdr["2.5"].a, total.sdr["2.5"].b) == (50.0, 100.0)
    assert (total.films, total.points, total.points_both, total.better) == (2, 2, 2, None)
    assert landmark.mre == Difference(2.0, 2.25, 0.25, (-0.5, 1.0), total.mre.p, p_holm=total.mre.p)


def test_the_same_errors_twice_differ_by_exactly_nothing() -> None:
    errors, _ = correlated()
    errors[3, 1], errors[4, 2] = np.nan, np.inf
    total, landmarks = compare_errors(errors, errors, draws=500)
    for one in (total, *landmarks):
        for figure in (one.mre, *one.sdr.values()):
            assert (figure.difference, figure.ci95, figure.p) == (0.0, (0.0, 0.0), 1.0)
        assert one.better is None


def test_rounding_is_no_difference() -> None:
    errors, _ = correlated()
    total, _ = compare_errors(errors, errors * (1 + 1e-15), draws=500)
    assert total.mre.p == 1.0


def test_a_known_difference_is_found_and_has_the_smallest_p() -> None:
    errors, _ = correlated()
    total, landmarks = compare_errors(errors, errors + 0.25, draws=1000)
    for one in (total, *landmarks):
        assert one.mre.difference == pytest.approx(0.25)
        assert one.mre.ci95 == pytest.approx((0.25, 0.25))
        assert (one.mre.p, one.better) == (1 / 1000, "A")
        assert one.mre.p_holm == (None if one is total else pytest.approx(5 / 1000))


def test_exchanging_a_and_b_turns_every_sign() -> None:
    a, b = correlated()
    a[0, 0], b[1, 1] = np.inf, np.inf
    there, back = compare_errors(a, b, 1000, seed=3), compare_errors(b, a, 1000, seed=3)
    for one, other in zip((there[0], *there[1]), (back[0], *back[1]), strict=True):
        for x, y in zip((one.mre, *one.sdr.values()), (other.mre, *other.sdr.values()), strict=True):
            assert (x.a, x.b, x.p, x.p_holm) == (y.b, y.a, y.p, y.p_holm)
            assert x.difference is not None
            assert x.difference == -(y.difference or 0.0)
            assert x.ci95 is not None
            assert y.ci95 is not None
            assert x.ci95 == pytest.approx((-y.ci95[1], -y.ci95[0]), abs=1e-12)
        assert (one.missing_a, one.missing_b) == (other.missing_b, other.missing_a)
    assert {there[0].better, back[0].better} in ({None}, {"A", "B"})


def test_a_difference_is_that_of_the_two_evaluations() -> None:
    a, b = correlated()
    total, _ = compare_errors(a, b, 100)
    first, second = (summarise(errors, np.ones(len(errors))) for errors in (a, b))
    assert (total.mre.a, total.mre.b) == (pytest.approx(first.mre_mm), pytest.approx(second.mre_mm))
    assert total.mre.difference == pytest.approx((second.mre_mm or 0) - (first.mre_mm or 0))
    assert {key: rate.a for key, rate in total.sdr.items()} == pytest.approx(first.sdr)
    assert {key: rate.b for key, rate in total.sdr.items()} == pytest.approx(second.sdr)


def test_the_paired_interval_is_narrower_than_that_of_independent_films() -> None:
    a, b = correlated()
    total, _ = compare_errors(a, b, 2000)
    apart = [summarise(errors, np.ones(len(errors)), draws=2000, seed=n).mre_mm_ci95 for n, errors in enumerate((a, b))]
    assert all(apart)
    unpaired = math.hypot(*(interval[1] - interval[0] for interval in apart if interval))
    assert total.mre.ci95 is not None
    assert total.mre.ci95[1] - total.mre.ci95[0] < unpaired / 3


def test_what_one_did_not_find_is_a_miss_and_in_no_mre() -> None:
    total, (first, second) = compare_errors(
        [[1.0, np.inf], [2.0, 1.0], [1.0, np.nan]], [[1.5, 1.0], [np.inf, 1.0], [1.5, np.nan]], draws=200
    )
    assert (total.points, total.points_both, total.missing_a, total.missing_b) == (5, 3, 1, 1)
    assert total.mre.a == pytest.approx(3 / 3)
    assert total.mre.b == pytest.approx(4 / 3)
    assert (total.sdr["4"].a, total.sdr["4"].b) == (80.0, 80.0)
    assert (first.mre.difference, first.films, second.films) == (0.5, 3, 2)
    # One film alone says nothing of another: a figure, but neither interval nor p.
    assert (second.mre.difference, second.mre.ci95, second.mre.p, second.mre.p_holm) == (0.0, None, None, None)


def test_errors_in_pixels_have_no_sdr() -> None:
    a, b = correlated()
    assert compare_errors(a, b, 100, unit="px")[0].sdr == {}


def test_errors_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"errors of A \(1, 2\) and of B \(2, 1\)"):
        compare_errors([[1.0, 2.0]], [[1.0], [2.0]])
    with pytest.raises(ValueError, match="same truths"):
        compare_errors([[1.0, np.nan]], [[1.0, 2.0]])


def test_holm_by_hand() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([None]) == [None]


def test_a_landmark_is_corrected_by_the_number_of_landmarks() -> None:
    a, b = correlated()
    _, landmarks = compare_errors(a, b, 1000)
    assert [one.mre.p_holm for one in landmarks] == holm([one.mre.p for one in landmarks])


# The command
