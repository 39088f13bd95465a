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
FOREGROUND_WEIGHT = 10.0
"""Their extra weight: without it a map of zeros costs next to nothing and training stays there."""


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


def weight_map(target: Tensor) -> Tensor:
    """(B, K, h, w): 11 where the 3x3 grey dilation of the target exceeds 0.2, else 1."""
    return 1 + FOREGROUND_WEIGHT * (functional.max_pool2d(target, 3, stride=1, padding=1) > FOREGROUND)


class AdaptiveWingLoss(nn.Module):
    """Weighted Adaptive Wing loss, averaged over the cells of a map and summed up per film.

    **Shape**: prediction (B, K, h, w) of any floating dtype, target (B, K, h, w) in [0, 1], mask (B, K) bool
    -> (B,) float32: the sum over the visible landmarks, divided by K. Targets outside [0, 1] are cut to it:
    above 1.1 the exponent falls below 1 and the gradient at a residual of 0 is no number.
    """

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        with torch.autocast(prediction.device.type, enabled=False):
            target = target.float().clamp(0, 1)
            loss = weight_map(target) * adaptive_wing(prediction.float(), target)
            return torch.where(mask, loss.mean(dim=(-2, -1)), 0.0).sum(dim=-1) / mask.shape[-1]
