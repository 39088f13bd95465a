"""Logs that grow by whole records, whatever the disk says."""

import csv
import errno
import io
from pathlib import Path
from typing import Any

import pytest

from cephkit.training import records
from cephkit.training.records import CsvTable, EventFile, GrowingFile, rows_of


class Disk:
    """What ``io.FileIO`` is replaced by: a disk on which ``room`` bytes are left."""

    def __init__(self) -> None:
        self.room = 2**40

    def open(self, path: Path, mode: str) -> io.FileIO:
        disk = self

        class File(io.FileIO):
            def write(self, data: Any) -> int:
                if not disk.room:
                    raise OSError(errno.ENOSPC, "No space left on device")
                taken = min(disk.room, len(data))
                disk.room -= taken
                return super().write(bytes(data[:taken]))

        return File(path, mode)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()

    class IO:
        FileIO = staticmethod(made.open)
        BytesIO, StringIO = io.BytesIO, io.StringIO

    monkeypatch.setattr(records, "io", IO)
    return made


@pytest.mark.parametrize("room", [0, 1, 6])
def test_a_record_that_does_not_fit_leaves_no_part_and_comes_later(tmp_path: Path, disk: Disk, room: int) -> None:
    file = GrowingFile(tmp_path / "log", b"head\n")
    file.add(b"first\n")
    disk.room = room
    for record in (b"second\n", b"third\n"):
        with pytest.raises(OSError, match="No space left"):
            file.add(record)
        assert (tmp_path / "log").read_bytes() == b"head\nfirst\n"
    disk.room = 1000
    file.add(b"fourth\n")
    file.close()
    assert (tmp_path / "log").read_bytes() == b"head\nfirst\nsecond\nthird\nfourth\n"


def test_what_waits_is_bounded_and_the_newest_is_kept(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST_WAITING", 20)
    file = GrowingFile(tmp_path / "log", b"")
    disk.room = 0
    for number in range(9):
        with pytest.raises(OSError, match="No space left"):
            file.add(b"record %d\n" % number)
    disk.room = 1000
    file.close()
    assert (tmp_path / "log").read_bytes() == b"record 7\nrecord 8\n"


def test_a_folder_that_is_gone_is_made_again_with_a_whole_table(tmp_path: Path, disk: Disk) -> None:
    table = CsvTable(tmp_path / "logs" / "t.csv", "step", ["step", "loss"], 0)
    disk.room = 0
    with pytest.raises(OSError, match="No space left"):
        table.add({"step": 1, "loss": 0.5})
    (tmp_path / "logs" / "t.csv").unlink()
    (tmp_path / "logs").rmdir()
    disk.room = 1000
    table.add({"step": 2, "loss": 0.25})
    table.close()
    assert rows_of(tmp_path / "logs" / "t.csv", "step") == [{"step": "1", "loss": "0.5"}, {"step": "2", "loss": "0.25"}]


def test_rows_to_be_done_again_are_dropped_and_the_others_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    table = CsvTable(path, "step", ["step", "note"], 0)
    for step in range(1, 6):
        table.add({"step": step, "note": f'{step}, "quoted"'})
    table.close()
    table = CsvTable(path, "step", ["step", "note"], 3)
    assert table.last == 3
    table.add({"step": 4, "note": None})
    table.close()
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["step", "note"], *([str(n), f'{n}, "quoted"'] for n in (1, 2, 3)), ["4", ""]]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00\n1,2", b"step\n1\n\n,\nx\n2", b"step\n" + b"1" * 5_000, b"step\n" + b"1" * 200_000]
)
def test_an_odd_table_costs_its_odd_rows(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    table = CsvTable(tmp_path / "t.csv", "step", ["step"], 1)
    table.add({"step": 7})
    table.close()
    assert [row["step"] for row in rows_of(tmp_path / "t.csv", "step")][-1] == "7"


def test_tensorboard_reads_the_events(tmp_path: Path) -> None:
    import numpy as np
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):  # two files of one second and one process
        file = EventFile(tmp_path)
        file.scalars({"a": 0.5, "b": None}, 3)
        file.picture("film", np.zeros((4, 5, 3), np.uint8), 1)
        file.text("note", "words", 0)
        file.close()
    assert len(list(tmp_path.iterdir())) == 2
    events = EventAccumulator(str(next(tmp_path.iterdir())))
    events.Reload()
    assert events.Tags()["scalars"] == ["a"]
    assert [(event.step, event.value) for event in events.Scalars("a")] == [(3, 0.5)]
    assert (events.Images("film")[0].height, events.Images("film")[0].width) == (4, 5)
    assert events.Tensors("note/text_summary")[0].tensor_proto.string_val == [b"words"]
