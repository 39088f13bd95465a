"""cephkit: landmarks on lateral cephalograms. Research use only; not a medical device."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cephkit.data.spacing import Spacing
    from cephkit.inference.model import Model, load_model
    from cephkit.inference.prediction import Prediction

__all__ = ["NOTICE", "Model", "Prediction", "Spacing", "load_model"]

NOTICE = "Research use only; not a medical device."
"""Stands in every result."""

_ROOMS = {
    "Model": "cephkit.inference.model",
    "load_model": "cephkit.inference.model",
    "Prediction": "cephkit.inference.prediction",
    "Spacing": "cephkit.data.spacing",
}

try:
    __version__ = version("cephkit")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    """Public names are imported when they are used: ``cephkit --help`` shall not wait for torch."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'cephkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ROOMS[name]), name)
