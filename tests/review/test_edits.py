"""Edits: what is read, what is refused, and how a film stands after them."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cephkit.cephalometry.norms import Subject
from cephkit.data.spacing import Spacing
from cephkit.landmarks.shipped import AARIZ
from cephkit.review.edits import Standing, parse_edit
from cephkit.review.marks import Mark
from cephkit.review.parsing import EditError
from tests.review.sessions import SIZE, confirmed, placed

A = Mark((10.0, 20.0), "predicted")


def moved(**changes: Any) -> dict[str, Any]:
    change = {"symbol": "A", "before": A.to_dict(), "after": {**A.to_dict(), "at": [11.5, 20.0]}, **changes}
    return {"kind": "points", "changes": [change]}


def test_a_moved_point_stands_where_it_was_moved() -> None:
    edit = parse_edit(moved(after={"at": [11.5, 20.25], "origin": "corrected", "confirmed": True}), AARIZ, SIZE)
    standing = Standing({"A": A, "B": A})
    assert standing.fits(edit)
    after = standing.after(edit)
    assert after.points == {"A": Mark((11.5, 20.25), "corrected", True), "B": A}
    assert standing.points["A"] == A


def test_only_a_journal_may_name_landmarks_that_the_session_lacks() -> None:
    edit = placed("Ba", (1, 2))
    with pytest.raises(EditError, match="symbol is 'Ba', which is not a landmark"):
        parse_edit(edit, AARIZ, SIZE)
    assert list(Standing({"A": A}).after(parse_edit(edit)).points) == ["A", "Ba"]


def test_a_removed_point_is_gone() -> None:
    edit = parse_edit(moved(after=None))
    assert Standing({"A": A}).after(edit).points == {}


def test_the_other_kinds_change_what_they_name() -> None:
    spacing = {"row_mm": 0.1, "column_mm": 0.05, "origin": "two clicks", "plane": "head"}
    edits = [
        confirmed(),
        {"kind": "spacing", "before": None, "after": spacing},
        {"kind": "subject", "before": {"age": None, "sex": None}, "after": {"age": 12, "sex": "female"}},
    ]
    standing = Standing()
    for content in edits:
        edit = parse_edit(content, AARIZ, SIZE)
        assert standing.fits(edit)
        standing = standing.after(edit)
        assert not standing.fits(edit)
        assert parse_edit(edit.to_dict()) == edit
    assert standing == Standing({}, True, Spacing(0.1, 0.05, "two clicks", "head"), Subject(12.0, "female"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "the edit is"),
        ({}, "expected one of points, film, spacing, subject"),
        ({"kind": "face"}, "kind is 'face'"),
        ({"kind": "points"}, "changes are None"),
        ({"kind": "points", "changes": []}, "expected a list"),
        ({"kind": "points", "changes": [3]}, "a change is 3"),
        (moved(symbol="XYZ"), "not a landmark"),
        (moved(symbol=["A"]), "not a landmark"),
        (moved(extra=1), "'extra'"),
        ({"kind": "points", "changes": [{"symbol": "A", "before": None}]}, "lacks before or after"),
        ({"kind": "points", "changes": moved()["changes"] * 2}, "twice"),
        (placed("A", (math.nan, 1)), "x of A is nan"),
        (placed("A", (1, math.inf)), "y of A is inf"),
        (placed("A", (True, 1)), "x of A is True"),
        (placed("A", (10**400, 1)), "x of A is 1000"),
        (placed("A", ("1", "2")), "x of A is '1'"),
        (placed("A", (1, 2, 3)), r"expected \[x, y\]"),
        (placed("A", (-0.6, 1)), "off the film of 100x120"),
        (placed("A", (1, 119.6)), "off the film"),
        (placed("A", (1, 2), origin="heaven"), "origin of A is 'heaven'"),
        (placed("A", (1, 2), confirmed="yes"), "confirmed of A is 'yes'"),
        ({"kind": "film", "before": 0, "after": True}, "before is 0"),
        ({"kind": "film", "after": True}, "lacks before"),
        ({"kind": "film", "before": False, "after": True, "changes": []}, "'changes'"),
        ({"kind": "spacing", "before": None, "after": {"row_mm": 0.1, "column_mm": 9, "origin": "x"}}, "0.1 x 9 mm"),
        ({"kind": "spacing", "before": None, "after": {"row_mm": 0.1, "column_mm": 0.1, "origin": ""}}, "origin"),
        ({"kind": "spacing", "before": None, "after": {"row_mm": 0.1, "origin": "x"}}, "column_mm of after is None"),
        ({"kind": "subject", "before": {}, "after": {"age": 400}}, "age is 400"),
        ({"kind": "subject", "before": {}, "after": {"sex": "cat"}}, "sex is 'cat'"),
        ({**confirmed(), "undoes": 0}, "no such revision"),
        ({**confirmed(), "undoes": 4}, "no such revision"),
        ({**confirmed(), "undoes": "1"}, "undoes is '1'"),
        ({**confirmed(), "undoes": True}, "undoes is True"),
    ],
)
def test_nonsense_is_refused_with_its_reason(content: Any, said: str) -> None:
    with pytest.raises(EditError, match=said):
        parse_edit(content, AARIZ, SIZE, latest=3)


def test_the_edge_of_the_film_belongs_to_it() -> None:
    for at in ((-0.5, -0.5), (99.5, 119.5)):
        assert parse_edit(placed("A", at), AARIZ, SIZE).changes[0].after == Mark(at, "placed")


def test_a_label_off_the_film_may_stay_and_be_put_back_there() -> None:
    off = {"at": [40.0, 125.0], "origin": "label", "confirmed": False}
    first = {"A": Mark((40.0, 125.0), "label")}
    on = {"at": [40.0, 110.0], "origin": "corrected", "confirmed": False}
    for before, after in ((off, {**off, "confirmed": True}), (on, off)):
        edit = {"kind": "points", "changes": [{"symbol": "A", "before": before, "after": after}]}
        parse_edit(edit, AARIZ, SIZE, first=first)
        with pytest.raises(EditError, match="off the film"):
            parse_edit(edit, AARIZ, SIZE)


MARKS = st.none() | st.builds(
    Mark,
    st.tuples(st.floats(-0.5, 99.5), st.floats(-0.5, 119.5)),
    st.sampled_from(["predicted", "label", "corrected", "placed", "found_again"]),
    st.booleans(),
)


@given(st.dictionaries(st.sampled_from(["A", "B", "N`", "S"]), st.tuples(MARKS, MARKS), min_size=1))
def test_an_edit_and_its_reverse_change_nothing(changes: dict[str, tuple[Mark | None, Mark | None]]) -> None:
    def edit(forward: bool) -> dict[str, Any]:
        listed = []
        for symbol, pair in changes.items():
            before, after = (None if mark is None else mark.to_dict() for mark in (pair if forward else pair[::-1]))
            listed.append({"symbol": symbol, "before": before, "after": after})
        return {"kind": "points", "changes": listed}

    first = {symbol: mark for symbol in ("A", "B", "S", "N`") if (mark := changes.get(symbol, (None,))[0])}
    standing = Standing(first)
    there, back = parse_edit(edit(True), AARIZ, SIZE), parse_edit(edit(False), AARIZ, SIZE)
    assert standing.fits(there)
    after = standing.after(there)
    assert after.fits(back)
    assert dict(after.after(back).points) == first
