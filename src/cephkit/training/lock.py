"""Whose folder it is: a file in it names the process that writes there, so that no two runs mix."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from filelock import SoftFileLock, Timeout

from cephkit.errors import CephkitError
from cephkit.notice import Notify

LOCK = "cephkit.lock"
UNFINISHED = (".*.pth.*-*.tmp", ".epochs.csv.*-*.tmp", ".steps.csv.*-*.tmp")
"""What ``cephkit.files.replacing`` leaves of these files when the process is killed."""


@contextlib.contextmanager
def owning(folders: Mapping[str, Path], notify: Notify) -> Iterator[None]:
    """Hold ``folders`` (flag -> folder; made where there are none) against other runs while this lasts.

    What killed runs left half-written in them is removed, and so is their lock.

    Raises:
        CephkitError: another process holds one of them, or it cannot be written.
    """
    with contextlib.ExitStack() as held:
        different: dict[Path, tuple[Path, str]] = {}
        for flag, folder in folders.items():
            different.setdefault(folder.resolve(), (folder, flag))
        for folder, flag in different.values():
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
    what, made, path = f"{flag} {folder}".strip(), not folder.exists(), folder / LOCK
    # A lock whose process has ended, by number and start, on this machine and in this container, is taken over.
    lock, is_old = SoftFileLock(path, timeout=0.1), path.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(poll_interval=0.02)
        unfinished = [path for pattern in UNFINISHED for path in folder.glob(pattern)]
        for each in unfinished:
            each.unlink(missing_ok=True)
    except Timeout as error:
        other = f"or choose another {flag}" if flag else "and try again"
        raise CephkitError(
            f"{what} is in use by another run: {holder(path)}. Wait until it ends, {other}; if it no longer runs (its "
            f"machine was restarted, say), remove {path}"
        ) from error
    except OSError as error:
        lock.release()
        another = f"choose another {flag}" if flag else "free space or change its permissions"
        raise CephkitError(f"{what}: cannot be written ({error.strerror or error}); {another}") from error
    if is_old:
        notify(f"{what}: the lock of an earlier run is removed (its process has ended)")
    if unfinished:
        notify(f"{folder}: {len(unfinished)} unfinished file(s) of killed runs removed")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.release()
            if made:
                folder.rmdir()  # only where nothing has come into it


def holder(path: Path) -> str:
    """Describe the process that holds the lock."""
    try:
        process, host, *_ = path.read_text(encoding="ascii").split()
        since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return f"process {int(process)} on {host.split('?')[0]}, since {since:%Y-%m-%d %H:%M:%S UTC}"
    except (OSError, ValueError):
        return "its lock cannot be read"
