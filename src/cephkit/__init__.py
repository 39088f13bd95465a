"""cephkit: landmarks on lateral cephalograms. Research use only; not a medical device."""

from typing import TYPE_CHECKING, Any

from cephkit import notice
from cephkit.notice import NOTICE

if TYPE_CHECKING:
    from cephkit.commands.evaluate import evaluate
    from cephkit.commands.train import train
    from cephkit.data.spacing import Spacing
    from cephkit.inference.model import Model, load_model
    from cephkit.inference.prediction import Prediction

__all__ = ["NOTICE", "Model", "Prediction", "Spacing", "__version__", "evaluate", "load_model", "train"]

_ROOMS = {
    "Model": "cephkit.inference.model",
    "load_model": "cephkit.inference.model",
    "Prediction": "cephkit.inference.prediction",
    "Spacing": "cephkit.data.spacing",
    "evaluate": "cephkit.commands.evaluate",
    "train": "cephkit.commands.train",
}

__version__ = notice.VERSION


def __getattr__(name: str) -> Any:
    """Public names are imported when they are used: ``cephkit --help`` shall not wait for torch."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'cephkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ROOMS[name]), name)
