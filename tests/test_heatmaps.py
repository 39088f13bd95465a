"""Decoding undoes encoding, finer than a cell and in spite of what networks add."""

import pytest
import torch
from torch import Tensor

from cephkit.heatmaps import gaussian_heatmaps
from cephkit.losses import build_loss

SIZE = (30, 40)


def decode(heatmaps: Tensor, loss: str) -> tuple[Tensor, Tensor]:
    return build_loss(loss).decode(heatmaps)


def everywhere(films: int = 10, landmarks: int = 40) -> Tensor:
    """Points (B, K, 2) all over the grid, up to the outer edges of its cells."""
    height, width = SIZE
    points = torch.rand(films, landmarks, 2, generator=torch.Generator().manual_seed(3))
    points[0, :4] = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])  # the four corners
    return points * torch.tensor([width, height]) - 0.5


def ideal(points: Tensor, sigma: float) -> Tensor:
    return gaussian_heatmaps(points, torch.ones(points.shape[:2], dtype=torch.bool), SIZE, sigma)


def worst(found: Tensor, points: Tensor) -> float:
    return float((found - points).norm(dim=-1).max())


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
def test_ideal_gaussians_are_exact_up_to_the_border(sigma: float) -> None:
    points = everywhere()
    found, scores = decode(ideal(points, sigma), "adaptive_wing")
    assert found.dtype == scores.dtype == torch.float32
    assert worst(found, points) < 1e-3
    assert torch.equal(scores, ideal(points, sigma).amax(dim=(-2, -1)))


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
def test_uniform_background_moves_nothing(sigma: float) -> None:
    points = everywhere()
    found, _ = decode(ideal(points, sigma) + 1e-3, "adaptive_wing")
    assert worst(found, points) < 0.05


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
def test_softmax_logits_of_any_offset_are_exact(sigma: float) -> None:
    points = everywhere()
    offset = torch.linspace(-50, 50, points.shape[1])[:, None, None]
    logits = ideal(points, sigma).double().clamp_min(1e-30).log().float() + offset
    found, scores = decode(logits, "softmax")
    assert worst(found, points) < 1e-3
    assert scores.min() > 0.3
    assert scores.max() <= 1


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 0.01), (torch.bfloat16, 0.05)])
def test_half_precision_maps_lose_only_their_own_rounding(dtype: torch.dtype, tolerance: float) -> None:
    points = everywhere()
    maps = ideal(points, 1.5).to(dtype)
    found, scores = decode(maps, "adaptive_wing")
    assert found.dtype == scores.dtype == torch.float32
    assert worst(found, points) < tolerance
    assert torch.equal(found, decode(maps.float(), "adaptive_wing")[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(found, decode(maps, "adaptive_wing")[0])


def test_scaled_shifted_and_negative_maps_of_a_regression() -> None:
    points = everywhere()
    maps = 0.4 * ideal(points, 1.5)
    maps = torch.where(maps < 1e-3, maps - 0.02, maps)  # unclamped regressions fall below zero
    found, scores = decode(maps, "adaptive_wing")
    assert worst(found, points) < 0.05
    assert scores.max() <= 0.4


def test_noise_of_a_twentieth_costs_a_fraction_of_a_cell() -> None:
    points = everywhere().clamp(torch.tensor(3.0), torch.tensor([36.0, 26.0]))
    noise = 0.05 * torch.randn(10, 40, *SIZE, generator=torch.Generator().manual_seed(0))
    error = (decode(ideal(points, 1.5) + noise, "adaptive_wing")[0] - points).norm(dim=-1)
    assert error.mean() < 0.15
    assert error.max() < 0.6


def test_one_hot_cell_far_away_does_not_win() -> None:
    maps = ideal(torch.tensor([[[10.2, 12.7]]]), 1.5)
    maps[0, 0, 25, 35] = 1.2
    found, _ = decode(maps, "adaptive_wing")
    torch.testing.assert_close(found[0, 0], torch.tensor([10.2, 12.7]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("value", [0.0, -0.3, 1e-30])
def test_flat_maps_give_a_place_and_no_confidence(value: float) -> None:
    found, scores = decode(torch.full((1, 2, *SIZE), value), "adaptive_wing")
    assert torch.equal(found, torch.zeros(1, 2, 2))
    assert scores.max() < 1e-6


def test_equal_logits_give_a_place_and_no_confidence() -> None:
    found, scores = decode(torch.full((1, 2, *SIZE), 7.0), "softmax")
    assert torch.isfinite(found).all()
    assert scores.max() <= 25 / (SIZE[0] * SIZE[1])


def test_never_further_than_a_cell_from_the_strongest_one() -> None:
    maps = torch.zeros(1, 1, 9, 9)
    maps[0, 0, 4, 3:7] = torch.tensor([0.97, 1.0, 0.99, 0.985])  # a plateau: its parabola points far off
    found, _ = decode(maps, "adaptive_wing")
    assert abs(float(found[0, 0, 0]) - 4.5) <= 1.5
    assert float(found[0, 0, 1]) == pytest.approx(4)


def test_films_of_a_batch_do_not_touch_each_other() -> None:
    maps = ideal(everywhere(3, 5), 1.5) + 0.01 * torch.rand(3, 5, *SIZE)
    together, scores = decode(maps, "adaptive_wing")
    for film in range(3):
        alone, score = decode(maps[film : film + 1], "adaptive_wing")
        assert torch.equal(alone[0], together[film])
        assert torch.equal(score[0], scores[film])


def test_values_are_those_of_the_gaussian_at_the_exact_place() -> None:
    points = torch.tensor([[[3.3, 5.8], [0.0, 0.0]]])
    maps = gaussian_heatmaps(points, torch.ones(1, 2, dtype=torch.bool), (12, 9), sigma=1.5)
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(9.0), indexing="ij")
    expected = torch.exp(-((columns - 3.3) ** 2 + (rows - 5.8) ** 2) / (2 * 1.5**2))
    assert maps.shape == (1, 2, 12, 9)
    assert maps.dtype == torch.float32
    torch.testing.assert_close(maps[0, 0], expected, rtol=1e-5, atol=1e-7)
    assert maps[0, 1, 0, 0] == 1.0


def test_targets_stay_between_0_and_1() -> None:
    points = torch.rand(8, 50, 2) * 40 - 4
    maps = gaussian_heatmaps(points, torch.ones(8, 50, dtype=torch.bool), (32, 32), sigma=1.0)
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_centre_of_mass_is_the_landmark() -> None:
    points = torch.tensor([[[20.37, 14.81]]])
    maps = gaussian_heatmaps(points, torch.ones(1, 1, dtype=torch.bool), (32, 40), sigma=2.0)[0, 0]
    assert float((maps.sum(0) * torch.arange(40)).sum() / maps.sum()) == pytest.approx(20.37, abs=1e-3)
    assert float((maps.sum(1) * torch.arange(32)).sum() / maps.sum()) == pytest.approx(14.81, abs=1e-3)


def test_masked_landmarks_have_empty_maps_whatever_their_points() -> None:
    points = torch.tensor([[[4.0, 4.0], [float("nan"), float("nan")], [1e9, -1e9]]])
    maps = gaussian_heatmaps(points, torch.tensor([[True, False, False]]), (8, 8), sigma=1.5)
    assert maps[0, 0].max() == 1
    assert torch.equal(maps[0, 1:], torch.zeros(2, 8, 8))


def test_points_in_half_precision_are_taken_in_float32() -> None:
    maps = gaussian_heatmaps(torch.tensor([[[4.5, 2.25]]]).half(), torch.tensor([[True]]), (8, 8), sigma=1.5)
    exact = gaussian_heatmaps(torch.tensor([[[4.5, 2.25]]]), torch.tensor([[True]]), (8, 8), sigma=1.5)
    assert torch.equal(maps, exact)
