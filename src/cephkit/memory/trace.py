"""A training step and a validation pass on fake tensors: the real code, without a GPU and without its memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.nn import functional

from cephkit.config import TrainConfig
from cephkit.errors import SettingsError
from cephkit.landmarks import LANDMARKS
from cephkit.losses import build_loss
from cephkit.memory.ledger import ACTIVATIONS, INPUT, TEMPORARIES, Ledger, Timeline
from cephkit.memory.recompute import apply_recompute
from cephkit.memory.recover import Recompute
from cephkit.models.build import LandmarkModel, build_model
from cephkit.models.spec import ModelSpec
from cephkit.training.loop import batch_loss
from cephkit.training.validate import targets_on_grid, to_network

AUGMENTATION_CANVASES = 7
"""Canvases of float32 alive at once while a film is augmented.

Assumed (a test measures 6, and there is the film as bytes): the augmentation looks at the values of random numbers,
and fake tensors have none.
"""

_FLOAT32_ON_CUDA = ("interpolate", "layer_norm", "group_norm", "softmax", "log_softmax")
"""Of torch.nn.functional: what CUDA's autocast computes in float32, and the CPU's does not."""


@dataclass(frozen=True)
class Workload:
    """What is trained, as far as memory is concerned; micro-batch, accumulation and recomputation apart."""

    spec: ModelSpec
    mixed_precision: bool = True
    use_ema: bool = False
    channels_last: bool = False
    augment: bool = True

    @classmethod
    def of(cls, config: TrainConfig, landmarks: int = len(LANDMARKS)) -> "Workload":
        """What ``cephkit train`` does with ``config`` on films with this many landmarks."""
        spec = ModelSpec(
            config.model, tuple(f"landmark {index}" for index in range(landmarks)), config.image_size,
            config.heatmap_stride, config.sigma, config.loss,
        )  # fmt: skip
        return cls(spec, config.mixed_precision, config.use_ema, config.channels_last, config.augment)

    def resized(self, model: str, side_share: float) -> "Workload":
        """The same with another model, and sides of the image reduced to multiples of 32."""
        height, width = (max(64, round(side * side_share / 32) * 32) for side in self.spec.canvas_size)
        return replace(self, spec=replace(self.spec, model=model, canvas_size=(height, width)))


def trace_training(workload: Workload, batches: Sequence[int], recompute: Recompute) -> list[Timeline]:
    """Forward and backward pass of micro-batches of these sizes, each after others whose gradients are kept.

    Raises:
        SettingsError: there is no such network, or it has nothing to recompute.
    """
    spec = workload.spec
    timelines = []
    with FakeTensorMode(), _cuda_autocast():
        model = fake_model(workload).train()
        apply_recompute(model, recompute)
        gradients = []
        for weight in model.parameters():
            weight.grad = torch.empty_like(weight)
            gradients.append(weight.grad)
        # What batch_loss wants to know of a run.
        run: Any = SimpleNamespace(
            fabric=SimpleNamespace(device=torch.device("cpu")), augmentation=None, config=workload, spec=spec,
            criterion=build_loss(spec.loss),
        )  # fmt: skip
        for batch in batches:
            films = _films(spec, batch)
            with Ledger([*model.parameters(), *model.buffers(), *gradients]) as ledger, ledger.watching(model):
                if workload.augment:
                    ledger.note(AUGMENTATION_CANVASES * films[0].numel() * 4)
                loss = batch_loss(run, films, _Forward(model, ledger, workload.mixed_precision))
                ledger.phase = TEMPORARIES
                loss.backward()
            timelines.append(ledger.timeline())
    return timelines


@torch.no_grad()
def trace_validation(workload: Workload, batches: Sequence[int]) -> list[Timeline]:
    """A batch of each of these sizes in ``cephkit.training.validate.validate``, with what the one before left.

    Raises:
        SettingsError: there is no such network.
    """
    spec = workload.spec
    device = torch.device("cpu")
    criterion = build_loss(spec.loss)
    timelines = []
    with FakeTensorMode(), _cuda_autocast():
        model = fake_model(workload).eval()
        for batch in batches:
            canvases, points, mask, _ = _films(spec, batch)
            with Ledger([*model.parameters(), *model.buffers()]) as ledger:
                forward = _Forward(model, ledger, workload.mixed_precision)
                # The first batch needs less than the next, but its maps are still there.
                maps = torch.empty(batch, len(spec.symbols), *spec.grid_size)
                images = to_network(canvases, device, workload.channels_last)
                target = targets_on_grid(points, mask, spec)
                images = to_network(canvases, device, workload.channels_last)
                target = targets_on_grid(points, mask, spec)
                maps = forward(images)
                maps = maps.float()
                criterion(maps, target, mask)
                criterion.of_empty_maps(target, mask)
                criterion.decode(maps)
            timelines.append(ledger.timeline())
            del images, target, maps  # not to be found by the next
    return timelines


def fake_model(workload: Workload) -> LandmarkModel:
    """The network with fake weights; to be called within ``FakeTensorMode``.

    Raises:
        SettingsError: there is no such network.
    """
    try:
        with torch.device("meta"):  # no memory, and no time for random weights
            model = build_model(workload.spec, pretrained=False, notify=lambda line: None)
    except (SettingsError, RuntimeError, NotImplementedError):  # some backbones compute while they are built
        with torch._subclasses.fake_tensor.unset_fake_temporarily():
            model = build_model(workload.spec, pretrained=False, notify=lambda line: None)
    # Tensors shared by several layers stay shared.
    fakes: dict[int, Any] = {}
    for module in model.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                fake = nn.Parameter(_fake(weight, workload.channels_last), weight.requires_grad)
                module._parameters[name] = fakes.setdefault(id(weight), fake)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = fakes.setdefault(id(buffer), _fake(buffer))
    return model


class _Forward(nn.Module):
    """The network as Fabric runs it, and the ledger told of it."""

    def __init__(self, model: nn.Module, ledger: Ledger, mixed_precision: bool) -> None:
        super().__init__()
        self.model, self.ledger, self.mixed_precision = model, ledger, mixed_precision

    def forward(self, images: Tensor) -> Tensor:
        self.ledger.phase = ACTIVATIONS
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mixed_precision):
            maps: Tensor = self.model(images)
        self.ledger.phase = INPUT
        return maps


@contextmanager
def _cuda_autocast() -> Iterator[None]:
    """Let the CPU's autocast choose as CUDA's does. (Fake CUDA tensors have no backward pass without a card.)"""

    def in_float32(function: Any) -> Any:
        def run(input: Tensor, *args: Any, **kwargs: Any) -> Any:
            half = torch.is_autocast_enabled("cpu") and input.dtype == torch.bfloat16
            return function(input.float() if half else input, *args, **kwargs)

        return run

    # Not a TorchFunctionMode: it is off while the backward pass computes activations again.
    with patch.multiple(functional, **{name: in_float32(getattr(functional, name)) for name in _FLOAT32_ON_CUDA}):
        yield


def _fake(tensor: Tensor, channels_last: bool = False) -> Tensor:
    layout = torch.channels_last if channels_last and tensor.dim() == 4 else torch.contiguous_format
    return torch.empty(tensor.shape, dtype=tensor.dtype, memory_format=layout)


def _films(spec: ModelSpec, batch: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A batch as the loader hands it over."""
    landmarks = len(spec.symbols)
    return (
        torch.empty(batch, 1, *spec.canvas_size, dtype=torch.uint8),
        torch.empty(batch, landmarks, 2),
        torch.empty(batch, landmarks, dtype=torch.bool),
        torch.empty(batch, dtype=torch.int64),
    )
