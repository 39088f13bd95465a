"""The Adaptive Wing loss for heatmaps.

Reference: Wang, Bo, Fuxin, "Adaptive Wing Loss for Robust Face Alignment via Heatmap Regression", ICCV 2019.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

ALPHA = 2.1
OMEGA = 14.0
EPSILON = 1.0
THETA = 0.5
FOREGROUND = 0.2
"""Cells whose neighbourhood (3x3) reaches above this value belong to the landmark."""
FOREGROUND_SHARE = 0.5
"""What the mean over the landmark's cells counts, of 1; the mean over the background counts the rest."""
HARDEST_CELLS = 200
"""Of the background those many cells count that are worst, some eight times as many as a landmark has. A mean over all
of them would let a false peak cost less the larger the map, and the landmark's own cells with it if all shared one."""


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


class AdaptiveWingLoss(nn.Module):
    """Adaptive Wing loss, the landmark and the worst of the background averaged apart, summed up per film.

    Neither mean depends on the size of the map, so that one balance serves every ``--image_size``.

    **Shape**: prediction (B, K, h, w) of any floating dtype, target (B, K, h, w) in [0, 1], mask (B, K) bool
    -> (B,) float32: the sum over the visible landmarks, divided by K. Targets outside [0, 1] are cut to it:
    above 1.1 the exponent falls below 1 and the gradient at a residual of 0 is not a number.

    Args:
        foreground_share: what the landmark's cells count, of 1.
    """

    def __init__(self, foreground_share: float = FOREGROUND_SHARE) -> None:
        super().__init__()
        self.foreground_share = foreground_share

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        with torch.autocast(prediction.device.type, enabled=False):
            target = target.float().clamp(0, 1)
            cells, foreground = adaptive_wing(prediction.float(), target), is_foreground(target)
            landmark = (cells * foreground).sum(dim=(-2, -1)) / foreground.sum(dim=(-2, -1)).clamp_min(1)
            others = cells.masked_fill(foreground, 0).flatten(2)
            background = others.topk(min(HARDEST_CELLS, others.shape[-1]), dim=-1, sorted=False).values.mean(dim=-1)
            loss = self.foreground_share * landmark + (1 - self.foreground_share) * background
            return torch.where(mask, loss, 0.0).sum(dim=-1) / mask.shape[-1]
