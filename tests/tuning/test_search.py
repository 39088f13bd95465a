"""A search: trials in a shared journal, ended early, failed, interrupted and resumed."""

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from optuna.trial import Trial, TrialState

from cephkit.checkpoint import read_checkpoint
from cephkit.commands import tune as command
from cephkit.commands.tune import TuneOptions, tune
from cephkit.config import TrainConfig
from cephkit.errors import CephkitError, DataError, DivergedError, SettingsError
from cephkit.interrupt import Stopped
from cephkit.settings.reading import from_yaml
from cephkit.training import several
from cephkit.training.run import Result
from cephkit.tuning import search as search_module
from cephkit.tuning import study as study_module
from cephkit.tuning.report import write_and_print
from cephkit.tuning.search import MOST_FAILED_IN_A_ROW, search
from cephkit.tuning.space import read_space
from cephkit.tuning.study import BEFORE_PRUNING, JOURNAL, LOCK, TRIAL_LOCK, Study
from tests.conftest import write_tiny_aariz

Spaces = Callable[..., Path]


@pytest.fixture
def space(tiny_aariz: Path, tmp_path: Path) -> Spaces:
    """A space file of runs of a second."""

    def make(search: dict[str, Any] | None = None, first: list[Any] | None = None, **settings: Any) -> Path:
        quick = {
            "dataset_path": tiny_aariz.as_posix(), "cache_dir": (tmp_path / "cache").as_posix(), "model": "test_resnet",
            "image_size": [64, 64], "pretrained": False, "device": "cpu", "epochs": 2, "warmup_epochs": 0.5,
            "num_workers": 0, "annotation_type": "mean", "save_frequency": 0, "refine": False,
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
    study = Study(tmp_path / "tuned", read_space(space()))
    carry_out(study, BEFORE_PRUNING + 1)
    assert study.trials()[-1].state == TrialState.PRUNED  # behind at half
    pretend(lambda number: [9.0, 4, 3, 1] if number > BEFORE_PRUNING else [4.0, 4, 3, 3])
    study = Study(tmp_path / "again", read_space(space()))
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


def test_a_trial_that_never_finds_every_landmark_is_noted_and_the_next_begins(space: Spaces, tmp_path: Path) -> None:
    kinds: dict[str, dict[str, int]] = {
        "the model": {}, "fold 1, fold 2": {"folds": 2}, "seed 0, seed 1": {"seeds": 2},
    }  # fmt: skip
    for blamed, settings in kinds.items():
        path = space(search={"lr": [1000, 2e-3]}, first=[{"lr": 1000}, {"lr": 2e-3}], epochs=1, **settings)
        assert tune(TuneOptions(space=path, trials=2, out=tmp_path / blamed))
        rows = table(tmp_path / blamed)
        assert [row["state"] for row in rows] == ["failed", "complete"]
        assert rows[0]["reason"] == f"{blamed}: no validation found every landmark"


def test_films_that_do_not_fit_are_the_trials_own_fault_where_it_chose_their_size(
    space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]
) -> None:
    def errors(number: int) -> list[float]:
        if number == 1:
            raise DataError("holding 10 films of 4096x4096 needs 160 MiB of memory")
        return [2.0]

    pretend(errors)
    sizes = read_space(space(search={"image_size": [[64, 64], [4096, 4096]]}, first=[{"image_size": [4096, 4096]}]))
    study = Study(tmp_path / "sizes", sizes)
    carry_out(study, 2)
    assert [each.state for each in study.trials()] == [TrialState.FAIL, TrialState.COMPLETE]
    study = Study(tmp_path / "rates", read_space(space()))
    with pytest.raises(DataError, match="4096"):
        carry_out(study, 2)


@pytest.mark.parametrize(
    ("errors", "kind", "cause"),
    [
        ([DivergedError("not finite")] * 2, DivergedError, None),
        ([DivergedError("not finite"), SettingsError("they contradict")], DivergedError, None),
        ([DataError("no memory")] * 2, DataError, None),
        ([torch.OutOfMemoryError()] * 2, CephkitError, torch.OutOfMemoryError),
        ([DivergedError("not finite"), CephkitError("the disk is full")], CephkitError, None),
    ],
)
def test_models_that_fail_on_several_cards_fail_as_on_one(
    space: Spaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: list[Exception], kind: type[Exception],
    cause: type[Exception] | None,
) -> None:  # fmt: skip
    def status(error: Exception) -> int:
        def fail(config: TrainConfig) -> None:
            if isinstance(error, CephkitError):
                raise error
            raise CephkitError("the card ran out of memory") from error

        with monkeypatch.context() as patch:
            patch.setattr(several, "train", fail)
            patch.setattr("sys.stdin", io.StringIO("{}"))
            try:
                return several.train_given([])
            except CephkitError:
                return 2  # as the command line has it

    statuses = [status(error) for error in errors]
    monkeypatch.setattr(several, "_devices", lambda config: ["cpu", "cpu"])
    monkeypatch.setattr(several, "_train_on_free", lambda free, asked, member: statuses[member.config.seed])
    config = read_space(space(seeds=2)).config({}, tmp_path)
    for seed in (0, 1):
        (tmp_path / f"seed_{seed}").mkdir()
        (tmp_path / f"seed_{seed}" / several.OUTPUT).write_text(f"line\nerror: why {seed}\n", encoding="utf-8")
    with pytest.raises(CephkitError, match="seed 0, seed 1 failed: why 0; see ") as caught:
        several.train_several(config)
    assert type(caught.value) is kind
    assert type(caught.value.__cause__) is (cause or type(None))


def test_what_a_process_killed_while_it_chose_left_open_is_chosen_again(
    space: Spaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pretend: Callable[[Losses], None]
) -> None:
    pretend(lambda number: [2.0])
    search = {"lr": {"from": 5e-4, "to": 8e-3, "log": True}, "sigma": [1, 1.5, 2], "weight_decay": [0, 1e-4]}
    first = {"lr": 2e-3, "sigma": 1.5, "weight_decay": 0}
    path = space(search, [first])
    suggest = Trial._suggest
    out = tmp_path / "tuned"
    for last in ("lr", "sigma"):

        def killed(trial: Trial, name: str, distribution: Any, last: str = last) -> Any:
            if name == last:
                raise KeyboardInterrupt
            return suggest(trial, name, distribution)

        with monkeypatch.context() as patch:
            patch.setattr(Trial, "_suggest", killed)
            with pytest.raises(KeyboardInterrupt):
                tune(TuneOptions(space=path, trials=2, out=out))
        (row,) = table(out)
        assert (row["state"], row["sigma"]) == ("running", "")
    assert tune(TuneOptions(space=path, trials=2, out=out))
    rows = table(out)
    assert [row["state"] for row in rows] == ["complete", "complete"]
    assert (float(rows[0]["lr"]), rows[0]["sigma"], rows[0]["weight_decay"]) == (2e-3, "1.5", "0")
    assert rows[1]["sigma"] in ("1", "1.5", "2")


def test_a_complete_trial_without_some_of_its_settings_is_left_out_of_the_drawing(
    space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]
) -> None:
    pretend(lambda number: [2.0])
    content = read_space(space(search={"lr": [1e-3, 2e-3], "sigma": [1, 2]}, first=[]))
    study = Study(tmp_path / "tuned", content)
    trial = study._study.ask({"lr": study._distributions["lr"]})
    trial.set_user_attr("unit", "mm")
    study._study.tell(trial, 3.0)
    write_and_print(study)
    assert table(study.folder)[0]["sigma"] == ""
    carry_out(study, 2)
    write_and_print(study)
    assert "data:image/svg" in (study.folder / "report.html").read_text(encoding="utf-8")


def test_a_study_that_another_machine_left_locked_is_named(
    space: Spaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_module, "LONGEST_WAIT_S", 0.1)
    (tmp_path / "tuned").mkdir()
    lock = tmp_path / "tuned" / LOCK
    lock.write_text("123\notherhost\n", encoding="ascii")
    with pytest.raises(
        CephkitError, match=r"locked by another process: process 123 on otherhost.*remove .*study\.lock"
    ):
        Study(tmp_path / "tuned", read_space(space()))
    assert lock.exists()


def test_a_trial_that_another_machine_left_locked_is_named(
    space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(lambda number: [2.0])
    out, path = tmp_path / "tuned", space()
    taken = Study(out, read_space(path)).take(1)
    assert taken is not None
    taken.lock.release()
    lock = taken.folder / TRIAL_LOCK
    lock.write_text("123\notherhost\n", encoding="ascii")
    assert tune(TuneOptions(space=path, trials=2, out=out))
    said = capsys.readouterr().out
    assert "trial 1 is another process's: process 123 on otherhost, since 20" in said
    assert f"remove {lock} and re-run" in said
    assert [row["state"] for row in table(out)] == ["running", "complete"]
    lock.unlink()
    assert tune(TuneOptions(space=path, trials=2, out=out))
    assert "another process's" not in capsys.readouterr().out
    assert [row["state"] for row in table(out)] == ["complete", "complete"]


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


def test_an_unknown_model_is_found_before_a_trial_begins(space: Spaces, tmp_path: Path) -> None:
    searched = space(search={"model": ["test_resnet", "test_resnit"]}, first=[])
    for path in (searched, space(model="test_resnit")):
        with pytest.raises(SettingsError, match=r"space\.yaml: unknown model 'test_resnit'"):
            tune(TuneOptions(space=path, out=tmp_path / "tuned"))
    assert not (tmp_path / "tuned").exists()


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


def test_an_empty_list_among_the_settings(space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]) -> None:
    pretend(lambda number: [2.0])
    assert tune(TuneOptions(space=space(leave_out=[]), trials=1, out=tmp_path / "tuned"))
    assert "leave_out" in (tmp_path / "tuned" / "report.html").read_text(encoding="utf-8")
