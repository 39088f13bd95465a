"""Builds film stores: canvases come in from any thread, a complete store comes out or none."""

import os
import shutil
import threading
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
import psutil
from numpy.typing import NDArray

from cephkit.data.film import Film
from cephkit.data.opened import content_hash, open_film, read_bytes, to_canvas, to_uint8
from cephkit.data.store import FilmStore, content_of, end_of_store, store_path
from cephkit.errors import DataError, FilmError
from cephkit.geometry import Size
from cephkit.notice import Notify

_MEMORY_SHARE = 0.8  # of the free memory; the rest is for the network, workers and desktop
_ABANDONED_S = 24 * 3600


class StoreBuilder:
    """Collects canvases in a temporary file, from any thread, and finally makes a store of them.

    ``count`` films are expected: whether they fit on the disk is checked before the first is written.
    """

    def __init__(self, folder: Path, canvas_size: Size, count: int) -> None:
        self._folder, self._canvas_size, self._count = folder, canvas_size, count
        self._lock = threading.Lock()
        self._slots: dict[str, int] = {}
        self._checksums: list[int] = []
        self._file: BinaryIO | None = None
        self._temporary: Path | None = None

    def add(self, content: str, grey: NDArray[np.uint8]) -> None:
        """Letterbox the film ``grey`` (H, W) and write its canvas.

        Raises:
            DataError: the disk has no room for the store.
            OSError: the folder cannot be written.
        """
        canvas = to_canvas(grey, self._canvas_size)
        with self._lock:
            if content in self._slots:
                return
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                check_disk(self._folder, self._count, self._canvas_size)
                clear_abandoned(self._folder)
                self._temporary = self._folder / f"store-{os.getpid()}-{id(self)}.tmp"
                self._file = self._temporary.open("wb")
            self._file.write(canvas.data)
            self._slots[content] = len(self._checksums)
            self._checksums.append(zlib.crc32(canvas.data))

    def finish(self, films: Sequence[Film], threads: int, notify: Notify = print) -> FilmStore:
        """Return the store of exactly ``films``: an existing one, or the collected canvases with those still missing.

        Its pages are in memory and its canvases checked; an existing one with a damaged canvas is rebuilt, with a line.

        Raises:
            FilmError: a film has been damaged since it was checked.
            DataError: the store cannot be written.
        """
        path = store_path(self._folder, films, self._canvas_size)
        try:
            older = FilmStore.open(path, self._canvas_size)
            if older is not None:
                damaged = older.warm()
                if not damaged:
                    return older
                notify(f"{path}: {len(damaged)} of its {len(older)} canvases are damaged: rebuilding the film store")
                path.unlink(missing_ok=True)
            missing = {content_of(film): film for film in films if content_of(film) not in self._slots}
            if missing:
                with ThreadPoolExecutor(threads) as pool:
                    list(pool.map(self._add_film, missing.items()))
            store = self._publish(path, {content_of(film) for film in films})
            if store.warm():
                raise OSError("reading back gives other bytes than were written")
            return store
        except OSError as error:
            remedy = "free disk space or name another folder with --cache_dir"
            raise DataError(f"the film store cannot be written: {error}", remedy, self._folder) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the temporary file."""
        if self._file is not None:
            self._file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
        self._file = self._temporary = None
        self._slots, self._checksums = {}, []

    def _add_film(self, item: tuple[str, Film]) -> None:
        content, film = item
        data = read_bytes(film.path)
        if content_hash(data) != content:
            raise FilmError("changed during the check", "start the run again", film.path)
        self.add(content, to_uint8(open_film(film.path, use_spacing=False, data=data).grey))

    def _publish(self, path: Path, wanted: set[str]) -> FilmStore:
        assert self._file is not None
        assert self._temporary is not None
        # A canvas that proved unwanted (a leaked duplicate) keeps its place but has no entry.
        slots = {content: slot for content, slot in self._slots.items() if content in wanted}
        self._file.write(end_of_store(self._canvas_size, self._checksums, slots))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        # Readers keep the table of the store that they opened, so a complete store is never replaced: another run's may
        # hold the same films in another order.
        try:
            path.hardlink_to(self._temporary)
        except OSError:  # it exists, or the file system has no hard links
            if FilmStore.open(path, self._canvas_size) is None:
                self._temporary.replace(path)
        store = FilmStore.open(path, self._canvas_size)
        if store is None:
            raise OSError(f"{path} is not readable after writing")
        return store


def check_memory(count: int, canvas_size: Size, purpose: str = "") -> None:
    """Check that ``count`` canvases fit into free memory; ``purpose`` begins the message if they do not.

    Raises:
        DataError: they do not; its remedy says how many do.
    """
    each = canvas_size[0] * canvas_size[1]
    free = psutil.virtual_memory().available
    usable = int(free * _MEMORY_SHARE)
    if count * each > usable:
        raise DataError(
            f"{purpose}holding {count} films of {canvas_size[0]}x{canvas_size[1]} needs {_mib(count * each)} of memory"
            f"; {_mib(free)} are free, {_mib(usable)} of them for films",
            f"use --limited_ram_cache {usable // each} instead of --use_ram_cache, or neither",
        )


def check_disk(folder: Path, count: int, canvas_size: Size, purpose: str = "") -> None:
    """Check that a new store of ``count`` canvases fits on the disk of ``folder``, which exists; ``purpose`` as above.

    Raises:
        DataError: it does not.
    """
    need, free = count * canvas_size[0] * canvas_size[1], shutil.disk_usage(folder).free
    if need > free:
        raise DataError(
            f"{purpose}{folder}: the film store needs {_mib(need)} of disk, {_mib(free)} are free",
            "free space, name another folder with --cache_dir, or hold fewer films with --limited_ram_cache",
        )


def clear_abandoned(folder: Path) -> None:
    """Remove temporary files that a run left behind more than a day ago."""
    for path in folder.glob("*.tmp"):
        try:
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink()
        except OSError:
            continue  # another run removed it first, or still has it open


def folder_bytes(folder: Path) -> int:
    """Return the size of all stores in ``folder``."""
    return sum(path.stat().st_size for path in folder.glob("store-*.u8"))


def _mib(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"
