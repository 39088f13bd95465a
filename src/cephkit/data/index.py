"""Remembers what an earlier start found out about films (hashes, size, faults), so that the next decodes nothing."""

import contextlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cephkit.data.grey import LARGEST_PIXELS
from cephkit.data.likeness import SIDE, small_picture
from cephkit.data.opened import DECODER, content_hash, open_film, pixel_hash, read_bytes, to_uint8
from cephkit.data.spacing import Spacing
from cephkit.errors import FilmError, SettingsError
from cephkit.files import replacing
from cephkit.geometry import Size

FILE_NAME = "films.json"
_VERSION = f"4-{DECODER}"
_Stamp: TypeAlias = tuple[int, int, int]
"""Size in bytes, mtime and ctime in ns: a copy that keeps its original's mtime still has another ctime."""

Sink: TypeAlias = Callable[[str, NDArray[np.uint8]], None]
"""Takes a content hash and the film (H, W) uint8 that was just decoded."""


@dataclass(frozen=True)
class FilmFacts:
    """One film's file: either ``size`` and ``pixels``, or the ``reason`` why it cannot be used, with a ``remedy``."""

    content: str | None
    """Hash of the bytes; None if they could not be read."""
    size: Size | None = None
    pixels: str | None = None
    """Hash of the grey pixels."""
    reason: str | None = None
    remedy: str = ""
    spacing: Spacing | None = None
    """The pixel size in a DICOM file; None also if it is impossible."""
    picture: bytes = b""
    """The film as ``likeness.small_picture``; empty if it cannot be used."""


class FilmIndex:
    """Facts by content, content by path and stamp. Safe for several threads; processes share a file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._stamps: dict[str, tuple[_Stamp, str]] = {}
        self._facts: dict[str, FilmFacts] = {}
        self._changed = False
        self._load()

    def known(self, path: Path) -> FilmFacts | None:
        """Return the facts of a film whose file has not changed, by its stamp."""
        with contextlib.suppress(OSError):
            stamp, content = self._stamps.get(os.path.abspath(path), (None, ""))  # noqa: PTH100 - resolve() costs disk
            if stamp is not None and stamp == _stamp(path):
                return self._facts.get(content)
        return None

    def facts_of(self, path: Path, sink: Sink | None = None) -> FilmFacts:
        """Return the facts of a film: known by its bytes, or decoded, remembered and passed to ``sink``."""
        try:
            stamp = _stamp(path)
            data = read_bytes(path)
        except FilmError as error:
            return FilmFacts(None, reason=error.text, remedy=error.remedy)
        except OSError as error:
            return FilmFacts(None, reason=f"cannot be read: {error.strerror or error}", remedy="check the file")
        content = content_hash(data)
        facts = self._facts.get(content) or _decode(data, content, path, sink)
        self._facts[content] = facts
        self._stamps[os.path.abspath(path)] = (stamp, content)  # noqa: PTH100 - resolve() costs disk
        self._changed = True
        return facts

    def save(self) -> None:
        """Write what is new, together with what other processes have written meanwhile.

        Raises:
            OSError: the folder cannot be written.
        """
        if not self._changed:
            return
        stamps, facts = self._stamps, self._facts
        self._stamps, self._facts = {}, {}
        self._load()
        self._stamps.update(stamps)
        self._facts.update(facts)
        plain = {
            "version": _VERSION,
            "files": {path: [*stamp, content] for path, (stamp, content) in self._stamps.items()},
            "facts": {content: _plain(facts) for content, facts in self._facts.items()},
        }
        with replacing(self._path) as file:
            file.write(json.dumps(plain).encode())
        self._changed = False

    def _load(self) -> None:
        try:
            plain = json.loads(self._path.read_bytes())
            if plain["version"] != _VERSION:
                return
            facts = {content: _facts(content, entry) for content, entry in plain["facts"].items()}
            stamps = {}
            for path, (*stamp, content) in plain["files"].items():
                size, mtime, ctime = stamp
                if not all(type(value) is int for value in stamp) or not isinstance(content, str):
                    return
                stamps[path] = ((size, mtime, ctime), content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, SettingsError):
            return  # costs only time: films not remembered are decoded again
        self._facts, self._stamps = facts, stamps


def _plain(facts: FilmFacts) -> dict[str, Any]:
    return {**asdict(facts), "picture": b64encode(facts.picture).decode("ascii")}


def _facts(content: str, entry: dict[str, Any]) -> FilmFacts:
    """Parse one film's facts as ``save`` wrote them.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, SettingsError: ``save`` did not write these.
    """
    spacing, size = entry["spacing"] and Spacing(**entry["spacing"]), entry["size"] and tuple(entry["size"])
    picture = b64decode(entry["picture"], validate=True)
    facts = FilmFacts(**{**entry, "size": size, "spacing": spacing, "picture": picture})
    texts = (facts.content, facts.pixels, facts.reason)
    whole = facts.size is not None and len(facts.size) == 2 and all(type(side) is int for side in facts.size)
    if (
        facts.content != content
        or not all(text is None or isinstance(text, str) for text in texts)
        or not isinstance(facts.remedy, str)
        or not (spacing is None or isinstance(spacing.origin, str))
        or (facts.reason is None) != whole
        or (facts.pixels is not None) != whole
        or len(facts.picture) != (SIDE**2 if whole else 0)
        or (facts.size is not None and (min(facts.size) < 1 or facts.size[0] * facts.size[1] > LARGEST_PIXELS))
    ):
        raise ValueError(f"not facts of a film: {entry}")
    return facts


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _decode(data: bytes, content: str, path: Path, sink: Sink | None) -> FilmFacts:
    try:
        film = open_film(path, ignore_bad_spacing=True, data=data)
    except FilmError as error:
        return FilmFacts(content, reason=error.text, remedy=error.remedy)
    height, width = film.grey.shape
    grey = to_uint8(film.grey)
    facts = FilmFacts(
        content, (height, width), pixel_hash(film.grey), spacing=film.spacing, picture=small_picture(grey)
    )
    if sink is not None:
        sink(content, grey)
    return facts
