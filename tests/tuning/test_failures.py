"""What cannot be trained or judged: noted as the trial's fault, or found before any begins."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from optuna.trial import TrialState

from cephkit.commands import tune as command
from cephkit.commands.tune import TuneOptions, tune
from cephkit.config import TrainConfig
from cephkit.errors import CephkitError, DataError, DivergedError, SettingsError
from cephkit.training import several
from cephkit.tuning.search import MOST_FAILED_IN_A_ROW
from cephkit.tuning.space import read_space
from cephkit.tuning.study import Study
from tests.tuning.conftest import Losses, Spaces, carry_out, table


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


def test_a_wrong_data_set_is_found_before_a_trial_begins(space: Spaces, tmp_path: Path) -> None:
    with pytest.raises(CephkitError, match="nowhere: no such folder"):
        tune(TuneOptions(space=space(dataset_path="nowhere"), out=tmp_path / "tuned"))
    assert not (tmp_path / "tuned").exists()


def test_without_optuna(space: Spaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r'pip install "cephkit\[tune\]"'):
        tune(TuneOptions(space=space(), out=tmp_path / "tuned"))


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


def test_an_unknown_model_is_found_before_a_trial_begins(space: Spaces, tmp_path: Path) -> None:
    searched = space(search={"model": ["test_resnet", "test_resnit"]}, first=[])
    for path in (searched, space(model="test_resnit")):
        with pytest.raises(SettingsError, match=r"space\.yaml: unknown model 'test_resnit'"):
            tune(TuneOptions(space=path, out=tmp_path / "tuned"))
    assert not (tmp_path / "tuned").exists()


def test_an_empty_list_among_the_settings(space: Spaces, tmp_path: Path, pretend: Callable[[Losses], None]) -> None:
    pretend(lambda number: [2.0])
    assert tune(TuneOptions(space=space(leave_out=[]), trials=1, out=tmp_path / "tuned"))
    assert "leave_out" in (tmp_path / "tuned" / "report.html").read_text(encoding="utf-8")
