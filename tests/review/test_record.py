"""The film as it stands, as a record."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit.data.spacing import square
from cephkit.landmarks.shipped import AARIZ
from cephkit.records.record import LandmarkRecord
from cephkit.review.edits import Standing
from cephkit.review.films import ReviewFilm
from cephkit.review.journal import Journal, JournalError, Kept
from cephkit.review.marks import Mark
from cephkit.review.record import Base, Identity, base_of, read_kept, standing_record
from cephkit.review.schema import USUAL
from tests.review.sessions import labelled_film

FILM = ReviewFilm(0, "f", Path("films/f.png"), "f.png")
IDENTITY = Identity((120, 100), "hash", "content", 6, square(0.1, "DICOM"))
MODEL = LandmarkRecord(
    points={"A": (10.0, 10.0), "B": (20.0, 20.0), "N": (30.0, 5.0)}, missing=("S",), scores={"A": 0.9, "B": 0.8},
    expected_errors={"A": 3.0, "B": 30.0}, regions={"A": np.eye(2)}, model={"model": "m"}, doubt="a hand?",
)  # fmt: skip


def standing(**points: Mark) -> Standing:
    return Standing(points, spacing=square(0.1, "x"))


def test_what_a_model_said_holds_while_nobody_touched_the_point() -> None:
    a, b = Mark((10.0, 10.0), "predicted"), Mark((20.0, 20.0), "predicted")
    record = standing_record(FILM, IDENTITY, standing(A=a, B=b, N=Mark((31.0, 5.0), "corrected")), [MODEL], AARIZ)
    assert dict(record.expected_errors) == {"A": 3.0, "B": 30.0}
    assert set(record.regions) == {"A"}
    assert record.needs_review == ("B",)
    assert record.missing == ("S",)
    assert (record.model, record.doubt) == ({"model": "m"}, "a hand?")
    assert (record.size, record.film_hash, record.content, record.orientation) == ((120, 100), "hash", "content", 6)


def test_a_confirmed_or_moved_point_is_a_persons() -> None:
    record = standing_record(
        FILM, IDENTITY, standing(A=Mark((10.0, 10.0), "predicted", True), B=Mark((21.0, 20.0), "corrected")), [MODEL],
        AARIZ,
    )  # fmt: skip
    assert dict(record.expected_errors) == dict(record.regions) == {}
    assert record.model == {"model": "m"}  # it found A
    assert standing_record(FILM, IDENTITY, standing(A=Mark((9.0, 9.0), "placed")), [MODEL], AARIZ).model == {}


def test_a_point_of_an_earlier_model_keeps_what_that_said() -> None:
    earlier = LandmarkRecord(points={"A": (1.0, 1.0)}, expected_errors={"A": 7.0})
    record = standing_record(FILM, IDENTITY, standing(A=Mark((1.0, 1.0), "predicted")), [MODEL, earlier], AARIZ)
    assert dict(record.expected_errors) == {"A": 7.0}


def test_labels_come_before_predictions(tmp_path: Path) -> None:
    labelled = labelled_film(tmp_path, senior={"A": (1.0, 2.0)}, junior={"B": (3.0, 4.0)})
    assert base_of(labelled, MODEL, USUAL) == Base({"A": Mark((1.0, 2.0), "label")}, MODEL)
    assert base_of(FILM, None, USUAL) == Base({})
    assert set(base_of(FILM, MODEL, USUAL).points) == {"A", "B", "N"}


def test_the_first_line_of_a_journal_brings_all_back() -> None:
    base = base_of(FILM, MODEL, USUAL)
    identity, again = read_kept(Kept(IDENTITY.to_dict("f.png"), base.to_dict(), ()), Journal(Path("f.jsonl")))
    assert identity == IDENTITY
    assert again.points == base.points
    assert again.predicted is not None
    assert dict(again.predicted.expected_errors) == dict(MODEL.expected_errors)
    assert again.predicted.missing == ("S",)


@pytest.mark.parametrize(
    ("film", "base"),
    [
        ({}, {"points": {}}),
        ({"size": [3]}, {"points": {}}),
        ({"size": ["a", "b"]}, {"points": {}}),
        (IDENTITY.to_dict("f"), {}),
        (IDENTITY.to_dict("f"), {"points": {"A": {"at": [1, 2]}}}),
        (IDENTITY.to_dict("f"), {"points": {}, "predicted": {"landmarks": 3}}),
    ],
)
def test_a_first_line_that_cannot_be_used_is_named(film: dict[str, Any], base: dict[str, Any]) -> None:
    with pytest.raises(JournalError, match=r"f\.jsonl: line 1 cannot be used"):
        read_kept(Kept(film, base, ()), Journal(Path("f.jsonl")))
