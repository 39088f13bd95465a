"""The Adaptive Wing loss for heatmaps.

Reference: Wang, Bo, Fuxin, "Adaptive Wing Loss for Robust Face Alignment via Heatmap Regression", ICCV 2019.
"""

import torch
from torch import Tensor
from torch.nn import functional

from cephkit.heatmaps import find_peaks
from cephkit.losses.loss import HeatmapLoss

ALPHA = 2.1
OMEGA = 14.0
EPSILON = 1.0
THETA = 0.5
FOREGROUND = 0.2
"""Cells whose neighbourhood (3x3) reaches above this value belong to the landmark."""
FOREGROUND_SHARE = 0.2
"""Weight of the mean over the landmark's cells, of 1; means over the background have the rest."""
WORST_SHARE = 0.05
"""Weight of the mean over the ``WORST_CELLS`` of the background, of 1. In the mean over all of it a false peak costs
less the larger the map, and survives far from the landmark."""
WORST_CELLS = 200
"""About eight times as many as a landmark has. Weights were chosen by trials at 160, 384 and 1024 (docs/trials.md)."""
RIM = 0.1
"""Cells below this share of the peak are noise, and there are many of them: they have no mass."""


def adaptive_wing(prediction: Tensor, target: Tensor) -> Tensor:
    """The loss of every cell.

    With d = |target - prediction| and p = alpha - target::

        omega * ln(1 + (d / epsilon)^p)     d < theta
        A * d - C                           otherwise

        A = omega / (1 + (theta / epsilon)^p) * p * (theta / epsilon)^(p - 1) / epsilon
        C = theta * A - omega * ln(1 + (theta / epsilon)^p)

    **Shape**: all alike; float32 arguments with ``target`` in [0, 1].
    """
    power = ALPHA - target
    edge = (THETA / EPSILON) ** power
    slope = OMEGA / (1 + edge) * power * edge / THETA
    distance = (target - prediction).abs()
    near = distance.clamp(max=THETA)
    # A d - C = omega ln(1 + (theta / epsilon)^p) + A (d - theta), so one sum serves both branches.
    # log1p, because 1 + d^p loses the small residuals that decide sub-cell accuracy.
    return OMEGA * torch.log1p((near / EPSILON) ** power) + slope * (distance - near)


def is_foreground(target: Tensor) -> Tensor:
    """(B, K, h, w) bool: the landmark's cells, where the 3x3 grey dilation of the target exceeds 0.2."""
    return functional.max_pool2d(target, 3, stride=1, padding=1) > FOREGROUND


class AdaptiveWingLoss(HeatmapLoss):
    """Adaptive Wing loss: means over the landmark, over the background and over its worst cells, added up per film.

    None of the three depends on the size of the map, so one balance serves every ``--image_size``. Maps are Gaussians
    in [0, 1], and a score is the height of the peak.

    **Shape**: prediction (B, K, h, w) of any floating dtype, target (B, K, h, w) in [0, 1], mask (B, K) bool
    -> (B,) float32: the sum over the visible landmarks, divided by K. Targets outside [0, 1] are clamped:
    above 1.1 the exponent falls below 1 and the gradient at a residual of 0 is NaN.
    """

    final_std = 0.001

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        with torch.autocast(prediction.device.type, enabled=False):
            target = target.float().clamp(0, 1)
            cells, foreground = adaptive_wing(prediction.float(), target), is_foreground(target)
            landmark, background = (
                (cells * part).sum(dim=(-2, -1)) / part.sum(dim=(-2, -1)).clamp_min(1)
                for part in (foreground, ~foreground)
            )
            others = cells.masked_fill(foreground, 0).flatten(2)
            worst = others.topk(min(WORST_CELLS, others.shape[-1]), dim=-1, sorted=False).values.mean(dim=-1)
            loss = FOREGROUND_SHARE * landmark + WORST_SHARE * worst
            loss = loss + (1 - FOREGROUND_SHARE - WORST_SHARE) * background
            return torch.where(mask, loss, 0.0).sum(dim=-1) / mask.shape[-1]

    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        points, windows = find_peaks(heatmaps.float())
        return points, windows.amax(dim=(-2, -1)).clamp(0, 1)

    def mass(self, heatmaps: Tensor) -> Tensor:
        return (heatmaps - RIM * heatmaps.amax((-2, -1), keepdim=True)).clamp_min(0)
