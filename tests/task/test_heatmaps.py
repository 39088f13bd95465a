"""The first stage's task: where targets lie, and that validation sees what training sees."""

import pytest
import torch
from torch import Tensor

from cephkit.data.dataset import Batch
from cephkit.models.spec import ModelSpec
from cephkit.task.heatmaps import HeatmapTask

CPU = torch.device("cpu")
POINTS = torch.tensor([[[21.5, 13.5], [0.0, 0.0]], [[37.5, 57.5], [17.5, 33.5]]])
BATCH = Batch(
    torch.arange(2 * 64 * 64, dtype=torch.int64).remainder(256).to(torch.uint8).reshape(2, 1, 64, 64),
    POINTS, torch.tensor([[True, False], [True, True]]), torch.arange(2),
)  # fmt: skip


def make(stride: int = 4, loss: str = "adaptive_wing", **options: bool) -> HeatmapTask:
    spec = ModelSpec("test_resnet", ("A", "S"), (64, 64), stride, loss=loss)
    return HeatmapTask(spec, CPU, options.get("augment", False), options.get("channels_last", False))


@pytest.mark.parametrize("stride", [2, 4])
def test_targets_peak_where_the_landmark_lies(stride: int) -> None:
    task = make(stride)
    target = task.targets(BATCH.points, BATCH.mask)
    assert target[0, 1].abs().max() == 0
    points, scores = task.loss.locate(target)
    # Centres of canvas pixels and of cells are whole numbers: a cell of s pixels begins half a pixel earlier.
    found = points * stride + (stride - 1) / 2
    assert torch.allclose(found[BATCH.mask], POINTS[BATCH.mask], atol=0.01)
    assert torch.isnan(found[0, 1]).all()
    assert scores[BATCH.mask].min() > 0.75


@pytest.mark.parametrize("loss", ["adaptive_wing", "softmax"])
def test_validation_gives_the_loss_and_the_points_of_the_networks_maps(loss: str) -> None:
    task = make(loss=loss)
    target = task.targets(BATCH.points, BATCH.mask)
    maps = target if loss == "adaptive_wing" else target.clamp_min(1e-9).log()
    found = task.validate(lambda images: maps, BATCH)
    assert torch.allclose((found.points * 4 + 1.5)[BATCH.mask], POINTS[BATCH.mask], atol=0.01)
    assert float(found.loss) == pytest.approx(float(task(lambda images: maps, BATCH).loss))
    assert float(found.loss) < 0.6 * float(found.empty_loss)
    assert float(task.validate(lambda images: torch.zeros_like(maps), BATCH).loss) == pytest.approx(
        float(found.empty_loss)
    )


def test_a_network_gets_grey_values_from_0_to_1_in_the_layout_asked_for() -> None:
    seen: list[Tensor] = []

    def network(images: Tensor) -> Tensor:
        seen.append(images)
        return torch.zeros(2, 2, 16, 16)

    task = make(channels_last=True)
    task(network, BATCH)
    task.validate(network, BATCH)
    for images in seen:
        assert torch.equal(images, BATCH.canvas.float() / 255)
        assert images.is_contiguous(memory_format=torch.channels_last)


def test_augmentation_moves_points_with_films_in_training_only() -> None:
    seen: list[Tensor] = []

    def network(images: Tensor) -> Tensor:
        seen.append(images)
        return torch.zeros(2, 2, 16, 16)

    torch.manual_seed(0)
    task = make(augment=True)
    task(network, BATCH)
    task.validate(network, BATCH)
    assert not torch.equal(seen[0], seen[1])
    assert torch.equal(seen[1], BATCH.canvas.float() / 255)
