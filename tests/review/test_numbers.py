"""The page's table: values, doubts, and whose error counts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit.cephalometry.analyses import measure
from cephkit.cephalometry.norms import Subject
from cephkit.data.spacing import Spacing, square
from cephkit.geometry import covariance_of_error, covariance_of_region
from cephkit.landmarks.shipped import AARIZ
from cephkit.records.record import LandmarkRecord
from cephkit.review.edits import Standing
from cephkit.review.films import ReviewFilm
from cephkit.review.marks import Found, Mark
from cephkit.review.numbers import (
    MARKING_ERROR_MM,
    asked_standing,
    marking_region,
    measured,
    numbers,
    parse_analyses,
)
from cephkit.review.parsing import EditError
from cephkit.review.record import Identity, standing_record
from tests.review.sessions import FACE, SIZE

FILM = ReviewFilm(0, "f", Path("films/f.png"), "f.png")
RECORD = LandmarkRecord(points=dict(FACE), size=SIZE, spacing=square(1.0, "x"), film_id="f")


def table(record: LandmarkRecord, analyses: tuple[str, ...] = ("Steiner",)) -> dict[str, dict[str, Any]]:
    rows = numbers(measured(record, Subject(), analyses))["rows"]
    return {row["measurement"]: row for row in rows}


def test_values_are_those_of_measure() -> None:
    results = {result.measurement: result for result in measure(FACE, spacing=1.0, analyses=["Steiner"])}
    rows = table(RECORD)
    assert set(rows) == set(results)
    assert rows["sna"]["value"] == pytest.approx(results["sna"].value, abs=0.005)
    assert rows["sna"]["landmarks"] == ["A", "N", "S"]
    assert rows["sna"]["norm"]["mean"] == 82
    assert rows["anb"]["class_question"] == "skeletal class"
    assert sum(rows["anb"]["class_probabilities"].values()) == pytest.approx(1, abs=0.002)
    assert any(row["value"] is None and row["absent"] == "UIA UIT missing" for row in rows.values())


def test_a_face_that_looks_left_has_the_same_angles() -> None:
    mirrored = {symbol: (99.0 - x, y) for symbol, (x, y) in FACE.items()}
    there = table(LandmarkRecord(points=mirrored, size=SIZE, spacing=square(1.0, "x"), film_id="f"))
    for name, row in table(RECORD).items():
        assert there[name]["value"] == row["value"], name


def test_oblong_pixels_count_with_their_sides() -> None:
    squeezed = {symbol: (x, y / 2) for symbol, (x, y) in FACE.items()}
    record = LandmarkRecord(points=squeezed, size=SIZE, spacing=Spacing(2.0, 1.0, "x"), film_id="f")
    assert table(record)["sna"]["value"] == table(RECORD)["sna"]["value"]


def test_what_people_marked_has_their_error_and_what_a_model_found_its_own() -> None:
    sizes = table(RECORD)["sna"]["standard_error"]
    assert sizes > 0
    exact = LandmarkRecord(
        points=dict(FACE), size=SIZE, spacing=square(1.0, "x"), film_id="f",
        regions=dict.fromkeys(FACE, np.eye(2) * 1e-6),
    )  # fmt: skip
    assert table(exact)["sna"]["standard_error"] == 0.0
    assert covariance_of_region(marking_region(RECORD)) == pytest.approx(covariance_of_error(MARKING_ERROR_MM))


def test_a_marking_error_is_one_of_mm_whatever_the_pixels() -> None:
    tall = marking_region(LandmarkRecord(points={}, size=SIZE, spacing=Spacing(0.2, 0.1, "x")))
    assert tall[0, 0] / tall[1, 1] == pytest.approx(4)
    unknown = marking_region(LandmarkRecord(points={}, size=(2350, 100)))
    known = marking_region(LandmarkRecord(points={}, size=SIZE, spacing=square(0.1, "x")))
    assert unknown == pytest.approx(known)


def test_without_a_pixel_size_there_are_no_lengths() -> None:
    rows = table(LandmarkRecord(points=dict(FACE), size=SIZE, film_id="f"), ())
    lengths = [row for row in rows.values() if row["unit"] == "mm"]
    assert lengths
    assert all(row["value"] is None for row in lengths)
    assert any(row["absent"] == "unknown pixel size" for row in lengths)
    assert rows["sna"]["value"] is not None


def at(x: float, y: float, origin: str = "corrected") -> dict[str, Any]:
    return {"at": [x, y], "origin": origin, "confirmed": False}


def test_points_come_as_they_stand_on_the_page() -> None:
    asked = asked_standing({"points": {"B": at(3, 5), "A": at(1, 2, "predicted")}, "subject": None}, SIZE, AARIZ)
    assert asked.points == {"A": Mark((1.0, 2.0), "predicted"), "B": Mark((3.0, 5.0), "corrected")}
    assert list(asked.points) == ["A", "B"]
    assert asked.subject == Subject()


def test_labels_off_the_film_are_measured_as_they_are() -> None:
    assert asked_standing({"points": {"A": at(-9, 2, "label")}}, SIZE, AARIZ).points["A"].at == (-9.0, 2.0)


def test_a_point_found_again_counts_with_the_error_that_the_model_promised() -> None:
    def error(mark: Mark) -> float:
        marks = {**{symbol: Mark(point, "corrected") for symbol, point in FACE.items()}, "A": mark}
        standing = Standing(marks, spacing=square(1.0, "x"))
        record = standing_record(FILM, Identity(SIZE, "hash", "content"), standing, [], AARIZ)
        return float(table(record)["sna"]["standard_error"])

    sure, unsure = (
        error(Mark(FACE["A"], "found_again", found=Found({}, region_90=((size, 0.0), (0.0, size)))))
        for size in (0.01, 400.0)
    )
    assert sure < error(Mark(FACE["A"], "corrected")) < unsure


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "points is None"),
        ({"points": []}, "points is"),
        ({"points": {"Q": at(1, 2)}}, "'Q' is not a landmark"),
        ({"points": {"A": [1, 2]}}, "A is .* expected an object"),
        ({"points": {"A": {**at(1, 2), "at": [1]}}}, r"expected \[x, y\]"),
        ({"points": {"A": at(1, 1e9)}}, "y of A"),
        ({"points": {"A": at(100, 1)}}, "off the film"),
        ({"points": {}, "spacing": 3}, "spacing is 3"),
        ({"points": {}, "subject": {"age": -1}}, "age is -1"),
    ],
)
def test_nonsense_is_refused(content: dict[str, Any], said: str) -> None:
    with pytest.raises(EditError, match=said):
        asked_standing(content, SIZE, AARIZ)


def test_analyses_are_known_names_each_once() -> None:
    assert parse_analyses(["Wits", "Steiner", "Wits"]) == ("Wits", "Steiner")
    assert parse_analyses(None) == ()
    for wrong in ("Steiner", ["steiner"], [["Steiner"]], [3]):
        with pytest.raises(EditError, match="expected some of Steiner"):
            parse_analyses(wrong)


def test_odd_labels_are_noted() -> None:
    swapped = {**FACE, "S": FACE["N"], "N": FACE["S"]}
    record = LandmarkRecord(points=swapped, size=SIZE, spacing=square(1.0, "x"), film_id="f")
    assert numbers(measured(record, Subject()))["notes"] != numbers(measured(RECORD, Subject()))["notes"]
