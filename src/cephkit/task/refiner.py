"""The second stage's task: where in a crop around a jittered point the landmark lies, whatever the first stage says."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from cephkit.augment.augmentation import Augmentation, AugmentSettings
from cephkit.data.dataset import Batch
from cephkit.models.refiner import (
    CROP,
    STRIDE,
    RefinerSpec,
    cell_offsets,
    expected_offsets,
    rotation_and_scale,
    take_crops,
)
from cephkit.task.task import Network, Output, Task

JITTER = (0.006, 0.015)
"""Standard deviations of first guesses about the truth, usual and far off, as shares of the canvas height."""
FAR_SHARE = 0.2
TARGET_SIGMA = 2.0
"""Standard deviation of the target about the landmark, crop pixels."""
COORDINATE_WEIGHT = 0.1
"""Weight of the distance between the expected and the true place (crop pixels) beside the cross-entropy."""


class RefinerTask(Task):
    """Learns to correct guesses about the landmarks of ``spec``.

    Args:
        spec: of the network.
        device: where the network is.
        rotation_degrees: crops are rotated up to this much either way.
        scale: crops are enlarged or reduced up to this share.
    """

    def __init__(self, spec: RefinerSpec, device: torch.device, rotation_degrees: float, scale: float) -> None:
        super().__init__(device)
        self.spec, self.rotation_degrees, self.scale = spec, rotation_degrees, scale
        self.greys = Augmentation(AugmentSettings(rotation_degrees=0, scale=0, translation=0, cutout_probability=0))

    def __call__(self, network: Network, batch: Batch) -> Output:
        canvases = self.images(batch)
        points, mask = self.labels(batch)
        canvases, _, _ = self.greys(canvases, points, mask)
        crops, offsets, used = self.jittered_crops(canvases, points, mask)
        weight = float(len(points))
        if not used.any():
            if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
                return Output(torch.zeros((), device=self.device), crops.new_empty(0))
            used, weight = torch.zeros_like(used), 0.0  # other processes wait for the gradients of this one
            used[0, 0] = True
        landmark = torch.arange(len(self.spec.symbols), device=self.device).expand(mask.shape)[used]
        maps = network(crops[used].contiguous(memory_format=torch.channels_last), landmark)
        return Output(refiner_loss(maps, offsets[used]) * weight, maps)

    def jittered_crops(self, canvases: Tensor, points: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Crops (B, K, 2, CROP, CROP), where in them the landmarks lie (B, K, 2), and which to learn from (B, K).

        Offsets are crop pixels from the crop's centre.
        """
        films, landmarks, _ = points.shape
        height = self.spec.canvas_size[0]
        far = torch.rand(films, landmarks, 1) < FAR_SHARE
        spread = torch.where(far, JITTER[1] * height, JITTER[0] * height)
        jitter = (torch.randn(films, landmarks, 2) * spread).to(points)
        degrees = (2 * torch.rand(films) - 1) * self.rotation_degrees
        scale = torch.exp((2 * torch.rand(films) - 1) * math.log1p(self.scale))
        turns = rotation_and_scale(degrees, scale).to(points)
        centres = torch.where(mask[..., None], points, 0.0) + jitter
        offsets = torch.einsum("bij,bkj->bki", torch.linalg.inv(turns), -jitter)
        inside = (offsets.abs() < (CROP - STRIDE) / 2).all(-1)
        return take_crops(canvases, centres, turns), offsets, mask & inside


def refiner_loss(maps: Tensor, offsets: Tensor) -> Tensor:
    """Cross-entropy against a Gaussian about the truth, and the distance of the expected place from it.

    **Shape**: maps (N, g, g) logits, offsets (N, 2) crop pixels -> scalar float32, the mean over the crops.
    """
    places = cell_offsets(maps.device)
    across, down = (
        torch.exp(-0.5 * ((places - offsets[:, axis, None]) / TARGET_SIGMA) ** 2) for axis in (0, 1)
    )  # fmt: skip
    target = (down[:, :, None] * across[:, None, :]).flatten(1)
    target = target / target.sum(-1, keepdim=True).clamp_min(1e-12)
    cross_entropy = -(target * maps.float().flatten(1).log_softmax(-1)).sum(-1)
    expected, _ = expected_offsets(maps)
    distance = functional.smooth_l1_loss(expected, offsets, reduction="none", beta=1.0).sum(-1)
    return (cross_entropy + COORDINATE_WEIGHT * distance).mean()
