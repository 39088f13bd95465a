from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cephkit.data.film import Film
from cephkit.data.spacing import square
from cephkit.evaluation.scoring import Scores
from cephkit.evaluation.trust import spearman, trust
from cephkit.inference.pose import Pose
from cephkit.inference.predictor import Found
from cephkit.inference.uncertainty import Calibration, fit_calibration

Floats = NDArray[np.float64]

SYMBOLS = ("A", "N", "S", "Me", "B")
FILMS, UNIT, PIXEL_MM = 120, 2.0, 0.1


def judged(seed: int = 0, mm: float | None = PIXEL_MM) -> tuple[Found, Scores, Floats]:
    """Predictions whose error is proportional to the first feature, and the residuals in canvas pixels."""
    rng = np.random.default_rng(seed)
    features = np.exp(rng.normal(0, 0.6, (FILMS, 5, 1)))
    residuals = features * rng.normal(0, 1, (FILMS, 5, 2))
    truth = rng.uniform(200, 800, (FILMS, 5, 2))
    films = tuple(
        Film(
            f"{seed}-{row}", Path(f"{row}.png"), "valid", spacing=mm and square(mm, ""), content=f"{seed}-{row}",
            annotations={"senior": {s: (float(x), float(y)) for s, (x, y) in zip(SYMBOLS, xy, strict=True)}},
        )
        for row, xy in enumerate(truth)
    )  # fmt: skip
    points = truth - UNIT * residuals
    found = Found(points, np.full((FILMS, 5), 0.8), features, np.full(FILMS, UNIT), [Pose(np.eye(3))] * FILMS)
    return found, Scores(films, SYMBOLS, points, "senior"), residuals


def contents(scores: Scores) -> list[str]:
    return [film.content or "" for film in scores.films]


FOUND, SCORES, RESIDUALS = judged()
OWN = fit_calibration(FOUND.features, RESIDUALS, contents(SCORES))
COLUMNS = range(5)


def test_a_calibration_that_holds_covers_90_percent_and_tells_the_mean_error() -> None:
    found, scores, _ = judged(seed=1)
    told = trust(OWN, found, COLUMNS, scores)
    assert told["judged"] == "by the stored calibration"
    assert told["films_of_the_calibration"] == 0
    assert (told["films"], told["points"], told["nominal_coverage_percent"]) == (FILMS, FILMS * 5, 90.0)
    assert 86 < told["coverage_90_percent"] < 94
    assert list(told["coverage_90_percent_per_landmark"]) == list(SYMBOLS)
    assert told["coverage_90_percent"] == pytest.approx(
        np.mean(list(told["coverage_90_percent_per_landmark"].values()))
    )
    assert told["rank_correlation"] > 0.4
    assert told["mean_observed_mm"] == pytest.approx(scores.errors_mm.mean())
    assert told["mean_expected_mm"] == pytest.approx(told["mean_observed_mm"], rel=0.1)
    # Canvas pixels become film pixels, and these mm.
    expected = OWN.expected(found.features) * UNIT * PIXEL_MM
    assert told["expected_mm"] == pytest.approx(expected.ravel().tolist(), abs=1e-4)
    assert told["observed_mm"] == pytest.approx(scores.errors_mm.ravel().tolist(), abs=1e-4)


def test_films_of_the_calibration_are_judged_by_others_made_without_them() -> None:
    told = trust(OWN, FOUND, COLUMNS, SCORES)
    assert told["judged"] == "by calibrations made without the film"
    assert told["films_of_the_calibration"] == FILMS
    assert 86 < told["coverage_90_percent"] < 94
    own = OWN.expected(FOUND.features) * UNIT * PIXEL_MM
    assert told["expected_mm"] != pytest.approx(own.ravel().tolist(), abs=1e-4)


def test_only_the_films_of_the_calibration_are_judged_anew() -> None:
    # A calibration that is wrong by far shows where it is used itself.
    wrong = Calibration(OWN.intercepts + np.log(50), OWN.weights, OWN.shapes, OWN.radius, tuple(contents(SCORES)[:60]))
    told = trust(wrong, FOUND, COLUMNS, SCORES)
    assert told["films_of_the_calibration"] == 60
    ratio = np.reshape(told["expected_mm"], (FILMS, 5)) / (OWN.expected(FOUND.features) * UNIT * PIXEL_MM)
    assert ratio[:60] == pytest.approx(1.0, abs=0.5)
    assert ratio[60:] == pytest.approx(50.0, rel=0.01)


def test_too_few_films_of_the_calibration_are_left_out_and_the_report_says_so() -> None:
    few = Calibration(OWN.intercepts, OWN.weights, OWN.shapes, OWN.radius, tuple(contents(SCORES)[:10]))
    told = trust(few, FOUND, COLUMNS, SCORES)
    assert told["films_of_the_calibration"] == 10
    assert told["films"] == FILMS - 10
    assert "without the 10 films that it was made from" in told["judged"]
    assert len(told["expected_mm"]) == 5 * (FILMS - 10)
    alone = Scores(SCORES.films[:10], SYMBOLS, SCORES.predicted[:10], "senior")
    found = Found(FOUND.points[:10], FOUND.scores[:10], FOUND.features[:10], FOUND.units[:10], [Pose(np.eye(3))] * 10)
    told = trust(few, found, COLUMNS, alone)
    assert told["points"] == 0
    assert told["coverage_90_percent"] is None
    assert told["rank_correlation"] is None
    assert told["expected_mm"] == []


def test_a_calibration_that_does_not_hold_shows() -> None:
    found, scores, _ = judged(seed=1)
    timid = Calibration(OWN.intercepts, OWN.weights, OWN.shapes, OWN.radius / 3)
    assert trust(timid, found, COLUMNS, scores)["coverage_90_percent"] < 40


def test_what_other_examiners_add_is_told_apart() -> None:
    found, scores, _ = judged(seed=1)
    wide = replace(OWN, examiners=np.broadcast_to(np.eye(2), (5, 2, 2)).copy(), share=0.5)
    told, plain = (trust(each, found, COLUMNS, scores) for each in (wide, OWN))
    assert told["coverage_90_percent_without_examiners"] == plain["coverage_90_percent"]
    assert told["coverage_90_percent"] > plain["coverage_90_percent"] + 3
    # Also where the films are those of the calibration.
    told = trust(wide, FOUND, COLUMNS, SCORES)
    assert 86 < told["coverage_90_percent_without_examiners"] < 94
    assert told["coverage_90_percent"] > told["coverage_90_percent_without_examiners"] + 3


def test_regions_of_unusual_faces_are_judged_as_large_as_predict_makes_them() -> None:
    found, scores, _ = judged(seed=1)
    larger = replace(found, poses=[Pose(np.eye(3), excess=3.0)] * FILMS)
    told, usual = (trust(OWN, each, COLUMNS, scores) for each in (larger, found))
    assert told["coverage_90_percent"] > 97 > usual["coverage_90_percent"]
    assert told["mean_expected_mm"] == pytest.approx(3 * usual["mean_expected_mm"])
    assert trust(OWN, replace(FOUND, poses=larger.poses), COLUMNS, SCORES)["coverage_90_percent"] > 97


def test_another_examiners_points_are_judged_by_calibrations_of_the_truth_that_it_was_made_of() -> None:
    """Made anew of the other's points, regions would hold them, as the stored ones do not."""
    shift = np.array([2.0, 0.0]) * UNIT
    films = tuple(
        replace(film, annotations={**film.annotations, "junior": {
            symbol: (x + shift[0], y + shift[1]) for symbol, (x, y) in film.annotations["senior"].items()
        }})
        for film in SCORES.films
    )  # fmt: skip
    own = replace(OWN, truth="senior")
    told, other = (
        trust(own, FOUND, COLUMNS, replace(SCORES, films=films, truth_source=who)) for who in ("senior", "junior")
    )
    assert told["judged"] == other["judged"] == "by calibrations made without the film"
    assert 86 < told["coverage_90_percent"] < 94
    assert other["coverage_90_percent"] < 60
    assert other["mean_expected_mm"] == pytest.approx(told["mean_expected_mm"])


def test_films_that_a_local_calibration_was_made_from_do_not_judge_it() -> None:
    local = replace(OWN, is_local=True, films=tuple(contents(SCORES)[:40]))
    told = trust(local, FOUND, COLUMNS, SCORES)
    assert (told["films"], told["films_of_the_calibration"]) == (FILMS - 40, 40)
    assert "without the 40 films that it was made from" in told["judged"]


def test_rank_correlation_within_landmarks_does_not_come_from_hard_landmarks() -> None:
    """A model that knows only which landmarks are hard ranks all points well, and none within a landmark."""
    rng = np.random.default_rng(0)
    found, scores, _ = judged(seed=1)
    hard = np.array([0.2, 0.5, 1.0, 3.0, 9.0])
    predicted = scores.truth + hard[:, None] * rng.normal(0, 1, scores.truth.shape)
    blind = Calibration(np.log(hard), np.zeros(1), OWN.shapes, OWN.radius)
    told = trust(blind, found, COLUMNS, replace(scores, predicted=predicted))
    assert told["rank_correlation"] > 0.8
    assert told["rank_correlation_within_landmarks"] is None
    noisy = replace(blind, weights=np.array([0.01]))
    told = trust(noisy, found, COLUMNS, replace(scores, predicted=predicted))
    assert abs(told["rank_correlation_within_landmarks"]) < 0.15


def test_large_errors_and_how_many_of_them_are_marked() -> None:
    found, scores, _ = judged(seed=1, mm=1.0)
    predicted = scores.truth.copy()
    predicted[:10, 0] += (5.0, 0.0)
    expected = np.where(np.arange(FILMS) < 4, 3.0, 1.0)[:, None, None] / UNIT
    shown = replace(found, features=np.broadcast_to(expected, (FILMS, 5, 1)).copy())
    told = trust(
        Calibration(np.zeros(5), np.ones(1), OWN.shapes, 1.0), shown, COLUMNS, replace(scores, predicted=predicted)
    )
    assert told["errors_over_4mm"] == 10
    assert told["errors_over_4mm_marked_percent"] == pytest.approx(40.0)
    assert told["points_marked_percent"] == pytest.approx(100 * 4 / FILMS)


def test_landmarks_may_stand_in_another_order_than_in_the_model() -> None:
    found, scores, _ = judged(seed=1)
    columns = [3, 0, 4]
    some = Scores(scores.films, tuple(SYMBOLS[column] for column in columns), scores.predicted[:, columns], "senior")
    whole, part = trust(OWN, found, COLUMNS, scores), trust(OWN, found, columns, some)
    for symbol in ("Me", "A", "B"):
        assert part["coverage_90_percent_per_landmark"][symbol] == whole["coverage_90_percent_per_landmark"][symbol]
    expected = np.reshape(whole["expected_mm"], (FILMS, 5))[:, columns]
    assert np.array_equal(np.reshape(part["expected_mm"], (FILMS, 3)), expected)


def test_points_without_truth_or_prediction_do_not_count() -> None:
    found, scores, _ = judged(seed=1)
    predicted, features = scores.predicted.copy(), found.features.copy()
    predicted[:7, 1] = np.nan
    features[:7, 1] = np.nan
    films = (Film("no labels", Path("x.png"), "valid", spacing=square(0.1, ""), content="x"), *scores.films[1:])
    told = trust(
        OWN, Found(predicted, found.scores, features, found.units, found.poses), COLUMNS,
        Scores(films, SYMBOLS, predicted, "senior"),
    )  # fmt: skip
    assert told["points"] == FILMS * 5 - 7 - 4
    assert told["films"] == FILMS - 1
    assert len(told["expected_mm"]) == len(told["observed_mm"]) == told["points"]


def test_without_a_pixel_size_there_are_no_millimetres_but_a_coverage() -> None:
    found, scores, _ = judged(seed=1, mm=None)
    told = trust(OWN, found, COLUMNS, scores)
    assert told["mean_expected_mm"] is None
    assert told["mean_observed_mm"] is None
    assert told["expected_mm"] == []
    found, scores, _ = judged(seed=1)
    assert told["coverage_90_percent"] == trust(OWN, found, COLUMNS, scores)["coverage_90_percent"]


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        ([1, 2, 3, 4], [1, 3, 2, 4], 0.8),
        ([1, 2, 3, 4], [10, 20, 30, 4000], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        ([1, 2, 2, 3], [1, 2, 3, 4], 0.9486833),  # ranks 0, 1.5, 1.5, 3
        ([1, 1, 2, 2], [1, 1, 2, 2], 1.0),
    ],
)
def test_spearman_of_known_lists(a: list[float], b: list[float], value: float) -> None:
    assert spearman(np.array(a, float), np.array(b, float)) == pytest.approx(value)


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1, 2]), ([], []), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [5, 5, 5])])
def test_no_rank_correlation_without_ranks(a: list[float], b: list[float]) -> None:
    assert spearman(np.array(a, float), np.array(b, float)) is None
