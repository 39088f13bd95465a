"""Training on several data sets at once."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cephkit.checkpoint import load_model, read_checkpoint
from cephkit.errors import SettingsError
from cephkit.training.run import train
from tests.conftest import write_tiny_aariz
from tests.training.conftest import Settings


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second data set, in which nobody marked menton."""
    root = write_tiny_aariz(tmp_path_factory.mktemp("other") / "Other", train=4, valid=2, test=2)
    for path in root.rglob("*Orthodontists/*.json"):
        label = json.loads(path.read_text(encoding="utf-8"))
        label["landmarks"] = [mark for mark in label["landmarks"] if mark["symbol"] != "Me"]
        path.write_text(json.dumps(label), encoding="utf-8")
    for number, path in enumerate(sorted(root.rglob("*.png"))):  # the films of the first would be left out as copies
        film = np.array(Image.open(path))
        film[0, : number + 1] = 255
        Image.fromarray(film).save(path)
    return root


def test_two_data_sets_train_one_model_and_are_validated_each(
    settings: Settings, tiny_aariz: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(dataset_path=(tiny_aariz, other))
    result = train(config)
    said = capsys.readouterr().out
    assert "11 train films, 5 valid films, 4 landmarks" in said
    assert "Aariz: 7 train, 3 valid films, 4 landmarks, weight 1" in said
    assert "Other: 4 train, 2 valid films, 3 landmarks, weight 1" in said
    model = load_model(result.save_dir / "checkpoint_best.pth")
    assert model.spec.symbols == ("A", "Me", "N", "S")
    sources = model.meta["config"]["sources"]
    assert sources["Other"] == {"train": 4, "valid": 2, "landmarks": ["A", "N", "S"], "weight": 1.0}
    with (config.log_dir / "epochs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    each = [(float(row["Val/MRE_mm/Aariz"]), float(row["Val/MRE_mm/Other"])) for row in rows]
    # The best model is that of the best mean of both, not of all films together.
    assert result.best == pytest.approx(min(sum(pair) / 2 for pair in each))
    assert all(pair[0] != pytest.approx(pair[1]) for pair in each)


def test_the_best_model_may_be_that_of_one_data_set(settings: Settings, tiny_aariz: Path, other: Path) -> None:
    config = settings(dataset_path=(tiny_aariz, other), best_by="Other")
    result = train(config)
    with (config.log_dir / "epochs.csv").open(encoding="utf-8") as file:
        errors = [float(row["Val/MRE_mm/Other"]) for row in csv.DictReader(file)]
    assert result.best == pytest.approx(min(errors))
    with pytest.raises(SettingsError, match="--best_by nobody: the data sets with valid films are Aariz, Other"):
        train(settings("second", dataset_path=(tiny_aariz, other), best_by="nobody"))


def test_weights_decide_how_often_films_are_seen_and_belong_to_the_run(
    settings: Settings, tiny_aariz: Path, other: Path, tmp_path: Path
) -> None:
    def listed(weight: float) -> Path:
        file = tmp_path / f"{weight:g}.yaml"
        file.write_text(f"- path: '{tiny_aariz}'\n- {{path: '{other}', weight: {weight}}}\n", encoding="utf-8")
        return file

    results = [train(settings(f"w{weight:g}", dataset_path=(listed(weight),), epochs=1)) for weight in (1.0, 3.0)]
    plain = train(settings("plain", dataset_path=(tiny_aariz, other), epochs=1))
    weights = [read_checkpoint(each.save_dir / "checkpoint_latest.pth").model for each in (*results, plain)]
    assert all(weights[0][name].equal(weights[2][name]) for name in weights[0])
    assert not all(weights[0][name].equal(weights[1][name]) for name in weights[0])
    assert read_checkpoint(results[1].save_dir / "checkpoint_latest.pth").config["sources"]["Other"]["weight"] == 3


def test_a_data_set_that_is_left_out_is_what_the_model_is_tested_on(
    settings: Settings, tiny_aariz: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(dataset_path=(tiny_aariz, other), leave_out=("Other",), epochs=1)
    result = train(config)
    said = capsys.readouterr().out
    assert "7 train films, 3 valid films" in said
    assert "testing on Other, which training left out" in said
    figures = json.loads((result.save_dir / "left_out" / "metrics.json").read_text(encoding="utf-8"))
    assert (figures["films"], figures["left_out"], figures["splits"]) == (8, ["Other"], ["test", "train", "valid"])
    assert figures["landmarks_without_truth"] == ["Me"]
    written = (result.save_dir / "left_out" / "metrics.json").stat().st_mtime_ns
    train(settings(dataset_path=(tiny_aariz, other), leave_out=("Other",), epochs=1,
                   resume=result.save_dir / "checkpoint_latest.pth"))  # fmt: skip
    assert (result.save_dir / "left_out" / "metrics.json").stat().st_mtime_ns == written
    for wrong, said in (("nobody", "the data sets are Aariz, Other"), ("Aariz", "")):
        names = (wrong,) if said else ("Aariz", "Other")
        with pytest.raises(SettingsError, match=said or "leaves no data set"):
            train(settings("third", dataset_path=(tiny_aariz, other), leave_out=names))
