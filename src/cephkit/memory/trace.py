"""A training step and a validation pass on fake tensors: the real code, without a GPU and without its memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.autograd.graph import get_gradient_edge
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from cephkit.config import TrainConfig
from cephkit.data.dataset import Batch
from cephkit.errors import SettingsError
from cephkit.landmarks.shipped import AARIZ
from cephkit.memory.ledger import ACTIVATIONS, INPUT, TEMPORARIES, Ledger, Timeline
from cephkit.memory.recompute import apply_recompute
from cephkit.memory.recover import Recompute
from cephkit.models.build import LandmarkModel, build_model
from cephkit.models.spec import ModelSpec
from cephkit.task.heatmaps import HeatmapTask
from cephkit.task.task import Network

AUGMENTATION_CANVASES = 7
"""Canvases of float32 alive at once while a film is augmented.

Assumed (a test measures 6, plus the film as bytes): the augmentation reads the values of random numbers, and fake
tensors have none.
"""

FLOAT32_ON_CUDA = (
    functional.interpolate, functional.layer_norm, functional.group_norm, functional.softmax, functional.log_softmax,
)  # fmt: skip
"""What CUDA's autocast computes in float32, and the CPU's does not."""


@dataclass(frozen=True)
class Workload:
    """What is trained, as far as memory is concerned; micro-batch, accumulation and recomputation apart."""

    spec: ModelSpec
    mixed_precision: bool = True
    use_ema: bool = False
    channels_last: bool = False
    augment: bool = True

    @classmethod
    def of(cls, config: TrainConfig, landmarks: int = len(AARIZ.landmarks)) -> "Workload":
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
    timelines = []
    with FakeTensorMode(), CudaAutocast():
        model, task = fake_model(workload).train(), fake_task(workload)
        apply_recompute(model, recompute)
        gradients = []
        for weight in model.parameters():
            weight.grad = torch.empty_like(weight)
            gradients.append(weight.grad)
        for size in batches:
            batch = _batch(workload.spec, size)
            with Ledger([*model.parameters(), *model.buffers(), *gradients]) as ledger, ledger.watching(model):
                if workload.augment:
                    ledger.note(AUGMENTATION_CANVASES * batch.canvas.numel() * 4)
                loss = task(_traced(model, ledger, workload.mixed_precision), batch).loss
                ledger.phase = TEMPORARIES
                # Not from the tensor itself: that would leave CudaAutocast, and activations are computed again.
                torch.autograd.backward(get_gradient_edge(loss))
            timelines.append(ledger.timeline())
    return timelines


@torch.no_grad()
def trace_validation(workload: Workload, batches: Sequence[int]) -> list[Timeline]:
    """Validation of batches of these sizes.

    Raises:
        SettingsError: there is no such network.
    """
    timelines = []
    with FakeTensorMode(), CudaAutocast():
        model, task = fake_model(workload).eval(), fake_task(workload)
        for size in batches:
            batch = _batch(workload.spec, size)
            with Ledger([*model.parameters(), *model.buffers()]) as ledger:
                task.validate(_traced(model, ledger, workload.mixed_precision), batch)
            timelines.append(ledger.timeline())
    return timelines


def fake_task(workload: Workload) -> HeatmapTask:
    """The task without its augmentation; see ``AUGMENTATION_CANVASES``."""
    return HeatmapTask(workload.spec, torch.device("cpu"), augment=False, channels_last=workload.channels_last)


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


class CudaAutocast(TorchFunctionMode):
    """Makes the CPU's autocast choose as CUDA's does. (Fake CUDA tensors have no backward pass without a card.)"""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        half = function in FLOAT32_ON_CUDA and torch.is_autocast_enabled("cpu") and args[0].dtype == torch.bfloat16
        return function(*((args[0].float(), *args[1:]) if half else args), **(kwargs or {}))


def _traced(model: nn.Module, ledger: Ledger, mixed_precision: bool) -> Network:
    """The network as Fabric runs it, with the ledger informed."""

    def network(images: Tensor) -> Tensor:
        ledger.phase = ACTIVATIONS
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed_precision):
            maps: Tensor = model(images)
        ledger.phase = INPUT
        return maps

    return network


def _fake(tensor: Tensor, channels_last: bool = False) -> Tensor:
    layout = torch.channels_last if channels_last and tensor.dim() == 4 else torch.contiguous_format
    return torch.empty(tensor.shape, dtype=tensor.dtype, memory_format=layout)


def _batch(spec: ModelSpec, films: int) -> Batch:
    landmarks = len(spec.symbols)
    return Batch(
        torch.empty(films, 1, *spec.canvas_size, dtype=torch.uint8),
        torch.empty(films, landmarks, 2),
        torch.empty(films, landmarks, dtype=torch.bool),
        torch.empty(films, dtype=torch.int64),
    )
