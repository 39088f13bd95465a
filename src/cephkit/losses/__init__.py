"""Heatmap losses, one a file, float32."""

import difflib

import torch
from torch import Tensor, nn

from cephkit.errors import SettingsError
from cephkit.losses.adaptive_wing import AdaptiveWingLoss
from cephkit.losses.softmax import SoftmaxLoss

LOSSES: dict[str, type[nn.Module]] = {"adaptive_wing": AdaptiveWingLoss, "softmax": SoftmaxLoss}
"""Name -> module with forward(prediction (B, K, h, w), target (B, K, h, w), mask (B, K)) -> (B,) float32."""


def build_loss(name: str) -> nn.Module:
    """The loss of this name.

    Raises:
        SettingsError: there is none.
    """
    if name not in LOSSES:
        close = difflib.get_close_matches(name, LOSSES, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise SettingsError(f"unknown loss {name!r}: use one of {', '.join(LOSSES)}{hint}")
    return LOSSES[name]()


@torch.no_grad()
def trivial_loss(loss: nn.Module, target: Tensor, mask: Tensor) -> Tensor:
    """What a network pays that shows nothing: the loss (B,) of maps of zeros (for the softmax: uniform ones).

    A training whose loss stays at this value has not learned anything.
    """
    value: Tensor = loss(torch.zeros_like(target), target, mask)
    return value
