"""Points as pages send and journals keep them."""

from typing import Any

import numpy as np
import pytest

from cephkit.landmarks.shipped import AARIZ
from cephkit.records.record import LandmarkRecord
from cephkit.review.marks import Found, Mark, found_marks, parse_mark, parse_points
from cephkit.review.parsing import EditError

FOUND = Found({"model": "m"}, 0.5, 3.25, ((4.0, 1.0), (1.0, 2.0)))


@pytest.mark.parametrize(
    "mark",
    [
        Mark((1.5, 2.0), "corrected"),
        Mark((1.5, 2.0), "label", True),
        Mark((1.5, 2.0), "found_again"),
        Mark((1.5, 2.0), "found_again", True, FOUND),
        Mark((1.5, 2.0), "found_again", found=Found({})),
    ],
    ids=str,
)
def test_a_point_comes_back_as_it_was(mark: Mark) -> None:
    assert parse_mark(mark.to_dict(), "A") == mark


def test_points_found_again_carry_what_is_known_of_them() -> None:
    record = LandmarkRecord(
        points={"A": (1.0, 2.0), "B": (3.0, 4.0)}, scores={"A": 0.5}, expected_errors={"A": 3.25},
        regions={"A": np.array([[4.0, 1.0], [1.0, 2.0]])}, model={"model": "m"},
    )  # fmt: skip
    assert found_marks(record) == {
        "A": Mark((1.0, 2.0), "found_again", found=FOUND),
        "B": Mark((3.0, 4.0), "found_again", found=Found({"model": "m"})),
    }


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (3, "found of A is 3"),
        ({"model": {}, "sure": True}, "found of A has 'sure'"),
        ({"model": "m"}, "model of A is 'm'"),
        ({"model": {"size": float("inf")}}, "what found A cannot be used"),
        ({"model": {}, "score": "x"}, "score of A"),
        ({"model": {}, "expected_error_px": -1}, "expected a length"),
        ({"model": {}, "region_90": [[1, 2], [3, 4]]}, "of an ellipse"),
        ({"model": {}, "region_90": [1, 2]}, "of an ellipse"),
    ],
)
def test_nonsense_about_a_point_is_refused(found: Any, said: str) -> None:
    with pytest.raises(EditError, match=said):
        parse_mark({"at": [1, 2], "origin": "found_again", "confirmed": False, "found": found}, "A")


def test_only_points_found_again_rest_on_what_a_model_said() -> None:
    with pytest.raises(EditError, match="A is corrected"):
        parse_mark({**Mark((1, 2), "found_again", found=FOUND).to_dict(), "origin": "corrected"}, "A")


def test_points_that_are_held_lie_on_the_film() -> None:
    assert list(parse_points({"B": [1, 2], "A": [3, 4]}, (10, 10), AARIZ)) == ["A", "B"]
    with pytest.raises(EditError, match="off the film"):
        parse_points({"A": [30, 4]}, (10, 10), AARIZ)
