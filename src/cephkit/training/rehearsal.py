"""One pass before the run: does torch.compile work here, and how long will the run take?"""

import time
from collections.abc import Callable

import torch
from lightning_fabric import Fabric
from torch import nn

from cephkit.notice import Notify
from cephkit.task.task import Network

Pass = Callable[[Network], torch.Tensor]
"""Makes the loss of a micro-batch with the network given."""


def rehearse(fabric: Fabric, model: nn.Module, one_pass: Pass, repeats: int = 3) -> float:
    """Seconds of one forward and backward pass; weights, buffers, gradients and random state stay as they were.

    Args:
        fabric: device and precision.
        model: the network.
        one_pass: what to time.
        repeats: passes to time after a first one that is not timed; the fastest counts, as others may have been
            disturbed.
    """
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    cards = [fabric.device] if fabric.device.type == "cuda" else []
    network, seconds = in_precision(fabric, model), []
    try:
        with torch.random.fork_rng(devices=cards):
            for _ in range(repeats + 1):
                started = _now(fabric.device)
                one_pass(network).backward()
                model.zero_grad(set_to_none=True)
                seconds.append(_now(fabric.device) - started)
    finally:
        model.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])
    return min(seconds[1:])


def compile_or_stay_eager(fabric: Fabric, model: nn.Module, one_pass: Pass, notify: Notify) -> bool:
    """Compile ``model`` in place and try one pass; if that fails, report it in one line and stay eager."""
    try:
        model.compile()
        rehearse(fabric, model, one_pass, repeats=1)
        return True
    except torch.OutOfMemoryError:
        model._compiled_call_impl = None
        raise
    except Exception as error:  # compilers fail in as many ways as there are toolchains
        model._compiled_call_impl = None
        model.zero_grad(set_to_none=True)
        torch.compiler.reset()
        reason = (str(error).strip().splitlines() or [""])[0][:150]
        notify(f"torch.compile does not work here ({type(error).__name__}: {reason}); continuing without it")
        return False


def in_precision(fabric: Fabric, model: nn.Module) -> Network:
    """``model`` in the precision of ``fabric``, for one process."""

    def network(*inputs: torch.Tensor) -> torch.Tensor:
        with fabric.autocast():
            maps: torch.Tensor = model(*inputs)
        return maps

    return network


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
