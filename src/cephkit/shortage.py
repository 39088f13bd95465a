"""What machines run short of while a command works, and what to do about it."""

import errno
import multiprocessing
import re

from cephkit.errors import Note

SHORTAGES = (RuntimeError, OSError, MemoryError, EOFError)
"""The types of errors that ``shortage`` recognises some of."""
_WORKER = re.compile(r"DataLoader worker \(pid\S* ([\d, ]+)\)")
_NO_MEMORY = ("can't allocate memory", "Cannot allocate memory", "not enough memory")
_NO_WORKERS = "--num_workers 0, which loads in the main process"


def shortage(error: BaseException) -> Note | None:
    """What ran short, where ``error`` comes from that: memory, shared memory, open files; None for other errors.

    Recognised by type, number and text, because torch raises bare RuntimeErrors and wraps those of loader workers.
    """
    text = str(error)
    number = getattr(error, "errno", None)
    if "out of memory" in text or type(error).__name__ == "OutOfMemoryError":
        first = text.splitlines()[0] if text else "out of memory"
        return Note(
            "device memory", f"the device ran out of memory ({first})", "use a smaller --batch_size, or --device cpu"
        )
    if number == errno.EMFILE or "Too many open files" in text or "received 0 items of ancdata" in text:
        remedy = "use --num_workers 0, or raise the limit: ulimit -n 4096"
        return Note("open files", "too many open files for this process", remedy)
    if _lacks_shared_memory(error, text):
        return Note(
            "shared memory", "shared memory (/dev/shm) is missing or too small for loader workers",
            f"use {_NO_WORKERS}, or give the container more: docker run --shm-size=1g",
        )  # fmt: skip
    if isinstance(error, MemoryError) or number == errno.ENOMEM or any(phrase in text for phrase in _NO_MEMORY):
        return Note(
            "memory", "memory ran out (the machine's, or a limit set for this process)",
            "close other programs, or use --num_workers 0, no --use_ram_cache, a smaller --batch_size or --image_size",
        )  # fmt: skip
    worker = _WORKER.search(text)
    if (worker is not None and isinstance(error, RuntimeError)) or _lost_connection(error):
        process = f" (process {worker[1]})" if worker else ""
        return Note(
            "worker killed",
            f"a loader worker{process} was killed from outside, as systems do when memory runs out",
            f"use {_NO_WORKERS}, or close other programs",
        )
    return None


def check_shared_memory(workers: int) -> None:
    """Check, before work starts rather than in the middle of an epoch, that ``workers`` processes can share memory.

    Raises:
        OSError: they cannot; see ``shortage``.
    """
    if workers:
        multiprocessing.Lock()


def _lacks_shared_memory(error: BaseException, text: str) -> bool:
    if "Bus error" in text or "shared memory" in text or "</torch_" in text or "/dev/shm" in text:
        return isinstance(error, RuntimeError | OSError)
    # Locks between processes live in /dev/shm; the error names neither.
    return isinstance(error, OSError) and _raised_in(error).endswith("synchronize.py")


def _lost_connection(error: BaseException) -> bool:
    """Whether a worker died while it handed over a batch."""
    return isinstance(error, EOFError | ConnectionError) and "multiprocessing" in _raised_in(error)


def _raised_in(error: BaseException) -> str:
    """The path of the source file that raised ``error``."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else trace.tb_frame.f_code.co_filename
