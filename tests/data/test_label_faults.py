"""Landmarks in one place, of any schema."""

import pytest

from cephkit.data.film import Film, Points
from cephkit.data.label_check import label_findings
from cephkit.data.label_faults import point_faults, single_faults
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from tests.datasets.published import face

BOTH_SIDES = LandmarkSchema(
    "both", (Landmark("Xr", "Right", "bone", mirror="Xl"), Landmark("Xl", "Left", "bone"), Landmark("Y", "Y", "bone"))
)


@pytest.mark.parametrize("points", [{"Ba": (50.0, 50.0), "D": (50.0, 50.0)}, {"X2": (9.0, 9.0), "X1": (9.3, 9.0)}])
def test_landmarks_beyond_the_29_in_one_place_are_a_fault(points: Points) -> None:
    (fault,) = point_faults(points)
    assert fault.landmarks == tuple(points)
    assert fault.certain
    assert "on one pixel" in fault.text


def test_landmarks_of_both_sides_may_lie_on_each_other_and_others_may_not() -> None:
    points = {"Xl": (50.0, 50.0), "Xr": (50.0, 50.0)}
    assert point_faults(points, schema=BOTH_SIDES) == []
    assert single_faults(points, BOTH_SIDES) == []
    assert len(point_faults(points)) == 1
    faults = point_faults({**points, "Y": (50.0, 50.0)}, schema=BOTH_SIDES)
    assert [set(fault.landmarks) for fault in faults] == [{"Xl", "Y"}, {"Xr", "Y"}]


def test_the_check_of_a_data_set_knows_its_schema(tmp_path) -> None:  # type: ignore[no-untyped-def]
    points = {**face(), "Xl": (50.0, 50.0), "Xr": (50.0, 50.0)}
    films = [Film("a", tmp_path / "a.png", "train", annotations={"senior": points}, size=(240, 194))]
    assert [finding for finding in label_findings(films, BOTH_SIDES) if finding.fault.certain] == []
    assert [finding.fault.landmarks for finding in label_findings(films)] == [("Xl", "Xr")]
