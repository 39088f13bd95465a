"""The latest landmark records in memory; the others are read from their files again."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from cephkit.records.record import LandmarkRecord

IN_MEMORY = 512
"""Records that are kept."""


class KeptRecords:
    """Records by a film's number; None where there is none. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, LandmarkRecord | None] = OrderedDict()

    def get(self, n: int, read: Callable[[int], LandmarkRecord | None]) -> LandmarkRecord | None:
        """Return a film's record, which ``read`` fetches if it is not kept."""
        with self._lock:
            if n in self._kept:
                self._kept.move_to_end(n)
                return self._kept[n]
        record = read(n)
        self.put(n, record)
        return record

    def put(self, n: int, record: LandmarkRecord | None) -> None:
        """Keep a film's record."""
        with self._lock:
            self._kept[n] = record
            while len(self._kept) > IN_MEMORY:
                self._kept.popitem(last=False)

    def forget(self, n: int) -> None:
        """Take the film's record for void."""
        with self._lock:
            self._kept[n] = None
