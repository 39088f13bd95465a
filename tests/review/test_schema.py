"""The landmarks of a session."""

from pathlib import Path

import pytest

from cephkit.errors import CephkitError, SettingsError
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.landmarks.schema_file import MOST_LANDMARKS
from cephkit.landmarks.shipped import KNOWN, shipped
from cephkit.review.schema import USUAL, KeptSchema, session_schema

ISBI = KNOWN.of(shipped("isbi2015").symbols)
CL = KNOWN.of(shipped("cl_detection2023").symbols)
OURS = LandmarkSchema("ours", (USUAL["S"], Landmark("X1", "Ours", "bone", mirror="X2"), Landmark("X2", "Two", "bone")))
NONE = LandmarkSchema("none", ())


def test_the_chosen_landmarks_count_before_all_others() -> None:
    assert session_schema(ISBI, [USUAL], [OURS]) is ISBI


def test_a_data_set_shows_its_landmarks_and_those_of_the_model() -> None:
    assert session_schema(None, [USUAL], [NONE]).symbols == USUAL.symbols
    assert set(session_schema(None, [ISBI], [NONE]).symbols) == set(ISBI.symbols)
    assert set(session_schema(None, [ISBI], [OURS]).symbols) == {*ISBI.symbols, "X1", "X2"}
    assert set(session_schema(None, [ISBI, CL], []).symbols) == {*ISBI.symbols, *CL.symbols}


def test_films_alone_show_the_29_unless_something_has_others() -> None:
    assert session_schema(None, [], [NONE]) is USUAL
    assert session_schema(None, [], [NONE, ISBI]) is USUAL
    assert session_schema(None, [], [NONE, OURS]).symbols == ("S", "X1", "X2")


def test_a_name_that_stands_for_two_landmarks_is_refused() -> None:
    other = LandmarkSchema("theirs", (Landmark("X1", "Theirs", "soft"),))
    with pytest.raises(SettingsError, match=r"X1 is Ours \(bone\), but in theirs Theirs \(soft\)"):
        session_schema(None, [OURS], [other])
    with pytest.raises(SettingsError, match="X1 is Ours"):
        session_schema(OURS, [], [other])


def test_the_landmarks_of_earlier_sessions_are_described_beside_the_journals(tmp_path: Path) -> None:
    kept = KeptSchema(tmp_path)
    kept.keep(ISBI)
    assert not list(tmp_path.iterdir())  # all are among the 29
    kept.keep(OURS)
    kept.keep(CL)
    assert set(KeptSchema(tmp_path).schema.symbols) == {*OURS.symbols, *CL.symbols}
    extended = KeptSchema(tmp_path).extended(USUAL, ["A", "X1", "Ba"])
    assert set(extended.symbols) == {*USUAL.symbols, "X1", "Ba"}
    assert extended["X1"] == OURS["X1"]
    assert KeptSchema(tmp_path).extended(USUAL, ["A"]) is USUAL


def test_a_landmark_that_is_described_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(CephkitError, match="not described: Q1, Q2; describe them with --landmarks"):
        KeptSchema(tmp_path).extended(USUAL, ["Q1", "A", "Q2"])


def test_more_landmarks_than_a_schema_can_have_are_not_written_down(tmp_path: Path) -> None:
    def many(letter: str) -> LandmarkSchema:
        marks = (Landmark(f"{letter}{k}", f"{letter} {k}", "bone") for k in range(MOST_LANDMARKS // 2 + 1))
        return LandmarkSchema(letter, tuple(marks))

    kept = KeptSchema(tmp_path)
    kept.keep(many("P"))
    with pytest.raises(CephkitError, match="too many landmarks"):
        kept.keep(many("Q"))
    assert len(KeptSchema(tmp_path).schema) == MOST_LANDMARKS // 2 + 1
