"""The shared journal: locks, what a killed process leaves, folders of others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import Trial, TrialState

from cephkit.commands.tune import TuneOptions, tune
from cephkit.errors import CephkitError, SettingsError
from cephkit.tuning import study as study_module
from cephkit.tuning.report import write_and_print
from cephkit.tuning.space import read_space
from cephkit.tuning.study import JOURNAL, LOCK, TRIAL_LOCK, Study
from tests.tuning.conftest import Losses, Spaces, carry_out, table


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
