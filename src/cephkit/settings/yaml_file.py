"""A YAML file of settings: names with plain values or short lists."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cephkit.yaml_file import mapping, plain, read_yaml

_DEEPEST = 2


@dataclass(frozen=True)
class Setting:
    """A value and its place in the file."""

    value: Any
    place: str
    """``line 3, column 1``."""


def read_settings(path: Path) -> dict[str, Setting]:
    """Return the settings in the file at ``path``, by name; none for an empty file.

    Raises:
        SettingsError: it cannot be read, is not valid YAML, or contains more than names with values; gives the place.
    """
    where = f"--config {path}"
    node = read_yaml(path, where, _DEEPEST)
    if node is None:
        return {}
    found = mapping(node, where, "lines of the form 'name: value'")
    return {name: Setting(plain(value, where), place) for name, (value, place) in found.items()}
