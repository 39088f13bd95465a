"""The Adaptive Wing loss is the paper's, in float32, and cannot be escaped by an empty map."""

import math

import pytest
import torch

from cephkit.heatmaps import gaussian_heatmaps
from cephkit.losses import build_loss
from cephkit.losses.adaptive_wing import adaptive_wing, is_foreground

ALPHA, OMEGA, EPSILON, THETA = 2.1, 14.0, 1.0, 0.5


def by_the_paper(prediction: float, target: float) -> float:
    """One cell, from the published formula, in double precision."""
    d = abs(target - prediction)
    power = ALPHA - target
    if d < THETA:
        return OMEGA * math.log(1 + (d / EPSILON) ** power)
    ratio = THETA / EPSILON
    slope = OMEGA * (1 / (1 + ratio**power)) * power * ratio ** (power - 1) / EPSILON
    return slope * d - (THETA * slope - OMEGA * math.log(1 + ratio**power))


def one_landmark(sigma: float = 1.5) -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.ones(1, 1, dtype=torch.bool)
    return gaussian_heatmaps(torch.tensor([[[20.3, 11.6]]]), mask, (32, 32), sigma), mask


def test_cells_follow_the_published_formula() -> None:
    targets = torch.linspace(0, 1, 21)[:, None].expand(21, 61)
    predictions = torch.linspace(-1, 2, 61)[None].expand(21, 61)
    expected = torch.tensor(
        [[by_the_paper(float(p), float(y)) for p, y in zip(*rows, strict=True)]
         for rows in zip(predictions, targets, strict=True)]
    )  # fmt: skip
    torch.testing.assert_close(adaptive_wing(predictions, targets), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("target", [0.0, 0.3, 0.9, 1.0])
def test_value_and_slope_are_continuous_at_theta(target: float) -> None:
    y = torch.full((3,), target, dtype=torch.float64)
    step = 1e-7
    p = (y + THETA + torch.tensor([-step, 0, step], dtype=torch.float64)).requires_grad_()
    loss = adaptive_wing(p, y)
    (slope,) = torch.autograd.grad(loss.sum(), p)
    assert float(loss.detach().diff().abs().max()) < 20 * step
    torch.testing.assert_close(slope, slope[1].expand(3), rtol=1e-5, atol=0)


def test_gradient_is_that_of_the_value() -> None:
    target = torch.rand(40, dtype=torch.float64)
    prediction = (4 * torch.rand(40, dtype=torch.float64) - 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: adaptive_wing(p, target), prediction)


def test_the_landmark_is_all_cells_around_more_than_a_fifth() -> None:
    target = torch.zeros(1, 1, 9, 9)
    target[0, 0, 4, 4] = 0.21
    target[0, 0, 0, 8] = 0.2  # not above 0.2
    foreground = is_foreground(target)[0, 0]
    assert foreground[3:6, 3:6].all()
    assert int(foreground.sum()) == 9


def test_loss_is_three_means_of_each_landmark_and_their_mean_over_landmarks() -> None:
    points = 32 * torch.rand(3, 4, 2)
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]], dtype=torch.bool)
    target = gaussian_heatmaps(points, mask, (32, 32), 1.5)
    prediction = target + 0.3 * torch.randn(target.shape)
    cells, foreground = adaptive_wing(prediction, target), is_foreground(target)
    expected = torch.zeros(3)
    for film, landmark in mask.nonzero().tolist():
        there, own = foreground[film, landmark], cells[film, landmark]
        background = own[~there].sort().values
        share = 0.2 * own[there].mean() + 0.75 * background.mean() + 0.05 * background[-200:].mean()
        expected[film] += share / 4
    loss = build_loss("adaptive_wing")(prediction, target, mask)
    torch.testing.assert_close(loss, expected)
    assert loss.shape == (3,)
    assert loss[2] == 0


SIZES = [(40, 32), (96, 80), (128, 128), (256, 256)]
"""Grids of 160x128, 384x320, 512x512 and 1024x1024."""


def share_of_the_landmark(size: tuple[int, int], off: str) -> float:
    """What share of the gradient's length over the map pulls at the landmark's own cells."""
    mask = torch.ones(1, 8, dtype=torch.bool)
    points = torch.full((1, 8, 2), 15.3)
    target = gaussian_heatmaps(points, mask, size, 1.5)
    generator = torch.Generator().manual_seed(0)
    error = {
        "by a tenth": torch.full_like(target, 0.1),
        "at random": 0.1 * torch.randn(target.shape, generator=generator),
    }
    maps = (target + error[off]).requires_grad_()
    (gradient,) = torch.autograd.grad(build_loss("adaptive_wing")(maps, target, mask).sum(), maps)
    return float(gradient[is_foreground(target)].abs().sum() / gradient.abs().sum())


@pytest.mark.parametrize(("off", "tolerance"), [("by a tenth", 0.01), ("at random", 0.1)])
def test_the_landmarks_share_of_the_gradient_is_the_same_at_every_size_of_the_map(off: str, tolerance: float) -> None:
    shares = [share_of_the_landmark(size, off) for size in SIZES]
    assert shares == pytest.approx([shares[0]] * len(SIZES), rel=tolerance)
    assert min(shares) > 0.2


@pytest.mark.parametrize("size", SIZES)
def test_a_false_peak_costs_no_less_than_its_share_of_the_worst_cells_however_large_the_map(
    size: tuple[int, int],
) -> None:
    mask = torch.ones(1, 1, dtype=torch.bool)
    target = gaussian_heatmaps(torch.tensor([[[10.0, 10.0]]]), mask, size, 1.5)
    false = gaussian_heatmaps(torch.tensor([[[24.0, 30.0]]]), mask, size, 1.5)
    criterion = build_loss("adaptive_wing")
    missed = float(criterion(torch.zeros_like(target), target, mask))
    wrong = float(criterion(target + false, target, mask))
    assert wrong > 0.025 * missed


def test_masked_landmarks_neither_cost_nor_pull() -> None:
    mask = torch.tensor([[True, False]])
    target = gaussian_heatmaps(torch.full((1, 2, 2), 8.0), mask, (16, 16), 1.5)
    prediction = torch.rand(1, 2, 16, 16, requires_grad=True)
    criterion = build_loss("adaptive_wing")
    loss = criterion(prediction, target, mask)
    (gradient,) = torch.autograd.grad(loss.sum(), prediction)
    assert gradient[0, 0].abs().max() > 0
    assert torch.equal(gradient[0, 1], torch.zeros(16, 16))
    other = prediction.detach().clone()
    other[0, 1] += 5
    assert torch.equal(criterion(other, target, mask), loss.detach())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_predictions_cost_what_they_cost_in_float32(dtype: torch.dtype) -> None:
    target, mask = one_landmark()
    prediction = (target + 0.01 * torch.randn(target.shape)).to(dtype)
    criterion = build_loss("adaptive_wing")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = criterion(prediction, target, mask)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, criterion(prediction.float(), target, mask))


def test_residual_of_a_hundredth_is_not_lost_under_autocast() -> None:
    target = torch.zeros(1, 1, 8, 8)  # no landmark: the background's 0.8
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = build_loss("adaptive_wing")(torch.full((1, 1, 8, 8), 0.01), target, torch.tensor([[True]]))
    assert float(loss) == pytest.approx(0.8 * OMEGA * math.log1p(0.01**ALPHA), rel=1e-5)
    assert float(loss) == pytest.approx(7.07e-4, rel=1e-3)


def test_targets_above_1_are_cut_and_give_no_nan() -> None:
    mask = torch.ones(1, 1, dtype=torch.bool)
    prediction = torch.full((1, 1, 8, 8), 1.3, requires_grad=True)
    loss = build_loss("adaptive_wing")(prediction, torch.full((1, 1, 8, 8), 1.3), mask)
    at_one = build_loss("adaptive_wing")(prediction, torch.ones(1, 1, 8, 8), mask)
    assert torch.equal(loss, at_one)
    (gradient,) = torch.autograd.grad(loss.sum(), prediction)
    assert torch.isfinite(gradient).all()


def test_a_perfect_map_costs_nothing_and_its_gradient_is_zero() -> None:
    target, mask = one_landmark()
    prediction = target.clone().requires_grad_()
    loss = build_loss("adaptive_wing")(prediction, target, mask)
    (gradient,) = torch.autograd.grad(loss.sum(), prediction)
    assert loss.item() == 0
    assert torch.equal(gradient, torch.zeros_like(target))


def test_an_empty_map_is_dear_and_no_place_to_rest() -> None:
    target, mask = one_landmark()
    criterion = build_loss("adaptive_wing")
    empty = float(criterion.of_empty_maps(target, mask))
    blurred = gaussian_heatmaps(torch.tensor([[[21.0, 12.0]]]), mask, (32, 32), 1.8)  # 0.8 cells off, too wide
    assert empty > 2.5 * float(criterion(blurred, target, mask))

    maps = torch.zeros(1, 1, 32, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(criterion(maps, target, mask).sum(), maps)
    assert (gradient <= 0).all()
    assert float(gradient[is_foreground(target)].sum()) < 0.95 * float(gradient.sum())  # nearly all of it
    pull = -gradient[0, 0] / -gradient.sum()
    assert float((pull.sum(0) * torch.arange(32)).sum()) == pytest.approx(20.3, abs=0.3)
    assert float((pull.sum(1) * torch.arange(32)).sum()) == pytest.approx(11.6, abs=0.3)

    optimizer = torch.optim.Adam([maps], lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        criterion(maps, target, mask).sum().backward()
        optimizer.step()
    assert float(criterion(maps.detach(), target, mask)) < 0.02 * empty
    found, scores = build_loss("adaptive_wing").decode(maps.detach())
    assert float((found - torch.tensor([20.3, 11.6])).norm()) < 0.1
    assert float(scores) > 0.9
