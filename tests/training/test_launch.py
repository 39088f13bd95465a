"""Running statistics of several processes."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from cephkit.training.launch import average_statistics, count_all_processes


def network(momentum: float = 0.1) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3, momentum=momentum))


def statistics(model: nn.Module) -> torch.Tensor:
    return torch.cat([buffer.reshape(-1) for buffer in model.buffers() if buffer.is_floating_point()])


def test_two_processes_side_by_side_are_nearly_one_that_sees_both() -> None:
    passes = torch.randn(8, 2, 1, 16, 16) * torch.linspace(1, 1.3, 8).reshape(8, 1, 1, 1, 1)
    one, left, right = network(), network(), network()
    with torch.no_grad():
        for each in passes:
            one(each)
        for model in (left, right):
            count_all_processes(model, 2)
        for first in range(0, 8, 2):
            left(passes[first])
            right(passes[first + 1])
            mean = (statistics(left) + statistics(right)) / 2
            fabric: Any = SimpleNamespace(world_size=2, all_reduce=lambda _, reduce_op, mean=mean: mean)
            average_statistics(fabric, left)
            average_statistics(fabric, right)
            assert torch.equal(statistics(left), statistics(right))
    together = statistics(one)
    assert float((statistics(left) - together).abs().max()) < 0.01 * float(together.abs().max())


def test_one_process_keeps_its_statistics_to_the_bit() -> None:
    model = network()
    before = statistics(model).clone()
    count_all_processes(model, 1)
    average_statistics(SimpleNamespace(world_size=1), model)  # type: ignore[arg-type]
    assert torch.equal(statistics(model), before)
    assert [layer.momentum for layer in model if isinstance(layer, nn.BatchNorm2d)] == [0.1]
