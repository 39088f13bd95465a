"""Properties of the loop: exact accumulation, order of things, films that spoil a step."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cephkit.checkpoint import load_model, read_checkpoint
from cephkit.errors import CephkitError
from cephkit.screen import ProgressBar
from cephkit.task.heatmaps import HeatmapTask
from cephkit.task.task import Output
from cephkit.training import launch, loop
from cephkit.training.context import Run
from cephkit.training.loop import train_epoch
from cephkit.training.run import set_up, train
from tests.training.conftest import Settings


def prepared(config) -> Run:  # type: ignore[no-untyped-def]
    return set_up(config, ProgressBar(quiet=True))


def times_loss(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    real = HeatmapTask.__call__

    def changed(*arguments: Any) -> Output:
        output = real(*arguments)
        return Output(output.loss * factor, output.maps)

    monkeypatch.setattr(HeatmapTask, "__call__", changed)


def gradients_of_each_step(run: Run) -> list[list[torch.Tensor]]:
    """Gradients at every optimiser step of an epoch; weights and normalisation statistics stay as they are."""
    run.state.model.eval()
    seen = []

    def keep() -> None:
        seen.append([p.grad.clone() for p in run.state.model.parameters() if p.grad is not None])

    run.optimizer.step = keep
    train_epoch(run, stop=lambda: False)
    return seen


def relative_difference(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> float:
    gap = sum(float(((a - b).double() ** 2).sum()) for a, b in zip(ours, theirs, strict=True))
    size = sum(float((b.double() ** 2).sum()) for b in theirs)
    return (gap / size) ** 0.5


@pytest.mark.parametrize("loss", ["adaptive_wing", "softmax"])
def test_accumulation_gives_the_gradients_of_the_whole_batch(settings: Settings, loss: str) -> None:
    plain = {"augment": False, "clip_grad_norm": 0.0, "loss": loss}
    cut = gradients_of_each_step(prepared(settings("cut", batch_size=2, gradient_accumulation_steps=3, **plain)))
    whole = gradients_of_each_step(prepared(settings("whole", batch_size=6, gradient_accumulation_steps=1, **plain)))
    assert len(cut) == len(whole) == 2  # 7 films: a step of 6, and the remainder of 1
    for ours, theirs in zip(cut, whole, strict=True):
        assert relative_difference(ours, theirs) < 1e-6


def test_the_remainder_of_an_epoch_weighs_its_films_in_full(settings: Settings) -> None:
    plain = {"augment": False, "clip_grad_norm": 0.0}
    remainder = gradients_of_each_step(prepared(settings("six", batch_size=2, gradient_accumulation_steps=3, **plain)))[
        1
    ]
    alone = gradients_of_each_step(prepared(settings("one", batch_size=1, gradient_accumulation_steps=1, **plain)))[6]
    assert relative_difference(remainder, alone) < 1e-6


def test_it_learns_where_the_landmarks_are(settings: Settings) -> None:
    # The films are soft blobs: a network that learns anything finds them to about a pixel of 0.5 mm.
    result = train(settings(epochs=40, batch_size=4, gradient_accumulation_steps=1, lr=5e-3, augment=False))
    assert result.outcome == "finished"
    assert result.best is not None
    assert result.best < 2.0
    first = float(rows(result.save_dir.parent / "run_logs" / "epochs.csv")[0]["Val/MRE_mm"])
    assert result.best < first / 3


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_checkpoints_best_latest_and_periodic(settings: Settings) -> None:
    config = settings(epochs=4, save_frequency=2, use_ema=True)
    result = train(config)
    names = sorted(path.name for path in config.save_dir.iterdir())
    assert names == [
        "checkpoint_best.pth",
        "checkpoint_epoch_2.pth",
        "checkpoint_epoch_4.pth",
        "checkpoint_latest.pth",
    ]
    best = read_checkpoint(config.save_dir / "checkpoint_best.pth")
    assert best.training is None
    assert best.metrics is not None
    assert best.metrics["mre_mm"] == result.best
    assert best.epoch == result.best_epoch
    latest = read_checkpoint(config.save_dir / "checkpoint_latest.pth")
    assert latest.training is not None
    assert latest.epoch == 4
    # The raw weights go with the raw optimiser; the average lies beside them.
    assert any(not torch.equal(latest.model[name], latest.training["ema"][name]) for name in latest.model)


def test_the_best_checkpoint_predicts_what_was_validated(settings: Settings, tiny_aariz: Path) -> None:
    from cephkit.data.aariz import read_aariz
    from cephkit.data.film import points_array
    from cephkit.evaluation.metrics import radial_errors
    from cephkit.inference.predictor import Predictor

    config = settings(epochs=3, use_ema=True)
    result = train(config)
    loaded = load_model(config.save_dir / "checkpoint_best.pth")
    films = read_aariz(tiny_aariz, ("valid",)).films
    predictor = Predictor(loaded)
    predicted = np.stack([predictor.run_film(film.path).points[0] for film in films])
    truth = np.stack([points_array(film.points("mean"), loaded.spec.symbols) for film in films])
    assert radial_errors(predicted, truth).mean() * 0.5 == pytest.approx(result.best, abs=1e-3)


def test_steps_that_are_not_finite_are_skipped_counted_and_leave_no_trace(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(epochs=2, batch_size=2, gradient_accumulation_steps=1, use_ema=True)
    run = prepared(config)
    real, calls = HeatmapTask.__call__, []

    def spoiled(*arguments: Any) -> Output:
        calls.append(1)
        output = real(*arguments)
        if len(calls) == 3:
            for buffer in filter(torch.is_floating_point, run.state.model.buffers()):
                buffer.data.fill_(float("nan"))  # what an overflowing forward pass does to running statistics
            return Output(output.loss * float("nan"), output.maps)
        return output

    monkeypatch.setattr(HeatmapTask, "__call__", spoiled)
    before: list[torch.Tensor] = []

    def stop() -> bool:
        if len(calls) == 2:
            before.extend(p.detach().clone() for p in run.state.model.parameters())
        return len(calls) == 3

    assert train_epoch(run, stop)
    assert run.state.progress.skipped == 1
    assert run.state.progress.step == 3
    assert all(torch.equal(a, b) for a, b in zip(before, run.state.model.parameters(), strict=True))
    assert all(torch.isfinite(buffer).all() for buffer in run.state.model.buffers())
    train_epoch(run, stop=lambda: False)
    assert run.state.progress.skipped == 1


def test_a_run_that_only_skips_ends_with_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    run = prepared(settings(epochs=60))
    times_loss(monkeypatch, float("inf"))
    with pytest.raises(CephkitError, match=r"not finite 50 times in a row.*lower --lr"):
        loop.fit(run, stop=lambda: False)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_run_whose_every_step_was_skipped_is_not_finished(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], early_stopping: bool
) -> None:
    config = settings(epochs=3, early_stopping=early_stopping, patience=1)
    run = set_up(config, ProgressBar())
    times_loss(monkeypatch, float("nan"))
    with pytest.raises(CephkitError, match="not finite in any of the 6 steps, nothing was learned"):
        loop.fit(run, stop=lambda: False)
    assert run.log is not None
    run.log.close()
    assert capsys.readouterr().out.count("train loss -") == 3
    assert [row["Train/EpochLoss"] for row in rows(config.log_dir / "epochs.csv")] == ["", "", ""]
    assert not (config.save_dir / "checkpoint_best.pth").exists()


def test_early_stopping_waits_for_validations(settings: Settings) -> None:
    result = train(settings(epochs=30, lr=1e-9, early_stopping=True, patience=4, validation_frequency=3))
    assert result.outcome == "stopped early"
    table = rows(result.save_dir.parent / "run_logs" / "epochs.csv")
    assert result.best_epoch % 3 == 0
    assert int(table[-1]["epoch"]) == result.best_epoch + 6
    assert (result.save_dir / "checkpoint_best.pth").is_file()


def test_tensorboard_has_the_guides_tags_and_csv_the_same_figures(settings: Settings) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = settings(epochs=3)
    train(config)
    events = EventAccumulator(str(config.log_dir))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    guide = {"Train/BatchLoss", "Train/EpochLoss", "LR", "Val/Loss", "Val/MRE_pixels", "Val/MRE_mm", "Val/SDR_2mm",
             "Val/SDR_2.5mm", "Val/SDR_3mm", "Val/SDR_4mm"}  # fmt: skip
    assert guide <= tags
    assert {"System/RAM_GiB", "System/FilmsPerSecond"} <= tags
    assert events.Tags()["images"] == ["Val/Film"]
    table = rows(config.log_dir / "epochs.csv")
    assert [row["epoch"] for row in table] == ["1", "2", "3"]
    logged = [event.value for event in events.Scalars("Val/MRE_mm")]
    assert [float(row["Val/MRE_mm"]) for row in table] == pytest.approx(logged, rel=1e-6)
    steps = rows(config.log_dir / "steps.csv")
    assert [int(row["step"]) for row in steps] == list(range(1, 7))
    assert float(steps[-1]["LR"]) < float(steps[1]["LR"])


def test_early_stopping_ends_a_run_that_does_not_improve(settings: Settings) -> None:
    result = train(settings(epochs=30, lr=1e-9, early_stopping=True, patience=2))
    assert result.outcome == "stopped early"
    epochs = len(rows(result.save_dir.parent / "run_logs" / "epochs.csv"))
    assert epochs == result.best_epoch + 2 < 30


def test_half_precision_trains_with_loss_and_decoding_in_float32(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "half_pays", lambda device: True)  # a CPU may have to emulate it
    config = settings(mixed_precision=True, epochs=1)
    run = prepared(config)
    seen: list[tuple[torch.dtype, bool]] = []
    assert isinstance(run.task, HeatmapTask)
    inner = run.task.loss.forward

    def criterion(prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        seen.append((prediction.dtype, torch.is_autocast_enabled("cpu")))
        return inner(prediction, target, mask)

    half = []
    run.state.model.head.final.register_forward_hook(lambda module, inputs, output: half.append(output.dtype))
    monkeypatch.setattr(run.task.loss, "forward", criterion)
    train_epoch(run, stop=lambda: False)
    assert set(half) == {torch.bfloat16}
    assert set(seen) == {(torch.float32, False)}


def test_an_empty_map_is_recognised(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    train(settings(epochs=5, lr=1e-9, warmup_epochs=0))
    out = capsys.readouterr().out
    assert "WARNING: the validation loss" in out
    assert "the network finds nothing" in out


def test_films_without_pixel_size_select_by_pixels(settings: Settings, tmp_path: Path) -> None:
    from tests.conftest import write_tiny_aariz

    root = write_tiny_aariz(tmp_path / "plain", train=3, valid=2)
    (root / "cephalogram_machine_mappings.csv").unlink()
    config = settings(dataset_path=(root,), epochs=1)
    train(config)
    metrics = read_checkpoint(config.save_dir / "checkpoint_best.pth").metrics
    assert metrics is not None
    assert metrics["mre_mm"] is None
    assert metrics["mre_pixels"] > 0
    assert rows(config.log_dir / "epochs.csv")[0]["Val/MRE_mm"] == ""


def test_only_every_nth_epoch_and_the_last_are_validated(settings: Settings) -> None:
    config = settings(epochs=5, validation_frequency=2)
    result = train(config)
    with (config.log_dir / "epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows if row["Val/Loss"]] == ["2", "4", "5"]
    assert all(row["Train/EpochLoss"] for row in rows)
    assert result.best_epoch in (2, 4, 5)


def test_a_log_on_a_full_disk_is_said_once_and_catches_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from cephkit.training import records

    config = settings(epochs=3)
    real, tables = records.GrowingFile._write, []

    def full(self: records.GrowingFile) -> None:
        tables.append(self.path.name)
        if 10 < len(tables) < 15:  # from the second epoch's first step into its end
            raise OSError(28, "No space left on device")
        real(self)

    monkeypatch.setattr(records.GrowingFile, "_write", full)
    assert train(config).outcome == "finished"
    said = capsys.readouterr().out
    assert said.count("the log cannot be written (No space left on device); training continues") == 1
    assert said.count("the log is written again") == 1
    assert [row["epoch"] for row in rows(config.log_dir / "epochs.csv")] == ["1", "2", "3"]
    assert [row["step"] for row in rows(config.log_dir / "steps.csv")] == [str(n) for n in range(1, 7)]
    events = EventAccumulator(str(config.log_dir))
    events.Reload()
    assert [event.step for event in events.Scalars("Train/BatchLoss")] == list(range(1, 7))


def test_a_log_folder_that_cannot_be_used_is_found_before_training(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "run_logs").mkdir()
    (tmp_path / "run_logs" / "epochs.csv").mkdir()
    with pytest.raises(CephkitError, match=r"--log_dir .*run_logs: cannot be written .*choose another --log_dir"):
        train(settings())
