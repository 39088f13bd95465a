"""A session whose model is asked again: what it said of a point stays with the point."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.records.record import LandmarkRecord
from cephkit.review.session import ReviewSession
from tests.review.sessions import SIZE, Given, body, folder_session, placed, write_films
from tests.review.test_session import predicted, state


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return write_films(tmp_path / "films")


def test_the_model_is_asked_again_at_the_pixel_size_that_was_calibrated(films: Path, tmp_path: Path) -> None:
    class Calibrated(Given):
        has_model = True

        def find_again(self, n: int, held: Points, spacing: Spacing | None) -> LandmarkRecord:
            assert spacing is not None
            assert (spacing.row_mm, spacing.column_mm) == (0.2, 0.1)
            return LandmarkRecord(points={"A": (70.0, 60.0)}, size=SIZE)

    session = folder_session(films, tmp_path / "out", Calibrated({0: predicted()}))
    calibrated = {"row_mm": 0.2, "column_mm": 0.1, "origin": "typed", "plane": "unknown"}
    session.edit(0, body(0, {"kind": "spacing", "before": session.film_state(0)["spacing"], "after": calibrated}))
    found = session.find_again(0, {"N": (80.0, 28.0)})
    assert {symbol: mark.at for symbol, mark in found.items()} == {"A": (70.0, 60.0)}


class Asked(Given):
    """A model that finds A a little further on each time it is asked."""

    has_model = True
    asked = 0

    def find_again(self, n: int, held: Points, spacing: Spacing | None) -> LandmarkRecord:
        assert held == {"N": (80.0, 28.0)}
        self.asked += 1
        return LandmarkRecord(
            points={"A": (70.12345 + self.asked, 60.0)}, scores={"A": 0.5}, expected_errors={"A": 4.0 + self.asked},
            regions={"A": np.eye(2) * self.asked}, model={"model": "m", "sha256": "5a"}, size=SIZE,
        )  # fmt: skip


def find_a(session: ReviewSession, revision: int) -> dict[str, Any]:
    """Ask anew and save where A is, as the page does; return the point."""
    before = state(session)["points"]["A"]
    after = session.find_again(0, {"N": (80.0, 28.0)})["A"].to_dict()
    change = {"symbol": "A", "before": before, "after": after}
    session.edit(0, body(revision, {"kind": "points", "changes": [change]}))
    return after


def test_what_a_model_said_of_a_point_found_again_stays_with_the_point(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out", Asked({0: predicted()}))
    predicted_a = state(session)["points"]["A"]
    first, second = find_a(session, 0), find_a(session, 1)
    assert first == {
        "at": [71.123, 60.0], "origin": "found_again", "confirmed": False,
        "found": {
            "model": {"model": "m", "sha256": "5a"}, "score": 0.5, "expected_error_px": 5.0,
            "region_90": [[1.0, 0.0], [0.0, 1.0]],
        },
    }  # fmt: skip

    def check(error: float) -> None:
        """After a restart, with and without a model, the film stands as it does now."""
        for each in (
            session,
            folder_session(films, tmp_path / "out"),
            folder_session(films, tmp_path / "out", Given({})),
        ):
            record = each.desks.record(0)
            assert record.expected_errors == {"A": error, "B": 9.0}
            assert record.regions["A"].tolist() == (np.eye(2) * (20 if error == 3.0 else error - 4)).tolist()

    check(6.0)
    steps = (
        (second, first, 2, 5.0),
        (first, predicted_a, 1, 3.0),
        (predicted_a, first, 4, 5.0),
        (first, second, 3, 6.0),
    )
    for revision, (before, after, undoes, error) in enumerate(steps, start=2):
        edit = {"kind": "points", "changes": [{"symbol": "A", "before": before, "after": after}], "undoes": undoes}
        session.edit(0, body(revision, edit))
        check(error)
    assert folder_session(films, tmp_path / "out").film_state(0)["state"]["points"]["A"] == second


def test_labels_name_the_model_that_found_a_point_again(films: Path, tmp_path: Path) -> None:
    session = folder_session(films, tmp_path / "out", Asked({}))
    session.edit(0, body(0, placed("A", (70, 60))))
    find_a(session, 1)
    assert folder_session(films, tmp_path / "out").desks.record(0).model == {"model": "m", "sha256": "5a"}
    session.edit(0, body(2, placed("A", (70, 60), state(session)["points"]["A"], origin="corrected")))
    assert session.desks.record(0).model == {}
