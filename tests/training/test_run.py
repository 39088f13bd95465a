"""Ctrl-C, the screen, and the command as users start it."""

import csv
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from cephkit import checkpoint as checkpoint_module
from cephkit.checkpoint import read_checkpoint
from cephkit.commands.train import main
from cephkit.data import store_builder
from cephkit.errors import CheckpointError, DataError, SettingsError
from cephkit.screen import ProgressBar
from cephkit.training import finish as finish_module
from cephkit.training.batches import epoch_plan
from cephkit.training.finish import detail_data
from cephkit.training.run import set_up, train
from tests.conftest import write_tiny_aariz
from tests.training.conftest import Settings

ROOT = Path(__file__).parents[2]


def test_ctrl_c_ends_after_the_step_with_a_saved_state_and_says_how_to_go_on(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cephkit.training import loop

    real = loop.report_step

    def press(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(loop, "report_step", press)
    config = settings()
    assert train(config).outcome == "stopped"
    latest = config.save_dir / "checkpoint_latest.pth"
    assert f"--resume {latest}" in capsys.readouterr().out
    training = read_checkpoint(latest).training
    assert training is not None
    assert training["progress"]["step"] == 1


def test_no_gpu_is_said_and_the_run_goes_on(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    train(settings(device="cuda", epochs=1))
    assert "using the CPU instead" in capsys.readouterr().out


def test_the_screen_tells_what_is_trained_and_how_long(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    train(settings(epochs=1))
    said = capsys.readouterr().out
    assert "7 train films, 3 valid films, 4 landmarks" in said
    assert "effective batch 6 = 2 x 3, 2 steps an epoch" in said
    assert "for 1 epochs" in said
    assert "films/s" in said
    assert "RAM" in said


def test_a_truth_that_no_valid_film_has_is_refused_before_training(settings: Settings, tmp_path: Path) -> None:
    root = write_tiny_aariz(tmp_path / "senior_only", train=2, valid=1)
    for label in root.rglob("Junior Orthodontists/*.json"):
        label.unlink()
    with pytest.raises(SettingsError, match="--truth junior: no valid film"):
        train(settings(dataset_path=(root,), truth="junior"))


@pytest.mark.slow
def test_compile_works_or_falls_back_with_one_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(settings(epochs=1, use_compile=True)).outcome == "finished"
    assert capsys.readouterr().out.count("torch.compile") == 1


def test_a_compiler_that_fails_leaves_the_run_eager(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch import nn

    def broken(self: nn.Module) -> None:
        def fail(*arguments: object) -> None:
            raise RuntimeError("no compiler found\nand a long trace")

        self._compiled_call_impl = fail

    monkeypatch.setattr(nn.Module, "compile", broken)
    assert train(settings(epochs=1, use_compile=True)).outcome == "finished"
    assert (
        "torch.compile does not work here (RuntimeError: no compiler found); continuing without it"
        in capsys.readouterr().out
    )


def test_the_commands_arguments_reach_the_run(settings: Settings, tiny_aariz: Path, tmp_path: Path) -> None:
    arguments = (
        f"--dataset_path {tiny_aariz} --model test_resnet --image_size 64 64 --no-pretrained --device cpu --epochs 1 "
        f"--num_workers 0 --save_dir {tmp_path / 's'} --log_dir {tmp_path / 'l'} --cache_dir {tmp_path / 'c'}"
    )
    assert main(arguments.split()) == 0
    assert read_checkpoint(tmp_path / "s" / "checkpoint_best.pth").spec.symbols == ("A", "Me", "N", "S")


@pytest.mark.slow
def test_two_processes_under_torchrun_train_one_model(tiny_aariz: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone", "train_1024x1024.py",
        "--use_ddp", "--dataset_path", tiny_aariz, "--model", "test_resnet", "--image_size", "64", "64",
        "--device", "cpu", "--no_pretrained", "--epochs", "2", "--batch_size", "2", "--num_workers", "0",
        "--gradient_accumulation_steps", "2",
        "--save_dir", tmp_path / "s", "--log_dir", tmp_path / "l", "--cache_dir", tmp_path / "c",
    ]  # fmt: skip
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("7 train films") == 1
    assert "effective batch 8 = 2 x 2 x 2 processes, 1 steps an epoch" in done.stdout
    latest = read_checkpoint(tmp_path / "s" / "checkpoint_latest.pth")
    assert latest.training is not None
    assert latest.training["progress"]["step"] == 2
    assert len(latest.training["random"]) == 2
    assert len(epoch_plan([1.0] * 7, 2, 2, 0, 0, 2, 1)) == 2


@pytest.mark.slow
def test_two_processes_train_one_second_stage(tiny_aariz: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone", "train_1024x1024.py",
        "--use_ddp", "--dataset_path", tiny_aariz, "--model", "test_resnet", "--image_size", "64", "64",
        "--device", "cpu", "--no_pretrained", "--epochs", "1", "--num_workers", "0", "--refine", "--refine_epochs", "2",
        "--refine_size", "96", "96",
        "--save_dir", tmp_path / "s", "--log_dir", tmp_path / "l", "--cache_dir", tmp_path / "c",
    ]  # fmt: skip
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("second stage: epoch 2/2") == done.stdout.count("second stage on valid: MRE") == 1
    with (tmp_path / "l" / "second_stage" / "steps.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2  # 7 films in steps of 4, the rest waits
    assert "completed" in read_checkpoint(tmp_path / "s" / "checkpoint_best.pth").extras
    assert not list((tmp_path / "s").glob("*_refiner.pth"))


@pytest.mark.slow
def test_validation_on_two_processes_is_that_of_one(tmp_path: Path) -> None:
    root = write_tiny_aariz(tmp_path / "Aariz", train=16, valid=4)
    common = [
        "train_1024x1024.py", "--dataset_path", root, "--model", "test_resnet", "--image_size", "64", "64",
        "--device", "cpu", "--no_pretrained", "--epochs", "2", "--batch_size", "2", "--num_workers", "0",
        "--no_augment", "--warmup_epochs", "0.5", "--lr", "2e-3", "--cache_dir", tmp_path / "c",
    ]  # fmt: skip
    errors = []
    for processes in (1, 2):
        launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"] if processes == 2 else []
        folder = tmp_path / f"run{processes}"
        command = [
            sys.executable, *launcher, *common, "--gradient_accumulation_steps", 4 // processes,
            "--save_dir", folder, "--log_dir", folder, *(["--use_ddp"] * (processes == 2)),
        ]  # fmt: skip
        done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        with (folder / "epochs.csv").open(newline="") as file:
            errors.append([float(row["Val/MRE_mm"]) for row in csv.DictReader(file)])
    assert errors[1] == pytest.approx(errors[0], rel=0.005)


def test_memory_for_the_second_stage_is_looked_for_before_the_first(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(refine=True, refine_size=(2048, 2048), use_ram_cache=True)
    free = SimpleNamespace(available=20 * 2**20)
    monkeypatch.setattr("cephkit.data.store_builder.psutil.virtual_memory", lambda: free)
    with pytest.raises(DataError, match="the second stage: holding 10 films of 2048x2048 needs 40 MiB"):
        train(config)
    assert not config.save_dir.exists()


def test_too_few_points_to_calibrate_are_said_at_the_start(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(settings(), ProgressBar())
    assert "valid has 12 labelled points, a calibration needs 200" in capsys.readouterr().out


def test_a_film_that_changed_between_the_stages_is_named(settings: Settings, tmp_path: Path) -> None:
    root = write_tiny_aariz(tmp_path / "data", train=3, valid=2)
    run = set_up(settings(dataset_path=(root,)), ProgressBar(quiet=True))
    film, other = (run.data.films["train"][index].path for index in (0, 1))
    film.write_bytes(other.read_bytes() + b"0")
    with pytest.raises(DataError, match=rf"{film.name}: changed during the run"):
        detail_data(run.data, (64, 64), 0, tmp_path / "cache")


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
@pytest.mark.parametrize(
    ("number", "status"), [pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow), (signal.SIGTERM, 143)]
)
def test_a_signal_ends_two_processes_after_the_same_step(
    tiny_aariz: Path, tmp_path: Path, number: int, status: int
) -> None:
    command = [
        sys.executable, "-m", "cephkit.torchrun", "--nproc_per_node", "2", "--standalone", "train_1024x1024.py",
        "--use_ddp", "--dataset_path", tiny_aariz, "--model", "test_resnet", "--image_size", "64", "64",
        "--device", "cpu", "--no_pretrained", "--epochs", "500", "--batch_size", "2", "--num_workers", "1",
        "--save_dir", tmp_path / "s", "--log_dir", tmp_path / "l", "--cache_dir", tmp_path / "c",
    ]  # fmt: skip
    process = subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith("epoch 2/500"):
        assert process.poll() is None
    process.send_signal(number)
    said, errors = process.communicate(timeout=300)
    assert process.returncode == status
    assert "Traceback" not in errors
    assert said.count("ending after this step") == said.count("stopped after step") == 1
    latest = read_checkpoint(tmp_path / "s" / "checkpoint_latest.pth").training
    assert latest is not None
    assert len(latest["random"]) == 2
    assert f"stopped after step {latest['progress']['step']} of 500" in said
    assert not (tmp_path / "s" / "cephkit.lock").exists()


def test_a_disk_without_room_for_checkpoints_ends_the_run_before_its_first_step(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings()
    monkeypatch.setattr(checkpoint_module.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2**20))
    with pytest.raises(CheckpointError, match=r"--save_dir .*: the run's checkpoints need \d+ MiB of disk, 1 MiB are"):
        train(config)
    assert not config.save_dir.exists()  # it was made for nothing


def test_a_disk_without_room_for_the_second_stages_films_ends_the_run_before_its_first_step(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(refine=True, refine_size=(4096, 4096), use_ram_cache=True)
    train(settings("films", epochs=1, use_ram_cache=True))  # its store is there, the second stage's is not
    monkeypatch.setattr(store_builder.shutil, "disk_usage", lambda folder: SimpleNamespace(free=100 * 2**20))
    monkeypatch.setattr(finish_module, "check_memory", lambda *given: None)
    with pytest.raises(
        DataError, match=r"the second stage: .*: the film store needs 160 MiB of disk, 100 MiB are free"
    ):
        train(config)
