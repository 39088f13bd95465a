"""Where a run computes: device, precision, processes.

Of several processes, each normalises its own passes, as one process with the same passes would, so gradients and losses
agree. The running statistics that validation uses would be those of one process's films, and young: P processes make a
P-th of the passes each. Hence they are averaged after every optimiser step, and the share of a pass is raised so that P
passes side by side move them as far as P passes in a row.
"""

import contextlib
import ctypes
import logging
import os
import sys
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from cephkit.device import choose_device, half_pays, half_type
from cephkit.errors import SettingsError
from cephkit.notice import Notify
from cephkit.training.state import TrainState


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


# Parameters of glibc's mallopt, from malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Let glibc keep freed memory for the next step instead of returning it to the kernel and asking again.

    Feature maps are large enough that each would be mapped and cleared page by page, every time: on the CPU this
    takes about a seventh of a training step (``benchmarks/allocator.py``). Does nothing outside Linux.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(M_MMAP_THRESHOLD, 2**30)
            mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def start_fabric(name: str, mixed_precision: bool, notify: Notify, use_ddp: bool = False) -> Fabric:
    """Device, precision and processes of a run.

    Args:
        name: of the device.
        mixed_precision: run networks in half precision, where the device has it.
        notify: takes lines for the user.
        use_ddp: take part in the processes of torchrun.

    Raises:
        SettingsError: an unknown device, or torchrun without --use_ddp.
    """
    device = choose_device(name, notify)
    if device.type == "cpu":
        keep_freed_memory()
    precision: Any = "32-true"
    if mixed_precision and device.type == "mps":
        notify("--mixed_precision is not supported on Apple's Metal; continuing in float32")
    elif mixed_precision and not half_pays(device):
        notify("--mixed_precision: this CPU has no bfloat16 and would only emulate it, slowly; continuing in float32")
    elif mixed_precision:
        precision = "bf16-mixed" if half_type(device) == torch.bfloat16 else "16-mixed"
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not use_ddp:
        raise SettingsError("torchrun started several processes: add --use_ddp, or start one process with python")
    if use_ddp and world == 1:
        notify("--use_ddp: one process; for N cards start it with: torchrun --nproc_per_node N train_1024x1024.py ...")
    several = use_ddp and world > 1
    index = [device.index or 0] if device.type != "cpu" else 1
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # the run describes itself
    fabric = Fabric(
        accelerator=device.type,
        devices=int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if several else index,
        num_nodes=world // int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if several else 1,
        # Running statistics are averaged after each step (``average_statistics``), not the first process's.
        strategy=DDPStrategy(broadcast_buffers=False) if several else "auto",
        precision=precision,
    )
    fabric.launch()
    return fabric


def wrap(fabric: Fabric, state: TrainState) -> tuple[Any, Any]:
    """Network and optimiser of ``state`` as Fabric wraps them; ``state`` gets the gradient scaler of float16."""
    count_all_processes(state.model, fabric.world_size)
    model, optimizer = fabric.setup(state.model, state.optimizer)
    state.scaler = getattr(fabric._precision, "scaler", None)
    return model, optimizer
