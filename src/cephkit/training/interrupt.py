"""Ctrl-C as a wish to end after the step, not in the middle of one."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupted_by_ctrl_c() -> Iterator[Callable[[], bool]]:
    """While this lasts, the first Ctrl-C only sets what the yielded function returns; the second one interrupts."""
    pressed = False

    def handler(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        print("Ctrl-C: ending after this step, with a saved state (again: at once, without)", flush=True)

    try:
        before = signal.signal(signal.SIGINT, handler)
    except ValueError:  # signals belong to the main thread; elsewhere the caller's `stop` has to do
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
