import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit import cli
from cephkit.calibration import expected, local
from cephkit.checkpoint import load_model, read_checkpoint
from cephkit.commands.calibrate import CalibrateOptions, calibrate, drawn, main
from cephkit.commands.evaluate import EvaluateOptions, evaluate
from cephkit.data.film import Film
from cephkit.errors import CheckpointError, DataError, SettingsError
from cephkit.inference.predictor import Predictor
from cephkit.inference.uncertainty import Calibration
from cephkit.published import fingerprint
from cephkit.publishing.publish import publish
from tests.conftest import write_tiny_aariz
from tests.training.test_finish import random_checkpoint, random_refiner, same, weights


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "FEWEST_ERRORS", 8)


def options(root: Path, *checkpoints: Path, **changes: Any) -> CalibrateOptions:
    quick: dict[str, Any] = {
        "dataset_path": (root,), "num_workers": 0, "device": "cpu", "cache_dir": checkpoints[0].parent / "cache",
    }  # fmt: skip
    return CalibrateOptions(checkpoint=checkpoints, **{**quick, **changes})


def judged(root: Path, *checkpoints: Path, **changes: Any) -> dict[str, Any]:
    """The content of metrics.json of ``cephkit evaluate``."""
    folder = checkpoints[0].parent
    quick: dict[str, Any] = {
        "dataset_path": (root,), "split": ("valid",), "num_workers": 0, "device": "cpu", "cache_dir": folder / "cache",
        "out": folder / "out", "report": False, "bootstrap_draws": 0,
    }  # fmt: skip
    evaluate(EvaluateOptions(checkpoint=checkpoints, **{**quick, **changes}), notify=lambda line: None)
    content: dict[str, Any] = json.loads((folder / "out" / "metrics.json").read_text(encoding="utf-8"))
    return content


def modes(path: Path) -> list[str]:
    return list(read_checkpoint(path).extras.get("calibrations", {}))


@pytest.mark.usefixtures("few_are_enough")
def test_a_calibrated_checkpoint_is_judged_with_its_expected_errors(
    tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = random_checkpoint(tmp_path / "c.pth")
    before = weights(path)
    assert "uncertainty" not in judged(tiny_aariz, path)
    calibrate(options(tiny_aariz, path))
    assert (
        f"calibrated on 3 films of valid (truth: mean; machines: Tiny) for plain predictions; written into {path}"
        in capsys.readouterr().out
    )
    assert same(before, weights(path))
    assert set(read_checkpoint(path).extras) == {"calibrations", "pose"}
    told = judged(tiny_aariz, path)["uncertainty"]
    assert told["judged"] == "by calibrations made without the film"
    assert (told["films"], told["points"], told["films_of_the_calibration"]) == (3, 12, 3)
    told = judged(tiny_aariz, path, split=("test",))["uncertainty"]
    assert told["judged"] == "by the stored calibration"
    assert (told["films"], told["points"], told["films_of_the_calibration"]) == (2, 8, 0)
    assert len(told["expected_mm"]) == 8
    assert min(told["expected_mm"]) > 0


def test_a_checkpoint_calibrated_on_few_films_can_be_judged_on_them(
    tiny_aariz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = random_checkpoint(tmp_path / "c.pth")
    # Enough for all films together, too few where one of them is left out.
    monkeypatch.setattr(expected, "FEWEST_ERRORS", 12)
    calibrate(options(tiny_aariz, path))
    told = judged(tiny_aariz, path)["uncertainty"]
    assert told["points"] == 0
    assert told["coverage_90_percent"] is None
    assert "without the 3 films" in told["judged"]
    assert judged(tiny_aariz, path, split=("valid", "test"))["uncertainty"]["points"] == 8


@pytest.fixture
def eight_films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of someone else's, ten films in valid."""
    monkeypatch.setattr(local, "FEWEST_POINTS", 20)
    return write_tiny_aariz(tmp_path / "mine", train=1, valid=10)


@pytest.mark.usefixtures("few_are_enough")
def test_few_films_of_ones_own_make_a_local_calibration(
    tiny_aariz: Path, eight_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = random_checkpoint(tmp_path / "c.pth")
    with pytest.raises(SettingsError, match="no calibration for plain predictions that --films could start from"):
        calibrate(options(eight_films, path, films=8))
    calibrate(options(tiny_aariz, path))
    before, content = judged(eight_films, path), path.read_bytes()
    out = tmp_path / "here" / "mine.pth"
    out.parent.mkdir()
    capsys.readouterr()
    calibrate(options(eight_films, path, films=8, remove_bias=True, out=out))
    said = capsys.readouterr().out
    assert "calibrated on 8 films of valid (truth: mean; machines: Tiny) for plain" in said
    assert path.read_bytes() == content
    made = Calibration.from_dict(read_checkpoint(out).extras["calibrations"]["plain"])
    assert made.is_local
    assert len(made.films) == 8
    rows = list(csv.DictReader((out.parent / "mine_bias.csv").open(encoding="utf-8")))
    assert [row["landmark"] for row in rows] == ["A", "Me", "N", "S"]
    assert {row["unit"] for row in rows} == {"mm"}
    # An untrained network lies far off, much alike on all films: without its bias it is nearer, on other films too.
    mean_before, mean_after = (np.mean([float(row[name]) for row in rows]) for name in ("mre", "mre_without_bias"))
    assert mean_after < mean_before
    assert f"MRE of these films {mean_before:.2f} mm; without the bias" in said
    after = judged(eight_films, out)
    assert after["mre_mm"] < before["mre_mm"]
    assert after["uncertainty"]["films"] == 2  # the others made the calibration
    assert "the model's bias against them removed" in after["uncertainty"]["rests_on"]
    # Once more on what has a bias removed: it is the network's bias that counts, not what is left of it.
    calibrate(options(eight_films, out, films=8, remove_bias=True))
    again = Calibration.from_dict(read_checkpoint(out).extras["calibrations"]["plain"])
    assert again.bias == pytest.approx(made.bias)


@pytest.mark.usefixtures("few_are_enough")
def test_without_removing_the_bias_points_stay_where_they_were(
    tiny_aariz: Path, eight_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = random_checkpoint(tmp_path / "c.pth")
    calibrate(options(tiny_aariz, path))
    before = judged(eight_films, path)["mre_mm"]
    calibrate(options(eight_films, path, films=10))
    assert "--remove_bias" in capsys.readouterr().out
    assert judged(eight_films, path)["mre_mm"] == before
    with pytest.raises(SettingsError, match="--films 11: there are only 10 usable films"):
        calibrate(options(eight_films, path, films=11))


@pytest.mark.usefixtures("few_are_enough")
def test_a_damaged_calibration_can_be_made_again(tiny_aariz: Path, tmp_path: Path) -> None:
    path = random_checkpoint(tmp_path / "c.pth", calibrations={"plain": {"shapes": "x"}})
    with pytest.raises(CheckpointError, match="calibrate it again"):
        Predictor(load_model(path))
    calibrate(options(tiny_aariz, path))
    assert Predictor(load_model(path)).calibration is not None
    other = random_checkpoint(tmp_path / "d.pth", calibrations="nonsense")
    calibrate(options(tiny_aariz, other))
    assert Predictor(load_model(other)).calibration is not None


@pytest.mark.usefixtures("few_are_enough")
def test_a_published_model_stays_as_it_is_and_a_new_file_gets_the_calibration(
    tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, arguments = tmp_path / "ceph", ["--dataset_path", str(tiny_aariz), "--device", "cpu", "--num_workers", "0"]
    publish(random_checkpoint(tmp_path / "c.pth"), folder, onnx=False, notify=lambda line: None)
    before = fingerprint(folder)
    assert cli.main(["calibrate", str(folder), *arguments]) == 2
    assert "ceph is published and stays as it is; name a new file: --out mine.pth" in capsys.readouterr().err
    assert cli.main(["calibrate", str(folder), *arguments, "--out", str(tmp_path / "mine.pth")]) == 0
    assert modes(tmp_path / "mine.pth") == ["plain"]
    assert same(weights(tmp_path / "c.pth"), weights(tmp_path / "mine.pth"))
    assert fingerprint(folder) == before


def test_a_folder_is_no_file_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a folder; name a file in it"):
        CalibrateOptions(checkpoint=(Path("c.pth"),), out=tmp_path)


def test_films_are_drawn_by_the_seed() -> None:
    films = [Film(str(number), Path(f"{number}.png"), "valid") for number in range(50)]
    one, same, other = (drawn(films, 20, seed) for seed in (0, 0, 1))
    assert one == same != other
    assert sorted(one, key=lambda film: int(film.film_id)) == one
    assert drawn(films, None, 0) == films


@pytest.mark.usefixtures("few_are_enough")
def test_each_way_of_predicting_has_its_own_calibration(tiny_aariz: Path, tmp_path: Path) -> None:
    path = random_checkpoint(tmp_path / "c.pth", refiner=random_refiner())
    calibrate(options(tiny_aariz, path))
    calibrate(options(tiny_aariz, path, tta=True))
    calibrate(options(tiny_aariz, path, refine=False))
    assert modes(path) == ["plain+refiner", "tta+refiner", "plain"]
    extras = read_checkpoint(path).extras["calibrations"]
    # With several looks their distance tells too.
    assert {mode: len(extras[mode]["weights"]) for mode in extras} == {"plain+refiner": 4, "tta+refiner": 5, "plain": 2}
    again = judged(tiny_aariz, path, tta=True, split=("test",))
    assert again["mode"] == "tta+refiner"
    assert again["uncertainty"]["points"] == 8
    assert "uncertainty" not in judged(tiny_aariz, path, tta=True, refine=False)


@pytest.mark.usefixtures("few_are_enough")
def test_an_ensembles_calibration_lies_in_its_first_checkpoint(tiny_aariz: Path, tmp_path: Path) -> None:
    one, other = random_checkpoint(tmp_path / "a.pth"), random_checkpoint(tmp_path / "b.pth", seed=5)
    content = other.read_bytes()
    assert main([
        str(one), str(other), "--dataset_path", str(tiny_aariz), "--num_workers", "0", "--device", "cpu",
        "--cache_dir", str(tmp_path / "cache"),
    ]) == 0  # fmt: skip
    assert modes(one) == [Predictor([load_model(one), load_model(other)]).mode]
    assert other.read_bytes() == content
    assert judged(tiny_aariz, one, other)["uncertainty"]["points"] == 12
    # It says nothing of the first checkpoint alone.
    assert "uncertainty" not in judged(tiny_aariz, one)


@pytest.mark.usefixtures("few_are_enough")
def test_a_pose_model_that_is_there_is_kept(tiny_aariz: Path, tmp_path: Path) -> None:
    path = random_checkpoint(tmp_path / "c.pth")
    calibrate(options(tiny_aariz, path))
    pose = read_checkpoint(path).extras["pose"]
    calibrate(options(tiny_aariz, path, split="test"))
    assert read_checkpoint(path).extras["pose"] == pose
    assert len(read_checkpoint(path).extras["calibrations"]["plain"]["films"]) == 2


def test_too_few_films_leave_the_file_as_it_is(tiny_aariz: Path, tmp_path: Path) -> None:
    path = random_checkpoint(tmp_path / "c.pth")
    content = path.read_bytes()
    with pytest.raises(DataError, match="12 predicted points with a truth; a calibration needs 200"):
        calibrate(options(tiny_aariz, path))
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"split": "train"}, "--split train: errors on films that the model was trained on say nothing"),
        ({"checkpoint": ()}, "give a checkpoint"),
        ({"batch_size": 0}, "--batch_size must be 1 or more, got 0"),
        ({"remove_bias": True}, "--remove_bias needs --films"),
        ({"films": 7}, "--films must be 8 or more, got 7"),
        ({"num_workers": -1}, "--num_workers must be 0 or more, got -1"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        CalibrateOptions(**{"checkpoint": (Path("c.pth"),), **wrong})
