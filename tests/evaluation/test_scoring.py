from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cephkit.data.film import Film, Points
from cephkit.data.spacing import Spacing, square
from cephkit.errors import DataError
from cephkit.evaluation.plots import annotator_distances_mm
from cephkit.evaluation.predictions import predictions_json
from cephkit.evaluation.scoring import score_predictions
from tests.evaluation.predicted import predicted


def film(film_id: str, points: Points, mm: float | None = 0.1, machine: str = "M1") -> Film:
    annotations = {"senior": points, "junior": {symbol: (x + 1, y) for symbol, (x, y) in points.items()}}
    return Film(film_id, Path(f"{film_id}.png"), "test", machine, mm and square(mm, ""), annotations=annotations)


FILMS = (film("f1", {"A": (10.0, 10.0), "S": (20.0, 20.0)}), film("f2", {"A": (30.0, 30.0)}, None, "M2"))


@pytest.mark.parametrize(("truth", "error"), [("senior", 0.0), ("junior", 1.0), ("mean", 0.5), ("official", 1.0)])
def test_the_truth_is_the_one_asked_for(truth: str, error: float) -> None:
    scores = score_predictions(FILMS, predicted({"f1": {"A": (10.0, 10.0)}, "f2": {"A": (30.0, 30.0)}}), truth)
    assert scores.errors_px[:, 0].tolist() == [error, error]


def test_pixels_that_are_not_square_count_by_both_sides() -> None:
    oblong = replace(FILMS[0], spacing=Spacing(0.2, 0.1, ""))
    scores = score_predictions(
        [oblong, FILMS[1]],
        predicted({"f1": {"A": (13.0, 12.0), "S": (20.0, 21.0)}, "f2": {"A": (33.0, 34.0)}}),
        "senior",
    )
    assert scores.errors_mm[0] == pytest.approx([np.hypot(0.3, 0.4), 0.2])
    assert scores.errors_px[:, 0] == pytest.approx([5.0, 5.0])
    assert annotator_distances_mm(scores)[0] == pytest.approx([0.1, 0.1])


def test_landmarks_of_one_side_only_are_named_and_not_scored() -> None:
    scores = score_predictions(
        FILMS, predicted({"f1": {"A": (10.0, 13.0), "N": (1.0, 1.0)}, "f2": {"A": (34.0, 30.0)}}), "senior"
    )
    assert scores.landmarks_not_predicted == ["S"]
    assert scores.landmarks_without_truth == ["N"]
    metrics = scores.metrics()
    assert metrics.mre_pixels == pytest.approx(3.5)
    assert metrics.mre_mm == pytest.approx(0.3)
    assert (metrics.landmarks, metrics.points, metrics.missing) == (1, 2, 0)
    assert scores.films_without_pixel_size == ["f2"]


def test_a_missing_film_or_landmark_is_an_error_that_lists_it() -> None:
    with pytest.raises(DataError, match="film f1: S") as caught:
        score_predictions(FILMS, predicted({"f1": {"A": (1.0, 1.0)}, "x": {"S": (1.0, 1.0)}}), "senior")
    assert "film f2: no prediction at all" in str(caught.value)


def test_allowed_to_be_missing_it_counts_as_a_miss() -> None:
    scores = score_predictions(FILMS, predicted({"f1": {"A": (10.0, 10.0), "S": None}}), "senior", allow_missing=True)
    metrics = scores.metrics()
    assert scores.not_found == [{"film": "f1", "landmark": "S"}, {"film": "f2", "landmark": "A"}]
    assert (metrics.points, metrics.missing) == (1, 2)
    assert metrics.sdr["2"] == 50.0  # of the two truths on the film that has a pixel size


def test_null_says_that_nothing_was_found_and_needs_no_leave() -> None:
    scores = score_predictions(FILMS, predicted({"f1": {"A": (10.0, 10.0), "S": None}, "f2": {"A": None}}), "senior")
    assert scores.metrics().missing == 2


def test_nothing_in_common_is_an_error() -> None:
    with pytest.raises(DataError, match="nothing to score"):
        score_predictions(FILMS, predicted({"f1": {"Go": (1.0, 1.0)}, "f2": {"Go": (1.0, 1.0)}}), "senior")


def test_predictions_come_back_as_they_went_in() -> None:
    given = {"f1": {"A": (0.1 + 0.2, 1 / 3), "S": None}, "f2": {"A": (30.0, 30.0), "S": (np.pi, 2.0)}}
    assert predictions_json(score_predictions(FILMS, predicted(given), "senior").records()) == given
