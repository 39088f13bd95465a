"""Targets, network, loss and decoder together find landmarks."""

import pytest
import torch

from cephkit.geometry import canvas_to_grid, grid_to_canvas
from cephkit.heatmaps import gaussian_heatmaps
from cephkit.losses import build_loss
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec


def moved(points: torch.Tensor, matrix: object) -> torch.Tensor:
    change = torch.as_tensor(matrix, dtype=torch.float32)
    return points @ change[:2, :2].T + change[:2, 2]


@pytest.mark.parametrize(
    ("loss", "stride"),
    [
        ("adaptive_wing", 4),
        pytest.param("softmax", 4, marks=pytest.mark.slow),
        pytest.param("adaptive_wing", 2, marks=pytest.mark.slow),
    ],
)
def test_a_small_network_learns_two_films_by_heart(loss: str, stride: int) -> None:
    torch.manual_seed(0)
    spec = ModelSpec("resnet10t", ("A", "B"), (64, 64), heatmap_stride=stride, loss=loss)
    points = torch.tensor([[[18.3, 22.7], [44.6, 40.1]], [[40.2, 13.9], [15.5, 49.4]]])
    mask = torch.ones(2, 2, dtype=torch.bool)
    # Two kinds of blob: A is small, B is large.
    films = gaussian_heatmaps(points[:, :1], mask[:, :1], (64, 64), 2.0)
    films = films + 0.5 * gaussian_heatmaps(points[:, 1:], mask[:, 1:], (64, 64), 4.0)
    target = gaussian_heatmaps(moved(points, canvas_to_grid(stride)), mask, spec.grid_size, spec.sigma)

    model, criterion = build_model(spec, pretrained=False, notify=print), build_loss(loss)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(60):
        optimizer.zero_grad()
        cost = criterion(model(films), target, mask).mean()
        cost.backward()
        optimizer.step()

    if loss == "adaptive_wing":
        assert float(cost.detach()) < 0.2 * float(criterion.of_empty_maps(target, mask).mean())
    with torch.no_grad():
        # Still in training mode: 60 steps are too few for running statistics.
        found, _ = build_loss(loss).decode(model(films))
    error = (moved(found, grid_to_canvas(stride)) - points).norm(dim=-1)
    assert error.max() < 1.0
