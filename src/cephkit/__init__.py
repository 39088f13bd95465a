"""cephkit: landmarks on lateral cephalograms. Research use only; not a medical device."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cephkit.cephalometry.measured import measure
    from cephkit.commands.evaluate import evaluate
    from cephkit.commands.train import train
    from cephkit.data.spacing import Spacing, spacing_from_ruler
    from cephkit.inference.model import Model, load_model
    from cephkit.notice import NOTICE
    from cephkit.records.reader import read_record
    from cephkit.records.record import LandmarkRecord

    __version__: str

__all__ = [
    "NOTICE", "LandmarkRecord", "Model", "Spacing", "__version__", "evaluate", "load_model", "measure", "read_record",
    "spacing_from_ruler", "train",
]  # fmt: skip

_HOMES = {
    "LandmarkRecord": "cephkit.records.record",
    "Model": "cephkit.inference.model",
    "NOTICE": "cephkit.notice",
    "Spacing": "cephkit.data.spacing",
    "evaluate": "cephkit.commands.evaluate",
    "load_model": "cephkit.inference.model",
    "spacing_from_ruler": "cephkit.data.spacing",
    "measure": "cephkit.cephalometry.measured",
    "read_record": "cephkit.records.reader",
    "train": "cephkit.commands.train",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is used, so that ``cephkit --help`` waits for nothing."""
    from importlib import import_module

    if name == "__version__":
        return import_module("cephkit.notice").VERSION
    if name not in _HOMES:
        raise AttributeError(f"module 'cephkit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
