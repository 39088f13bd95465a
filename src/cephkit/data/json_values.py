"""Checked values from JSON that others wrote: every reader of landmarks takes its numbers, texts and lists from here.

Each error names where the value stands, the value, what was expected, and what to do.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cephkit.data.film import FARTHEST_PX
from cephkit.errors import LabelError

LARGEST_ANNOTATIONS = 512 * 2**20
"""Bytes of a file with the landmarks of many films."""


def read_bytes(path: Path, largest: int = LARGEST_ANNOTATIONS) -> bytes:
    """Read the bytes of a file of landmarks.

    Raises:
        LabelError: it cannot be read, is empty, or has more than ``largest`` bytes.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise LabelError("the file is empty", "copy or export it again", path)
        if size > largest:
            raise LabelError(f"{size} bytes are too many for landmarks", "copy or export it again", path)
        return path.read_bytes()
    except OSError as error:
        raise LabelError(
            f"cannot be read: {error.strerror or error}", "check its name and that you may read it", path
        ) from error


def read_json(path: Path, largest: int = LARGEST_ANNOTATIONS, *, unique_keys: bool = False) -> Any:
    """Read the JSON in ``path``; a byte order mark does no harm.

    Args:
        path: the file.
        largest: its bytes at most.
        unique_keys: refuse an object that has a key twice; without it the last one counts.

    Raises:
        LabelError: see ``read_bytes``; it is not JSON; a key appears twice.
    """
    pairs_hook = _with_unique_keys if unique_keys else None
    try:
        return json.loads(read_bytes(path, largest).decode("utf-8-sig"), object_pairs_hook=pairs_hook)
    except (ValueError, RecursionError) as error:
        raise LabelError(f"not JSON: {error!s:.80}", "copy or export it again, or correct it", path) from error


def kind(value: Any) -> str:
    """Name the type of ``value`` as JSON does, for messages."""
    if value is None:
        return "missing"
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false"}.get(type(value), "a number")


def number(value: Any, name: str, where: Path | str, *, digits: bool = False) -> float:
    """Check a number of pixels, percent or the like: finite, and no larger than any film.

    Args:
        value: what the file holds.
        name: of the value.
        where: the file, and what in it.
        digits: digits in a text count too, as XML and some tools write them.
    """
    kinds = (int, float, str) if digits else (int, float)
    try:
        found = float(value) if isinstance(value, kinds) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if not abs(found) <= FARTHEST_PX:
        raise LabelError(f"{name} is {value!r:.40}, expected a number of at most {FARTHEST_PX:g}", "correct it", where)
    return found


def count(value: Any, name: str, where: Path | str, *, digits: bool = False) -> int:
    """Check a number of pixels, 1 or more; see ``number``."""
    found = number(value, name, where, digits=digits)
    if found < 1 or found != int(found):
        raise LabelError(f"{name} is {value!r:.40}, expected a number of pixels", "correct it", where)
    return int(found)


def text(content: Mapping[str, Any], key: str, where: Path | str) -> str:
    """Return the text under ``key``; empty if it is null or absent."""
    value = content.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise LabelError(f'"{key}" is {value!r:.40}, expected a text', "correct it", where)
    return value


def texts(content: Mapping[str, Any], key: str, where: Path | str) -> tuple[str, ...]:
    """Return the texts listed under ``key``; none if it is null or absent."""
    values = content.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise LabelError(f'"{key}" is {values!r:.60}, expected a list of texts', "correct it", where)
    return tuple(values)


def table(content: Mapping[str, Any], key: str, where: Path | str) -> dict[str, Any]:
    """Return the object under ``key``; empty if it is null or absent."""
    value = content.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise LabelError(f'"{key}" is {value!r:.40}, expected an object', "correct it", where)
    return value


def object_list(content: Mapping[str, Any], key: str, where: Path | str) -> list[dict[str, Any]]:
    """Return the list of objects under ``key``."""
    value = content.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise LabelError(f'"{key}" is not a list of objects', "check --format, or export it again", where)
    return value


def _with_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        listed = ", ".join(f"{name!r:.60}" for name in repeated[:5])
        raise LabelError(f"names {listed} twice in one object", "keep the right one")
    return content
