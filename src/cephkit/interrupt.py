"""Ctrl-C and SIGTERM, handled alike by all commands.

Either ends a command, which keeps what it has done so far; training ends after the current step, with a saved state.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

INTERRUPTED, TERMINATED = 130, 143
"""Exit statuses after Ctrl-C and after SIGTERM (SLURM, docker stop, systemd): 128 + the signal's number."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised where Ctrl-C raises KeyboardInterrupt, so that one handler serves both."""


class Stopped(Exception):  # noqa: N818 - not an error
    """Stopped by the user, with the work so far kept; the message says how to resume."""

    def __init__(self, message: str = "stopped", status: int = INTERRUPTED) -> None:
        super().__init__(message)
        self.status = status


@contextlib.contextmanager
def sigterm_like_ctrl_c() -> Iterator[None]:
    """Raise ``Terminated`` at the first SIGTERM; later ones do not disturb the cleanup."""
    raised = False

    def handler(number: int, frame: FrameType | None) -> None:
        nonlocal raised
        if not raised:
            raised = True
            raise Terminated

    with _handling(handler, signal.SIGTERM):
        yield


class StopRequest:
    """Returns whether the user has asked to stop, when called; ``status`` is the exit status."""

    status = INTERRUPTED

    def __init__(self) -> None:
        self._asked = False

    def __call__(self) -> bool:
        return self._asked

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first requests a stop, and a Ctrl-C after it interrupts at once.

        A second SIGTERM is ignored: SLURM and torchrun both send one.

        Raises:
            KeyboardInterrupt: a second Ctrl-C.
        """
        if self._asked:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self._asked = True
        name, again = "Ctrl-C", " (again: stop at once, without saving)"
        if number == signal.SIGTERM:
            self.status, name, again = TERMINATED, "SIGTERM", ""
        if is_first_process():
            with contextlib.suppress(RuntimeError):  # it interrupted another print
                print(f"{name}: ending after this step, with a saved state{again}", flush=True)


@contextlib.contextmanager
def ending_after_the_step() -> Iterator[StopRequest]:
    """Let Ctrl-C and SIGTERM only set what the yielded object returns; see ``StopRequest.handle``.

    Signals reach the main thread only; in other threads the caller needs its own ``stop``.
    """
    request = StopRequest()
    with _handling(request.handle, signal.SIGINT, signal.SIGTERM):
        yield request


def ignore_stop_signals(worker: int = 0) -> None:
    """Leave the handling of signals to the first process; for loader workers (``worker_init_fn``).

    A terminal sends Ctrl-C, and SLURM SIGTERM, to all processes of a run at once. A SIGTERM from the first process
    itself ends the worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # elsewhere the sender of a signal is unknown
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_obey, args=(os.getppid(),), daemon=True).start()


def _obey(parent: int) -> None:
    if sys.platform == "linux":
        while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
            pass
        os._exit(0)


def until(stop: Callable[[], bool]) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """Return a wrapper for loaders that ends the loop over them when ``stop()`` is true.

    Raises:
        Stopped: from the loop.
    """

    def batches(loader: Iterable[Any]) -> Iterator[Any]:
        for batch in loader:
            if stop():
                raise Stopped
            yield batch

    return batches


def is_first_process() -> bool:
    """Return False in all processes of torchrun but the first, which alone prints."""
    return os.environ.get("RANK", "0") == "0"


@contextlib.contextmanager
def _handling(handler: Callable[[int, FrameType | None], None], *numbers: int) -> Iterator[None]:
    owner = os.getpid()

    def own(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            handler(number, frame)
        elif number == signal.SIGTERM:  # a forked child that has not set its own handler yet
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    before = {}
    try:
        for number in numbers:
            before[number] = signal.signal(number, own)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
