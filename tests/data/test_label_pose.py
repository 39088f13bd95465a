import numpy as np
import pytest

from cephkit.data.face_shapes import Complex, table_shape
from cephkit.data.label_faults import as_array
from cephkit.data.label_pose import EXCHANGED, EXCHANGED_FAR, FROM_BOTTOM, corrected, fault_of, pose_of
from tests.data.labelled_faces import HEIGHT, WIDTH, face_points

MEAN = table_shape().mean


def spoiled(points: Complex, fault: str) -> Complex:
    x, y = points.real, points.imag
    ways = {
        "": (x, y),
        "mirrored": (WIDTH - 1 - x, y),
        FROM_BOTTOM: (x, HEIGHT - 1 - y),
        EXCHANGED: (y, x),
        EXCHANGED_FAR: (HEIGHT - 1 - y, WIDTH - 1 - x),
        "upside down": (WIDTH - 1 - x, HEIGHT - 1 - y),
        "turned by 90 degrees": (HEIGHT - 1 - y, x),
    }
    to_x, to_y = ways[fault]
    return to_x + 1j * to_y


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize(
    "fault", ["", "mirrored", FROM_BOTTOM, EXCHANGED, EXCHANGED_FAR, "upside down", "turned by 90 degrees"]
)
def test_each_way_to_lie_is_named_and_corrected(fault: str, left: bool) -> None:
    points = as_array(face_points(7))
    points = spoiled(points, "mirrored") if left else points
    bad = spoiled(points, fault)
    pose = pose_of(bad, MEAN)
    assert pose is not None
    assert fault_of(pose, usually_mirrored=left) == fault
    back = corrected(bad, pose, left, (HEIGHT, WIDTH))
    good = pose_of(back, MEAN)
    assert good is not None
    assert (fault_of(good, left), good.quarters) == ("", 0)
    assert np.abs(back - points).max() < 1e-9


def test_too_few_landmarks_have_no_pose() -> None:
    points = as_array(dict(list(face_points(7).items())[:5]))
    assert pose_of(points, MEAN) is None


def test_the_scale_is_that_of_the_film() -> None:
    points = as_array(face_points(7))
    one, two = pose_of(points, MEAN), pose_of(points * 2, MEAN)
    assert one is not None
    assert two is not None
    assert two.pixels_per_mm == pytest.approx(2 * one.pixels_per_mm)
    assert one.pixels_per_mm * 0.45 == pytest.approx(1.0, abs=0.05)  # mm of this face against those of an average one
