import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from cephkit.config import TrainConfig
from cephkit.data import store_builder
from cephkit.doctor import machine
from cephkit.doctor.machine import (
    Needs,
    cores_check,
    disk_checks,
    memory_check,
    page_file_check,
    parameter_count,
    shared_memory_check,
)
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec

GIB, MIB = 2**30, 2**20
CACHED = TrainConfig(use_ram_cache=True)


def memory(monkeypatch: pytest.MonkeyPatch, available_gib: float, swap_gib: float = 0) -> None:
    there = SimpleNamespace(total=48 * GIB, available=int(available_gib * GIB))
    for psutil in (machine.psutil, store_builder.psutil):
        monkeypatch.setattr(psutil, "virtual_memory", lambda: there)
    swap = SimpleNamespace(total=int(swap_gib * GIB), free=int(swap_gib * GIB))
    monkeypatch.setattr(machine.psutil, "swap_memory", lambda: swap)


def disk(monkeypatch: pytest.MonkeyPatch, free: float) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda folder: SimpleNamespace(free=int(free)))


def system(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(machine.platform, "system", lambda: name)


def test_needs_follow_the_settings() -> None:
    needs = Needs.of(CACHED, 850, 30_000_000)
    assert (needs.held, needs.cache) == (850, 850 * MIB)
    assert (needs.weights, needs.state, needs.periodic) == (120_000_000, 360_000_000, 10)
    # The best, the latest, one that is being written, and one every ten epochs.
    assert needs.checkpoints == 120_000_000 + 12 * 360_000_000
    assert Needs.of(TrainConfig(use_ema=True, save_frequency=0), 850, 1).checkpoints == 4 + 2 * 16
    assert Needs.of(TrainConfig(limited_ram_cache=100), 850, 1).held == 100
    assert Needs.of(TrainConfig(), 850, 1).cache == 0
    second = Needs.of(CACHED, 850, 1, detail=(2048, 2048))
    assert (second.cache, second.second_cache) == (850 * MIB, 850 * 4 * MIB)
    assert second.caches == "850 MiB and 3.3 GiB for the second stage (850 films)"
    without = TrainConfig(use_ram_cache=True, refine=False)
    assert Needs.of(without, 850, 1, detail=(2048, 2048)).second_cache == 0


def test_parameters_are_counted_without_making_the_network() -> None:
    spec = ModelSpec("resnet10t", tuple("ABC"), (64, 64))
    made = build_model(spec, pretrained=False, notify=print).state_dict()
    before = torch.get_rng_state()
    config = TrainConfig(model=spec.model, image_size=spec.canvas_size)
    assert parameter_count(config, 3) == sum(tensor.numel() for tensor in made.values())
    assert torch.equal(torch.get_rng_state(), before)  # no weight was drawn


def test_enough_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    memory(monkeypatch, available_gib=30)
    check = memory_check(CACHED, Needs.of(CACHED, 850, 1))
    assert check.status == "ok"
    assert check.found.startswith("30.0 GiB of 48.0 GiB free; the program and 4 loader workers")
    assert "film cache 850 MiB (850 films)" in check.found


def test_memory_that_is_short_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    memory(monkeypatch, available_gib=5.5)
    check = memory_check(CACHED, Needs.of(CACHED, 850, 1))
    assert check.status == "warning"
    assert "--num_workers 0" in check.remedy
    assert "--limited_ram_cache" in check.remedy
    assert memory_check(TrainConfig(), Needs.of(TrainConfig(), 850, 1)).status == "ok"


def test_films_that_training_would_refuse_to_hold_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    memory(monkeypatch, available_gib=1)
    check = memory_check(CACHED, Needs.of(CACHED, 850, 1))
    assert check.status == "failure"
    assert "holding 850 films of 1024x1024 needs 850 MiB" in check.found
    assert "--limited_ram_cache 819" in check.remedy


def test_the_page_file_counts_on_windows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    system(monkeypatch, "Linux")
    assert page_file_check(TrainConfig()) is None
    system(monkeypatch, "Windows")
    memory(monkeypatch, available_gib=10, swap_gib=8)
    fine = page_file_check(TrainConfig())
    assert fine is not None
    assert fine.status == "ok"
    memory(monkeypatch, available_gib=10, swap_gib=2)
    short = page_file_check(TrainConfig())
    assert short is not None
    assert short.status == "warning"
    assert "12.0 GiB free, 5 processes may reserve 15.0 GiB" in short.found
    assert "--num_workers 0" in short.remedy
    alone = page_file_check(TrainConfig(num_workers=0))
    assert alone is not None
    assert alone.status == "ok"


@pytest.mark.parametrize(
    ("batch", "workers", "status"), [(2, 2, "ok"), (2, 4, "warning"), (8, 4, "failure"), (4, 4, "failure")]
)
def test_dockers_64_mib_of_shared_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, batch: int, workers: int, status: str
) -> None:
    system(monkeypatch, "Linux")
    monkeypatch.setattr(machine, "SHARED_MEMORY", tmp_path)
    disk(monkeypatch, 64 * MIB)
    check = shared_memory_check(TrainConfig(num_workers=workers), batch)
    assert check is not None
    assert check.status == status
    assert f"64 MiB free, {workers} workers use up to {2 * workers * 3 * batch} MiB" in check.found
    assert ("--shm-size" in check.remedy) == (status != "ok")


def test_without_workers_or_shared_memory_there_is_nothing_to_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system(monkeypatch, "Linux")
    assert shared_memory_check(TrainConfig(num_workers=0), 2) is None
    monkeypatch.setattr(machine, "SHARED_MEMORY", tmp_path / "none")
    assert shared_memory_check(TrainConfig(), 2) is None


def test_more_workers_than_cores_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    assert cores_check(TrainConfig(num_workers=4)).status == "ok"
    check = cores_check(TrainConfig(num_workers=8))
    assert check.status == "warning"
    assert check.found == "--num_workers 8, this machine has 4 processor cores"
    assert "--num_workers 3" in check.remedy


def folders(tmp_path: Path, **more: object) -> TrainConfig:
    return TrainConfig(save_dir=tmp_path / "a" / "b", log_dir=tmp_path / "logs", use_ram_cache=True, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("free_gib", "status"), [(6, "ok"), (3, "warning"), (1, "failure")])
def test_disk_space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_gib: float, status: str) -> None:
    config = folders(tmp_path)
    disk(monkeypatch, free_gib * GIB)
    (check,) = disk_checks(config, tmp_path / "cache", Needs.of(config, 850, 30_000_000))
    assert check.status == status
    # 4.14 GiB of checkpoints, 850 MiB of films and 128 MiB of logs, all on one disk.
    assert check.found.startswith(f"{free_gib}.0 GiB free, the run writes up to 5.1 GiB: 12 checkpoints 4.1 GiB in")
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    config = TrainConfig(save_dir=tmp_path / "file" / "checkpoints", log_dir=tmp_path)
    check, rest = disk_checks(config, tmp_path, Needs.of(config, 10, 1000))
    assert check.status == "failure"
    assert "cannot be written" in check.found
    assert "choose another folder for the 12 checkpoints" in check.remedy
    assert rest.status == "ok"
