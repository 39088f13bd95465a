"""The film store: films decoded once into canvases that all processes read from one memory-mapped file.

File: the canvases one after another, uint8, then a JSON table (content hash -> position), its length, a mark;
one file, so that canvases and table can never be of two runs. It gets its name only when it is whole: what is
half written is never opened. Every page is backed by the file: the operating system keeps one copy in memory
for all workers, and when memory is short drops pages that it can read again. The cache folder may be deleted
whenever no run is using it.
"""

import json
import os
import struct
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cephkit.data.film import Film
from cephkit.data.pixels import DECODER
from cephkit.geometry import Size

_FORMAT = f"cephkit film store 1, decoder {DECODER}"
_TAIL = struct.Struct("<Q8s")
_MARK = b"CEPHKIT1"


class FilmStore:
    """Canvases of the films that are held. Pickles as a path and a table; a worker opens the file itself."""

    def __init__(self, path: Path | None, canvas_size: Size, slots: dict[str, int]) -> None:
        self.path, self.canvas_size, self._slots = path, canvas_size, slots
        self._canvases: NDArray[np.uint8] | None = None

    @classmethod
    def empty(cls, canvas_size: Size) -> "FilmStore":
        """A store that holds nothing: every film is decoded when it is asked for."""
        return cls(None, canvas_size, {})

    @classmethod
    def open(cls, path: Path, canvas_size: Size) -> "FilmStore | None":
        """The store at ``path``, or None where there is none that is whole and of this format."""
        try:
            with path.open("rb") as file:
                table = _read_table(file)
        except (OSError, ValueError, struct.error):
            return None
        if table is None or table["format"] != _FORMAT or tuple(table["canvas_size"]) != canvas_size:
            return None
        return cls(path, canvas_size, table["slots"])

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, content: object) -> bool:
        return content in self._slots

    def __getstate__(self) -> dict[str, Any]:
        # Pickling the map would copy every film.
        return {**self.__dict__, "_canvases": None}

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return self.path.stat().st_size if self.path else 0

    def canvas(self, content: str) -> NDArray[np.uint8]:
        """The canvas (H, W) uint8 of a film by its content hash: a read-only view of the file.

        Raises:
            KeyError: the film is not held.
        """
        slot = self._slots[content]
        if self._canvases is None:
            assert self.path is not None
            count = max(self._slots.values()) + 1
            self._canvases = np.memmap(self.path, dtype=np.uint8, mode="r", shape=(count, *self.canvas_size))
        return self._canvases[slot]

    def warm(self) -> None:
        """Reads the file once, so that its pages are in memory before the first epoch."""
        if self.path is None:
            return
        buffer = bytearray(4 * 2**20)
        with self.path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def store_path(folder: Path, films: Sequence[Film], canvas_size: Size) -> Path:
    """Where the store of ``films`` lies: named by format, canvas and the films' content."""
    key = blake2b(f"{_FORMAT} {canvas_size}".encode(), digest_size=16)
    for film in films:
        key.update(content_of(film).encode())
    return folder / f"store-{canvas_size[0]}x{canvas_size[1]}-{key.hexdigest()}.u8"


def content_of(film: Film) -> str:
    """The content hash of a checked film.

    Raises:
        ValueError: it has not been checked.
    """
    if film.content is None:
        raise ValueError(f"{film.path} has not been checked: its content hash is unknown")
    return film.content


def end_of_store(canvas_size: Size, canvases: int, slots: dict[str, int]) -> bytes:
    """What follows the canvases in the file: the table, its length and the mark."""
    table = {"format": _FORMAT, "canvas_size": canvas_size, "canvases": canvases, "slots": slots}
    text = json.dumps(table).encode()
    return text + _TAIL.pack(len(text), _MARK)


def _read_table(file: BinaryIO) -> dict[str, Any] | None:
    size = file.seek(0, os.SEEK_END)
    if size < _TAIL.size:
        return None
    file.seek(size - _TAIL.size)
    length, mark = _TAIL.unpack(file.read(_TAIL.size))
    if mark != _MARK or length > size - _TAIL.size:
        return None
    file.seek(size - _TAIL.size - length)
    table = json.loads(file.read(length))
    if not isinstance(table, dict) or not {"format", "canvas_size", "canvases", "slots"} <= table.keys():
        return None
    height, width = table["canvas_size"]
    return table if size == table["canvases"] * height * width + length + _TAIL.size else None
