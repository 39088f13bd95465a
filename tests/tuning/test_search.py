"""A search: trials that are trained, judged, ended early, interrupted and resumed."""

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from optuna.trial import TrialState

from cephkit.checkpoint import read_checkpoint
from cephkit.commands.tune import TuneOptions, tune
from cephkit.config import TrainConfig
from cephkit.errors import CephkitError
from cephkit.interrupt import Stopped
from cephkit.settings.reading import from_yaml
from cephkit.training.run import Result
from cephkit.tuning import search as search_module
from cephkit.tuning.space import read_space
from cephkit.tuning.study import BEFORE_PRUNING, TRIAL_LOCK, Study
from tests.conftest import write_tiny_aariz
from tests.tuning.conftest import Losses, Spaces, carry_out, table


def test_trials_are_runs_and_the_best_one_can_be_trained_again(
    space: Spaces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuned"
    assert tune(TuneOptions(space=space(lr=1e-3), trials=3, out=out))
    said = capsys.readouterr().out
    rows = table(out)
    assert [row["trial"] for row in rows] == ["1", "2", "3"]
    assert {row["state"] for row in rows} == {"complete"}
    assert float(rows[0]["lr"]) == 2e-3
    assert len({row["lr"] for row in rows}) == 3
    best = min(rows, key=lambda row: float(row["mre_mm"]))
    assert f"trial {best['trial']}" in said
    # The error is that of the checkpoint, which is kept; the others' are removed, and their logs stay.
    checkpoint = read_checkpoint(out / f"trial_{best['trial']}" / "checkpoint_best.pth")
    assert checkpoint.metrics is not None
    assert float(best["mre_mm"]) == pytest.approx(checkpoint.metrics["mre_mm"])
    assert float(best["sdr_2mm_percent"]) == pytest.approx(checkpoint.metrics["sdr"]["2"])
    for row in rows:
        folder = out / f"trial_{row['trial']}"
        assert bool(list(folder.glob("*.pth"))) == (row is best)
        assert (folder / "epochs.csv").is_file()
    config = from_yaml(TrainConfig, out / "best.yaml")
    assert f"{config.lr:.3g}" == best["lr"]
    assert config.epochs == 2
    assert config.save_dir == TrainConfig().save_dir
    page = (out / "report.html").read_text(encoding="utf-8")
    # What is searched is not among the settings that all trials share.
    shared = page[page.index("Settings of all trials") : page.index("Errors</h2>")]
    assert "epochs" in shared
    assert not re.search(r"<th[^>]*>lr</th>", shared)
    assert "<script" not in page
    assert str(tmp_path) not in page
    # More trials are added to those that are there.
    assert tune(TuneOptions(space=space(lr=1e-3), trials=4, out=out))
    assert table(out)[:3] == rows
    assert len(table(out)) == 4


def test_the_same_seed_tries_the_same(space: Spaces, tmp_path: Path) -> None:
    tried = []
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        study = Study(tmp_path / name, read_space(space()), seed)
        points = []
        for number in range(3):
            taken = study.take(3)
            assert taken is not None
            study.end(taken, float(number))
            taken.lock.release()
            points.append(taken.point["lr"])
        tried.append(points)
    assert tried[0] == tried[1]
    assert tried[0] != tried[2]


def test_a_stopped_search_goes_on_to_the_same_weights(
    space: Spaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = space(epochs=3)
    assert tune(TuneOptions(space=path, trials=1, out=tmp_path / "whole"))
    steps = 0

    def stop(watch: Any) -> bool:
        nonlocal steps
        steps += 1
        return steps == 3

    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(search_module._Watch, "asks_to_stop", stop)
        with pytest.raises(Stopped, match="re-run the same command"):
            tune(TuneOptions(space=path, trials=1, out=out))
    assert [row["state"] for row in table(out)] == ["running"]
    assert not (out / "trial_1" / TRIAL_LOCK).exists()
    assert tune(TuneOptions(space=path, trials=1, out=out))
    (row,) = table(out)
    assert row["state"] == "complete"
    one, other = (read_checkpoint(each / "trial_1" / "checkpoint_best.pth").model for each in (tmp_path / "whole", out))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_trial_behind_the_others_is_ended_early_but_not_before_half(
    space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]
) -> None:
    good, bad = [5.0, 4, 3, 2, 1.5, 1.4, 1.3, 1.2], [9.0, 8, 7, 6, 5, 4, 3, 2]
    pretend(lambda number: bad if number > BEFORE_PRUNING else [error + 0.01 * number for error in good])
    study = Study(tmp_path / "tuned", read_space(space()))
    carry_out(study, BEFORE_PRUNING + 1)
    states = [each.state for each in study.trials()]
    assert states == [*[TrialState.COMPLETE] * BEFORE_PRUNING, TrialState.PRUNED]
    assert max(study.trials()[-1].intermediate_values) == len(bad) // 2
    # Without pruning, and where the epochs themselves are searched, every trial comes to its end.
    free = Study(tmp_path / "free", read_space(space()))
    carry_out(free, BEFORE_PRUNING + 1, prune=False)
    assert {each.state for each in free.trials()} == {TrialState.COMPLETE}
    searched = Study(tmp_path / "epochs", read_space(space({"epochs": [8, 16]}, first=[])))
    carry_out(searched, BEFORE_PRUNING + 1)
    assert {each.state for each in searched.trials()} == {TrialState.COMPLETE}


def test_a_trial_that_is_ahead_late_is_kept(space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]) -> None:
    pretend(lambda number: [9.0, 9, 9, 1] if number > BEFORE_PRUNING else [4.0, 4, 3, 3])
    study = Study(tmp_path / "tuned", read_space(space()))
    carry_out(study, BEFORE_PRUNING + 1)
    assert study.trials()[-1].state == TrialState.PRUNED  # behind at half
    pretend(lambda number: [9.0, 4, 3, 1] if number > BEFORE_PRUNING else [4.0, 4, 3, 3])
    study = Study(tmp_path / "again", read_space(space()))
    carry_out(study, BEFORE_PRUNING + 1)
    assert study.complete()[0].number == BEFORE_PRUNING


def test_folds_are_judged_out_of_fold(space: Spaces, tmp_path: Path) -> None:
    out = tmp_path / "tuned"
    assert tune(TuneOptions(space=space(folds=2, epochs=1), trials=1, out=out))
    (row,) = table(out)
    with (out / "trial_1" / "folds.csv").open(encoding="utf-8", newline="") as file:
        every = {each["model"]: each for each in csv.DictReader(file)}
    assert float(row["mre_mm"]) == pytest.approx(float(every["all"]["mre_mm"]))


def test_seeds_are_judged_by_their_mean(space: Spaces, tmp_path: Path) -> None:
    out = tmp_path / "tuned"
    assert tune(TuneOptions(space=space(seeds=2, epochs=1), trials=1, out=out))
    (row,) = table(out)
    with (out / "trial_1" / "seeds.csv").open(encoding="utf-8", newline="") as file:
        every = {each["model"]: each for each in csv.DictReader(file)}
    assert float(row["mre_mm"]) == pytest.approx(float(every["mean"]["mre_mm"]))


def test_the_second_stage_counts(space: Spaces, tmp_path: Path) -> None:
    out = tmp_path / "tuned"
    assert tune(TuneOptions(space=space(refine=True, refine_epochs=1, refine_size=[64, 64]), trials=1, out=out))
    (row,) = table(out)
    checkpoint = read_checkpoint(out / "trial_1" / "checkpoint_best.pth")
    second = checkpoint.extras.get("refiner")
    assert checkpoint.metrics is not None
    assert float(row["mre_mm"]) == pytest.approx(checkpoint.metrics["mre_mm"] if second is None else second["error"])


@pytest.mark.slow
def test_two_processes_share_the_trials(space: Spaces, tmp_path: Path) -> None:
    out = tmp_path / "tuned"
    call = [sys.executable, "-m", "cephkit", "tune", "--space", str(space()), "--trials", "4", "--out", str(out)]
    processes = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [row["state"] for row in table(out)] == ["complete"] * 4
    began = [line for text in said for line in text.splitlines() if line.startswith("trial ") and " of 4: " in line]
    assert len(began) == 4
    assert len({row["lr"] for row in table(out)}) == 4


@pytest.mark.slow
def test_a_killed_process_loses_nothing(space: Spaces, tmp_path: Path) -> None:
    out = tmp_path / "tuned"
    path = space(epochs=30)
    call = [sys.executable, "-m", "cephkit", "tune", "--space", str(path), "--trials", "1", "--out", str(out)]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, text=True)
    while not (out / "trial_1" / "checkpoint_latest.pth").exists():
        assert process.poll() is None
    process.kill()
    process.wait()
    assert (out / "trial_1" / TRIAL_LOCK).exists()
    said = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    assert "going on with trial 1" in said
    assert "--resume: continuing" in said
    assert [row["state"] for row in table(out)] == ["complete"]
    with (out / "trial_1" / "epochs.csv").open(encoding="utf-8", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == [str(epoch) for epoch in range(1, 31)]


def test_a_trial_behind_the_others_stays_so_though_a_validation_comes_before_the_stop(
    space: Spaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_late = [False]

    def train(config: TrainConfig, stop: Any, validated: Any) -> Result:
        for epoch, error in enumerate([9.0, 9, 1, 1] if asked_late[0] else [4.0, 3, 2, 1], 1):
            validated(epoch, 4, error)
            if epoch != 2 and stop():
                return Result("stopped", error, epoch, config.save_dir)
        return Result("finished", 1.0, 4, config.save_dir)

    monkeypatch.setattr(search_module, "train", train)
    monkeypatch.setattr(search_module, "judged", lambda config, result: (result.best, {"unit": "mm"}))
    study = Study(tmp_path / "tuned", read_space(space()))
    carry_out(study, BEFORE_PRUNING)
    asked_late[0] = True
    carry_out(study, BEFORE_PRUNING + 1)
    assert study.trials()[-1].state == TrialState.PRUNED


def test_folds_need_no_valid_films(space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]) -> None:
    root = write_tiny_aariz(tmp_path / "Aariz", train=4, valid=0)
    with pytest.raises(CephkitError, match="valid"):
        tune(TuneOptions(space=space(dataset_path=root.as_posix()), trials=1, out=tmp_path / "alone"))
    path = space(dataset_path=root.as_posix(), folds=2, epochs=1)
    assert tune(TuneOptions(space=path, trials=1, out=tmp_path / "folds"))


def test_the_same_settings_are_not_trained_twice(
    space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]
) -> None:
    begun = []

    def errors(number: int) -> list[float]:
        begun.append(number)
        return [float(number)]

    pretend(errors)
    out = tmp_path / "tuned"
    assert tune(TuneOptions(space=space(search={"lr": [1e-3, 2e-3]}, first=[{"lr": 2e-3}]), trials=6, out=out))
    rows = table(out)
    assert {row["state"] for row in rows} == {"complete"}
    assert len(begun) == len({row["lr"] for row in rows}) <= 2
    trained = {row["lr"]: row for row in reversed(rows)}
    for row in rows:
        same = trained[row["lr"]]
        assert row["mre_mm"] == same["mre_mm"]
        assert row["reason"] == ("" if row is same else f"same settings as trial {same['trial']}")


def test_epochs_are_those_that_were_trained(space: Spaces, tmp_path: Path) -> None:
    out = tmp_path / "tuned"
    path = space(epochs=9, early_stopping=True, patience=1, lr=1e-7, search={"sigma": [1, 1.5]}, first=[{"sigma": 1}])
    assert tune(TuneOptions(space=path, trials=1, out=out))
    with (out / "trial_1" / "epochs.csv").open(encoding="utf-8", newline="") as file:
        count = len(list(csv.DictReader(file)))
    assert count < 9
    assert table(out)[0]["epochs"] == str(count)
