"""Unpacks compressed pixels in a separate process, so that a decoder's crash or endless loop does not end this one.

The process starts with the first compressed film, serves all that follow, and ends with this one. Threads that read
films concurrently have one each. Only plain bytes pass between them.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cephkit.data.dicom.decoder import READY, read_message, write_message

MOST_IDLE = 4
"""Number of processes that are kept for the next film."""
SECONDS, SECONDS_PER_PIXEL = 20.0, 1e-6
"""How long a film may take; decoders need a tenth of that, and slow machines need more."""
_LIBRARY_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_TYPES = ("uint8", "int8", "uint16", "int16")


class DecodingError(Exception):
    """What went wrong, without any text from the film's header."""


def decoded(frame: bytes, about: dict[str, Any], shape: tuple[int, ...]) -> tuple[NDArray[Any], str]:
    """Decode a compressed picture to pixels (H, W) or (H, W, 3), and the colour space that they are in.

    Args:
        frame: the compressed picture.
        about: for ``decoder.decode``: ``syntax``, ``plugin`` and the ``options`` of pydicom's decoder.
        shape: expected shape of the pixels.

    Raises:
        DecodingError: the decoder failed, crashed, or needed too much time or memory.
        NoDecoderError: it could not be started.
    """
    seconds = SECONDS + SECONDS_PER_PIXEL * shape[0] * shape[1]
    with _lent() as decoder:
        answer, pixels = decoder.ask({**about, "seconds": seconds}, frame)
    if fault := answer.get("fault"):
        raise DecodingError(str(fault))
    kind = answer.get("type")
    if kind not in _TYPES or len(pixels) != int(np.prod(shape)) * np.dtype(kind).itemsize:
        raise DecodingError("a size that differs from the header's")
    return np.frombuffer(pixels, dtype=kind).reshape(shape), str(answer.get("colour"))


class NoDecoderError(Exception):
    """No decoder process can be started here; the film is not the cause."""


class _Decoder:
    """One process, for one film at a time."""

    def __init__(self) -> None:
        environment = {
            **os.environ,
            **dict.fromkeys(_LIBRARY_THREADS, "1"),  # their threads would count towards its memory
            "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
            "PYTHONSAFEPATH": "1",
        }
        # Ctrl-C is for this process, which finishes the current film.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cephkit.data.dicom.decoder"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, **apart,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise NoDecoderError(f"no process can be started: {type(error).__name__}") from error
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.to, self.back = self.process.stdin, self.process.stdout
        if self.back.read(len(READY)) != READY:
            self.end()
            raise NoDecoderError(f"its process ended with status {self.process.returncode}")

    def ask(self, about: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a request and return the answer.

        Raises:
            DecodingError: the process ended, by itself or because it reached a limit.
        """
        start = time.monotonic()
        try:
            write_message(self.to, about, data)
            return read_message(self.back)
        except (OSError, EOFError, ValueError) as error:
            self.end()
            if time.monotonic() - start >= about["seconds"]:
                raise DecodingError(f"the decoder took more than {about['seconds']:.0f} s") from error
            raise DecodingError(f"the decoder crashed ({self._status()})") from error

    def _status(self) -> str:
        code = self.process.returncode
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
        return f"status {code}"

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self.to.close()
        try:
            self.process.wait(0.5)  # it ends with its input, if a crash has not ended it before
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.back.close()


_lock = threading.Lock()
_idle: list[_Decoder] = []


@contextlib.contextmanager
def _lent() -> Iterator[_Decoder]:
    with _lock:
        decoder = _idle.pop() if _idle else None
    if decoder is not None and not decoder.is_alive:
        decoder.end()
        decoder = None
    decoder = decoder or _Decoder()
    try:
        yield decoder
    except BaseException:  # Ctrl-C too: it would answer the next film with this one's pixels
        decoder.end()
        raise
    with _lock:
        if len(_idle) < MOST_IDLE:
            _idle.append(decoder)
            return
    decoder.end()


@atexit.register
def end_all() -> None:
    """End all processes that wait for a film."""
    while _idle:
        _idle.pop().end()


def _forget() -> None:
    """Forget all processes in a fork: they belong to its parent."""
    global _lock
    _lock = threading.Lock()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
