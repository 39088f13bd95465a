"""The second stage's task: crops around jittered landmarks, and the loss that leads to them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from cephkit.data.dataset import Batch
from cephkit.models.refiner import CROP, STRIDE, RefinerSpec, cell_offsets
from cephkit.task.refiner import JITTER, TARGET_SIGMA, RefinerTask, refiner_loss

CANVAS = (160, 160)
SYMBOLS = ("A", "S")
CPU = torch.device("cpu")


def make(spec: RefinerSpec | None = None, degrees: float = 10.0, scale: float = 0.12) -> RefinerTask:
    return RefinerTask(spec or RefinerSpec(SYMBOLS, CANVAS), CPU, degrees, scale)


def films(mask: Tensor) -> Batch:
    count = len(mask)
    canvas = torch.randint(0, 256, (count, 1, *CANVAS), dtype=torch.uint8)
    return Batch(canvas, torch.full((count, 2, 2), 80.0), mask, torch.arange(count))


def flat_maps(crops: Tensor, landmark: Tensor) -> Tensor:
    """A network that knows nothing."""
    return torch.zeros(len(crops), CROP // STRIDE, CROP // STRIDE, requires_grad=True)


def test_the_loss_of_a_batch_is_the_mean_over_its_crops_times_its_films() -> None:
    torch.manual_seed(0)
    mask = torch.tensor([[True, False], [False, True], [True, True]])
    seen: list[Tensor] = []

    def network(crops: Tensor, landmark: Tensor) -> Tensor:
        seen.append(landmark)
        return flat_maps(crops, landmark)

    output = make()(network, films(mask))
    assert seen[0].tolist() == [0, 1, 0, 1]
    # A flat map costs the logarithm of its cells, and its expected place is the crop's centre.
    assert float(output.loss.detach()) / 3 == pytest.approx(np.log(32 * 32), abs=1.0)
    assert output.loss.requires_grad


def test_a_batch_without_landmarks_has_nothing_to_learn() -> None:
    output = make()(flat_maps, films(torch.zeros(2, 2, dtype=torch.bool)))
    assert not output.loss.requires_grad
    assert float(output.loss.detach()) == 0


def test_one_process_of_several_always_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    output = make()(flat_maps, films(torch.zeros(2, 2, dtype=torch.bool)))
    assert output.loss.requires_grad
    assert float(output.loss.detach()) == 0


def ramps(films: int) -> tuple[Tensor, Tensor]:
    """Canvases whose values are the pixel's x, and its y, as shares of 256."""
    rows, columns = torch.meshgrid(torch.arange(CANVAS[0]), torch.arange(CANVAS[1]), indexing="ij")
    return tuple((place / 256).float().expand(films, 1, *CANVAS) for place in (columns, rows))  # type: ignore[return-value]


def test_offsets_say_where_in_the_crop_the_landmark_lies() -> None:
    points = torch.rand(6, 2, 2, generator=torch.Generator().manual_seed(0)) * 20 + 70
    mask = torch.ones(6, 2, dtype=torch.bool)
    task = make(degrees=30.0, scale=0.2)
    seen = []
    for canvases in ramps(6):
        torch.manual_seed(3)
        crops, offsets, used = task.jittered_crops(canvases, points, mask)
        assert crops.shape == (6, 2, 2, CROP, CROP)
        assert used.all()
        # Bilinear sampling of a ramp is exact: look the crop's value up at the offset.
        grid = (offsets / (CROP / 2)).flatten(0, 1)[:, None, None]
        fine = crops[:, :, :1].flatten(0, 1)
        value = torch.nn.functional.grid_sample(fine, grid, mode="bilinear", align_corners=False)
        seen.append(value.reshape(6, 2) * 256)
    assert torch.allclose(torch.stack(seen, -1), points, atol=0.02)


def test_guesses_are_as_far_off_as_the_shares_say() -> None:
    spec = RefinerSpec(SYMBOLS, (1000, 800))
    torch.manual_seed(0)
    points, mask = torch.full((2000, 2, 2), 32.0), torch.ones(2000, 2, dtype=torch.bool)
    tiny = torch.zeros(2000, 1, 8, 8)
    _, offsets, used = make(spec, 0.0, 0.0).jittered_crops(tiny, points, mask)
    usual, far = (1000 * share for share in JITTER)
    # A mixture of two Gaussians, 4 to 1.
    assert float(offsets.std()) == pytest.approx((0.8 * usual**2 + 0.2 * far**2) ** 0.5, rel=0.05)
    assert torch.equal(used, (offsets.abs() < (CROP - STRIDE) / 2).all(-1))
    assert 0.9 < float(used.float().mean()) < 1.0


def test_a_missing_landmark_is_not_learned() -> None:
    mask = torch.tensor([[True, False], [False, True]])
    _, _, used = make().jittered_crops(torch.rand(2, 1, *CANVAS), torch.full((2, 2, 2), 80.0), mask)
    assert torch.equal(used, mask)


def target_logits(offsets: Tensor) -> Tensor:
    places = cell_offsets("cpu")
    squared = (places[None, None, :] - offsets[:, 0, None, None]) ** 2
    squared = squared + (places[None, :, None] - offsets[:, 1, None, None]) ** 2
    return -squared / (2 * TARGET_SIGMA**2)


def test_the_loss_is_least_for_the_target_itself() -> None:
    offsets = torch.tensor([[3.0, -8.5], [0.0, 12.2]])
    best = refiner_loss(target_logits(offsets), offsets)
    # The entropy of a Gaussian of sigma 1 cell.
    assert float(best) == pytest.approx(np.log(2 * np.pi * np.e * (TARGET_SIGMA / STRIDE) ** 2), abs=0.01)
    for change in ((2.0, 0.0), (0.0, -2.0)):
        assert refiner_loss(target_logits(offsets + torch.tensor(change)), offsets) > best + 0.3
    assert refiner_loss(torch.zeros(2, 32, 32), offsets) > best + 2


def test_the_loss_leads_to_the_place() -> None:
    offsets = torch.tensor([[5.0, -11.0]])
    maps = torch.zeros(1, 32, 32, requires_grad=True)
    refiner_loss(maps, offsets).backward()
    assert maps.grad is not None
    # Row, column of the cell at (5, -11): the gradient raises it most.
    assert int((-maps.grad).argmax()) == 10 * 32 + 18
