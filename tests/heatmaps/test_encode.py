"""Targets sit where the landmarks are, to a fraction of a cell."""

import pytest
import torch

from cephkit.heatmaps.encode import gaussian_heatmaps


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
