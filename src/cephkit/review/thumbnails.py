"""Small pictures of films for the list, made in a thread of their own and kept on disk."""

import contextlib
import io
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from cephkit.data.grey import Grey
from cephkit.data.spacing import Spacing, stretch_of
from cephkit.errors import FilmError
from cephkit.files import short_name
from cephkit.review.films import ReviewFilm
from cephkit.review.pixels import FilmPixels, Pixels, Stamp, decode, stamp

LONGEST_SIDE = 160
QUALITY = 80


class Thumbnails:
    """Makes small pictures, those asked for last first: a list that is scrolled shows these.

    Args:
        films: the films by number.
        pixels: decoded films, used where they are there.
        folder: where pictures are kept; safe to delete.
    """

    def __init__(self, films: Sequence[ReviewFilm], pixels: Pixels, folder: Path) -> None:
        self._films, self._pixels, self._folder = films, pixels, folder
        self._pool = ThreadPoolExecutor(1, "thumbnails")
        self._lock = threading.Lock()
        self._asked: dict[int, Future[bytes]] = {}

    def future(self, n: int) -> "Future[bytes]":
        """Return a film's picture as JPEG; ``FilmError`` comes from its result."""
        with self._lock:
            there = self._asked.pop(n, None)
            future = there or Future()
            self._asked[n] = future
        if there is None:
            self._pool.submit(self._next)
        return future

    def close(self) -> None:
        """Begin nothing any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for future in self._asked.values():
                future.cancel()

    def _next(self) -> None:
        with self._lock:
            n, future = self._asked.popitem()
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(self._made(n))
        except Exception as error:  # whoever waits gets it
            future.set_exception(error)

    def _made(self, n: int) -> bytes:
        film, now = self._films[n], stamp(self._films[n].path)
        if now is None:
            raise FilmError("is not there any more", "put it back", film.path)
        path = self._folder / short_name(f"{film.film_id}-{version(now)}.jpg")
        with contextlib.suppress(OSError):
            return path.read_bytes()
        pixels = self._pixels.ready(n) or decode(film.path)
        data = jpeg(pixels, film.spacing or pixels.facts.spacing)
        temporary = path.with_name(f".{os.getpid()}.tmp")
        with contextlib.suppress(OSError):  # it can be made again
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(data)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        return data


def version(made: Stamp) -> str:
    """Return a text that changes with a film's file."""
    return f"{made[0]:x}-{made[1]:x}"


def jpeg(film: FilmPixels, spacing: Spacing | None) -> bytes:
    """Return a picture of a film: with square pixels, its longer side ``LONGEST_SIDE``."""
    grey = windowed(film.levels[-1], film.facts.window)
    height, width = (side * factor for side, factor in zip(grey.shape, stretch_of(spacing)[::-1], strict=True))
    scale = LONGEST_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    file = io.BytesIO()
    Image.fromarray(grey).resize(size, Image.Resampling.BOX).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def windowed(grey: Grey, window: tuple[int, int]) -> np.ndarray:
    """Return ``grey`` (H, W) as uint8, black and white at the ends of the window."""
    low, high = window
    return (((grey.astype(np.float32) - low) / (high - low)).clip(0, 1) * 255).round().astype(np.uint8)
