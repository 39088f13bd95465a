"""Less memory for more arithmetic: activations computed again when the backward pass needs them.

A network that trains keeps what every layer computed until the backward pass has used it; at 1024x1024 that is
most of the memory. A *region* of the network keeps its input instead, and runs a second time in the backward pass.
timm's HRNet has no such switch, and those of other backbones update BatchNorm's statistics twice, so the regions are
made from outside, on any backbone.

**Reference**: Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016, https://arxiv.org/abs/1604.06174
"""

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import tree_flatten, tree_unflatten
from torch.utils.checkpoint import checkpoint

from cephkit.errors import SettingsError
from cephkit.memory.recover import Recompute
from cephkit.models.build import LandmarkModel

_BLOCK = re.compile(
    r"Block|Bottle|Basic$|InvertedResidual|EdgeResidual|DepthwiseSeparable|TransformerLayer|XceptionModule"
)
"""What timm's families call the class of a residual block; a backbone with none of these is refused."""
_HRNET_MODULE = "HighResolutionModule"
"""Parallel branches of four blocks each, and their fusion."""


def apply_recompute(model: LandmarkModel, mode: Recompute) -> None:
    """Make ``model`` compute activations again in the backward pass, in place; the last call counts.

    Modes, in steps of less memory and more time: ``none`` keeps everything; ``block`` runs each residual block and
    the head a second time; ``stage`` runs HRNet's modules of parallel branches as one each, the other blocks and
    the head as before. A larger region keeps less, but needs more at once when it runs again: of HRNet's first
    layer, or a whole stage of other backbones, more than it saves, so for these ``stage`` is ``block``.

    Names, weights, results, gradients, running statistics and random numbers are those of a model without; so are
    its state dict, copies, and speed without gradients. Works before and after ``.to()``, ``copy.deepcopy``, DDP, and
    under autocast and ``torch.compile``.

    Raises:
        SettingsError: the backbone has nothing that looks like a residual block.
    """
    chosen = [] if mode == "none" else [*_regions(model, mode), model.head]
    for module in model.modules():
        if _is_region(module):
            del vars(module)["forward"]
    for module in chosen:
        # A partial of the module, not a closure: a copy of the module gets a partial of the copy.
        vars(module)["forward"] = functools.partial(_forward, module)


def _regions(model: LandmarkModel, mode: Recompute) -> list[nn.Module]:
    """The parts of the backbone that ``mode`` recomputes, none inside another."""
    parents = {child: parent for parent in model.backbone.modules() for child in parent.children()}
    blocks = [module for module in parents if _BLOCK.search(type(module).__name__)]
    if not blocks:
        entry: Any = model.backbone.pretrained_cfg
        raise SettingsError(
            f"{entry['architecture']}: found no residual blocks to recompute; use --recompute none, or another "
            "--model such as hrnet, resnet50 or convnextv2_tiny"
        )
    wanted = {*blocks}
    if mode == "stage":
        wanted |= {module for module in parents if type(module).__name__ == _HRNET_MODULE}
    return [region for region in wanted if wanted.isdisjoint(_outwards(region, parents))]


def _outwards(module: nn.Module, parents: dict[nn.Module, nn.Module]) -> Iterator[nn.Module]:
    """The modules that ``module`` lies in, nearest first."""
    while module in parents:
        module = parents[module]
        yield module


def _is_region(module: nn.Module) -> bool:
    forward = vars(module).get("forward")
    return isinstance(forward, functools.partial) and forward.func is _forward


def _forward(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """What ``module`` does, forgetting all but its input until the backward pass."""
    forward = type(module).forward
    if not torch.is_grad_enabled():
        return forward(module, *args, **kwargs)
    # HRNet's modules write into the list that they are given: each run gets its own.
    inputs, structure = tree_flatten((args, kwargs))
    again = False

    def run(*inputs: Any) -> Any:
        nonlocal again
        args, kwargs = tree_unflatten(inputs, structure)
        if torch.compiler.is_compiling():  # a compiled graph updates each buffer once, whatever it recomputes
            return forward(module, *args, **kwargs)
        with _statistics_aside(module) if again else nullcontext():
            again = True
            return forward(module, *args, **kwargs)

    return checkpoint(run, *inputs, use_reentrant=False)


@contextmanager
def _statistics_aside(module: nn.Module) -> Iterator[None]:
    """Let BatchNorm update statistics that are thrown away; the first run has updated the true ones."""
    norms = [
        one for one in module.modules() if isinstance(one, _BatchNorm) and one.training and one.track_running_stats
    ]
    kept = [(norm, norm.running_mean, norm.running_var, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        # Tensors as before, for autograd saves them; while training their values are not read.
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean, norm.running_var = torch.empty_like(norm.running_mean), torch.empty_like(norm.running_var)
        norm.num_batches_tracked = None
    try:
        yield
    finally:
        for norm, mean, variance, batches in kept:
            norm.running_mean, norm.running_var, norm.num_batches_tracked = mean, variance, batches
