"""What losses have in common: landmarks found in their maps, and how wide a map is."""

import pytest
import torch
from torch import Tensor

from cephkit.losses import build_loss


@pytest.mark.parametrize("loss", ["adaptive_wing", "softmax"])
def test_a_bad_value_spoils_its_own_map_only(loss: str) -> None:
    maps = torch.rand(2, 3, 8, 8)
    good, _ = build_loss(loss).locate(maps)
    maps[1, 2, 7, 7] = torch.nan
    points, scores = build_loss(loss).locate(maps)
    assert torch.isnan(points[1, 2]).all()
    assert torch.isnan(scores[1, 2])
    keep = torch.ones(2, 3, dtype=torch.bool)
    keep[1, 2] = False
    assert torch.equal(points[keep], good[keep])


def gaussian(x: float, y: float, sigma: float, side: int = 64) -> Tensor:
    at = torch.arange(side, dtype=torch.float32)
    return torch.exp(-((at[None, :] - x) ** 2 + (at[:, None] - y) ** 2) / (2 * sigma**2))


@pytest.mark.parametrize("sigma", [1.5, 3.0, 5.0])
def test_the_spread_of_a_gaussian_is_its_own(sigma: float) -> None:
    maps, cells = gaussian(30.3, 25.8, sigma)[None, None], torch.tensor([[[30.3, 25.8]]])
    # Without its lowest tenth a Gaussian's mean squared distance is 1.208 sigma^2 instead of 2 sigma^2.
    assert float(build_loss("adaptive_wing").spread(maps, cells)) == pytest.approx(1.0993 * sigma, rel=0.01)
    logits = maps.log().clamp_min(-80)
    assert float(build_loss("softmax").spread(logits, cells)) == pytest.approx(2**0.5 * sigma, rel=0.01)


@pytest.mark.parametrize("loss", ["adaptive_wing", "softmax"])
def test_a_network_that_wavers_between_two_places_has_a_large_spread(loss: str) -> None:
    maps = (gaussian(12, 30, 1.5) + gaussian(52, 30, 1.5))[None, None]
    maps = maps if loss == "adaptive_wing" else maps.clamp_min(1e-30).log()
    spread = float(build_loss(loss).spread(maps, torch.tensor([[[12.0, 30.0]]])))
    assert spread == pytest.approx(40 / 2**0.5, rel=0.02)  # half of the mass is 40 cells away
