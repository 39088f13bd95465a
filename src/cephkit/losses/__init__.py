"""Heatmap losses, one per file. Their names are known without PyTorch, so that ``--help`` does not wait for it."""

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING

from cephkit.errors import SettingsError

if TYPE_CHECKING:
    from cephkit.losses.loss import HeatmapLoss


def _adaptive_wing() -> "HeatmapLoss":
    from cephkit.losses.adaptive_wing import AdaptiveWingLoss

    return AdaptiveWingLoss()


def _softmax() -> "HeatmapLoss":
    from cephkit.losses.softmax import SoftmaxLoss

    return SoftmaxLoss()


LOSSES: dict[str, Callable[[], "HeatmapLoss"]] = {"adaptive_wing": _adaptive_wing, "softmax": _softmax}
"""Name -> what makes the loss; a class will do. The first is the default."""


def build_loss(name: str) -> "HeatmapLoss":
    """The loss of this name.

    Raises:
        SettingsError: there is none.
    """
    if name not in LOSSES:
        close = difflib.get_close_matches(name, LOSSES, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise SettingsError(f"unknown loss {name!r}: use one of {', '.join(LOSSES)}{hint}")
    return LOSSES[name]()
