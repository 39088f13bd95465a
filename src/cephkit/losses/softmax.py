"""A cross-entropy over the cells of the map: where is the landmark?"""

import torch
from torch import Tensor

from cephkit.heatmaps import find_peaks
from cephkit.losses.loss import HeatmapLoss


class SoftmaxLoss(HeatmapLoss):
    """2-D softmax cross-entropy of each heatmap against the target Gaussian, normalised to sum 1.

    Maps are logits, and a score is the probability in the window around the peak. The loss of a uniform map, the
    trivial solution, is log(h * w); the least possible one is the entropy of the target, about
    1 + log(2 pi sigma^2).

    **Shape**: prediction (B, K, h, w) logits of any floating dtype, target (B, K, h, w), mask (B, K) bool ->
    (B,) float32: the sum over the visible landmarks, divided by K.
    """

    final_std = 0.01

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        with torch.autocast(prediction.device.type, enabled=False):
            logits = prediction.float().flatten(2)
            target = target.float().flatten(2)
            target = target / target.sum(dim=-1, keepdim=True).clamp_min(1e-12)
            loss = -(target * logits.log_softmax(dim=-1)).sum(dim=-1)
            return torch.where(mask, loss, 0.0).sum(dim=-1) / mask.shape[-1]

    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        maps = heatmaps.float()
        # Relative to the most likely cell: Gaussians with peak 1.
        maps = torch.exp(maps - maps.amax(dim=(-2, -1), keepdim=True))
        points, windows = find_peaks(maps)
        return points, (windows.sum(dim=(-2, -1)) / maps.sum(dim=(-2, -1))).clamp(0, 1)

    def mass(self, heatmaps: Tensor) -> Tensor:
        return torch.unflatten(heatmaps.flatten(2).softmax(-1), -1, heatmaps.shape[-2:])
