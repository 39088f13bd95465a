"""What machines run short of while a command works, told in one message with the remedy."""

import errno
import multiprocessing
import re

_WORKER = re.compile(r"DataLoader worker \(pid\S* ([\d, ]+)\)")


def shortage(error: BaseException) -> str | None:
    """The message for an error that comes from too little memory, shared memory, or too few open files; else None.

    Told by type, number and text: torch raises bare RuntimeErrors, and wraps those of loader workers.
    """
    text = str(error)
    number = getattr(error, "errno", None)
    if "out of memory" in text or type(error).__name__ == "OutOfMemoryError":
        first = text.splitlines()[0] if text else "out of memory"
        return f"the device ran out of memory ({first}); use a smaller --batch_size, or --device cpu"
    if number == errno.EMFILE or "Too many open files" in text or "received 0 items of ancdata" in text:
        return "too many open files for this process; use --num_workers 0, or raise the limit: ulimit -n 4096"
    if _lacks_shared_memory(error, text):
        return (
            "shared memory (/dev/shm) is missing or too small for loader workers; use --num_workers 0, which loads in "
            "the process itself, or give the container more: docker run --shm-size=1g"
        )
    if isinstance(error, MemoryError) or number == errno.ENOMEM or _lacks_memory(text):
        return (
            "memory ran out (that of the machine, or a limit set for this process); close other programs, or use "
            "--num_workers 0, no --use_ram_cache, a smaller --batch_size or --image_size"
        )
    worker = _WORKER.search(text)
    if worker is not None and isinstance(error, RuntimeError):
        return (
            f"a loader worker (process {worker[1]}) was killed from outside, as systems do when memory runs out; use "
            "--num_workers 0, which loads in the process itself, or close other programs"
        )
    return None


def check_shared_memory(workers: int) -> None:
    """Find before work starts, rather than in the middle of a loader, that ``workers`` processes have no /dev/shm.

    Raises:
        OSError: they have none; see ``shortage``.
    """
    if workers:
        multiprocessing.Lock()


def without_wrapping(text: str, kind: str) -> str:
    """The message of an error of class ``kind`` without the traceback that a loader worker wraps it in."""
    if not text.startswith(f"Caught {kind} in ") or f"{kind}: " not in text:
        return text
    return text.rpartition(f"{kind}: ")[2].strip()


def _lacks_memory(text: str) -> bool:
    return any(said in text for said in ("can't allocate memory", "Cannot allocate memory", "not enough memory"))


def _lacks_shared_memory(error: BaseException, text: str) -> bool:
    if "Bus error" in text or "shared memory" in text or "</torch_" in text or "/dev/shm" in text:
        return isinstance(error, RuntimeError | OSError)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    # Locks between processes live in /dev/shm; the error names neither.
    return (
        isinstance(error, OSError) and trace is not None
        and trace.tb_frame.f_code.co_filename.endswith("synchronize.py")
    )  # fmt: skip
