import json

import numpy as np
import pytest
import torch
from torch import Tensor

from cephkit.models.refiner import (
    COARSE,
    CROP,
    STRIDE,
    Refiner,
    RefinerSpec,
    cell_offsets,
    expected_offsets,
    rotation_and_scale,
    take_crops,
)

SIZE = (192, 160)
HALF = CROP // 2
CELLS = CROP // STRIDE


def canvas() -> Tensor:
    """(1, 1, H, W), every pixel another value."""
    return torch.rand(1, 1, *SIZE, generator=torch.Generator().manual_seed(0))


def ramp(axis: int) -> Tensor:
    """(1, 1, H, W) whose value is the pixel's place, x (0) or y (1), as a share of 256."""
    rows, columns = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    return ((columns, rows)[axis] / 256).float()[None, None]


def test_a_crop_shows_the_canvas_about_its_centre() -> None:
    # Of an even number of pixels the middle lies between two: at .5 no value is interpolated.
    crops = take_crops(canvas(), torch.tensor([[[70.5, 100.5], [40.5, 60.5]]]))
    assert crops.shape == (1, 2, 2, CROP, CROP)
    for crop, (x, y) in zip(crops[0], ((71, 101), (41, 61)), strict=True):
        assert torch.allclose(crop[0], canvas()[0, 0, y - HALF : y + HALF, x - HALF : x + HALF], atol=1e-4)


def test_the_coarse_crop_is_four_times_as_wide() -> None:
    # Coarse pixels are means of 4x4; the centre that lies between four of them is at 4 n - 0.5.
    image = canvas()
    padded = torch.nn.functional.pad(image, (128, 128, 128, 128))
    means = torch.nn.functional.avg_pool2d(padded, COARSE)
    crop = take_crops(image, torch.tensor([[[79.5, 99.5]]]))[0, 0, 1]
    x, y = (128 + 80) // COARSE, (128 + 100) // COARSE
    assert torch.allclose(crop, means[0, 0, y - HALF : y + HALF, x - HALF : x + HALF], atol=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("degrees", [0.0, 90.0, -25.0])
@pytest.mark.parametrize("scale", [1.0, 1.1])
def test_turns_lead_from_a_step_in_the_crop_to_one_on_the_canvas(axis: int, degrees: float, scale: float) -> None:
    turn = rotation_and_scale(torch.tensor([degrees]), torch.tensor([scale]))
    fine, coarse = take_crops(ramp(axis), torch.tensor([[[80.0, 96.0]]]), turn)[0, 0]
    steps = np.arange(CROP) - (CROP - 1) / 2
    offsets = np.stack(np.meshgrid(steps, steps), axis=-1)
    places = np.array([80.0, 96.0]) + offsets @ turn[0].numpy().T
    assert fine.numpy() * 256 == pytest.approx(places[..., axis], abs=0.01)
    # The middle quarter of the coarse crop's side is what the fine crop shows.
    middle = slice(HALF - 8, HALF + 8)
    places = np.array([80.0, 96.0]) + COARSE * offsets[middle, middle] @ turn[0].numpy().T
    assert coarse.numpy()[middle, middle] * 256 == pytest.approx(places[..., axis], abs=0.01)


def test_each_film_has_its_own_turn() -> None:
    images, centres = torch.cat((canvas(), canvas())), torch.full((2, 1, 2), 80.5)
    turns = rotation_and_scale(torch.tensor([0.0, 180.0]), torch.ones(2))
    crops = take_crops(images, centres, turns)
    assert torch.allclose(crops[1], crops[0].flip(-1, -2), atol=1e-4)
    assert torch.allclose(take_crops(images, centres)[0], crops[0], atol=1e-6)


def test_beyond_the_canvas_a_crop_is_black() -> None:
    crops = take_crops(torch.ones(1, 1, *SIZE), torch.tensor([[[-0.5, -0.5]]]))[0, 0]
    assert float(crops[0, HALF:, HALF:].min()) == pytest.approx(1.0, abs=1e-4)
    assert float(crops[0, :HALF].max()) == pytest.approx(0.0, abs=1e-4)
    assert float(crops[0, :, :HALF].max()) == pytest.approx(0.0, abs=1e-4)


def test_cells_lie_evenly_about_the_middle_of_the_crop() -> None:
    offsets = cell_offsets("cpu")
    assert offsets.shape == (CELLS,)
    assert float(offsets.sum()) == 0.0
    # The first cell covers crop pixels 0 and 1, whose centres lie 31.5 and 30.5 from the middle.
    assert float(offsets[0]) == -31.0
    assert torch.diff(offsets).unique().tolist() == [STRIDE]


def test_one_cell_is_a_place_without_any_spread() -> None:
    maps = torch.full((2, CELLS, CELLS), -1e4)
    maps[0, 3, 20] = maps[1, 31, 0] = 0.0
    points, spreads = expected_offsets(maps)
    assert points.tolist() == [[9.0, -25.0], [-31.0, 31.0]]  # row 3, column 20; row 31, column 0
    assert spreads.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("centre", [(0.0, 0.0), (3.3, -7.9)])
@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_a_gaussian_has_its_mean_and_twice_its_variance(centre: tuple[float, float], sigma: float) -> None:
    places = cell_offsets("cpu")
    squared = (places[None, :] - centre[0]) ** 2 + (places[:, None] - centre[1]) ** 2
    point, spread = expected_offsets(-squared / (2 * sigma**2))
    assert point.tolist() == pytest.approx(centre, abs=0.01)
    assert float(spread) == pytest.approx(sigma * 2**0.5, rel=0.01)


def test_two_places_give_the_middle_and_half_their_distance() -> None:
    maps = torch.full((CELLS, CELLS), -1e4)
    maps[16, 6] = maps[16, 26] = 0.0
    point, spread = expected_offsets(maps)
    assert point.tolist() == [1.0, 1.0]
    assert float(spread) == pytest.approx(20.0)  # 20 cells of 2 pixels apart


def test_rotation_and_scale_are_those_asked_for() -> None:
    turns = rotation_and_scale(torch.tensor([90.0, 30.0]), torch.tensor([2.0, 0.5]))
    # x to the right, y down: a quarter turn clockwise leads from right to below.
    assert (turns[0] @ torch.tensor([1.0, 0.0])).tolist() == pytest.approx([0.0, 2.0], abs=1e-6)
    assert torch.allclose(turns[1].T @ turns[1], 0.25 * torch.eye(2), atol=1e-6)


@torch.no_grad()
def test_the_network_knows_which_landmark_it_looks_for() -> None:
    torch.manual_seed(0)
    network = Refiner(RefinerSpec(("A", "B"), SIZE, width=8)).eval()
    crops = torch.rand(1, 2, CROP, CROP).expand(2, -1, -1, -1)
    maps = network(crops, torch.tensor([0, 1]))
    assert maps.shape == (2, CELLS, CELLS)
    assert not torch.allclose(maps[0], maps[1])
    assert torch.allclose(maps[1], network(crops[:1], torch.tensor([1]))[0], atol=1e-5)


@torch.no_grad()
def test_an_untrained_network_says_nothing_of_the_place() -> None:
    torch.manual_seed(0)
    network = Refiner(RefinerSpec(("A", "B"), SIZE, width=8)).eval()
    points, spreads = expected_offsets(network(torch.rand(4, 2, CROP, CROP), torch.tensor([0, 1, 0, 1])))
    # Small final weights: the first map is nearly even, whose spread is that of a square of 64 pixels.
    assert float(points.abs().max()) < 6.0
    assert spreads.tolist() == pytest.approx([CROP / 6**0.5] * 4, rel=0.1)


def test_the_spec_survives_json() -> None:
    spec = RefinerSpec(("A", "N`"), (1152, 928), width=24)
    assert RefinerSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    with pytest.raises(TypeError):
        RefinerSpec.from_dict({**spec.to_dict(), "more": 1})
