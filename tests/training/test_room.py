"""Room for checkpoints and for the second stage's films, looked at before the first step."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest

from cephkit import disk
from cephkit.config import TrainConfig
from cephkit.errors import SettingsError
from cephkit.training.lock import owning
from cephkit.training.log import Screen
from cephkit.training.room import check_room, checkpoints, second_stage
from cephkit.training.run import set_up, train
from cephkit.training.state import Progress
from tests.training.conftest import Settings

MIB = 2**20


def free(monkeypatch: pytest.MonkeyPatch, count: float) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: SimpleNamespace(free=int(count)))


@pytest.mark.parametrize("refine", [False, True])
def test_a_disk_without_room_for_the_checkpoints_is_found_before_the_first_step(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, refine: bool
) -> None:
    config = settings(refine=refine)
    free(monkeypatch, 1 * MIB)
    with pytest.raises(SettingsError) as caught:
        train(config)
    message = str(caught.value)
    assert "1 MiB free, the run writes up to" in message
    assert f"2 checkpoints 13 MiB in {config.save_dir}" in message
    assert "free space, or choose another disk with --save_dir" in message
    assert not config.save_dir.exists()


def test_a_disk_without_room_for_the_second_stages_films_is_found_before_the_first_step(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(refine=True, refine_size=(2048, 2048), use_ram_cache=True)
    free(monkeypatch, 60 * MIB)  # 40 MiB of films, the checkpoints and the second stage's state
    with pytest.raises(SettingsError, match=r"its 10 films 40 MiB in .*cache/films; .*--cache_dir"):
        train(config)


def test_films_that_are_stored_need_no_room(settings: Settings) -> None:
    run = set_up(settings(use_ram_cache=True), Screen(shown=False))
    config = dataclasses.replace(run.config, refine=True, refine_size=(64, 64))
    assert second_stage(config, run.data)[1].most == 0  # those of the first stage, of the same size
    assert second_stage(dataclasses.replace(config, refine_size=(96, 64)), run.data)[1].most == 10 * 96 * 64
    few = dataclasses.replace(config, use_ram_cache=False, limited_ram_cache=3)
    assert second_stage(few, run.data)[1].most == 3 * 64 * 64


def test_too_little_room_for_periodic_checkpoints_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = set_up(settings(epochs=40, save_frequency=1), Screen())
    assert "WARNING: disk" not in capsys.readouterr().out
    free(monkeypatch, 20 * MIB)
    lines: list[str] = []
    check_room(run, False, lines.append)
    assert len(lines) == 1
    assert "WARNING: disk: 20 MiB free, the run writes up to" in lines[0]
    assert "42 checkpoints" in lines[0]
    assert "--save_frequency 50" in lines[0]


def test_what_a_resumed_run_replaces_needs_no_room_of_its_own(tmp_path: Path) -> None:
    config = TrainConfig(save_dir=tmp_path, epochs=30, save_frequency=10, use_ema=True)
    new = checkpoints(config, Progress(), 1000, continuing=False)
    assert (new.least, new.most) == (9000, 21000)  # latest, best, one beside; three periodic ones
    for name in ("latest", "best"):
        (tmp_path / f"checkpoint_{name}.pth").touch()
    assert checkpoints(config, Progress(), 1000, continuing=False) == new  # an earlier run's: set aside
    half = checkpoints(config, Progress(epoch=15), 1000, continuing=True)
    assert (half.least, half.most) == (4000, 8000 + 4000)
    done = checkpoints(config, Progress(epoch=30), 1000, continuing=True)
    assert (done.least, done.most) == (1000, 1000)


def test_a_disk_that_is_full_is_found_before_films_are_read_and_no_lock_stays(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> object:
        raise OSError(28, "No space left on device")

    config = settings(dataset_path=Path("there is none"))
    config.save_dir.mkdir()
    monkeypatch.setattr("cephkit.training.lock.os.fdopen", full)
    with pytest.raises(Exception, match=r"--save_dir .*No space left on device.*choose another --save_dir"):
        train(config)
    assert list(config.save_dir.iterdir()) == []
    monkeypatch.undo()
    lines: list[str] = []
    with owning({"--save_dir": config.save_dir}, lines.append):
        assert lines == []
