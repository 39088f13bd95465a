"""From a batch of films to a loss: what the training loop, the memory estimate and the rehearsal ask of a task."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from cephkit.data.dataset import Batch

Network = Callable[..., Tensor]
"""A network as the caller runs it: bare, in half precision, on several processes, or traced."""


class Output(NamedTuple):
    """What one pass gives."""

    loss: Tensor
    """Scalar float32, the sum over the films of the batch. It needs no gradient if there was nothing to learn."""
    maps: Tensor
    """What the network returned, float32."""


class Task(ABC):
    """What a network learns. Passing it in, not owning it, lets the caller decide how it runs."""

    recomputes = False
    """Whether the network can recompute activations; see ``cephkit.memory.recompute``."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    @abstractmethod
    def __call__(self, network: Network, batch: Batch) -> Output:
        """Augmentation, targets, forward pass and loss of ``batch``, on the task's device, loss in float32."""

    def images(self, batch: Batch) -> Tensor:
        """(B, 1, H, W) float32 in [0, 1] on the task's device."""
        return batch.canvas.to(self.device, non_blocking=True).float().div_(255)

    def labels(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Points (B, K, 2) and mask (B, K) on the task's device."""
        return batch.points.to(self.device, non_blocking=True), batch.mask.to(self.device, non_blocking=True)
