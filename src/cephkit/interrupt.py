"""Ctrl-C and SIGTERM, one mechanism for all commands.

A command is ended by either with what it has done so far kept; a training ends after its step, with a saved state.
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
    """SIGTERM, raised where Ctrl-C raises KeyboardInterrupt: what answers the one answers the other."""


class Stopped(Exception):  # noqa: N818 - no error
    """Ended at the user's wish, with what was done kept; the message says how to go on."""

    def __init__(self, message: str = "stopped", status: int = INTERRUPTED) -> None:
        super().__init__(message)
        self.status = status


@contextlib.contextmanager
def sigterm_like_ctrl_c() -> Iterator[None]:
    """While this lasts, the first SIGTERM raises ``Terminated``; later ones do not disturb the clearing up."""
    raised = False

    def handler(number: int, frame: FrameType | None) -> None:
        nonlocal raised
        if not raised:
            raised = True
            raise Terminated

    with _handling(handler, signal.SIGTERM):
        yield


class Asked:
    """Whether the user has asked to stop: call it. ``status`` is the exit status that tells how."""

    status = INTERRUPTED

    def __init__(self) -> None:
        self._asked = False

    def __call__(self) -> bool:
        return self._asked

    def heard(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first sets the wish, and a Ctrl-C after it interrupts at once.

        A second SIGTERM says nothing new: SLURM and torchrun both send one.

        Raises:
            KeyboardInterrupt: Ctrl-C, once more.
        """
        if self._asked:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self._asked = True
        name, again = "Ctrl-C", " (again: at once, without)"
        if number == signal.SIGTERM:
            self.status, name, again = TERMINATED, "SIGTERM", ""
        if is_first_process():
            with contextlib.suppress(RuntimeError):  # it came in the middle of another line
                print(f"{name}: ending after this step, with a saved state{again}", flush=True)


@contextlib.contextmanager
def ending_after_the_step() -> Iterator[Asked]:
    """While this lasts, Ctrl-C and SIGTERM only set what the yielded object returns; see ``Asked.heard``.

    Signals belong to the main thread; in others nothing is heard, and the caller's ``stop`` has to do.
    """
    asked = Asked()
    with _handling(asked.heard, signal.SIGINT, signal.SIGTERM):
        yield asked


def ignore_stop_signals(worker: int = 0) -> None:
    """For loader workers (``worker_init_fn``): what ends a run is the first process's business.

    A terminal sends Ctrl-C, and SLURM SIGTERM, to all processes of a run at once. The SIGTERM by which the first
    process itself ends a worker is obeyed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # elsewhere nobody can say who sent a signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_at_the_wish_of, args=(os.getppid(),), daemon=True).start()


def _end_at_the_wish_of(parent: int) -> None:
    if sys.platform == "linux":
        while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
            pass
        os._exit(0)


def until(stop: Callable[[], bool]) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """A wrapper of loaders that ends the loop over them when ``stop()`` is true.

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
    """False in all processes of torchrun but the first: they say nothing."""
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
