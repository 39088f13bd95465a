import os
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cephkit.data import store_builder
from cephkit.data.store_builder import StoreBuilder, check_disk, check_memory, clear_abandoned, folder_bytes
from cephkit.errors import DataError

MIB = 2**20


def test_memory_is_compared_first_and_the_error_says_how_many_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_builder.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000 * MIB))
    check_memory(800, (1024, 1024))
    with pytest.raises(DataError) as caught:
        check_memory(801, (1024, 1024))
    message = str(caught.value)
    assert "holding 801 films of 1024x1024 needs 801 MiB of memory" in message
    assert "1000 MiB are free" in message
    assert "--limited_ram_cache 800" in message


def test_the_disk_is_compared_before_the_first_canvas_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(store_builder.shutil, "disk_usage", lambda _: usage(0, 0, 100 * MIB))
    check_disk(tmp_path, 100, (1024, 1024))
    with pytest.raises(DataError, match=r"needs 101 MiB of disk, 100 MiB are free; .*--cache_dir"):
        StoreBuilder(tmp_path, (1024, 1024), 101).add("content", np.zeros((20, 20), dtype=np.uint8))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        StoreBuilder(tmp_path / "file" / "cache", (64, 64), 1).add("content", np.zeros((20, 20), dtype=np.uint8))


def test_only_old_leavings_are_cleared(tmp_path: Path) -> None:
    old, new, store = (tmp_path / name for name in ("store-1.tmp", "store-2.tmp", "store-3.u8"))
    for path in (old, new, store):
        path.write_bytes(b"12345")
    os.utime(old, (1, 1))
    os.utime(store, (1, 1))
    clear_abandoned(tmp_path)
    assert sorted(tmp_path.iterdir()) == [new, store]
    assert folder_bytes(tmp_path) == 5


def test_discarding_removes_the_temporary_file(tmp_path: Path) -> None:
    builder = StoreBuilder(tmp_path, (64, 64), 1)
    builder.add("content", np.zeros((20, 20), dtype=np.uint8))
    assert len(list(tmp_path.iterdir())) == 1
    builder.discard()
    builder.discard()
    assert not list(tmp_path.iterdir())
