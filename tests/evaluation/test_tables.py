import pytest

from cephkit.evaluation.scoring import score_predictions
from cephkit.evaluation.tables import (
    ERROR_COLUMNS,
    LANDMARK_COLUMNS,
    MACHINE_COLUMNS,
    SPLIT_COLUMNS,
    error_rows,
    landmark_rows,
    machine_rows,
    split_rows,
)
from tests.evaluation.predicted import predicted
from tests.evaluation.test_scoring import FILMS

SCORES = score_predictions(
    FILMS, predicted({"f1": {"A": (13.0, 14.0), "S": None}, "f2": {"A": (30.0, 40.0)}}), "senior"
)


def test_a_row_per_landmark() -> None:
    a, s = landmark_rows(SCORES)
    assert tuple(a) == LANDMARK_COLUMNS
    assert (a["symbol"], a["title"], a["tissue"]) == ("A", "A-point", "bone")
    assert (a["points"], a["points_in_mm"], a["missing"]) == (2, 1, 0)
    assert a["mre_mm"] == pytest.approx(0.5)
    assert a["mre_px"] == pytest.approx(7.5)
    assert a["sdr_1mm_percent"] == 100.0
    assert (s["symbol"], s["missing"], s["mre_mm"], s["sdr_4mm_percent"]) == ("S", 1, None, 0.0)


def test_a_row_per_machine_keeps_films_without_pixel_size_out_of_mm() -> None:
    one, two = machine_rows(SCORES)
    assert tuple(one) == MACHINE_COLUMNS
    assert (one["machine"], one["films"], one["films_without_pixel_size"]) == ("M1", 1, 0)
    assert (two["machine"], two["films"], two["films_without_pixel_size"]) == ("M2", 1, 1)
    assert two["mre_mm"] is None
    assert two["mre_px"] == pytest.approx(10.0)


def test_a_row_per_split() -> None:
    (row,) = split_rows(SCORES)
    assert tuple(row) == SPLIT_COLUMNS
    assert (row["split"], row["films"], row["points"], row["missing"]) == ("test", 2, 2, 1)


def test_every_error_has_a_row_and_a_missing_prediction_empty_cells() -> None:
    first, missing, unspaced = error_rows(SCORES)
    assert tuple(first) == ERROR_COLUMNS
    assert first == {
        "film": "f1",
        "split": "test",
        "machine": "M1",
        "pixel_size_mm": 0.1,
        "landmark": "A",
        "predicted_x_px": 13.0,
        "predicted_y_px": 14.0,
        "truth_x_px": 10.0,
        "truth_y_px": 10.0,
        "error_px": 5.0,
        "error_mm": 0.5,
    }
    assert (missing["landmark"], missing["predicted_x_px"], missing["error_px"]) == ("S", None, None)
    assert (unspaced["error_px"], unspaced["error_mm"]) == (10.0, None)
