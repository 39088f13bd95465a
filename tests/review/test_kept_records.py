"""Records in memory."""

import pytest

from cephkit.records.record import LandmarkRecord
from cephkit.review import kept_records
from cephkit.review.kept_records import KeptRecords


def test_a_record_is_fetched_once_while_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_records, "IN_MEMORY", 2)
    fetched: list[int] = []

    def read(n: int) -> LandmarkRecord | None:
        fetched.append(n)
        return None if n == 1 else LandmarkRecord(points={"A": (float(n), 0.0)})

    records = KeptRecords()
    for n in (0, 1, 0, 1, 2, 1, 0):
        record = records.get(n, read)
        assert (record is None) == (n == 1)
    assert fetched == [0, 1, 2, 0]
    records.forget(0)
    assert records.get(0, read) is None
    records.put(0, LandmarkRecord(points={}))
    assert records.get(0, read) == LandmarkRecord(points={})
