"""Films decoded once, in a cache of bounded size, and the levels and tiles that the page shows them by."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cephkit.data.depth import histogram
from cephkit.data.grey import Grey, row_blocks
from cephkit.data.opened import OpenedFilm, open_film, pixel_hash
from cephkit.data.spacing import Spacing
from cephkit.errors import FilmError
from cephkit.geometry import Size

TILE = 512
"""Side of a tile, and longest side of the smallest level, in pixels."""
CACHE_BYTES = 512 * 2**20
"""Of decoded films in memory, besides the one that came last."""
DECODERS = 2
"""Films decoded side by side for those who wait."""
_OUTLIERS = 0.005
"""Share of the pixels at each end that the first window leaves out."""
Stamp = tuple[int, int]
"""Size in bytes, and time of change in ns, of a film's file."""


@dataclass(frozen=True)
class FilmFacts:
    """What is known of a film once it was decoded, without its pixels."""

    size: Size
    """(height, width)."""
    depth: int
    """Bits of a pixel: 8 or 16."""
    hash: str
    """``pixel_hash`` of the film."""
    content: str
    """Hash of the file's bytes."""
    levels: tuple[Size, ...]
    """(height, width) of each level, the whole film first."""
    window: tuple[int, int]
    """Grey values between which nearly all pixels lie."""
    spacing: Spacing | None
    """What the file says."""
    orientation: int
    notes: tuple[str, ...]
    stamp: Stamp


@dataclass(frozen=True)
class FilmPixels:
    """A decoded film."""

    facts: FilmFacts
    levels: tuple[Grey, ...]
    """The whole film (H, W), then ever halved until its longer side is at most ``TILE``."""

    @property
    def size_bytes(self) -> int:
        """Of memory."""
        return sum(level.nbytes for level in self.levels)

    def tile(self, level: int, row: int, column: int) -> bytes | None:
        """Return the pixels of a tile, row by row, little-endian; None if there is no such tile."""
        if level not in range(len(self.levels)):
            return None
        grey = self.levels[level]
        if not (0 <= row * TILE < grey.shape[0] and 0 <= column * TILE < grey.shape[1]):
            return None
        tile = grey[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
        return tile.astype(tile.dtype.newbyteorder("<"), copy=False).tobytes()


class Pixels:
    """Decodes films when they are asked for, each once, and keeps the latest. Threads may share it.

    Args:
        paths: of the films, by number.
        budget: bytes of pixels to keep.
    """

    def __init__(self, paths: Sequence[Path], budget: int = CACHE_BYTES) -> None:
        self._paths, self._budget = paths, budget
        self._lock = threading.RLock()  # cancelling a future calls back at once
        self._films: OrderedDict[int, tuple[Stamp | None, Future[FilmPixels]]] = OrderedDict()
        self._facts: dict[int, FilmFacts] = {}
        self._pool = ThreadPoolExecutor(DECODERS, "decode")
        self._ahead = ThreadPoolExecutor(1, "decode-ahead")
        self._expected: Future[FilmPixels] | None = None

    def future(self, n: int) -> "Future[FilmPixels]":
        """Return the film, decoded now unless it is there; ``FilmError`` comes from its result."""
        return self._asked(n, self._pool)

    def get(self, n: int) -> FilmPixels:
        """Return the film; waits until it is decoded.

        Raises:
            FilmError: it cannot be read.
        """
        try:
            return self.future(n).result()
        except CancelledError as error:
            raise self._ending(n) from error

    def facts(self, n: int) -> FilmFacts:
        """Return what is known of the film, which is decoded if it never was, or has changed since.

        Raises:
            FilmError: it cannot be read.
        """
        known = self.known(n)
        return self.get(n).facts if known is None else known

    def known(self, n: int) -> FilmFacts | None:
        """Return what is known of the film if it was decoded and its file is still the same."""
        facts = self._facts.get(n)
        return facts if facts is not None and facts.stamp == stamp(self._paths[n]) else None

    def ready(self, n: int) -> FilmPixels | None:
        """Return the film if it is there."""
        with self._lock:
            there = self._films.get(n)
        if there is None or not there[1].done() or there[1].cancelled() or there[1].exception() is not None:
            return None
        return there[1].result()

    def prefetch(self, n: int) -> None:
        """Decode a film that will be asked for soon; only the latest of these that has not begun is done."""
        with self._lock:
            if n not in self._films:
                if self._expected is not None:
                    self._expected.cancel()
                self._expected = self._asked(n, self._ahead)

    def close(self) -> None:
        """Begin nothing any more."""
        for pool in (self._pool, self._ahead):
            pool.shutdown(wait=False, cancel_futures=True)

    def _asked(self, n: int, pool: ThreadPoolExecutor) -> "Future[FilmPixels]":
        now = stamp(self._paths[n])
        with self._lock:
            there = self._films.get(n)
            if there is not None and there[0] == now:
                waits_ahead = pool is self._pool and self._expected is there[1]
                if not (waits_ahead and there[1].cancel()):  # what is waited for comes before what is expected
                    self._films.move_to_end(n)
                    return there[1]
            try:
                future = pool.submit(self._decoded, n)
            except RuntimeError as error:  # after ``close``
                raise self._ending(n) from error
            self._films[n] = now, future
            self._films.move_to_end(n)
        future.add_done_callback(lambda done: self._trim(n, done))
        return future

    def _ending(self, n: int) -> FilmError:
        return FilmError("was not read: the program is ending", path=self._paths[n])

    def _decoded(self, n: int) -> FilmPixels:
        film = decode(self._paths[n])
        self._facts[n] = film.facts
        return film

    def _trim(self, n: int, done: "Future[FilmPixels]") -> None:
        """Forget what failed, and the films that were asked for longest ago if there are too many."""
        with self._lock:
            if done.cancelled() or done.exception() is not None:
                if n in self._films and self._films[n][1] is done:
                    del self._films[n]
                return
            ready = {
                key: future.result().size_bytes
                for key, (_, future) in self._films.items()
                if future.done() and not future.cancelled() and future.exception() is None
            }
            total = sum(ready.values())
            for key in list(ready)[:-1]:
                if total <= self._budget:
                    break
                total -= ready[key]
                del self._films[key]


def stamp(path: Path) -> Stamp | None:
    """Return what changes with a file; None if it cannot be found."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def decode(path: Path) -> FilmPixels:
    """Read a film and make its levels.

    Raises:
        FilmError: it cannot be read.
    """
    before = stamp(path)
    try:
        opened = open_film(path, ignore_bad_spacing=True)
        levels = [opened.grey]
        while max(levels[-1].shape) > TILE:
            levels.append(halved(levels[-1]))
    except MemoryError as error:
        raise FilmError("too large for this machine's memory", "save the film smaller, or remove it", path) from error
    return FilmPixels(_facts(opened, levels, before or (0, 0)), tuple(levels))


def halved(grey: Grey) -> Grey:
    """Return the mean of each 2 x 2 pixels of ``grey`` (H, W), rounded; at an odd edge of those that there are."""
    height, width = grey.shape
    half = np.empty(((height + 1) // 2, (width + 1) // 2), dtype=grey.dtype)
    sums: type[np.unsignedinteger[Any]] = np.uint16 if grey.dtype == np.uint8 else np.uint32
    for rows in row_blocks(half.shape):
        block: NDArray[np.unsignedinteger[Any]] = grey[rows.start * 2 : rows.stop * 2].astype(sums)
        if len(block) % 2:
            block = np.concatenate((block, block[-1:]))
        down = block[::2] + block[1::2]
        if width % 2:
            down = np.concatenate((down, down[:, -1:]), axis=1)
        half[rows] = (down[:, ::2] + down[:, 1::2] + 2) >> 2
    return half


def window_of(grey: Grey) -> tuple[int, int]:
    """Return the grey values between which all but half a percent of the pixels at each end lie."""
    shares = np.cumsum(histogram(grey)) / grey.size
    low, high = (int(np.searchsorted(shares, share)) for share in (_OUTLIERS, 1 - _OUTLIERS))
    return low, max(high, low + 1)


def _facts(opened: OpenedFilm, levels: Sequence[Grey], made: Stamp) -> FilmFacts:
    height, width = opened.grey.shape
    return FilmFacts(
        (height, width), 8 * opened.grey.itemsize, pixel_hash(opened.grey), opened.content,
        tuple((level.shape[0], level.shape[1]) for level in levels), window_of(opened.grey), opened.spacing,
        opened.orientation, opened.notes, made,
    )  # fmt: skip
