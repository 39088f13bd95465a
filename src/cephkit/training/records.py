"""Files that grow by whole records: a table of figures, and TensorBoard's events."""

import csv
import io
import os
import re
import socket
import time
from collections import deque
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import image, scalar, text

from cephkit.files import csv_line, replacing

MOST_WAITING = 16 * 2**20
"""Bytes of records that wait for a disk with room; the oldest are given up beyond that."""


class GrowingFile:
    """A file to which records are added whole or not at all; what cannot be written waits for the next attempt.

    Args:
        path: an existing file is appended to.
        head: what a new file begins with.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, head: bytes) -> None:
        self.path, self._head = path, head
        self._file: io.FileIO | None = None
        self._waiting: deque[bytes] = deque()
        self._write()

    def add(self, record: bytes) -> None:
        """Write ``record`` and hand it to the system at once.

        Raises:
            OSError: it cannot be written now; it goes first the next time.
        """
        self._waiting.append(record)
        while sum(map(len, self._waiting)) > MOST_WAITING and len(self._waiting) > 1:
            self._waiting.popleft()
        self._write()

    def close(self) -> None:
        """Write what waits, and end the file.

        Raises:
            OSError: it cannot be written.
        """
        try:
            if self._waiting:
                self._write()
        finally:
            if self._file is not None:
                self._file.close()

    def _write(self) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what is not accepted is known at once, and here.
            self._file = io.FileIO(self.path, "ab")
        size = os.fstat(self._file.fileno()).st_size
        data = memoryview((b"" if size else self._head) + b"".join(self._waiting))
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError:
            file, self._file = self._file, None  # reopened the next time: it may be another disk then
            with file:
                file.truncate(size)
            raise
        self._waiting.clear()


class CsvTable:
    """A CSV file that grows by rows; on resume, rows of work that is about to be done again are dropped.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, key: str, columns: list[str], keep_up_to: int) -> None:
        self._columns = columns
        head = self._line({name: name for name in columns})
        kept = [row for row in rows_of(path, key) if int(row[key]) <= keep_up_to] if keep_up_to > 0 else []
        self.last = int(kept[-1][key]) if kept else 0
        """The key of the last row that was kept."""
        with replacing(path) as file:  # a process killed here leaves the old table
            file.write(head + b"".join(map(self._line, kept)))
        self._file = GrowingFile(path, head)

    def add(self, row: dict[str, Any]) -> None:
        """One row; see ``GrowingFile.add``."""
        self._file.add(self._line(row))

    def close(self) -> None:
        """End the file; see ``GrowingFile.close``."""
        self._file.close()

    def _line(self, row: dict[str, Any]) -> bytes:
        return csv_line(self._columns, {name: row.get(name) for name in self._columns})


def rows_of(path: Path, key: str) -> list[dict[str, str]]:
    """The rows of a table that have a number under ``key``; none where there is no table, or it cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            return [row for row in csv.DictReader(file) if re.fullmatch("[0-9]{1,15}", row.get(key) or "")]
    except (FileNotFoundError, csv.Error):
        return []


class EventFile:
    """TensorBoard's events, in a new file of ``folder``.

    Written by this thread: TensorBoard's own writer has one that ends with a traceback when the disk is full.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        name = f"events.out.tfevents.{time.time_ns() // 10**9:010d}.{socket.gethostname()}.{os.getpid()}"
        number = 0
        while (folder / f"{name}.{number}").exists():
            number += 1
        self._file = GrowingFile(folder / f"{name}.{number}", _record(Event(file_version="brain.Event:2")))

    def scalars(self, figures: dict[str, float | None], step: int) -> None:
        """Figures under their tags, those that are None left out; see ``GrowingFile.add``."""
        self._add(step, *(scalar(tag, value) for tag, value in figures.items() if value is not None))

    def picture(self, tag: str, pixels: Any, step: int) -> None:
        """An (H, W, 3) uint8 picture."""
        self._add(step, image(tag, pixels, dataformats="HWC"))

    def text(self, tag: str, words: str, step: int) -> None:
        """A note."""
        self._add(step, text(tag, words))

    def close(self) -> None:
        """End the file; see ``GrowingFile.close``."""
        self._file.close()

    def _add(self, step: int, *summaries: Any) -> None:
        self._file.add(b"".join(_record(Event(step=step, summary=summary)) for summary in summaries))


def _record(event: Event) -> bytes:
    event.wall_time = time.time()
    record = io.BytesIO()
    RecordWriter(record).write(event.SerializeToString())
    return record.getvalue()
