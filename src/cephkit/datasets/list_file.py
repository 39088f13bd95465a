"""A YAML list of data sets, with names and weights.

- path: Aariz
- {path: isbi2015, name: ISBI, weight: 2}
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cephkit.data.names import is_file_name
from cephkit.errors import SettingsError
from cephkit.yaml_file import at, mapping, plain, read_yaml

_DEEPEST = 2
_KEYS = ("path", "name", "weight")
LARGEST_WEIGHT = 1000.0


@dataclass(frozen=True)
class Named:
    """A data set that a user names."""

    path: Path
    name: str = ""
    """Empty: that of its folder."""
    weight: float = 1.0
    """How often its films are seen in training, relative to those of weight 1."""


def read_list(path: Path) -> list[Named]:
    """Read the list in ``path``; folders are relative to it.

    Raises:
        SettingsError: see ``read_yaml``; or it is not such a list; gives the place.
    """
    where = f"--dataset_path {path}"
    node = read_yaml(path, where, _DEEPEST)
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise SettingsError(f"{where}: expected a list of data sets, such as '- path: Aariz'")
    named = [_named(entry, path, where) for entry in node.value]
    names = [one.name for one in named]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SettingsError(f"{where}: two data sets are called {twice}; give each a name of its own")
    return named


def _named(node: yaml.Node, path: Path, where: str) -> Named:
    values: dict[str, Any] = {}
    for key, (value, place) in mapping(node, where, "path, and perhaps name and weight").items():
        if key not in _KEYS:
            raise SettingsError(f"{where}, {place}: there is no {key!r:.40}; expected {', '.join(_KEYS)}")
        values[key] = plain(value, where)
    here = f"{where}, {at(node.start_mark)}"
    folder, weight = values.get("path"), values.get("weight", 1.0)
    if not isinstance(folder, str) or not folder:
        raise SettingsError(f"{here}: path is {folder!r:.40}, expected a folder or file")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= LARGEST_WEIGHT:
        raise SettingsError(f"{here}: weight is {weight!r:.40}, expected a number above 0, at most {LARGEST_WEIGHT:g}")
    root = path.parent / folder
    name = values.get("name", root.resolve().name)
    if not isinstance(name, str) or not is_file_name(name):
        raise SettingsError(f"{here}: name is {name!r:.40}, expected a short name without slashes")
    return Named(root, name, float(weight))
