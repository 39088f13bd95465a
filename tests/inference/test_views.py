import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from cephkit.geometry import transform
from cephkit.inference.views import PLAIN, TEST_TIME, View, about_centre, warp

SIZE = (120, 80)
CENTRE = (39.5, 59.5)


def spot(x: float, y: float, width: float = 2.5) -> Tensor:
    """(1, 1, H, W) canvas that is black but for a Gaussian."""
    rows, columns = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))[None, None]


def centroid(image: Tensor) -> tuple[float, float]:
    mass = image[0, 0] / image.sum()
    x = (mass.sum(0) * torch.arange(mass.shape[1])).sum()
    y = (mass.sum(1) * torch.arange(mass.shape[0])).sum()
    return float(x), float(y)


@pytest.mark.parametrize("degrees", [0.0, 7.0, -30.0, 180.0])
@pytest.mark.parametrize("scale", [0.9, 1.0, 1.3])
@pytest.mark.parametrize("mirror", [False, True])
def test_the_centre_stays_lengths_scale_and_a_mirror_turns_areas_round(
    degrees: float, scale: float, mirror: bool
) -> None:
    matrix = about_centre(SIZE, degrees, scale, mirror)
    assert transform(matrix, CENTRE) == pytest.approx(CENTRE)
    linear = matrix[:2, :2]
    assert linear.T @ linear == pytest.approx(scale**2 * np.eye(2), abs=1e-12)
    assert np.linalg.det(linear) == pytest.approx(-(scale**2) if mirror else scale**2)


def test_positive_degrees_turn_clockwise_as_seen_and_mirroring_comes_first() -> None:
    right = np.add(CENTRE, (10, 0))
    # y points down: clockwise leads from the right side to below.
    assert transform(about_centre(SIZE, 90), right) == pytest.approx(np.add(CENTRE, (0, 10)))
    assert transform(about_centre(SIZE, 90, 2.0, mirror=True), right) == pytest.approx(np.add(CENTRE, (0, -20)))


@pytest.mark.parametrize("degrees", [5.0, -30.0])
@pytest.mark.parametrize("mirror", [False, True])
def test_the_opposite_turn_leads_back(degrees: float, mirror: bool) -> None:
    there = about_centre(SIZE, degrees, 1.25, mirror)
    # A mirror turns the sense of rotation round: seen in it, the way back turns the same way.
    back = about_centre(SIZE, degrees if mirror else -degrees, 1 / 1.25, mirror)
    assert back @ there == pytest.approx(np.eye(3), abs=1e-12)


@pytest.mark.parametrize("where", [CENTRE, (25.0, 70.0), (52.3, 41.8)])
@pytest.mark.parametrize(
    "matrix",
    [
        about_centre(SIZE, 12.0),
        about_centre(SIZE, -30.0),
        about_centre(SIZE, 0.0, 0.94),
        about_centre(SIZE, 0.0, 1.3),
        about_centre(SIZE, mirror=True),
        about_centre(SIZE, 20.0, 0.8, mirror=True),
        np.array([[1, 0, 3.25], [0, 1, -4.5], [0, 0, 1.0]]),
    ],
)
def test_a_spot_is_shown_where_the_matrix_says(where: tuple[float, float], matrix: NDArray[np.float64]) -> None:
    shown = warp(spot(*where), matrix[None])
    assert shown.shape == (1, 1, *SIZE)
    assert np.hypot(*(centroid(shown) - transform(matrix, where))) < 0.1


def test_a_half_turn_is_the_flipped_canvas_and_each_film_has_its_own_matrix() -> None:
    canvases = torch.rand(3, 1, *SIZE, generator=torch.Generator().manual_seed(0))
    ways = np.stack([np.eye(3), about_centre(SIZE, 180.0), about_centre(SIZE, mirror=True)])
    shown = warp(canvases, ways)
    assert torch.allclose(shown[0], canvases[0], atol=1e-4)
    assert torch.allclose(shown[1], canvases[1].flip(-1, -2), atol=1e-4)
    assert torch.allclose(shown[2], canvases[2].flip(-1), atol=1e-4)


def test_beyond_the_canvas_it_is_black() -> None:
    shown = warp(torch.ones(1, 1, *SIZE), about_centre(SIZE, 0.0, 0.5)[None])
    assert float(shown[0, 0, :25].max()) == 0.0
    assert float(shown[0, 0, 35:85, 25:55].min()) == pytest.approx(1.0)
    assert float(shown.sum()) == pytest.approx(SIZE[0] * SIZE[1] / 4, rel=0.01)


def test_the_identity_gives_the_very_same_tensor() -> None:
    canvases = torch.rand(2, 1, *SIZE)
    assert warp(canvases, np.stack([np.eye(3)] * 2)) is canvases


def test_gamma_is_an_exponent() -> None:
    canvases = torch.tensor([0.0, 0.25, 1.0]).expand(1, 1, 3, 3).contiguous()
    assert warp(canvases, np.eye(3)[None], 0.5)[0, 0, 0].tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert warp(canvases, np.eye(3)[None], 2.0)[0, 0, 0].tolist() == pytest.approx([0.0, 0.0625, 1.0])


def test_the_views_begin_with_the_plain_one() -> None:
    assert list(PLAIN) == [View()]
    assert TEST_TIME[0] == View()
    assert np.array_equal(View().matrix(SIZE), np.eye(3))
    # Turns and brightness come in both directions, so that their mean leans to neither.
    assert sum(look.degrees for look in TEST_TIME) == 0.0
    assert np.prod([look.scale for look in TEST_TIME]) == pytest.approx(1.0, abs=0.01)
    assert np.prod([look.gamma for look in TEST_TIME]) == pytest.approx(1.0, abs=0.03)
