"""The first stage's task: one heatmap per landmark of a whole film."""

from typing import NamedTuple

import torch
from torch import Tensor

from cephkit.augment.augmentation import Augmentation
from cephkit.data.dataset import Batch
from cephkit.geometry import canvas_to_grid
from cephkit.heatmaps import gaussian_heatmaps
from cephkit.losses import build_loss
from cephkit.models.spec import ModelSpec
from cephkit.task.task import Network, Output, Task


class Validated(NamedTuple):
    """What one validation pass gives."""

    loss: Tensor
    """Scalar, the sum over the films of the batch."""
    empty_loss: Tensor
    """The same for empty maps: a network at this value has learned nothing."""
    points: Tensor
    """(B, K, 2) in cells of the maps; NaN where a landmark was not found."""


class HeatmapTask(Task):
    """Learns the heatmaps of ``spec``.

    Args:
        spec: of the network.
        device: where the network is.
        augment: change the training films at random.
        channels_last: hand films over in this memory layout.
    """

    recomputes = True

    def __init__(self, spec: ModelSpec, device: torch.device, augment: bool, channels_last: bool) -> None:
        super().__init__(device)
        self.spec, self.loss, self.channels_last = spec, build_loss(spec.loss), channels_last
        self.augmentation = Augmentation().to(device) if augment else None

    def __call__(self, network: Network, batch: Batch) -> Output:
        images = self.images(batch)
        points, mask = self.labels(batch)
        if self.augmentation is not None:
            images, points, mask = self.augmentation(images, points, mask)
        maps = network(self._layout(images)).float()
        return Output(self.loss(maps, self.targets(points, mask), mask).sum(), maps)

    @torch.no_grad()
    def validate(self, network: Network, batch: Batch) -> Validated:
        """Loss and landmarks of ``batch``, not augmented; ``network`` is in eval mode."""
        images = self._layout(self.images(batch))
        points, mask = self.labels(batch)
        target = self.targets(points, mask)
        maps = network(images).float()
        loss = self.loss(maps, target, mask).sum()
        empty = self.loss.of_empty_maps(target, mask).sum()
        found, _ = self.loss.locate(maps)
        return Validated(loss, empty, found)

    def targets(self, points: Tensor, mask: Tensor) -> Tensor:
        """Target maps (B, K, h, w) float32 of ``points`` (B, K, 2), canvas pixels."""
        to_grid = torch.as_tensor(canvas_to_grid(self.spec.heatmap_stride), dtype=torch.float32, device=points.device)
        grid_points = points @ to_grid[:2, :2].T + to_grid[:2, 2]
        return gaussian_heatmaps(grid_points, mask, self.spec.grid_size, self.spec.sigma)

    def _layout(self, images: Tensor) -> Tensor:
        return images.contiguous(memory_format=torch.channels_last) if self.channels_last else images
