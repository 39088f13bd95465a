"""The film store: films decoded once into canvases that all processes read from one memory-mapped file.

File: the canvases one after another, uint8, then a JSON table (content hash -> position), then its length and a
mark. It gets its name only when it is whole, so that a half-written store is never opened. Every page is backed by the
file: the operating system keeps one copy in memory however many workers read, and under pressure drops pages that it
can read again, instead of swapping. The cache folder may be deleted whenever no run is using it.
"""

import json
import os
import shutil
import struct
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil
from numpy.typing import NDArray

from cephkit.data.film import Film
from cephkit.data.pixels import DECODER, read_grey, to_canvas, to_uint8
from cephkit.errors import DataError
from cephkit.geometry import Size

_FORMAT = f"cephkit film store 1, decoder {DECODER}"
_TAIL = struct.Struct("<Q8s")
_MARK = b"CEPHKIT1"
_MEMORY_SHARE = 0.8  # of the free memory; the rest is for the network, the workers and the desktop
_ABANDONED_S = 24 * 3600


class FilmStore:
    """Canvases of the films that are held; those of other films are not in it. Pickles as a path and a table."""

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
        # A worker opens the file itself: pickling the map would copy every film.
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


class StoreBuilder:
    """Collects canvases into a temporary file, from any thread, and makes a store of them in the end."""

    def __init__(self, folder: Path, canvas_size: Size) -> None:
        self._folder, self._canvas_size = folder, canvas_size
        self._lock = threading.Lock()
        self._slots: dict[str, int] = {}
        self._file: BinaryIO | None = None
        self._temporary: Path | None = None

    def add(self, content: str, grey: NDArray[np.uint8]) -> None:
        """Letterboxes the film ``grey`` (H, W) and writes its canvas."""
        canvas = to_canvas(grey, self._canvas_size)
        with self._lock:
            if content in self._slots:
                return
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                handle, name = tempfile.mkstemp(prefix="store-", suffix=".tmp", dir=self._folder)
                self._temporary, self._file = Path(name), os.fdopen(handle, "wb")
            self._file.write(canvas)
            self._slots[content] = len(self._slots)

    def finish(self, films: Sequence[Film], threads: int) -> FilmStore:
        """The store of exactly ``films``: an older one of the same films, or the collected canvases and the missing ones.

        Raises:
            FilmError: a film that was whole when it was checked no longer is.
            DataError: the store cannot be written.
        """
        path = store_path(self._folder, films, self._canvas_size)
        try:
            older = FilmStore.open(path, self._canvas_size)
            if older is not None:
                return older
            missing = {_content(film): film for film in films if _content(film) not in self._slots}
            if missing:
                with ThreadPoolExecutor(threads) as pool:
                    list(pool.map(self._add_film, missing.items()))
            return self._publish(path, {_content(film) for film in films})
        except OSError as error:
            remedy = "free space or name another folder with --cache_dir"
            raise DataError(f"{self._folder}: the film store cannot be written: {error}; {remedy}") from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Removes the temporary file."""
        if self._file is not None:
            self._file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
        self._file = self._temporary = None
        self._slots = {}

    def _add_film(self, item: tuple[str, Film]) -> None:
        content, film = item
        self.add(content, to_uint8(read_grey(film.path)))

    def _publish(self, path: Path, wanted: set[str]) -> FilmStore:
        assert self._file is not None and self._temporary is not None
        # A canvas that turned out not to be wanted (a leaked duplicate) keeps its place and loses its entry.
        slots = {content: slot for content, slot in self._slots.items() if content in wanted}
        table = {
            "format": _FORMAT,
            "canvas_size": self._canvas_size,
            "canvases": len(self._slots),
            "slots": slots,
        }
        tail = json.dumps(table).encode()
        self._file.write(tail + _TAIL.pack(len(tail), _MARK))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        try:
            self._temporary.replace(path)
        except PermissionError:
            # Windows does not replace a file that another run has mapped; that run's store is as good.
            if FilmStore.open(path, self._canvas_size) is None:
                raise
        store = FilmStore.open(path, self._canvas_size)
        if store is None:
            raise OSError(f"{path} is not readable after writing")
        return store


def store_path(folder: Path, films: Sequence[Film], canvas_size: Size) -> Path:
    """Where the store of ``films`` lies: named by format, canvas and the films' content."""
    key = blake2b(f"{_FORMAT} {canvas_size}".encode(), digest_size=16)
    for film in films:
        key.update(_content(film).encode())
    return folder / f"store-{canvas_size[0]}x{canvas_size[1]}-{key.hexdigest()}.u8"


def check_memory(count: int, canvas_size: Size) -> None:
    """Whether ``count`` canvases fit into free memory.

    Raises:
        DataError: they do not; says how many do.
    """
    each = canvas_size[0] * canvas_size[1]
    free = psutil.virtual_memory().available
    usable = int(free * _MEMORY_SHARE)
    if count * each > usable:
        raise DataError(
            f"holding {count} films at {canvas_size[0]}x{canvas_size[1]} needs {_mib(count * each)} of memory; "
            f"{_mib(free)} are free, of which {_mib(usable)} may be used; "
            f"use --limited_ram_cache {usable // each} in place of --use_ram_cache, or neither"
        )


def check_disk(folder: Path, count: int, canvas_size: Size) -> None:
    """Whether a new store of ``count`` canvases fits on the disk of ``folder``.

    Raises:
        DataError: it does not.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    need, free = count * canvas_size[0] * canvas_size[1], shutil.disk_usage(existing).free
    if need > free:
        raise DataError(
            f"{folder}: the film store needs {_mib(need)} of disk, {_mib(free)} are free; "
            "free space, name another folder with --cache_dir, or hold fewer films with --limited_ram_cache"
        )


def clear_abandoned(folder: Path) -> None:
    """Removes temporary files that a run left behind more than a day ago."""
    for path in folder.glob("*.tmp"):
        try:
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink()
        except OSError:
            continue  # another run was faster, or still has it open


def folder_bytes(folder: Path) -> int:
    """Size of all stores in ``folder``."""
    return sum(path.stat().st_size for path in _stores(folder))


def _stores(folder: Path) -> Iterable[Path]:
    return folder.glob("store-*.u8")


def _content(film: Film) -> str:
    if film.content is None:
        raise ValueError(f"{film.path} has not been checked: its content hash is unknown")
    return film.content


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


def _mib(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"
