"""``--resume``: going on exactly, and fine-tuning honestly."""

import copy
import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest
import torch

from cephkit.checkpoint import read_checkpoint, write_checkpoint
from cephkit.config import TrainConfig
from cephkit.errors import CheckpointError
from cephkit.screen import ProgressBar
from cephkit.training import resume
from cephkit.training.run import Result, set_up, train
from tests.conftest import write_tiny_aariz
from tests.training.conftest import Settings


class StopAfter:
    """Asks the run to stop after so many optimiser steps since its start."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __call__(self) -> bool:
        self.steps -= 1
        return self.steps == 0


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


def state_of(result: Result) -> dict[str, Any]:
    """Everything that ``checkpoint_latest.pth`` goes on from."""
    checkpoint = read_checkpoint(result.save_dir / "checkpoint_latest.pth")
    assert checkpoint.training is not None
    return {"model": dict(checkpoint.model), **checkpoint.training}


# 7 films in steps of 4 make 2 steps an epoch: 1 and 3 lie in the middle of an epoch, 2 at its end.
@pytest.mark.parametrize("after", [1, 2, 3])
@pytest.mark.parametrize("workers", [0, 2])
def test_stopping_and_resuming_changes_no_bit(settings: Settings, after: int, workers: int) -> None:
    common: dict[str, Any] = {
        "epochs": 3, "batch_size": 2, "gradient_accumulation_steps": 2, "use_ema": True, "num_workers": workers,
        "use_ram_cache": True,
    }  # fmt: skip
    straight = train(settings("straight", **common))
    stopped = train(settings("broken", **common), stop=StopAfter(after))
    assert stopped.outcome == "stopped"
    latest = stopped.save_dir / "checkpoint_latest.pth"
    resumed = train(settings("broken", **common, resume=latest))
    assert resumed.outcome == "finished"
    assert equal(state_of(straight), state_of(resumed))
    assert (straight.best, straight.best_epoch) == (resumed.best, resumed.best_epoch)
    assert figures(straight) == figures(resumed)


def figures(result: Result) -> list[list[str]]:
    """Both CSV files without the columns that time and machine decide."""
    table = []
    for name in ("epochs.csv", "steps.csv"):
        with (result.save_dir.parent / f"{result.save_dir.name}_logs" / name).open(encoding="utf-8") as file:
            table += [[v for k, v in row.items() if "System" not in k] for row in csv.DictReader(file)]
    return table


def interrupted(settings: Settings, **changes: Any) -> Path:
    result = train(settings("first", **changes), stop=StopAfter(1))
    return result.save_dir / "checkpoint_latest.pth"


def test_the_same_run_continues_and_says_so(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    path = interrupted(settings)
    capsys.readouterr()
    train(settings("first", resume=path, num_workers=1, use_ram_cache=True))  # memory settings change no result
    assert (
        f"--resume: continuing {path} (it is an unfinished run with the settings of this one)"
        in capsys.readouterr().out
    )


def test_another_way_to_the_same_effective_batch_continues(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    path = interrupted(settings, batch_size=2, gradient_accumulation_steps=3)
    train(settings("first", resume=path, batch_size=1, gradient_accumulation_steps=6))
    assert "--resume: continuing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lr": 1e-5}, "lr was 0.002 and is now 1e-05"),
        ({"image_size": (96, 64)}, "image_size was 64 64 and is now 96 64"),
        ({"epochs": 5}, "epochs was 2 and is now 5"),
        ({"batch_size": 1}, "effective_batch was 6 and is now 3"),
    ],
)
def test_other_settings_fine_tune_and_say_why(
    settings: Settings, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], reason: str
) -> None:
    path = interrupted(settings)
    capsys.readouterr()
    result = train(settings("second", resume=path, **changes))
    said = capsys.readouterr().out
    assert f"--resume: fine-tuning from {path}" in said
    assert reason in said
    assert result.outcome == "finished"


def test_fine_tuning_takes_the_weights_and_nothing_else(settings: Settings) -> None:
    first = train(settings("first", epochs=3, use_ema=True))
    best = first.save_dir / "checkpoint_best.pth"
    config = settings("second", resume=best, image_size=(96, 96), epochs=1, lr=1e-12, warmup_epochs=0)
    second = train(config)
    state = read_checkpoint(second.save_dir / "checkpoint_latest.pth")
    assert state.spec.canvas_size == (96, 96)
    assert state.training is not None
    assert state.training["progress"]["step"] == 2
    assert state.config["lr"] == 1e-12
    weights = read_checkpoint(best).model
    for name, parameter in state.model.items():
        if name.endswith("weight"):
            assert torch.allclose(parameter, weights[name], atol=1e-9), name


def contents(*folders: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["auto", "continue"])
def test_a_run_with_all_done_is_left_as_it_is(
    settings: Settings, capsys: pytest.CaptureFixture[str], mode: Any
) -> None:
    first = settings("first", epochs=2)
    train(first)
    before = contents(first.save_dir, first.log_dir)
    again = train(settings("first", epochs=2, resume=first.save_dir / "checkpoint_latest.pth", resume_as=mode))
    assert (again.outcome, again.status) == ("finished", 0)
    assert contents(first.save_dir, first.log_dir) == before
    said = capsys.readouterr().out
    assert "nothing was missing and nothing has changed; to train further from these weights: --resume_as" in said
    assert ("its 2 epochs are all done; doing only what is missing after them" in said) == (mode == "auto")


def test_a_finished_run_can_be_fine_tuned_by_force(settings: Settings) -> None:
    first = train(settings("first", epochs=2))
    latest = first.save_dir / "checkpoint_latest.pth"
    second = train(settings("second", epochs=2, resume=latest, resume_as="fine_tune"))
    state = state_of(second)
    assert state["progress"]["step"] == 4
    assert not equal(state["model"], state_of(first)["model"])


def test_more_epochs_than_asked_for_cannot_be_undone(settings: Settings) -> None:
    latest = train(settings("first", epochs=2)).save_dir / "checkpoint_latest.pth"
    with pytest.raises(CheckpointError, match=r"cannot be continued.*2 epochs are done.*--resume_as fine_tune"):
        train(settings("second", epochs=1, resume=latest, resume_as="continue"))


def test_a_run_that_stopped_early_is_only_completed(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    patient = {"epochs": 30, "lr": 1e-9, "early_stopping": True, "patience": 2}
    first = train(settings("first", **patient))
    assert first.outcome == "stopped early"
    again = train(settings("first", **patient, resume=first.save_dir / "checkpoint_latest.pth"))
    assert again.outcome == "stopped early"
    said = capsys.readouterr().out
    assert "it stopped early, after" in said
    assert "nothing has changed" in said


def test_changed_labels_are_another_run(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_tiny_aariz(tmp_path / "changing", train=4, valid=2)
    path = interrupted(settings, dataset_path=(root,))
    label = next((root / "train").rglob("t0.json"))
    content = json.loads(label.read_text(encoding="utf-8"))
    content["landmarks"][0]["value"]["x"] += 1
    label.write_text(json.dumps(content), encoding="utf-8")
    train(settings("second", resume=path, dataset_path=(root,)))
    assert "its train films are not those of this run" in capsys.readouterr().out


def test_a_finished_run_can_be_made_longer_by_force(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    first = train(settings("first", epochs=2))
    latest = first.save_dir / "checkpoint_latest.pth"
    longer = train(settings("first", epochs=3, resume=latest, resume_as="continue"))
    assert "although epochs was 2 and is now 3" in capsys.readouterr().out
    state = state_of(longer)["progress"]
    assert (state["epoch"], state["step"]) == (3, 6)


def test_either_meaning_can_be_forced(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    path = interrupted(settings)
    train(settings("second", resume=path, resume_as="fine_tune"))
    assert "--resume: fine-tuning from" in capsys.readouterr().out
    with pytest.raises(CheckpointError, match="image_size was 64 64 and is now 64 96"):
        train(settings("third", resume=path, resume_as="continue", image_size=(64, 96)))


def test_weights_only_cannot_be_continued(settings: Settings) -> None:
    first = train(settings("first"))
    with pytest.raises(CheckpointError, match="holds weights only"):
        train(settings("second", resume=first.save_dir / "checkpoint_best.pth", resume_as="continue"))


def test_another_data_set_is_another_run(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = interrupted(settings)
    other = write_tiny_aariz(tmp_path / "other", train=4, valid=2)
    train(settings("second", resume=path, dataset_path=(other,)))
    assert "its train films are not those of this run" in capsys.readouterr().out


def test_another_model_is_refused(settings: Settings) -> None:
    path = interrupted(settings)
    with pytest.raises(CheckpointError, match="use --model test_resnet"):
        train(settings("second", resume=path, model="test_efficientnet"))


def test_continuing_keeps_the_best_and_a_new_run_sets_the_old_one_aside(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    first = train(settings("first", epochs=2))
    old = (first.save_dir / "checkpoint_best.pth").read_bytes()
    capsys.readouterr()
    train(settings("first", epochs=1))
    assert "holds an earlier run" in capsys.readouterr().out
    kept = list(first.save_dir.glob("earlier_*/checkpoint_best.pth"))
    assert [path.read_bytes() for path in kept] == [old]


def test_continuing_into_another_folder_takes_the_best_along(settings: Settings) -> None:
    path = interrupted(settings, epochs=3)
    train(settings("first", epochs=3, resume=path), stop=StopAfter(2))
    before = read_checkpoint(path)
    assert before.training is not None
    assert before.training["progress"]["best_epoch"] == 1
    moved = train(settings("moved", epochs=3, resume=path), stop=StopAfter(1))
    assert (moved.save_dir / "checkpoint_best.pth").is_file()


def test_what_is_set_aside_never_meets_an_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Stuck":
            assert tz is UTC
            return cls(2026, 10, 25, 1, 30, tzinfo=UTC)

    monkeypatch.setattr(resume, "datetime", Stuck)
    (tmp_path / "earlier_20261025_013000-2").write_text("a file")
    for content in ("one", "two"):
        (tmp_path / "checkpoint_best.pth").write_text(content)
        resume.set_aside(tmp_path, ["checkpoint_*.pth"])
    kept = {path.parent.name: path.read_text() for path in tmp_path.glob("earlier_*/*")}
    assert kept == {"earlier_20261025_013000": "one", "earlier_20261025_013000-3": "two"}


def test_a_state_of_another_kind_is_no_run_to_go_on_with(settings: Settings) -> None:
    path = interrupted(settings)
    checkpoint = read_checkpoint(path)
    write_checkpoint(path, replace(checkpoint, training={**(checkpoint.training or {}), "progress": {"odd": 1}}))
    with pytest.raises(CheckpointError, match="its state does not fit this run"):
        train(settings("first", resume=path))


@pytest.mark.parametrize(
    "changes", [{"symbols": ["A"]}, {"model": "resnet18"}, {"heatmap_stride": 2}, {"loss": "x"}], ids=str
)
def test_a_state_that_is_not_of_the_network_it_names_is_refused(settings: Settings, changes: dict[str, object]) -> None:
    run = settings(epochs=1)
    train(run)
    path = run.save_dir / "checkpoint_latest.pth"
    content = torch.load(path, weights_only=True)
    torch.save({**content, "spec": {**content["spec"], **changes}}, path)
    with pytest.raises(CheckpointError, match=r"checkpoint_latest\.pth: the weights do not fit .*; .*train again"):
        train(settings("again", resume=path))


ODD: list[Any] = [None, "x", float("nan"), float("inf"), -1, 1.5, 10**6, 10**400, [], {}, torch.ones(2)]


@pytest.fixture(scope="module")
def stopped(tiny_aariz: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainConfig, dict[str, Any]]:
    """A run that stopped within its second epoch, and what its state holds."""
    folder = tmp_path_factory.mktemp("stopped")
    config = TrainConfig(
        dataset_path=(tiny_aariz,), cache_dir=folder / "cache", model="test_resnet", image_size=(64, 64),
        pretrained=False, device="cpu", epochs=2, warmup_epochs=0.5, num_workers=0,
        save_dir=folder / "run", log_dir=folder / "logs",
        annotation_type="mean",
    )  # fmt: skip
    train(config, StopAfter(3))
    return config, torch.load(folder / "run" / "checkpoint_latest.pth", weights_only=True)


def refused(stopped: tuple[TrainConfig, dict[str, Any]], path: Path, training: dict[str, Any], **more: Any) -> str:
    """The message about a state with other ``training``, which must name the file and the remedy."""
    config, content = stopped
    torch.save({**content, "training": training, **more}, path)
    with pytest.raises(CheckpointError, match=rf"(?s)^{path}: .*") as caught:
        set_up(replace(config, resume=path), ProgressBar(quiet=True))
    assert len(str(caught.value)) < 700 + len(str(path))
    return str(caught.value)


@pytest.mark.parametrize("name", ["epoch", "epoch_steps", "step"])
def test_a_run_does_not_go_on_from_counts_that_cannot_be(stopped: Any, tmp_path: Path, name: str) -> None:
    training = stopped[1]["training"]
    for value in ODD:
        refused(stopped, tmp_path / "c.pth", {**training, "progress": {**training["progress"], name: value}})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("skipped", -1), ("skipped", 10**6), ("skipped_in_a_row", "x"), ("epoch_films", None), ("best_epoch", 9),
        ("best", "x"), ("best", [1.0]), ("epoch_loss", None), ("figures", "x"), ("figures", {"a": []}), ("more", 1),
    ],
)  # fmt: skip
def test_nor_from_other_progress_that_cannot_be(stopped: Any, tmp_path: Path, name: str, value: Any) -> None:
    training = stopped[1]["training"]
    refused(stopped, tmp_path / "c.pth", {**training, "progress": {**training["progress"], name: value}})


@pytest.mark.parametrize(
    ("name", "value"),
    [("exp_avg", torch.ones(1)), ("exp_avg", "x"), ("exp_avg_sq", None), ("step", "x"), ("betas", 3), ("eps", "x")],
)
def test_nor_from_an_optimiser_of_other_weights(stopped: Any, tmp_path: Path, name: str, value: Any) -> None:
    training = copy.deepcopy(stopped[1]["training"])
    part = training["optimizer"]["param_groups" if name in ("betas", "eps") else "state"][0]
    part[name] = value
    refused(stopped, tmp_path / "c.pth", training)


@pytest.mark.parametrize("value", [[], [None], [{}], [3], [{"cpu": torch.zeros(3), "cuda": []}]], ids=str)
def test_nor_from_random_generators_that_are_none(stopped: Any, tmp_path: Path, value: Any) -> None:
    refused(stopped, tmp_path / "c.pth", {**stopped[1]["training"], "random": value})


def test_settings_in_a_file_may_be_anything(stopped: Any, tmp_path: Path) -> None:
    config, content = stopped
    torch.save({**content, "config": {**content["config"], "epochs": torch.ones(2), "lr": [torch.ones(2)] * 99}},
               tmp_path / "c.pth")  # fmt: skip
    resumed = replace(config, resume=tmp_path / "c.pth", resume_as="auto")
    assert set_up(resumed, ProgressBar(quiet=True)).state.progress.step == 0
