"""Batch normalisation's running statistics when several processes train one network.

Each process normalises its own passes, as one process with the same passes would, so gradients and losses agree. The
running statistics that validation uses would be those of one process's films, and young: P processes make a P-th of
the passes each. Hence they are averaged after every optimiser step, and the share of a pass is raised so that P
passes side by side move them as far as P passes in a row.
"""

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def count_all_processes(model: nn.Module, processes: int) -> None:
    """Raise the momentum of ``model``'s batch normalisation from m to 1 - (1 - m)^P."""
    for layer in model.modules():
        if processes > 1 and isinstance(layer, _BatchNorm) and layer.momentum is not None:
            layer.momentum = 1 - (1 - layer.momentum) ** processes


@torch.no_grad()
def average_statistics(fabric: Fabric, model: nn.Module) -> None:
    """Give every process the mean of all processes' floating-point buffers; of one process nothing changes."""
    buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    if fabric.world_size == 1 or not buffers:
        return
    together = torch.cat([buffer.reshape(-1).float() for buffer in buffers])
    mean = fabric.all_reduce(together, reduce_op="mean")
    assert isinstance(mean, torch.Tensor)
    parts = mean.split([buffer.numel() for buffer in buffers])
    for buffer, part in zip(buffers, parts, strict=True):
        buffer.copy_(part.view_as(buffer))
