import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from cephkit import cli
from cephkit.checkpoint import load_model, read_checkpoint
from cephkit.commands.refine import RefineOptions, main, refine
from cephkit.errors import CheckpointError, DataError, SettingsError
from cephkit.inference.predictor import Predictor
from cephkit.task.refiner import RefinerTask
from cephkit.task.task import Output
from tests.test_published import folder_of
from tests.training.test_finish import predictions_off, random_checkpoint, same, weights


def options(checkpoint: Path, root: Path, **changes: Any) -> RefineOptions:
    quick: dict[str, Any] = {
        "dataset_path": (root,), "annotation_type": "mean", "refine_epochs": 1, "num_workers": 0, "device": "cpu",
        "cache_dir": checkpoint.parent / "cache",
    }  # fmt: skip
    return RefineOptions(checkpoint=checkpoint, **{**quick, **changes})


def test_a_second_stage_that_pays_is_written_beside_a_network_that_has_not_moved(
    tiny_aariz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions_off(monkeypatch, 2.0, 1.0)
    path = random_checkpoint(tmp_path / "c.pth")
    before = weights(path)
    assert refine(options(path, tiny_aariz, refine_size=(128, 96), seed=3)) is True
    assert same(before, weights(path))
    stored = read_checkpoint(path).extras["refiner"]
    assert stored["spec"]["canvas_size"] == [128, 96]
    assert stored["training"]["seed"] == 3
    assert stored["valid"] == {"first_stage": 2.0, "both": 1.0, "unit": "mm"}
    predictor = Predictor(load_model(path))
    assert predictor.mode == "plain+refiner"
    assert predictor.canvas_sizes == ((64, 64), (128, 96))
    said = capsys.readouterr().out
    assert "second stage: 7 films at 128x96, 1 epochs" in said
    assert f"written into {path}" in said


def test_one_that_does_not_pay_leaves_the_file_as_it_is(
    tiny_aariz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions_off(monkeypatch, 1.0, 1.0)
    path = random_checkpoint(tmp_path / "c.pth")
    content = path.read_bytes()
    assert main([
        str(path), "--dataset_path", str(tiny_aariz), "--refine_epochs", "1", "--num_workers", "0", "--device", "cpu",
        "--cache_dir", str(tmp_path / "cache"),
    ]) == 1  # fmt: skip
    assert path.read_bytes() == content


def test_a_second_stage_is_replaced_by_a_better_one(
    tiny_aariz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions_off(monkeypatch, 2.0, 1.5, None, 2.0, 1.2)
    path = random_checkpoint(tmp_path / "c.pth")
    stored = []
    for seed in (0, 1):
        assert refine(options(path, tiny_aariz, seed=seed))
        stored.append(read_checkpoint(path).extras["refiner"])
    assert [each["valid"]["both"] for each in stored] == [1.5, 1.2]
    assert any(not torch.equal(stored[0]["model"][name], stored[1]["model"][name]) for name in stored[0]["model"])


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(
    tiny_aariz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions_off(monkeypatch, 2.0, 1.0, None, 2.0, 1.0)
    straight, path = random_checkpoint(tmp_path / "a.pth"), random_checkpoint(tmp_path / "b.pth")
    arguments = [
        "--dataset_path", str(tiny_aariz), "--refine_epochs", "2", "--num_workers", "0", "--device", "cpu",
        "--refine_size", "96", "96", "--cache_dir", str(tmp_path / "cache"),
    ]  # fmt: skip
    assert cli.run(main, [str(straight), *arguments]) == 0
    capsys.readouterr()
    before = path.read_bytes()
    real = RefinerTask.__call__
    with monkeypatch.context() as patched:

        def pressed(*arguments: Any) -> Output:
            signal.raise_signal(signal.SIGINT)
            return real(*arguments)

        patched.setattr(RefinerTask, "__call__", pressed)
        assert cli.run(main, [str(path), *arguments]) == 130
    said = capsys.readouterr().out
    assert said.rstrip().endswith("stopped; re-run to resume")
    assert path.read_bytes() == before
    assert (tmp_path / "b_refiner.pth").exists()
    assert cli.run(main, [str(path), *arguments]) == 0
    weights_of = [read_checkpoint(each).extras["refiner"]["model"] for each in (straight, path)]
    assert same(*weights_of)
    assert not (tmp_path / "b_refiner.pth").exists()


def test_a_landmark_that_no_train_film_has_cannot_be_learned(tiny_aariz: Path, tmp_path: Path) -> None:
    path = random_checkpoint(tmp_path / "c.pth", ("A", "S", "N", "Go"))
    with pytest.raises(DataError, match=r"no train film has Go, which .*c\.pth finds"):
        refine(options(path, tiny_aariz))


def test_a_published_model_stays_as_it_is(tiny_aariz: Path, tmp_path: Path) -> None:
    for given in (folder_of(tmp_path), Path("hf:ann/ceph")):
        with pytest.raises(SettingsError, match=r"stays as it is; .* cephkit train --resume .* --refine"):
            refine(options(given, tiny_aariz))


def test_a_checkpoint_that_is_not_there_is_an_error(tiny_aariz: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no such checkpoint"):
        refine(options(tmp_path / "no.pth", tiny_aariz))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"refine_epochs": 0}, "--refine_epochs must be 1 or more, got 0"),
        ({"films_a_step": 0}, "--films_a_step must be 1 or more, got 0"),
        ({"num_workers": -1}, "--num_workers must be 0 or more, got -1"),
        ({"lr": 0.0}, "--lr must be above 0"),
        ({"refine_size": (100, 96)}, "--refine_size must be two multiples of 32"),
        ({"refine_size": (32, 96)}, "64 or more"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        RefineOptions(checkpoint=Path("c.pth"), **wrong)


def test_all_of_them_are_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"(?s)num_workers.*\n.*refine_epochs"):
        RefineOptions(checkpoint=Path("c.pth"), refine_epochs=0, num_workers=-1)
