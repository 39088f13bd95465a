"""The film store: films decoded once into canvases that all processes read from one memory-mapped file.

File: the canvases one after another, uint8, then a JSON table (content hash -> position, and each canvas's CRC-32),
its length, and a mark; one file, so that canvases and table always belong together. It gets its name only when it is
complete, so that a partial one is never opened. ``warm`` compares each canvas with its checksum. Every page is backed
by the file: the operating system keeps one copy in memory for all workers, and when memory is short drops pages that
it can read again. The cache folder may be deleted whenever no run is using it.
"""

import json
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cephkit.data.film import Film
from cephkit.data.opened import DECODER
from cephkit.errors import FilmError
from cephkit.geometry import Size

_FORMAT = f"cephkit film store 2, decoder {DECODER}"
_TAIL = struct.Struct("<Q8s")
_MARK = b"CEPHKIT1"

Stamp: TypeAlias = tuple[int, int]
"""Size in bytes and mtime in ns, by which a replaced file is recognised."""


@dataclass(frozen=True)
class _Table:
    """What follows the canvases."""

    slots: dict[str, int]
    """Content hash -> position of the canvas."""
    checksums: tuple[int, ...]
    """CRC-32 of each canvas, by position."""
    stamp: Stamp


class FilmStore:
    """Canvases of the films that are held. Pickled as a path and a table; a worker opens the file itself."""

    def __init__(self, path: Path | None, canvas_size: Size, table: _Table) -> None:
        self.path, self.canvas_size, self._table = path, canvas_size, table
        self._canvases: NDArray[np.uint8] | None = None

    @classmethod
    def empty(cls, canvas_size: Size) -> "FilmStore":
        """Return a store that holds nothing: every film is decoded on access."""
        return cls(None, canvas_size, _Table({}, (), (0, 0)))

    @classmethod
    def open(cls, path: Path, canvas_size: Size) -> "FilmStore | None":
        """Open the store at ``path``; None if there is no complete one of this format."""
        try:
            with path.open("rb") as file:
                table = _read_table(file, canvas_size)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return None if table is None else cls(path, canvas_size, table)

    def __len__(self) -> int:
        return len(self._table.slots)

    def __contains__(self, content: object) -> bool:
        return content in self._table.slots

    def __getstate__(self) -> dict[str, Any]:
        # Pickling the map would copy every film.
        return {**self.__dict__, "_canvases": None}

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return self.path.stat().st_size if self.path else 0

    def canvas(self, content: str) -> NDArray[np.uint8]:
        """Return the canvas (H, W) uint8 of a film by its content hash: a read-only view of the file.

        Raises:
            KeyError: the film is not held.
            FilmError: the file is no longer the one that was opened.
        """
        slot = self._table.slots[content]
        if self._canvases is None:
            assert self.path is not None
            if not self.path.is_file() or _stamp(self.path.stat()) != self._table.stamp:
                raise FilmError("the film store was removed or replaced during the run", "start it again", self.path)
            shape = (len(self._table.checksums), *self.canvas_size)
            self._canvases = np.memmap(self.path, dtype=np.uint8, mode="r", shape=shape)
        canvas: NDArray[np.uint8] = self._canvases[slot]
        return canvas

    def warm(self) -> list[str]:
        """Read the file once, so that its pages are in memory before the first epoch, and check every canvas.

        Returns:
            Content hashes of the films whose canvases are damaged.

        Raises:
            OSError: the file cannot be read.
        """
        if self.path is None:
            return []
        canvas = bytearray(self.canvas_size[0] * self.canvas_size[1])
        whole = []
        with self.path.open("rb") as file:
            for checksum in self._table.checksums:
                whole.append(file.readinto(canvas) == len(canvas) and zlib.crc32(canvas) == checksum)
        return [content for content, slot in self._table.slots.items() if not whole[slot]]


def store_path(folder: Path, films: Sequence[Film], canvas_size: Size) -> Path:
    """Return the path of the store of ``films``, named by format, canvas size and the films' content."""
    key = blake2b(f"{_FORMAT} {canvas_size}".encode(), digest_size=16)
    for film in films:
        key.update(content_of(film).encode())
    return folder / f"store-{canvas_size[0]}x{canvas_size[1]}-{key.hexdigest()}.u8"


def content_of(film: Film) -> str:
    """Return the content hash of a checked film.

    Raises:
        ValueError: it has not been checked.
    """
    if film.content is None:
        raise ValueError(f"{film.path} has not been checked: its content hash is unknown")
    return film.content


def end_of_store(canvas_size: Size, checksums: Sequence[int], slots: dict[str, int]) -> bytes:
    """Encode what follows the canvases in the file: the table, its length and the mark."""
    table = {"format": _FORMAT, "canvas_size": canvas_size, "checksums": list(checksums), "slots": slots}
    text = json.dumps(table).encode()
    return text + _TAIL.pack(len(text), _MARK)


def _stamp(about: os.stat_result) -> Stamp:
    return about.st_size, about.st_mtime_ns


def _read_table(file: BinaryIO, canvas_size: Size) -> _Table | None:
    """Read the table of a complete store of this format and canvas size; nonsense raises errors of any kind."""
    size = file.seek(0, os.SEEK_END)
    if size < _TAIL.size:
        return None
    file.seek(size - _TAIL.size)
    length, mark = _TAIL.unpack(file.read(_TAIL.size))
    if mark != _MARK or length > size - _TAIL.size:
        return None
    file.seek(size - _TAIL.size - length)
    table = json.loads(file.read(length))
    if table["format"] != _FORMAT or table["canvas_size"] != list(canvas_size):
        return None
    checksums, slots = table["checksums"], table["slots"]
    count = len(checksums)
    sound = (
        isinstance(checksums, list) and isinstance(slots, dict)
        and all(type(each) is int for each in checksums)
        and all(type(slot) is int and 0 <= slot < count for slot in slots.values())
        and size == count * canvas_size[0] * canvas_size[1] + length + _TAIL.size
    )  # fmt: skip
    return _Table(slots, tuple(checksums), _stamp(os.fstat(file.fileno()))) if sound else None
