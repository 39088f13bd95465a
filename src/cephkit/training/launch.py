"""Where a run computes: device, precision, processes."""

import contextlib
import ctypes
import logging
import os
import sys
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from cephkit.device import choose_device, half_pays, half_type
from cephkit.errors import SettingsError
from cephkit.notice import Notify
from cephkit.training.state import TrainState
from cephkit.training.statistics import count_all_processes

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
        # Running statistics are averaged after each step (cephkit.training.statistics), not the first process's.
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
