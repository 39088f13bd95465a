import numpy as np
import pytest

from cephkit.cephalometry.frame import face_of, facing_of
from cephkit.errors import SettingsError
from cephkit.geometry import covariance_of_error, covariance_of_region
from tests.cephalometry.faces import ROUND, moved

MIRROR = [[-1, 0], [0, 1]]


def test_a_face_is_upright_points_right_and_is_in_mm() -> None:
    face = face_of({"N": (30.0, 10.0), "S": (10.0, 20.0)}, "right", 0.5)
    ahead, up = face.points["N"] - face.points["S"]
    assert (ahead, up) == (10.0, 5.0)
    assert face.in_mm


def test_a_left_facing_face_is_mirrored_with_its_errors() -> None:
    spread = {"N": [[4.0, 1.0], [1.0, 2.0]]}
    face = face_of({"N": (10.0, 10.0), "S": (30.0, 20.0)}, "left", 0.5, spread)
    assert (face.points["N"] - face.points["S"]).tolist() == [10.0, 5.0]
    # Both axes are flipped, so the covariance of x and y keeps its sign; 1 square pixel is 0.25 square mm.
    assert face.covariances["N"].tolist() == [[1.0, 0.25], [0.25, 0.5]]
    assert face_of({}, "right", 0.5, spread).covariances["N"].tolist() == [[1.0, -0.25], [-0.25, 0.5]]


def test_facing_is_determined_from_the_landmarks_present() -> None:
    assert facing_of(ROUND) == "right"
    assert facing_of(moved(ROUND, MIRROR)) == "left"
    assert facing_of({"Pn": (5.0, 0.0), "Co": (9.0, 0.0)}) == "left"
    assert facing_of({"Pn": (5.0, 0.0), "N": (9.0, 0.0)}) is None
    assert facing_of({}) is None


@pytest.mark.parametrize("degrees", [0, 45, 90, 180, 270])
def test_facing_does_not_depend_on_the_rotation_of_the_film(degrees: int) -> None:
    angle = np.deg2rad(degrees)
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert facing_of(moved(ROUND, turn)) == "right"
    assert facing_of(moved(moved(ROUND, MIRROR), turn)) == "left"


@pytest.mark.parametrize("size", [0.0, -0.1, float("nan"), float("inf")])
def test_a_pixel_size_must_be_plausible(size: float) -> None:
    with pytest.raises(SettingsError, match="pixel size given: a pixel of"):
        face_of(ROUND, "right", size)


@pytest.mark.parametrize(
    "given", [[[1.0, 0.0]], [[1.0, 2.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]], [[np.nan] * 2] * 2]
)
def test_an_invalid_covariance_is_rejected(given: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="N: not a valid 2 x 2 covariance"):
        face_of(ROUND, "right", None, {"N": given})


def test_a_landmark_with_non_finite_coordinates_is_rejected() -> None:
    with pytest.raises(ValueError, match="A has non-finite coordinates"):
        face_of({"A": (float("nan"), 0.0)}, "right")


def test_an_expected_error_is_the_mean_length_of_errors_with_its_covariance() -> None:
    draws = np.random.default_rng(0).multivariate_normal([0, 0], covariance_of_error(1.2), 40_000)
    assert np.hypot(*draws.T).mean() == pytest.approx(1.2, rel=0.01)


def test_a_region_contains_90_percent_of_errors_with_its_covariance() -> None:
    region = np.array([[4.0, 1.5], [1.5, 3.0]])
    draws = np.random.default_rng(0).multivariate_normal([0, 0], covariance_of_region(region), 40_000)
    inside = np.einsum("ni,ij,nj->n", draws, np.linalg.inv(region), draws) <= 1
    assert inside.mean() == pytest.approx(0.9, abs=0.005)
