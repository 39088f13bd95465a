"""A film's journal: what was there before people changed it, and every edit since, one JSON object a line.

A line is written at once and flushed to disk before anyone is told that it is saved. A last line that is not whole was
interrupted, so nobody was told: it is set aside.
"""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cephkit.errors import CephkitError
from cephkit.files import utf8
from cephkit.review.edits import Edit, parse_edit
from cephkit.review.parsing import EditError

JOURNAL_ENDING, TORN_ENDING = ".jsonl", ".torn"
_BINARY = getattr(os, "O_BINARY", 0)


class JournalError(CephkitError):
    """A journal that cannot be read or written."""

    kind = "journal"


class OtherFilmError(JournalError):
    """What was asked or edited, or the journal, belongs to another picture than the film's file holds now."""


class UnsavedError(JournalError):
    """An edit that could not be written, so that it does not count."""


@dataclass(frozen=True)
class Entry:
    """One edit, with who made it and when."""

    revision: int
    """1 for the first, then one more each."""
    time: str
    """UTC, ISO 8601."""
    reviewer: str
    edit: Edit

    def to_dict(self) -> dict[str, Any]:
        """Return plain types: a line of the journal."""
        return {
            "revision": self.revision, "time": self.time, "reviewer": self.reviewer, "edit": self.edit.to_dict()
        }  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """What a journal holds."""

    film: Mapping[str, Any]
    """File, content hash, pixel hash and size of the film."""
    base: Mapping[str, Any]
    """What was there before the first edit."""
    entries: tuple[Entry, ...]


def now() -> str:
    """Return the time for an entry."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Journal:
    """The journal of one film. Only one thread may use it at a time.

    Args:
        path: of the file; made with the first edit.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Kept | None:
        """Return what the journal holds; None if there is none. What an interrupted write left is set aside.

        Raises:
            JournalError: it cannot be read, or a line other than the last is damaged.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JournalError(f"cannot be read ({error.strerror or error})", "check the file", self.path) from error
        *ended, rest = data.split(b"\n")
        lines, whole = [], 0
        for number, line in enumerate(ended):
            content = _object(line)
            if content is None:
                if rest or number < len(ended) - 1:
                    raise self._damaged(number, "is not JSON")
                break
            lines.append(content)
            whole += len(line) + 1
        if whole < len(data):
            self._set_aside(data[whole:], whole)
        return self._kept(lines) if lines else None

    def append(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Write ``lines`` so that they are on disk, all or none of them.

        Raises:
            UnsavedError: they are not: no space, no permission.
        """
        data = b"".join(utf8(json.dumps(line, ensure_ascii=False, allow_nan=False)) + b"\n" for line in lines)
        try:
            is_new = not self.path.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _append(self.path, data)
            if is_new:
                sync_folder(self.path.parent)
        except OSError as error:
            reason = f"the edit is not saved: its journal cannot be written ({error.strerror or error})"
            raise UnsavedError(reason, "free disk space or check the folder, and repeat the edit") from error

    def _kept(self, lines: Sequence[dict[str, Any]]) -> Kept:
        first, entries = lines[0], []
        film, base = first.get("film"), first.get("base")
        if first.get("revision") != 0 or not isinstance(film, dict) or not isinstance(base, dict):
            raise self._damaged(0, "does not say what was there at first")
        for revision, line in enumerate(lines[1:], start=1):
            if line.get("revision") != revision:
                raise self._damaged(revision, f"is revision {line.get('revision')!r:.20}")
            try:
                edit = parse_edit(line.get("edit"))
            except EditError as error:
                raise self._damaged(revision, f"holds no edit ({error})") from error
            entries.append(Entry(revision, str(line.get("time", "")), str(line.get("reviewer", "")), edit))
        return Kept(film, base, tuple(entries))

    def _damaged(self, index: int, what: str) -> JournalError:
        return JournalError(f"line {index + 1} {what}", "restore the file from a copy, or move it away", self.path)

    def _set_aside(self, torn: bytes, keep: int) -> None:
        try:
            _append(self.path.with_suffix(TORN_ENDING), torn)
            with self.path.open("r+b") as file:
                file.truncate(keep)
                os.fsync(file.fileno())
        except OSError as error:
            reason = f"an interrupted line cannot be set aside ({error.strerror or error})"
            raise JournalError(reason, "free disk space or check the folder", self.path) from error


def sync_folder(folder: Path) -> None:
    """Flush the names of new files in ``folder`` to disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _append(path: Path, data: bytes) -> None:
    """Append ``data`` in one write and flush it to disk; after an error the file is as long as before.

    Raises:
        OSError: it cannot be written.
    """
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY, 0o666)
    try:
        before = os.fstat(handle).st_size
        try:
            written = os.write(handle, data)
            if written < len(data):
                raise OSError(f"only {written} of {len(data)} bytes could be written: the disk is full")
            os.fsync(handle)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, before)
                os.fsync(handle)
            raise
    finally:
        os.close(handle)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
