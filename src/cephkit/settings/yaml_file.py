"""A YAML file of settings: names with plain values or short lists, read with bounds.

Such a file needs no anchors, no tags and no nesting beyond a list, so anything that could cost time and memory (aliases
that multiply, depth) or create objects is refused before it is built; each fault is reported with its line and column.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cephkit.errors import SettingsError

LARGEST_BYTES = 64 * 1024
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
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{where}: cannot be read ({error.strerror or error})") from error
    if len(data) > LARGEST_BYTES:
        raise SettingsError(f"{where}: more than {LARGEST_BYTES // 1024} KiB; this is not a settings file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        place = _place(before.count(b"\n"), error.start - before.rfind(b"\n") - 1)
        raise SettingsError(f"{where}, {place}: is not UTF-8 text; save it as UTF-8") from error
    try:
        _check_events(text, where)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        before_text = text[: error.position]
        place = _place(before_text.count("\n"), error.position - before_text.rfind("\n") - 1)
        raise SettingsError(f"{where}, {place}: is not valid YAML (a character that is not allowed)") from error
    except yaml.MarkedYAMLError as error:
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise SettingsError(f"{where}, {_at(error.problem_mark)}: is not valid YAML ({problem})") from error
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"):
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise SettingsError(f"{where}, {_at(node.start_mark)}: expected lines of the form 'name: value'")
    settings: dict[str, Setting] = {}
    for key, value in node.value:
        place = _at(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise SettingsError(f"{where}, {place}: expected the name of a setting, got a list or mapping")
        if key.value in settings:
            raise SettingsError(f"{where}, {place}: {key.value} is set twice, first in {settings[key.value].place}")
        settings[key.value] = Setting(_plain(value, where), place)
    return settings


def _check_events(text: str, where: str) -> None:
    """Refuse what settings do not need, before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        place = f"{where}, {_at(event.start_mark)}"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise SettingsError(f"{place}: anchors and aliases (& and *) are not supported; write the value out")
        if getattr(event, "tag", None) is not None:
            raise SettingsError(f"{place}: tags (!) are not supported; write the plain value")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise SettingsError(f"{place}: nested too deeply; expected 'name: value' with a value or a list")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _plain(node: yaml.Node, where: str) -> Any:
    """Return the value of a node without tags, at most a list deep."""
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_object(node, deep=True)
        if any("\0" in text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)):
            raise ValueError("a null character, which no path or name may contain")
        return value
    except (ValueError, TypeError, OverflowError, yaml.YAMLError) as error:
        text = str(node.value)[:40]
        reason = getattr(error, "problem", None) or error
        raise SettingsError(f"{where}, {_at(node.start_mark)}: {text!r} cannot be read ({reason})") from error
    finally:
        loader.dispose()


def _at(mark: Any) -> str:
    return "its end" if mark is None else _place(mark.line, mark.column)


def _place(line: int, column: int) -> str:
    return f"line {line + 1}, column {column + 1}"
