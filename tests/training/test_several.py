"""``--folds`` and ``--seeds``: runs of their own, resumed one by one, judged and calibrated together."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cephkit
from cephkit.calibration import expected
from cephkit.checkpoint import load_model, read_checkpoint
from cephkit.commands.calibrate import main as calibrate_main
from cephkit.commands.evaluate import main as evaluate_main
from cephkit.commands.refine import main as refine_main
from cephkit.data.aariz import AarizFolder
from cephkit.data.labels import landmarks_json
from cephkit.datasets.folds import FoldSource
from cephkit.errors import CheckpointError, DataError, SettingsError
from cephkit.inference.predictor import Found, Predictor
from cephkit.model_paths import checkpoint_files
from cephkit.training import several
from cephkit.training.several import members, train_several
from tests.conftest import write_tiny_aariz
from tests.training.conftest import Settings
from tests.training.test_finish_resume import second_stage_pays


@pytest.fixture(scope="module")
def many_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough points to calibrate on."""
    return write_tiny_aariz(tmp_path_factory.mktemp("many") / "Aariz", train=45, valid=15, test=2)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_fold_is_judged_by_the_model_trained_without_it(
    settings: Settings, tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(folds=2)
    result = train_several(config)
    said = capsys.readouterr().out
    assert result.outcome == "finished"
    rows = table(config.save_dir / "folds.csv")
    assert [row["model"] for row in rows] == ["fold 1", "fold 2", "mean", "SD", "all"]
    assert [row["films"] for row in rows[:2]] == ["5", "5"]
    errors = [float(row["mre_mm"]) for row in rows[:2]]
    assert float(rows[2]["mre_mm"]) == pytest.approx(np.mean(errors))
    assert float(rows[3]["mre_mm"]) == pytest.approx(np.std(errors, ddof=1))
    metrics = json.loads((config.save_dir / "out_of_fold" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["films"] == 10
    assert result.best == pytest.approx(metrics["mre_mm"])
    judged = {row["film"] for row in table(config.save_dir / "out_of_fold" / "errors.csv")}
    assert len(judged) == 10
    # A film's error is that of the model which did not see it.
    predictions = json.loads((config.save_dir / "out_of_fold" / "predictions.json").read_text(encoding="utf-8"))
    first = members(config)[0].config
    own = cephkit.load_model(first.save_dir / "checkpoint_best.pth", device="cpu", keep_doubtful=True)
    valid = [film for film in sorted(judged) if film in _valid_films(config.save_dir / "fold_1", predictions)]
    film = next(iter(tiny_aariz.rglob(f"{valid[0]}.png")))
    found = own.predict(film).points
    assert {s: pytest.approx(at, abs=0.01) for s, at in found.items()} == {
        s: tuple(at) for s, at in predictions[valid[0]].items() if at is not None and s in found
    }
    assert f"cephkit predict --checkpoint {config.save_dir}" in said
    assert "leave --resume out" not in said


def _valid_films(folder: Path, predictions: dict[str, object]) -> set[str]:
    """The films that the model in ``folder`` was not trained on, by its calibration or its settings."""
    config = read_checkpoint(folder / "checkpoint_best.pth").config
    (root,) = config["dataset_path"]
    source = FoldSource(AarizFolder(Path(root)), config["folds"], config["fold"], config["split_seed"])
    return {film.film_id for film in source.read(("valid",)).films} & predictions.keys()


def test_the_folder_of_folds_is_an_ensemble(settings: Settings, tiny_aariz: Path) -> None:
    config = settings(folds=2)
    train_several(config)
    files = checkpoint_files([config.save_dir])
    assert [file.parent.name for file in files] == ["fold_1", "fold_2"]
    both = cephkit.load_model(config.save_dir, device="cpu", keep_doubtful=True)
    each = [cephkit.load_model(file, device="cpu", keep_doubtful=True) for file in files]
    film = next(iter(tiny_aariz.rglob("*.png")))
    points = both.predict(film).points
    separate = [model.predict(film).points for model in each]
    for symbol in points.keys() & separate[0].keys() & separate[1].keys():
        assert points[symbol] == pytest.approx(np.mean([found[symbol] for found in separate], axis=0), abs=1e-3)


def test_seeds_differ_and_are_one_ensemble(settings: Settings) -> None:
    config = settings(seeds=2, seed=3)
    train_several(config)
    rows = table(config.save_dir / "seeds.csv")
    assert [row["model"] for row in rows] == ["seed 3", "seed 4", "mean", "SD", "ensemble"]
    weights = [read_checkpoint(config.save_dir / f"seed_{seed}" / "checkpoint_best.pth").model for seed in (3, 4)]
    assert not all(weights[0][name].equal(weights[1][name]) for name in weights[0])
    assert len(checkpoint_files([config.save_dir])) == 2


def test_one_fold_at_a_time_and_the_last_one_judges_all(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    alone = settings("alone", folds=2, epochs=1)
    train_several(alone)
    for fold in (2, 1):
        config = settings("apart", folds=2, fold=fold, epochs=1)
        capsys.readouterr()
        train_several(config)
        said = capsys.readouterr().out
        assert ("to be trained: fold 1" in said) == (fold == 2)
    for name in ("fold_1", "fold_2"):
        one, other = (read_checkpoint(each.save_dir / name / "checkpoint_best.pth") for each in (alone, config))
        assert all(one.model[key].equal(other.model[key]) for key in one.model)
    assert table(alone.save_dir / "folds.csv") == table(config.save_dir / "folds.csv")


def test_the_final_model_learns_from_all_films_and_knows_the_errors_out_of_fold(
    settings: Settings, many_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(
        "final", folds=3, final=True, dataset_path=(many_films,), refine=True, refine_epochs=1, refine_size=(64, 64),
        epochs=3,
    )  # fmt: skip
    train_several(config)
    said = capsys.readouterr().out
    (path,) = checkpoint_files([config.save_dir])
    assert path == config.save_dir / "final" / "checkpoint_best.pth"
    model = read_checkpoint(path)
    folds = [read_checkpoint(config.save_dir / f"fold_{number}" / "checkpoint_best.pth") for number in (1, 2, 3)]
    assert "60 train films, 4 landmarks" in said
    assert "40 train films, 20 valid films, 4 landmarks" in said
    assert model.epoch == 3  # the last one
    # It has what the folds found, and nothing that was made on films that it has seen.
    shares = [fold.extras["refiner"]["spec"]["share"] for fold in folds if "refiner" in fold.extras]
    assert ("refiner" in model.extras) == (len(shares) == 3)
    if "refiner" in model.extras:
        assert model.extras["refiner"]["spec"]["share"] == pytest.approx(np.mean(shares))
        assert "valid" not in model.extras["refiner"]
    (mode,) = model.extras["calibrations"]
    assert mode == ("plain+refiner" if len(shares) == 3 else "plain")
    assert len(model.extras["calibrations"][mode]["films"]) == 60
    if len(shares) in (0, 3):
        own, of_fold = (each.extras["calibrations"][mode] for each in (model, folds[0]))
        assert {**own, "likeness": None} == {**of_fold, "likeness": None}
        assert own["likeness"] != of_fold["likeness"]
    # Each knows ordinary films by its own signatures: those of another network are strange to it.
    films = AarizFolder(many_films).read(("train",)).films[:20]
    for checkpoint in (path, config.save_dir / "fold_2" / "checkpoint_best.pth"):
        predictor = Predictor(load_model(checkpoint))
        assert predictor.calibration is not None
        assert predictor.calibration.likeness is not None
        found = Found.joined([predictor.run_film(film.path) for film in films])
        distance = predictor.calibration.likeness.distance(found.signatures)  # type: ignore[arg-type]
        assert 0.5 < np.median(distance) < 1.5
        assert (distance > predictor.calibration.likeness.farthest).sum() <= 2
    assert model.extras["pose"].keys() == folds[0].extras["pose"].keys()
    assert f"one model of all films: cephkit predict --checkpoint {config.save_dir}" in said
    with pytest.raises(SettingsError, match="was trained with --folds"):
        refine_main([str(path), "--dataset_path", str(many_films), "--device", "cpu"])
    data = ["--dataset_path", str(many_films), "--device", "cpu", "--num_workers", "0"]
    capsys.readouterr()
    for split, warns in (("valid", True), ("test", False)):
        evaluate_main(["--checkpoint", str(path), *data, "--split", split, "--out", str(tmp_path / split)])
        assert ("it has learnt from them" in " ".join(capsys.readouterr().out.split())) == warns
    with pytest.raises(DataError, match="a calibration needs 200"):  # too few in valid alone
        calibrate_main([str(path), *data, "--out", str(tmp_path / "calibrated.pth")])
    assert "it has learnt from them" in " ".join(capsys.readouterr().out.split())
    # The same command again does nothing anew.
    train_several(config)
    again = read_checkpoint(path)
    assert all(again.model[key].equal(model.model[key]) for key in model.model)
    assert again.extras["calibrations"] == model.extras["calibrations"]


def test_the_final_model_without_a_second_stage_that_pays(
    settings: Settings, many_films: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cephkit.training.finish.SHARES", np.array([1e9]))  # no share lowers any error
    config = settings(
        "final", folds=2, final=True, dataset_path=(many_films,), refine=True, refine_epochs=1, refine_size=(64, 64),
    )  # fmt: skip
    train_several(config)
    assert "the final model does without it" in capsys.readouterr().out
    model = read_checkpoint(checkpoint_files([config.save_dir])[0])
    assert "refiner" not in model.extras
    assert set(model.extras["calibrations"]) == {"plain"}
    assert len(model.extras["calibrations"]["plain"]["films"]) == 60


def test_one_fold_and_the_final_model_resume(
    settings: Settings, many_films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expected, "FEWEST_ERRORS", 80)  # points of a fold
    config = settings("one", folds=3, fold=2, final=True, dataset_path=(many_films,), epochs=2)
    train_several(config)
    assert sorted(each.name for each in config.save_dir.iterdir() if each.is_dir()) == [
        "final", "fold_2", "out_of_fold",
    ]  # fmt: skip
    fold, final = (read_checkpoint(config.save_dir / name / "checkpoint_best.pth") for name in ("fold_2", "final"))
    assert len(final.extras["calibrations"]["plain"]["films"]) == 20
    own, of_fold = (each.extras["calibrations"]["plain"] for each in (final, fold))
    assert {**own, "likeness": None} == {**of_fold, "likeness": None}
    config = settings("stopped", folds=3, fold=2, final=True, dataset_path=(many_films,), epochs=2)
    after_an_epoch = (config.save_dir / "final" / "checkpoint_latest.pth").exists
    assert train_several(config, after_an_epoch).outcome == "stopped"
    assert (config.save_dir / "final" / "checkpoint_latest.pth").exists()
    assert not (config.save_dir / "final" / "checkpoint_best.pth").exists()
    train_several(config)
    again = read_checkpoint(config.save_dir / "final" / "checkpoint_best.pth")
    assert all(again.model[key].equal(final.model[key]) for key in final.model)


def test_a_second_stage_that_only_some_folds_keep(
    settings: Settings, many_films: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    second_stage_pays(monkeypatch)  # in the first fold alone
    config = settings(
        "some", folds=2, final=True, dataset_path=(many_films,), refine=True, refine_epochs=1, refine_size=(64, 64),
    )  # fmt: skip
    train_several(config)
    folds = [read_checkpoint(config.save_dir / f"fold_{number}" / "checkpoint_best.pth") for number in (1, 2)]
    assert ["refiner" in fold.extras for fold in folds] == [True, False]
    model = read_checkpoint(config.save_dir / "final" / "checkpoint_best.pth")
    assert "refiner" not in model.extras
    # It has the errors of the first stages.
    assert set(model.extras["calibrations"]) == {"plain"}
    assert len(model.extras["calibrations"]["plain"]["films"]) == 60
    assert "the final model does without it" in capsys.readouterr().out


def test_folds_trained_one_after_the_other_with_the_final_model_are_judged_together(
    settings: Settings, many_films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expected, "FEWEST_ERRORS", 80)  # points of a fold
    for fold in (1, 3):
        config = settings("each", folds=3, fold=fold, final=True, dataset_path=(many_films,))
        train_several(config)
    assert [row["model"] for row in table(config.save_dir / "folds.csv")] == [
        "fold 1", "fold 3", "mean", "SD", "all",
    ]  # fmt: skip
    final = read_checkpoint(config.save_dir / "final" / "checkpoint_best.pth")
    assert len(final.extras["calibrations"]["plain"]["films"]) == 40
    with pytest.raises(SettingsError, match="fold 1 was trained with other settings"):
        train_several(replace(config, lr=3e-3, fold=2))


def test_the_final_run_has_no_valid_films_and_films_of_test_stay_out(settings: Settings, tiny_aariz: Path) -> None:
    source = FoldSource(AarizFolder(tiny_aariz), 2, None)
    assert not source.has("valid")
    assert source.has("test")
    films = source.read(("train", "valid")).films
    assert {film.split for film in films} == {"train"}
    assert len(films) == 10
    with pytest.raises(SettingsError, match="--final needs --folds"):
        settings(final=True)


def test_an_interrupted_run_goes_on_with_the_same_command(settings: Settings) -> None:
    whole = settings("whole", folds=2)
    train_several(whole)
    config = settings("stopped", folds=2)
    steps = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps >= 4

    result = train_several(config, stop)
    assert (result.outcome, result.status) == ("stopped", 130)
    assert not (config.save_dir / "fold_2").exists()
    train_several(config)
    for name in ("fold_1", "fold_2"):
        one, other = (read_checkpoint(each.save_dir / name / "checkpoint_best.pth") for each in (whole, config))
        assert all(one.model[key].equal(other.model[key]) for key in one.model)
    before = (config.save_dir / "fold_1" / "checkpoint_latest.pth").stat().st_mtime_ns
    train_several(config)
    assert (config.save_dir / "fold_1" / "checkpoint_latest.pth").stat().st_mtime_ns == before


def test_other_settings_in_the_same_folder_are_refused_and_nothing_is_lost(settings: Settings) -> None:
    config = settings(folds=2, fold=1, epochs=1)
    train_several(config)
    before = (config.save_dir / "fold_1" / "checkpoint_best.pth").read_bytes()
    with pytest.raises(SettingsError, match=r"fold 1 was trained with other settings: .*lr was 0.002 and is now 0.001"):
        train_several(settings(folds=2, lr=1e-3, epochs=1))
    with pytest.raises(CheckpointError, match="its train films are not those of this run"):
        train_several(settings(folds=3, epochs=1))
    assert (config.save_dir / "fold_1" / "checkpoint_best.pth").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"folds": 2, "seeds": 2}, "--folds and --seeds both train several models"),
        ({"fold": 2}, "--fold 2 needs --folds N with N of 2 or more"),
        ({"folds": 3, "fold": 4}, "--fold 4 needs --folds N with N of 4 or more"),
        ({"folds": 1}, "--folds must be 2 or more"),
        ({"folds": 2, "use_ddp": True}, "--use_ddp trains one model on several cards"),
    ],
)
def test_contradictions(settings: Settings, changes: dict[str, object], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        settings(**changes)


def test_resume_is_refused_because_folds_resume_by_themselves(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--folds and --seeds resume by themselves"):
        train_several(settings(folds=2, resume=tmp_path / "x.pth"))


@pytest.mark.slow
def test_models_are_trained_side_by_side_on_several_devices(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    alone = settings("alone", seeds=2, epochs=1)
    train_several(alone)
    monkeypatch.setattr(several, "_devices", lambda config: ["cpu", "cpu"])
    config = settings("beside", seeds=2, epochs=1)
    train_several(config)
    said = capfd.readouterr().out
    assert "seed 1 on cpu; its output is in" in said
    for name in ("seed_0", "seed_1"):
        assert "best:" in (config.log_dir / name / several.OUTPUT).read_text(encoding="utf-8")
        one, other = (read_checkpoint(each.save_dir / name / "checkpoint_best.pth") for each in (alone, config))
        assert all(one.model[key].equal(other.model[key]) for key in one.model)


def test_calibrations_of_all_folds_are_in_each_model_and_for_the_ensemble(settings: Settings, many_films: Path) -> None:
    config = settings(folds=2, epochs=1, dataset_path=(many_films,))
    train_several(config)
    files = checkpoint_files([config.save_dir])
    for given in ([files[0]], [files[1]], files):
        predictor = Predictor([load_model(file) for file in given])
        assert predictor.calibration is not None
        assert "60 films of valid" in predictor.rests_on
        assert "out of fold" in predictor.rests_on


def test_a_landmark_that_one_fold_cannot_learn_is_not_judged(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_tiny_aariz(tmp_path / "Rare", train=6, valid=2)
    for path in root.rglob("*Orthodontists/t0.json"):
        label = json.loads(path.read_text(encoding="utf-8"))
        label["landmarks"] += landmarks_json("t0", {"Go": (40.0, 70.0)})["landmarks"]
        path.write_text(json.dumps(label), encoding="utf-8")
    config = settings(folds=2, epochs=1, dataset_path=(root,))
    train_several(config)
    said = capsys.readouterr().out
    assert "not judged together, as too few films have them for every fold to learn: Go" in said
    assert "cephkit predict --checkpoint" not in said
    metrics = json.loads((config.save_dir / "out_of_fold" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["films"] == 8
    assert metrics["landmarks"] == 4
