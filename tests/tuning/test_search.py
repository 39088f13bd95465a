"""A search: trials in a shared journal, ended early, failed, interrupted and resumed."""

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from optuna.trial import TrialState

from cephkit.checkpoint import read_checkpoint
from cephkit.commands import tune as command
from cephkit.commands.tune import TuneOptions, tune
from cephkit.config import TrainConfig
from cephkit.errors import CephkitError, DivergedError, SettingsError
from cephkit.interrupt import Stopped
from cephkit.settings.reading import from_yaml
from cephkit.training.run import Result
from cephkit.tuning import search as search_module
from cephkit.tuning.search import MOST_FAILED_IN_A_ROW, search
from cephkit.tuning.space import read_space
from cephkit.tuning.study import BEFORE_PRUNING, JOURNAL, TRIAL_LOCK, Study

Spaces = Callable[..., Path]


@pytest.fixture
def space(tiny_aariz: Path, tmp_path: Path) -> Spaces:
    """A space file of runs of a second."""

    def make(search: dict[str, Any] | None = None, first: list[Any] | None = None, **settings: Any) -> Path:
        quick = {
            "dataset_path": tiny_aariz.as_posix(), "cache_dir": (tmp_path / "cache").as_posix(), "model": "test_resnet",
            "image_size": [64, 64], "pretrained": False, "device": "cpu", "epochs": 2, "warmup_epochs": 0.5,
            "num_workers": 0, "annotation_type": "mean", "save_frequency": 0,
        }  # fmt: skip
        content = {
            "settings": {**quick, **settings},
            "search": search or {"lr": {"from": 5e-4, "to": 8e-3, "log": True}},
            "first": [{"lr": 2e-3}] if first is None else first,
        }
        path = tmp_path / "space.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return make


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_trials_are_runs_and_the_best_one_can_be_trained_again(
    space: Spaces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuned"
    assert tune(TuneOptions(space=space(), trials=3, out=out))
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
    assert "<script" not in page
    assert str(tmp_path) not in page
    # More trials are added to those that are there.
    assert tune(TuneOptions(space=space(), trials=4, out=out))
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


def test_a_trial_is_of_one_process_and_an_abandoned_one_goes_on(space: Spaces, tmp_path: Path) -> None:
    content = read_space(space())
    one, other = Study(tmp_path / "tuned", content), Study(tmp_path / "tuned", content)
    first, second = one.take(3), other.take(3)
    assert first is not None
    assert second is not None
    assert (first.number, second.number) == (1, 2)
    assert first.point != second.point
    first.lock.release()  # as if its process had been killed
    again = other.take(3)
    assert again is not None
    assert (again.number, again.is_resumed, again.point) == (1, True, first.point)
    third = one.take(3)
    assert third is not None
    assert third.number == 3
    assert one.take(3) is None
    assert other.take(3) is None


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


Losses = Callable[[int], list[float]]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[[Losses], None]:
    """Replaces training by given validation errors of each epoch, by the number of the trial."""

    def use(errors: Losses) -> None:
        def train(config: TrainConfig, stop: Any, validated: Any) -> Result:
            number = int(config.save_dir.name.removeprefix("trial_"))
            mine = errors(number)
            for epoch, error in enumerate(mine, 1):
                validated(epoch, len(mine), error)
                if stop():
                    return Result("stopped", error, epoch, config.save_dir)
            return Result("finished", min(mine), len(mine), config.save_dir)

        monkeypatch.setattr(search_module, "train", train)
        monkeypatch.setattr(search_module, "judged", lambda config, result: (result.best, {"unit": "mm"}))

    return use


def carry_out(study: Study, trials: int, prune: bool = True) -> None:
    search(study, trials, prune, False, None, lambda line: None)


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
    study = Study(tmp_path / "tuned", read_space(space(search={"lr": [1e-3, 2e-3]})))
    carry_out(study, BEFORE_PRUNING + 1)
    assert study.trials()[-1].state == TrialState.PRUNED  # behind at half
    pretend(lambda number: [9.0, 4, 3, 1] if number > BEFORE_PRUNING else [4.0, 4, 3, 3])
    study = Study(tmp_path / "again", read_space(space(search={"lr": [1e-3, 2e-3]})))
    carry_out(study, BEFORE_PRUNING + 1)
    assert study.complete()[0].number == BEFORE_PRUNING


@pytest.mark.parametrize("cause", [DivergedError("not finite"), SettingsError("they contradict")])
def test_a_trial_whose_settings_cannot_train_is_noted_and_the_next_begins(
    space: Spaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pretend: Callable[[Losses], None],
    cause: CephkitError,
) -> None:  # fmt: skip
    def errors(number: int) -> list[float]:
        if number == 2:
            raise cause
        return [2.0]

    pretend(errors)
    out = tmp_path / "tuned"
    assert tune(TuneOptions(space=space(), trials=3, out=out))
    rows = table(out)
    assert [row["state"] for row in rows] == ["complete", "failed", "complete"]
    assert rows[1]["reason"] == str(cause)


def test_out_of_memory_is_the_trials_own_fault_and_a_full_disk_is_not(
    space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]
) -> None:
    def errors(number: int) -> list[float]:
        if number == 1:
            raise CephkitError("the card ran out of memory") from torch.OutOfMemoryError()
        if number == 2:
            raise CephkitError("the disk is full") from OSError(28, "No space left on device")
        return [2.0]

    pretend(errors)
    study = Study(tmp_path / "tuned", read_space(space()))
    with pytest.raises(CephkitError, match="the disk is full"):
        carry_out(study, 3)
    assert [each.state for each in study.trials()] == [TrialState.FAIL, TrialState.RUNNING]
    pretend(lambda number: [2.0])
    carry_out(study, 3)
    assert [each.state for each in study.trials()] == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]


def test_a_space_in_which_everything_fails_ends(
    space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]
) -> None:
    def errors(number: int) -> list[float]:
        raise DivergedError("not finite")

    pretend(errors)
    study = Study(tmp_path / "tuned", read_space(space()))
    with pytest.raises(CephkitError, match=r"3 trials in a row failed.*not finite"):
        carry_out(study, 30)
    assert len(study.trials()) == MOST_FAILED_IN_A_ROW


def test_a_folder_of_another_space_is_refused(space: Spaces, tmp_path: Path) -> None:
    Study(tmp_path / "tuned", read_space(space()))
    for changed, said in (
        ({"epochs": 3}, "epochs in settings was 2 and is 3"),
        ({"search": {"lr": [1e-3, 2e-3]}, "first": []}, "lr in search was 0.0005 to 0.008, in factors"),
        ({"search": {"sigma": [1, 2]}, "first": []}, "lr in search was .* and is not there"),
    ):
        with pytest.raises(SettingsError, match=said):
            Study(tmp_path / "tuned", read_space(space(**changed)))
    # What is tried first may grow.
    study = Study(tmp_path / "tuned", read_space(space(first=[{"lr": 2e-3}, {"lr": 1e-3}])))
    assert len(study.trials()) == 2


def test_a_killed_writer_leaves_a_usable_journal(space: Spaces, tmp_path: Path) -> None:
    content = read_space(space())
    study = Study(tmp_path / "tuned", content)
    taken = study.take(1)
    assert taken is not None
    journal = tmp_path / "tuned" / JOURNAL
    taken.lock.release()
    whole = journal.read_bytes()
    for left in (b'{"op_code":4,"trial_id":0,"user_at', b"x" * 10_000):
        journal.write_bytes(whole + left)
        again = Study(tmp_path / "tuned", content)
        resumed = again.take(1)
        assert resumed is not None
        again.note(resumed, seconds=1.0)
        resumed.lock.release()
        assert [each.state for each in again.trials()] == [TrialState.RUNNING]
        assert journal.read_bytes().startswith(whole)
        assert left not in journal.read_bytes()


@pytest.mark.parametrize("left", [b"no journal\n", b"[1]\n", b"{}\n", b"\xff\xfe\n", b'{"op_code":99}\n'])
def test_a_file_that_is_no_journal_is_refused(space: Spaces, tmp_path: Path, left: bytes) -> None:
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / JOURNAL).write_bytes(left)
    with pytest.raises(SettingsError, match=r"study.log: is not the journal of a search, or is damaged"):
        Study(tmp_path / "tuned", read_space(space()))
    assert (tmp_path / "tuned" / JOURNAL).read_bytes() == left


def test_a_folder_that_cannot_be_written(space: Spaces, tmp_path: Path) -> None:
    (tmp_path / "tuned").write_text("a file", encoding="utf-8")
    with pytest.raises(CephkitError, match=r"--out .*tuned: cannot be written"):
        Study(tmp_path / "tuned", read_space(space()))


def test_a_wrong_data_set_is_found_before_a_trial_begins(space: Spaces, tmp_path: Path) -> None:
    with pytest.raises(CephkitError, match="nowhere: no such folder"):
        tune(TuneOptions(space=space(dataset_path="nowhere"), out=tmp_path / "tuned"))
    assert not (tmp_path / "tuned").exists()


def test_without_optuna(space: Spaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r'pip install "cephkit\[tune\]"'):
        tune(TuneOptions(space=space(), out=tmp_path / "tuned"))


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
    assert float(row["mre_mm"]) == pytest.approx(
        checkpoint.metrics["mre_mm"] if second is None else second["valid"]["both"]
    )


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


def test_the_command_says_so_where_no_trial_has_an_error(
    space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]
) -> None:
    def errors(number: int) -> list[float]:
        raise DivergedError("not finite")

    pretend(errors)
    out = tmp_path / "tuned"
    assert command.main(["--space", str(space()), "--trials", "2", "--out", str(out)]) == 1
    assert not (out / "best.yaml").exists()
    assert [row["state"] for row in table(out)] == ["failed", "failed"]
