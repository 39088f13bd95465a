"""A run that ends between its epochs and its calibration, or in its second stage, and how it resumes."""

import csv
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit.calibration import expected
from cephkit.checkpoint import (
    read_checkpoint,
)
from cephkit.commands.train import main
from cephkit.config import TrainConfig
from cephkit.task.heatmaps import HeatmapTask
from cephkit.task.refiner import RefinerTask
from cephkit.task.task import Output
from cephkit.training import finish as finish_module
from cephkit.training import loop
from cephkit.training.refine import state_path
from cephkit.training.run import Result, train
from tests.conftest import write_tiny_aariz
from tests.training.test_resume import StopAfter, equal

RUN: dict[str, Any] = {
    "epochs": 1, "batch_size": 2, "gradient_accumulation_steps": 1, "save_frequency": 1, "use_ema": True,
    "refine": True, "refine_size": (96, 96), "refine_epochs": 2,
}  # fmt: skip


def test_a_second_stage_that_diverges_leaves_the_first_calibrated(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    learns = RefinerTask.__call__

    def diverges(self: RefinerTask, network: Any, batch: Any) -> Output:
        output = learns(self, network, batch)
        return Output(output.loss * float("nan"), output.maps)

    monkeypatch.setattr(RefinerTask, "__call__", diverges)
    assert train(config).outcome == "finished"
    assert "second stage: loss or gradients were not finite in any of the 2 steps" in capsys.readouterr().out
    extras = read_checkpoint(config.save_dir / "checkpoint_best.pth").extras
    assert extras.keys() == {"calibrations", "pose", "completed"}
    assert not state_path(config.save_dir / "checkpoint_best.pth").exists()


class Killed(BaseException):
    """What nothing catches."""


def second_stage_pays(patched: pytest.MonkeyPatch) -> None:
    """The errors judged first count as 2, all others as 1."""
    first: list[Any] = []

    def mean(errors: Any) -> float:
        first.append(errors)
        return 2.0 if np.array_equal(errors, first[0]) else 1.0

    patched.setattr(finish_module, "mean", mean)
    patched.setattr(expected, "FEWEST_ERRORS", 4)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_aariz(tmp_path_factory.mktemp("few") / "Aariz", train=4, valid=2)


@pytest.fixture(scope="module")
def straight(films: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run leaves that nothing disturbs."""
    folder = tmp_path_factory.mktemp("straight")
    with pytest.MonkeyPatch.context() as patched:
        second_stage_pays(patched)
        assert train(config_of(folder, films)).outcome == "finished"
    outcome = outcome_of(folder / "run")
    assert outcome["checkpoint_best.pth"]["extras"].keys() == {"refiner", "calibrations", "pose", "completed"}
    return outcome


@pytest.fixture
def config(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    second_stage_pays(monkeypatch)
    return config_of(tmp_path, films)


def config_of(folder: Path, films: Path) -> TrainConfig:
    return TrainConfig(
        dataset_path=(films,), cache_dir=folder / "cache", model="test_resnet", image_size=(64, 64), pretrained=False,
        device="cpu", num_workers=0, lr=2e-3, warmup_epochs=0.5, annotation_type="mean", save_dir=folder / "run",
        log_dir=folder / "run_logs", **RUN,
    )  # fmt: skip


def outcome_of(save_dir: Path) -> dict[str, Any]:
    """All that a run leaves but times and machine figures."""
    files: dict[str, Any] = {}
    for path in sorted(save_dir.iterdir()):
        checkpoint = read_checkpoint(path)
        files[path.name] = {
            "model": dict(checkpoint.model), "training": checkpoint.training, "extras": checkpoint.extras,
            "epoch": checkpoint.epoch, "metrics": checkpoint.metrics,
        }  # fmt: skip
    for name in ("epochs.csv", "steps.csv", "second_stage/epochs.csv", "second_stage/steps.csv"):
        with (save_dir.parent / f"{save_dir.name}_logs" / name).open(encoding="utf-8") as file:
            files[name] = [[v for k, v in row.items() if "System" not in k] for row in csv.DictReader(file)]
    return files


def at_call(function: Callable[..., Any], number: int, then: Callable[[], None]) -> Callable[..., Any]:
    calls: list[int] = []

    def called(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == number:
            then()
        return function(*arguments, **options)

    return called


def kill() -> None:
    raise Killed


def resumed(config: TrainConfig, **changes: Any) -> TrainConfig:
    return replace(config, resume=config.save_dir / "checkpoint_latest.pth", **changes)


POINTS = {
    "between the state and the best": (loop, "save_best", 1),
    "between the best and checkpoint_epoch_1": (loop, "save_latest", 2),
    "between checkpoint_epoch_1 and the epoch's row": (loop, "report_epoch", 1),
    "in the first epoch of the second stage": (RefinerTask, "__call__", 1),
    "in the second epoch of the second stage": (RefinerTask, "__call__", 2),
    "while the second stage is judged": (finish_module, "predict_films", 2),
    "while errors are calibrated": (finish_module, "calibrate", 1),
    "before the best is written": (finish_module, "write_extras", 1),
}
QUICK_POINTS = (
    "between the state and the best",
    "in the second epoch of the second stage",
    "before the best is written",
)


@pytest.fixture
def no_more_epochs(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Called: from now on an optimiser step of the network is a failure."""

    def refuse(*arguments: object) -> None:
        raise AssertionError("an epoch is trained again")

    return lambda: monkeypatch.setattr(HeatmapTask, "__call__", refuse)


@pytest.mark.parametrize(
    "point", [pytest.param(point, marks=() if point in QUICK_POINTS else pytest.mark.slow) for point in POINTS]
)
def test_a_run_killed_after_its_last_step_is_completed_and_no_epoch_done_again(
    config: TrainConfig, straight: dict[str, Any], monkeypatch: pytest.MonkeyPatch,
    no_more_epochs: Callable[[], None], point: str,
) -> None:  # fmt: skip
    module, name, number = POINTS[point]
    with monkeypatch.context() as patched:
        patched.setattr(module, name, at_call(getattr(module, name), number, kill))
        with pytest.raises(Killed):
            train(config)
    no_more_epochs()
    assert train(resumed(config)).outcome == "finished"
    assert equal(straight, outcome_of(config.save_dir))


def test_the_second_stage_goes_on_where_it_was_and_its_state_is_cleared_away(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(RefinerTask, "__call__", at_call(RefinerTask.__call__, 2, kill))
        with pytest.raises(Killed):
            train(config)
    state = config.save_dir / "checkpoint_best_refiner.pth"
    assert state.exists()
    capsys.readouterr()
    train(resumed(config))
    said = capsys.readouterr().out
    assert f"second stage: resuming after step 1 of 2, from {state}" in said
    assert "second stage: epoch 2/2" in said
    assert "second stage: epoch 1/2" not in said
    assert not state.exists()


STAGES = {
    "in the second stage": (RefinerTask, "__call__"),
    "before the errors of the best checkpoint were calibrated": (finish_module, "finish"),
}
SIGNALS = {"Ctrl-C": (signal.SIGINT, 130), "SIGTERM": (signal.SIGTERM, 143)}


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("in the second stage", "Ctrl-C"),
        ("before the errors of the best checkpoint were calibrated", "SIGTERM"),
        pytest.param("in the second stage", "SIGTERM", marks=pytest.mark.slow),
        pytest.param("before the errors of the best checkpoint were calibrated", "Ctrl-C", marks=pytest.mark.slow),
    ],
)
def test_signals_after_the_epochs_end_with_their_status_and_say_how_to_go_on(
    config: TrainConfig, straight: dict[str, Any], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], where: str, name: str,
) -> None:  # fmt: skip
    number, status = SIGNALS[name]
    module, function = STAGES[where]
    with monkeypatch.context() as patched:
        press = at_call(getattr(module, function), 1, lambda: signal.raise_signal(number))
        patched.setattr(module, function, press)
        result = train(config)
    assert (result.outcome, result.status) == ("stopped", status)
    said = capsys.readouterr().out
    assert said.count(f"{name}: ending after this step") == 1
    assert said.count("stopped") == 1
    assert f"stopped {where}; the epochs are done, the state is saved" in said
    assert said.rstrip().endswith(f"--resume {config.save_dir / 'checkpoint_latest.pth'}")
    assert "completed" not in read_checkpoint(config.save_dir / "checkpoint_best.pth").extras
    assert train(resumed(config)).status == 0
    assert equal(straight, outcome_of(config.save_dir))


def test_a_second_stage_can_be_asked_for_afterwards(
    config: TrainConfig, straight: dict[str, Any], no_more_epochs: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    best = config.save_dir / "checkpoint_best.pth"
    train(replace(config, refine=False))
    assert "refiner" not in read_checkpoint(best).extras
    no_more_epochs()
    train(resumed(config))
    assert equal(straight["checkpoint_best.pth"], outcome_of(config.save_dir)["checkpoint_best.pth"])
    capsys.readouterr()
    train(resumed(config, refine=False))  # what is there stays
    assert "nothing has changed" in capsys.readouterr().out
    assert "refiner" in read_checkpoint(best).extras


def test_a_run_goes_on_with_its_second_stage_in_another_folder(
    config: TrainConfig, straight: dict[str, Any], tmp_path: Path
) -> None:
    # Two steps of the network, and one of the second stage.
    assert train(config, stop=StopAfter(2 + 1)).outcome == "stopped"
    moved = resumed(config, save_dir=tmp_path / "moved", log_dir=tmp_path / "moved_logs")
    assert train(moved).outcome == "finished"
    outcome = outcome_of(moved.save_dir)
    for name in ("checkpoint_best.pth", "checkpoint_latest.pth", "checkpoint_epoch_1.pth"):
        assert equal(straight[name], outcome[name]), name


def test_the_command_ends_with_the_status_of_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    from cephkit.training import run

    monkeypatch.setattr(run, "train", lambda config: Result("stopped", None, 0, config.save_dir, 143))
    assert main([]) == 143
