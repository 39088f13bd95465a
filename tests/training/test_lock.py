"""Two runs never write into one folder, and a run that is gone holds nothing."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cephkit.commands.calibrate import main as calibrate
from cephkit.commands.refine import main as refine
from cephkit.errors import CephkitError
from cephkit.training.lock import LOCK, owning, owning_folder_of
from cephkit.training.run import train
from tests.training.conftest import Settings
from tests.training.test_finish import random_checkpoint


def held(folder: Path, process: int | None = None, host: str | None = None, started: int | None = None) -> Path:
    """A lock in ``folder`` as this process would write it, with changes."""
    path = folder / LOCK
    with owning({"": folder}, silent):
        own = path.read_text(encoding="ascii").split()
    folder.mkdir(parents=True, exist_ok=True)
    changed = (process, host, started)
    lines = [mine if other is None else other for mine, other in zip(own, changed, strict=True)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    return path


def silent(line: str) -> None:
    raise AssertionError(f"nothing is to be said, not {line!r}")


def test_a_folder_is_held_and_released(tmp_path: Path) -> None:
    with owning({"--save_dir": tmp_path / "new"}, silent):
        assert (tmp_path / "new" / LOCK).read_text(encoding="ascii").split()[0] == str(os.getpid())
        with (
            pytest.raises(CephkitError, match=rf"--save_dir .*new is in use by another run: process {os.getpid()} on"),
            owning({"--save_dir": tmp_path / "new"}, silent),
        ):
            pass
        assert (tmp_path / "new" / LOCK).exists()
    assert not (tmp_path / "new").exists()  # nothing came into it


def test_both_folders_are_held_and_one_that_is_both_once(tmp_path: Path) -> None:
    with owning({"--save_dir": tmp_path / "s", "--log_dir": tmp_path / "l"}, silent):
        assert (tmp_path / "s" / LOCK).exists()
        with (
            pytest.raises(CephkitError, match=r"--log_dir .*l is in use"),
            owning({"--log_dir": tmp_path / "l"}, silent),
        ):
            pass
    with owning({"--save_dir": tmp_path / "s", "--log_dir": tmp_path / "l" / ".." / "s"}, silent):
        pass


def test_a_second_run_is_refused_before_anything_is_moved_or_written(settings: Settings) -> None:
    config = settings(epochs=1)
    train(config)
    lock = held(config.save_dir)
    before = {path: path.read_bytes() for path in config.save_dir.parent.rglob("run*/*") if path.is_file()}
    with pytest.raises(CephkitError, match="is in use by another run"):
        train(config)
    assert {path: path.read_bytes() for path in config.save_dir.parent.rglob("run*/*") if path.is_file()} == before
    lock.unlink()
    assert train(config).outcome == "finished"
    assert not lock.exists()


@pytest.mark.parametrize("changes", [{"process": 2**22 + 1}, {"started": 1}])
def test_a_lock_whose_process_is_gone_is_removed_with_a_line(tmp_path: Path, changes: dict[str, int]) -> None:
    held(tmp_path, **changes)
    lines: list[str] = []
    with owning({"--save_dir": tmp_path}, lines.append):
        pass
    assert lines == [f"--save_dir {tmp_path}: the lock of an earlier run is removed (its process has ended)"]
    assert not (tmp_path / LOCK).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="kills")
def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from cephkit.training.lock import owning\n"
        "with owning({'--save_dir': Path(sys.argv[1])}, print): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == -9
    assert (tmp_path / LOCK).exists()
    lines: list[str] = []
    with owning({"--save_dir": tmp_path}, lines.append):
        pass
    assert "has ended" in lines[0]


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 4000, b'{"host": 1}', b"\xff\xfe", b"null"])
def test_a_lock_that_says_nothing_is_kept_and_the_error_says_what_to_remove(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LOCK).write_bytes(content)
    with (
        pytest.raises(CephkitError, match=r"its lock cannot be read.*remove .*cephkit\.lock"),
        owning({"--save_dir": tmp_path}, silent),
    ):
        pass
    assert (tmp_path / LOCK).read_bytes() == content


def test_another_machines_lock_is_kept_and_named(tmp_path: Path) -> None:
    path = held(tmp_path, host="xray7?pidns-1", process=2**22 + 1)
    os.utime(path, (1767323045, 1767323045))
    said = r"process 4194305 on xray7, since 2026-01-02 03:04:05 UTC\. .*remove .*cephkit\.lock"
    with pytest.raises(CephkitError, match=said), owning({"--save_dir": tmp_path}, silent):
        pass


def test_a_folder_that_cannot_be_written_is_found_at_the_start(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(CephkitError, match=r"--save_dir .*run: cannot be written .*choose another --save_dir"):
        train(settings())


def test_what_killed_runs_left_half_written_is_removed(tmp_path: Path) -> None:
    for name in (".checkpoint_best.pth.12-34.tmp", ".epochs.csv.12-34.tmp", ".other.tmp", "my.pth.1-2.tmp"):
        (tmp_path / name).touch()
    lines: list[str] = []
    with owning({"--save_dir": tmp_path}, lines.append):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.tmp", "my.pth.1-2.tmp"]
    assert lines == [f"{tmp_path}: 2 unfinished file(s) of killed runs removed"]


@pytest.mark.parametrize("command", [refine, calibrate])
def test_no_command_writes_into_a_checkpoint_of_a_run_that_goes_on(tmp_path: Path, command: Any) -> None:
    path = random_checkpoint(tmp_path / "c.pth")
    held(tmp_path)
    with pytest.raises(CephkitError, match=f"{tmp_path} is in use by another run"):
        command([str(path), "--dataset_path", str(tmp_path)])


def test_without_a_checkpoint_no_folder_is_made(tmp_path: Path) -> None:
    with owning_folder_of(tmp_path / "no" / "c.pth", silent):
        assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_found_before_films_are_read_and_leaves_no_lock(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, data: bytes) -> int:  # the name is there, the content is not
        raise OSError(28, "No space left on device")

    config = settings(dataset_path=(tmp_path / "none",))
    config.save_dir.mkdir()
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(CephkitError, match=r"--save_dir .*No space left on device.*choose another --save_dir"):
        train(config)
    assert list(config.save_dir.iterdir()) == []
