"""Whose folder it is: a file in it names the process that writes there, so that no two runs mix."""

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from cephkit.errors import CephkitError
from cephkit.notice import Notify

LOCK = "cephkit.lock"
UNFINISHED = (".*.pth.*-*.tmp", ".epochs.csv.*-*.tmp", ".steps.csv.*-*.tmp")
"""What ``cephkit.files.replacing`` leaves of these files when the process is killed."""
MOST_BYTES = 4096


@contextlib.contextmanager
def owning(folders: Mapping[str, Path], notify: Notify) -> Iterator[None]:
    """Hold ``folders`` (flag -> folder; made where there are none) against other runs while this lasts.

    What killed runs left half-written in them is removed, and so is their lock.

    Raises:
        CephkitError: another process holds one of them, or it cannot be written.
    """
    with contextlib.ExitStack() as held:
        seen: set[Path] = set()
        for flag, folder in folders.items():
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                held.enter_context(_owning(folder, flag, notify))
        yield


@contextlib.contextmanager
def owning_folder_of(checkpoint: Path, notify: Notify) -> Iterator[None]:
    """As ``owning``, for a command that writes into ``checkpoint``; without such a file there is nothing to hold.

    Raises:
        CephkitError: a run holds its folder, or it cannot be written.
    """
    with owning({"": checkpoint.parent} if checkpoint.is_file() else {}, notify):
        yield


@contextlib.contextmanager
def _owning(folder: Path, flag: str, notify: Notify) -> Iterator[None]:
    made = not folder.exists()
    lock = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mine = _take(lock, f"{flag} {folder}".strip(), flag, notify)
        unfinished = [path for pattern in UNFINISHED for path in folder.glob(pattern)]
        for path in unfinished:
            path.unlink(missing_ok=True)
    except OSError as error:
        another = f"choose another {flag}" if flag else "free space or change its permissions"
        raise CephkitError(
            f"{flag} {folder}: cannot be written ({error.strerror or error}); {another}".strip()
        ) from error
    if unfinished:
        notify(f"{folder}: {len(unfinished)} unfinished file(s) of killed runs removed")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if _read(lock) == mine:
                lock.unlink()
            if made:
                folder.rmdir()  # only where nothing has come into it


def _take(lock: Path, what: str, flag: str, notify: Notify) -> bytes:
    """Make ``lock``, replacing a stale one; its content."""
    mine = json.dumps(_holder()).encode()
    while True:
        try:
            file = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            pass
        else:
            try:
                with os.fdopen(file, "wb") as opened:
                    opened.write(mine)
            except OSError:  # a full disk takes the name and not the content
                lock.unlink(missing_ok=True)
                raise
            return mine
        content = _read(lock)
        if content is None:
            continue  # released in between
        if not content:  # just being written, or by a process that was killed then
            time.sleep(0.2)
            content = _read(lock)
            if content is None:
                continue
        why = _gone(content) if content else "its process was killed while it was written"
        if why is None:
            raise CephkitError(
                f"{what} is in use by another run: {_described(content)}. {_remedy(lock, flag, content)}"
            )
        if _remove(lock, content):
            notify(f"{what}: the lock of an earlier run is removed ({why})")


def _holder() -> dict[str, Any]:
    return {
        "host": _host(),
        "process": os.getpid(),
        "started": _started(os.getpid()),
        "since": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    }


def _host() -> str:
    """The machine, and in it the space in which process numbers mean something: containers have their own."""
    try:
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _started(process: int) -> str:
    """When ``process`` began, as a name that no later process of that number shares; empty if there is none.

    Not the time of day where it can be helped: that moves when the clock is set.
    """
    try:
        if sys.platform == "linux":
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
            fields = stat.rpartition(")")[2].split()
            return "" if fields[0] in "ZX" else f"{boot} {fields[19]}"
        return f"{psutil.Process(process).create_time():.0f}"
    except (OSError, psutil.Error):
        return ""


def _gone(content: bytes | None) -> str | None:
    """Why the process that wrote ``content`` holds the lock no more; None if it may still."""
    holder = _parsed(content)
    if holder is None or holder["host"] != _host():
        return None
    started = _started(holder["process"])
    if not started:
        return f"process {holder['process']} has ended"
    return None if started == holder["started"] else f"process {holder['process']} is another one now"


def _parsed(content: bytes | None) -> dict[str, Any] | None:
    try:
        holder = json.loads(content or b"")
    except (ValueError, RecursionError):
        return None
    kinds = {"host": str, "process": int, "started": str, "since": str}
    fits = isinstance(holder, dict) and all(isinstance(holder.get(name), kind) for name, kind in kinds.items())
    return holder if fits else None


def _described(content: bytes | None) -> str:
    holder = _parsed(content)
    if holder is None:
        return "its lock cannot be read"
    host = holder["host"].split(" ")[0]
    return f"process {holder['process']} on {host}, since {holder['since']}"


def _remedy(lock: Path, flag: str, content: bytes | None) -> str:
    holder = _parsed(content)
    other = f"or choose another {flag}" if flag else "and try again"
    if holder is not None and holder["host"] == _host():
        return f"Wait until it ends, {other}"
    return f"Wait until it ends, {other}; if it no longer runs (its machine was restarted, say), remove {lock}"


def _read(lock: Path) -> bytes | None:
    """The content; None if there is no such file."""
    try:
        with lock.open("rb") as file:
            return file.read(MOST_BYTES)
    except FileNotFoundError:
        return None


def _remove(lock: Path, stale: bytes | None) -> bool:
    """Remove the lock if it still holds ``stale``: another run may have replaced it in this very moment."""
    aside = lock.with_name(f"{LOCK}.{os.getpid()}")
    try:
        lock.replace(aside)
    except FileNotFoundError:
        return False
    if _read(aside) == stale:
        aside.unlink()
        return True
    with contextlib.suppress(OSError):
        os.link(aside, lock)  # unlike rename it never replaces a third one's
    aside.unlink()
    return False
