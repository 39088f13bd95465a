"""cephkit: landmarks on lateral cephalograms. Research use only; not a medical device."""

from typing import TYPE_CHECKING, Any

from cephkit import notice
from cephkit.notice import NOTICE

if TYPE_CHECKING:
    from cephkit.cephalometry.measured import measure
    from cephkit.data.spacing import Spacing
    from cephkit.inference.model import Model, load_model
    from cephkit.records.reader import read_record
    from cephkit.records.record import LandmarkRecord

__all__ = ["NOTICE", "LandmarkRecord", "Model", "Spacing", "__version__", "load_model", "measure", "read_record"]

_ROOMS = {
    "Model": "cephkit.inference.model",
    "load_model": "cephkit.inference.model",
    "LandmarkRecord": "cephkit.records.record",
    "Spacing": "cephkit.data.spacing",
    "measure": "cephkit.cephalometry.measured",
    "read_record": "cephkit.records.reader",
}

__version__ = notice.VERSION


def __getattr__(name: str) -> Any:
    """Public names are imported when they are used: ``cephkit --help`` does not wait for torch."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'cephkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ROOMS[name]), name)
