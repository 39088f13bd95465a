"""The rows of the list, and what changed since."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cephkit.data.spacing import Spacing, square
from cephkit.landmarks.shipped import AARIZ
from cephkit.records.record import LandmarkRecord
from cephkit.review.edits import Standing
from cephkit.review.films import ReviewFilm
from cephkit.review.marks import Found, Mark
from cephkit.review.record import sought
from cephkit.review.rows import Rows, figures, largest_distance_mm
from tests.review.sessions import labelled_film


def film(n: int, name: str = "f", **more: object) -> ReviewFilm:
    return ReviewFilm(n, name, Path(f"{name}.png"), f"{name}.png", **more)  # type: ignore[arg-type]


def changed(rows: Rows, since: int) -> tuple[int, list[int]]:
    content = json.loads(rows.to_json(since))
    return content["revision"], [row["n"] for row in content["films"]]


def test_a_page_gets_what_changed_since_it_asked() -> None:
    rows = Rows([film(0), film(1), film(2)])
    first, all_of_them = changed(rows, 0)
    assert all_of_them == [0, 1, 2]
    assert changed(rows, first) == (first, [])
    rows.update(1, points=3)
    rows.update(1, points=3)  # the same again
    second, some = changed(rows, first)
    assert (second, some) == (first + 1, [1])
    rows.update(2, broken="x")
    assert changed(rows, first) == (second + 1, [1, 2])
    assert changed(rows, second) == (second + 1, [2])


def test_a_page_of_an_earlier_server_gets_all() -> None:
    assert changed(Rows([film(0), film(1)]), 10**9) == (1, [0, 1])


def test_names_that_are_not_utf_8_reach_the_page() -> None:
    rows = Rows([film(0, "a\udcff")])
    assert json.loads(rows.to_json())["films"][0]["file"] == "a\udcff.png"


def test_ten_thousand_rows_are_ready_text() -> None:
    rows = Rows([film(n, f"film{n}") for n in range(10_000)])
    assert len(json.loads(rows.to_json())["films"]) == 10_000


RECORD = LandmarkRecord(
    points={"A": (10.0, 10.0), "B": (20.0, 20.0)}, missing=("N",), expected_errors={"A": 5.0, "B": 30.0},
    doubt="a hand?", spacing=square(0.1, "x"),
)  # fmt: skip


def test_figures_count_what_nobody_has_settled() -> None:
    marks = {"A": Mark((10.0, 10.0), "predicted"), "B": Mark((20.0, 20.0), "predicted")}
    spacing = square(0.1, "x")
    row = figures(film(0), Standing(marks, spacing=spacing), [RECORD], 0, AARIZ)
    assert row == {
        "status": "unreviewed", "largest_error_px": 30.0, "largest_error_mm": 3.0, "largest_distance_mm": None,
        "missing": 1, "needs_review": 1, "doubt": "a hand?", "points": 2,
    }  # fmt: skip
    for mark in (Mark((20.0, 20.0), "predicted", True), Mark((21.0, 20.0), "corrected")):
        row = figures(film(0), Standing({**marks, "B": mark}, spacing=spacing), [RECORD], 1, AARIZ)
        assert (row["status"], row["largest_error_px"], row["needs_review"]) == ("started", 5.0, 0)
    row = figures(film(0), Standing(marks, confirmed=True), [RECORD], 1, AARIZ)
    assert (row["status"], row["largest_error_mm"], row["largest_error_px"]) == ("confirmed", None, 30.0)


def test_a_pixel_size_given_later_decides_what_needs_review() -> None:
    marks = {"A": Mark((10.0, 10.0), "predicted")}
    assert figures(film(0), Standing(marks), [RECORD], 1, AARIZ)["needs_review"] == 0
    assert figures(film(0), Standing(marks, spacing=square(1.0, "x")), [RECORD], 1, AARIZ)["needs_review"] == 1


def test_points_found_again_are_doubted_as_the_model_doubts_them() -> None:
    again = Mark((25.0, 25.0), "found_again", found=Found({"model": "m"}, 0.9, 4.0))
    marks = {"A": Mark((10.0, 10.0), "corrected"), "B": again}
    row = figures(film(0), Standing(marks, spacing=square(1.0, "x")), [RECORD], 2, AARIZ)
    assert (row["largest_error_mm"], row["needs_review"]) == (4.0, 1)
    settled = {**marks, "B": replace(again, confirmed=True)}
    row = figures(film(0), Standing(settled, spacing=square(1.0, "x")), [RECORD], 3, AARIZ)
    assert (row["largest_error_mm"], row["needs_review"]) == (None, 0)


def test_without_a_pixel_size_the_height_of_the_film_decides_what_needs_review() -> None:
    sized = replace(RECORD, size=(1000, 800))
    for error, count in ((8.4, 0), (8.6, 1)):
        marks = {"B": Mark((25.0, 25.0), "found_again", found=Found({"model": "m"}, 0.9, error))}
        assert figures(film(0), Standing(marks), [sized], 1, AARIZ)["needs_review"] == count


def test_a_model_doubts_labels_too() -> None:
    marks = {"A": Mark((11.0, 10.0), "label"), "B": Mark((25.0, 25.0), "label", True)}
    row = figures(film(0), Standing(marks, spacing=square(1.0, "x")), [RECORD], 2, AARIZ)
    assert (row["largest_error_mm"], row["needs_review"]) == (5.0, 1)


def test_missing_are_landmarks_that_the_model_seeks_or_an_annotator_marked(tmp_path: Path) -> None:
    labelled = labelled_film(tmp_path, senior={"A": (1.0, 1.0)}, junior={"A": (1.0, 1.0), "Pog": (2.0, 2.0)})
    standing = Standing({"A": Mark((1.0, 1.0), "label"), "Me": Mark((5.0, 5.0), "placed")})
    assert sought(film(0), [RECORD], AARIZ) == ("A", "B", "N")
    assert sought(labelled, [RECORD], AARIZ) == ("A", "B", "N", "Pog")
    assert figures(labelled, standing, [RECORD], 0, AARIZ)["missing"] == 3  # Me is more than what is sought


def test_without_a_model_all_29_are_missing_until_they_are_placed() -> None:
    row = figures(film(0), Standing(), [], 0, AARIZ)
    assert (row["missing"], row["needs_review"], row["largest_error_px"]) == (29, 0, None)


def test_distances_to_the_truth_are_those_of_the_model_else_of_the_labels(tmp_path: Path) -> None:
    labelled = labelled_film(tmp_path, senior={"A": (10.0, 10.0), "B": (20.0, 60.0)})
    torn = replace(labelled.read_truth(), faults=("junior.json: not JSON",))
    labelled = replace(labelled, read_truth=lambda: torn)
    standing = Standing({"A": Mark((13.0, 14.0), "label")}, spacing=square(0.1, "x"))
    assert figures(labelled, standing, [], 0, AARIZ)["largest_distance_mm"] == 0.5
    row = figures(labelled, standing, [RECORD], 0, AARIZ)
    assert (row["largest_distance_mm"], row["doubt"]) == (4.0, "junior.json: not JSON; a hand?")


def test_distances_count_the_sides_of_a_pixel() -> None:
    assert largest_distance_mm({"A": (0, 0)}, {"A": (30, 40)}, Spacing(0.1, 0.2, "x")) == pytest.approx(7.21)
    assert largest_distance_mm({"A": (0, 0)}, {"B": (30, 40)}, Spacing(0.1, 0.2, "x")) is None
    assert largest_distance_mm({"A": (0, 0)}, {"A": (30, 40)}, None) is None
