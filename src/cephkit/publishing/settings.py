"""The settings in a checkpoint without what they tell about the machine: folders, files, names of users."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, get_type_hints

from cephkit.config import TrainConfig

DROPPED = ("cache_dir", "save_dir", "log_dir", "splits_from", "resume", "device")
"""Say where a run was, not what it was."""


def without_places(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run with the last part of each path, and without the folders of results and caches."""
    hints = get_type_hints(TrainConfig)
    paths = {name for name, kind in hints.items() if "Path" in str(kind)} | {"landmarks"}
    return {
        name: _last(value) if name in paths else value for name, value in config.items() if name not in DROPPED
    }  # fmt: skip


def _last(value: Any) -> Any:
    if isinstance(value, str):
        return PurePosixPath(value.replace("\\", "/")).name
    return [_last(each) for each in value] if isinstance(value, list | tuple) else value
