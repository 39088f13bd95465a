"""YAML files of plain values, read with bounds.

Such a file needs no anchors and no tags, and is only a few levels deep, so anything that could cost time and memory
(aliases that multiply, depth) or create objects is refused before it is built; each fault is reported with its line and
column.
"""

from pathlib import Path
from typing import Any

import yaml

from cephkit.errors import SettingsError

LARGEST_BYTES = 64 * 1024
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""In C, where PyYAML has it: five times as fast."""


def read_yaml(path: Path, where: str, deepest: int, largest: int = LARGEST_BYTES) -> yaml.Node | None:
    """Return the document in the file at ``path``; None if there is none.

    Args:
        path: the file.
        where: begins every message.
        deepest: lists and mappings may lie so many levels deep.
        largest: the file may have so many bytes.

    Raises:
        SettingsError: it cannot be read, is too large or too deep, is not valid YAML, or has anchors or tags.
    """
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise SettingsError(f"{where}: cannot be read ({error.strerror or error})") from error
    if len(data) > largest:
        raise SettingsError(f"{where}: more than {largest // 1024} KiB; this is not such a file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        place = _place(before.count(b"\n"), error.start - before.rfind(b"\n") - 1)
        raise SettingsError(f"{where}, {place}: is not UTF-8 text; save it as UTF-8") from error
    try:
        _check_events(text, where, deepest)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.reader.ReaderError as error:
        before_text = text[: error.position]
        place = _place(before_text.count("\n"), error.position - before_text.rfind("\n") - 1)
        raise SettingsError(f"{where}, {place}: is not valid YAML (a character that is not allowed)") from error
    except yaml.MarkedYAMLError as error:
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise SettingsError(f"{where}, {at(error.problem_mark)}: is not valid YAML ({problem})") from error
    if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
        return None
    return node


def mapping(node: yaml.Node, where: str, expected: str) -> dict[str, tuple[yaml.Node, str]]:
    """Return the values of a mapping with their places, by name.

    Raises:
        SettingsError: it is none (``expected`` says what should be there), a name is no plain text, or comes twice.
    """
    if not isinstance(node, yaml.MappingNode):
        raise SettingsError(f"{where}, {at(node.start_mark)}: expected {expected}")
    found: dict[str, tuple[yaml.Node, str]] = {}
    for key, value in node.value:
        place = at(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise SettingsError(f"{where}, {place}: expected a name, got a list or mapping")
        if key.value in found:
            raise SettingsError(f"{where}, {place}: {key.value} is set twice, first in {found[key.value][1]}")
        found[key.value] = value, place
    return found


def plain(node: yaml.Node, where: str) -> Any:
    """Return the value of a node without tags.

    Raises:
        SettingsError: it cannot be one, or contains a null character, which no path or name may contain.
    """
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_object(node, deep=True)
        if any("\0" in text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)):
            raise ValueError("a null character, which no path or name may contain")
        return value
    except (ValueError, TypeError, OverflowError, yaml.YAMLError) as error:
        text = str(node.value)[:40]
        reason = getattr(error, "problem", None) or error
        raise SettingsError(f"{where}, {at(node.start_mark)}: {text!r} cannot be read ({reason})") from error
    finally:
        loader.dispose()


def at(mark: Any) -> str:
    """Return ``line 3, column 1``."""
    return "its end" if mark is None else _place(mark.line, mark.column)


def _check_events(text: str, where: str, deepest: int) -> None:
    """Refuse what such a file does not need, before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        place = f"{where}, {at(event.start_mark)}"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise SettingsError(f"{place}: anchors and aliases (& and *) are not supported; write the value out")
        if getattr(event, "tag", None) is not None:
            raise SettingsError(f"{place}: tags (!) are not supported; write the plain value")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > deepest:
                raise SettingsError(f"{place}: nested too deeply; expected 'name: value' with a value or a list")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _place(line: int, column: int) -> str:
    return f"line {line + 1}, column {column + 1}"
