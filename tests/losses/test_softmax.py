"""The softmax cross-entropy compares the map, as a distribution, with the target's."""

import math

import pytest
import torch

from cephkit.heatmaps import gaussian_heatmaps
from cephkit.losses import build_loss


def test_value_is_the_cross_entropy_with_the_normalised_target() -> None:
    mask = torch.tensor([[True, True, False]])
    target = gaussian_heatmaps(12 * torch.rand(1, 3, 2), mask, (12, 12), 1.5)
    logits = torch.randn(1, 3, 12, 12)
    expected = 0.0
    for landmark in (0, 1):
        wanted = (target[0, landmark] / target[0, landmark].sum()).double().flatten()
        given = logits[0, landmark].double().flatten().softmax(0)
        expected += float(-(wanted * given.log()).sum())
    loss = build_loss("softmax")(logits, target, mask)
    assert float(loss) == pytest.approx(expected / 3, rel=1e-5)


def test_right_map_costs_the_entropy_of_the_target() -> None:
    mask = torch.tensor([[True]])
    target = gaussian_heatmaps(torch.tensor([[[20.0, 20.0]]]), mask, (40, 40), 2.0)
    right = build_loss("softmax")(target.clamp_min(1e-30).log(), target, mask)
    assert float(right) == pytest.approx(1 + math.log(2 * math.pi * 2.0**2), rel=1e-3)


def test_uniform_map_costs_the_log_of_its_cells() -> None:
    mask = torch.ones(2, 3, dtype=torch.bool)
    target = gaussian_heatmaps(20 * torch.rand(2, 3, 2), mask, (20, 24), 1.5)
    expected = torch.full((2,), math.log(20 * 24))
    torch.testing.assert_close(build_loss("softmax").of_empty_maps(target, mask), expected)


def test_masked_landmarks_neither_cost_nor_pull() -> None:
    mask = torch.tensor([[False, True]])
    target = gaussian_heatmaps(torch.full((1, 2, 2), 8.0), mask, (16, 16), 1.5)
    logits = torch.randn(1, 2, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(build_loss("softmax")(logits, target, mask).sum(), logits)
    assert torch.equal(gradient[0, 0], torch.zeros(16, 16))
    assert gradient[0, 1].abs().max() > 0


def test_a_visible_landmark_beyond_the_map_gives_no_nan() -> None:
    mask = torch.tensor([[True]])
    target = gaussian_heatmaps(torch.tensor([[[500.0, 500.0]]]), mask, (16, 16), 1.5)
    logits = torch.randn(1, 1, 16, 16, requires_grad=True)
    loss = build_loss("softmax")(logits, target, mask)
    loss.sum().backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_half_precision_logits_cost_what_they_cost_in_float32() -> None:
    mask = torch.tensor([[True]])
    target = gaussian_heatmaps(torch.tensor([[[8.0, 8.0]]]), mask, (16, 16), 1.5)
    logits = torch.randn(1, 1, 16, 16).half()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = build_loss("softmax")(logits, target, mask)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, build_loss("softmax")(logits.float(), target, mask))


def test_free_logits_find_the_landmark() -> None:
    mask = torch.tensor([[True]])
    point = torch.tensor([[[20.3, 11.6]]])
    target = gaussian_heatmaps(point, mask, (32, 32), 1.5)
    logits = torch.zeros(1, 1, 32, 32, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        build_loss("softmax")(logits, target, mask).sum().backward()
        optimizer.step()
    found, scores = build_loss("softmax").decode(logits.detach())
    assert float((found - point).norm()) < 0.1
    assert float(scores) > 0.6
