"""What a checkpoint gets beside its network: a second stage, shapes, calibrated errors."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cephkit.calibration import expected
from cephkit.calibration.fit import calibrate
from cephkit.checkpoint import (
    Checkpoint,
    load_model,
    read_checkpoint,
    with_extras,
    write_checkpoint,
    write_extras,
)
from cephkit.data.aariz import AarizFolder
from cephkit.data.film import Film, points_array
from cephkit.data.prepare import PreparedData, prepare
from cephkit.errors import DataError
from cephkit.geometry import letterbox, transform
from cephkit.inference.model import Model
from cephkit.inference.pose import Pose, PoseModel
from cephkit.inference.predictor import Found, Predictor
from cephkit.inference.uncertainty import Calibration
from cephkit.interrupt import Stopped
from cephkit.models.build import build_model
from cephkit.models.refiner import Refiner, RefinerSpec
from cephkit.models.spec import ModelSpec
from cephkit.training import finish as finish_module
from cephkit.training.finish import (
    add_refiner,
    detail_data,
    finish,
    pose_of,
)
from cephkit.training.refine import RefinerTraining
from cephkit.training.run import train
from tests.conftest import TINY_PIXEL_MM, TINY_SYMBOLS
from tests.training.conftest import Lines, Settings, cpu

CPU = torch.device("cpu")


CANVAS = (64, 64)


DETAIL = (96, 96)


SYMBOLS = ("A", "Me", "N", "S")


"""Those of the tiny films in the order of the landmark table."""


QUICK = RefinerTraining(epochs=1, films_a_step=4)


def random_checkpoint(path: Path, symbols: tuple[str, ...] = SYMBOLS, seed: int = 0, **extras: Any) -> Path:
    """A checkpoint of a small network that never learned anything."""
    torch.manual_seed(seed)
    spec = ModelSpec("test_resnet", symbols, CANVAS)
    network = build_model(spec, False, lambda line: None)
    write_checkpoint(path, Checkpoint(spec, network.state_dict(), {"lr": 1.0}, 7, {"mre_mm": 3.0}, extras=extras))
    return path


def random_refiner() -> dict[str, Any]:
    torch.manual_seed(1)
    spec = RefinerSpec(SYMBOLS, DETAIL, width=4)
    return {"spec": spec.to_dict(), "model": Refiner(spec).state_dict()}


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(read_checkpoint(path).model)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def predictions_off(monkeypatch: pytest.MonkeyPatch, *errors_mm: float | None) -> None:
    """Lets the first call of ``predict_films`` be off by the first of ``errors_mm``, and so on; NaN finds nothing.

    None, and later calls, predict.
    """
    errors, real = iter(errors_mm), finish_module.predict_films

    def predict_films(predictor: Predictor, films: Sequence[Film], *rest: Any, **more: Any) -> Found:
        error = next(errors, None)
        if error is None:
            return real(predictor, films, *rest, **more)
        return found_on(films, np.array([error / film.spacing.short_mm for film in films if film.spacing]))

    monkeypatch.setattr(finish_module, "predict_films", predict_films)


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "FEWEST_ERRORS", 8)


@pytest.fixture(scope="module")
def data(tiny_aariz: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return prepare(
        AarizFolder(tiny_aariz), splits=("train", "valid"), annotation="mean", canvas_size=CANVAS,
        cache_dir=tmp_path_factory.mktemp("cache"), notify=lambda line: None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def detail(data: PreparedData, tiny_aariz: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return detail_data(data, DETAIL, 0, tmp_path_factory.mktemp("cache"))


@pytest.mark.usefixtures("few_are_enough")
def test_a_finished_run_knows_shapes_and_errors(settings: Settings) -> None:
    config = settings(epochs=2)
    train(config)
    extras = read_checkpoint(config.save_dir / "checkpoint_best.pth").extras
    assert set(extras) == {"pose", "calibrations", "completed"}
    assert list(extras["calibrations"]) == ["plain"]
    assert len(extras["calibrations"]["plain"]["films"]) == 3
    model = load_model(config.save_dir / "checkpoint_best.pth")
    predictor = Predictor(model)
    assert predictor.pose is not None
    found = predictor.run_film(config.dataset_path[0] / "test" / "Cephalograms" / "e0.png")
    expected = predictor.errors(found).expected
    assert expected is not None
    assert np.isfinite(expected).all()
    assert (expected > 0).all()
    # The state of the run itself knows what the labels say, and nothing of its predictions.
    latest = read_checkpoint(config.save_dir / "checkpoint_latest.pth").extras
    assert set(latest) == {"pose"}
    assert latest["pose"]["shape"]["lowest_score"] is None
    assert extras["pose"]["shape"]["lowest_score"] > 0


def test_every_checkpoint_of_a_run_under_way_knows_how_films_are_held(settings: Settings) -> None:
    config = settings(epochs=3, save_frequency=1)
    stops = iter([False] * 2 + [True] * 100)
    train(config, stop=lambda: next(stops))
    names = sorted(path.name for path in config.save_dir.glob("checkpoint_*.pth"))
    assert "checkpoint_latest.pth" in names
    assert len(names) > 1
    for name in names:
        predictor = Predictor(load_model(config.save_dir / name))
        assert predictor.pose is not None
        assert predictor.pose.shape.lowest_score is None
        (lack,) = predictor.lacks
        assert "no calibration for plain" in lack
        record = Model(predictor).predict(config.dataset_path[0] / "test" / "Cephalograms" / "e0.png")
        assert any("no calibration" in note for note in record.notes)


def test_a_run_with_a_second_stage_that_pays_keeps_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, few_are_enough: None
) -> None:
    predictions_off(monkeypatch, 2.0, 1.5)
    config = settings(epochs=1, refine=True, refine_epochs=1)
    train(config)
    extras = read_checkpoint(config.save_dir / "checkpoint_best.pth").extras
    assert extras["refiner"]["spec"]["canvas_size"] == list(DETAIL)
    assert extras["refiner"]["spec"]["symbols"] == list(SYMBOLS)
    assert extras["refiner"]["valid"] == {"first_stage": pytest.approx(2.0), "both": pytest.approx(1.5), "unit": "mm"}
    assert extras["refiner"]["training"]["epochs"] == 1
    assert list(extras["calibrations"]) == ["plain+refiner"]


@pytest.mark.usefixtures("few_are_enough")
def test_finishing_leaves_the_network_and_its_record_as_they_are(data: PreparedData, tmp_path: Path) -> None:
    path = random_checkpoint(tmp_path / "c.pth", kept="for others")
    before = read_checkpoint(path)
    finish(path, data, "mean", CPU, print)
    after = read_checkpoint(path)
    assert same(dict(before.model), dict(after.model))
    assert set(after.extras) == {"kept", "pose", "calibrations"}
    for name in ("spec", "config", "epoch", "metrics", "training"):
        assert getattr(before, name) == getattr(after, name)


@pytest.mark.usefixtures("few_are_enough")
def test_a_new_second_stage_makes_earlier_calibrations_void(data: PreparedData, tmp_path: Path) -> None:
    path = random_checkpoint(tmp_path / "c.pth")
    finish(path, data, "mean", CPU, print)
    finish(path, data, "mean", CPU, print, refiner=random_refiner())
    extras = read_checkpoint(path).extras
    assert list(extras["calibrations"]) == ["plain+refiner"]
    # Score, two spreads and a shift tell of the error; without the second stage only the first two.
    assert len(extras["calibrations"]["plain+refiner"]["weights"]) == 4
    assert Predictor(load_model(path)).calibration is not None
    assert Predictor(load_model(path), refine=False).calibration is None


def test_too_few_films_for_a_calibration_are_said_and_the_rest_is_kept(data: PreparedData, tmp_path: Path) -> None:
    path, lines = random_checkpoint(tmp_path / "c.pth"), list[str]()
    finish(path, data, "mean", CPU, lines.append)
    assert lines == [
        "expected errors cannot be calibrated: 12 predicted points with a truth; a calibration needs 200; "
        "predictions come without expected errors"
    ]
    assert set(read_checkpoint(path).extras) == {"pose"}


def test_a_second_stage_that_lowers_the_error_is_given_back(
    detail: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions_off(monkeypatch, 1.6, 1.25)
    path, screen = random_checkpoint(tmp_path / "c.pth"), Lines()
    content, model = path.read_bytes(), load_model(path)
    stored = add_refiner(model, detail, QUICK, "mean", cpu(), screen)
    assert stored is not None
    assert stored["valid"] == {"first_stage": pytest.approx(1.6), "both": pytest.approx(1.25), "unit": "mm"}
    assert screen.lines[0] == "second stage: 7 films at 96x96, 1 epochs"
    assert "second stage on valid: MRE 1.600 -> 1.250 mm, SDR@2 100.0 -> 100.0 %" in screen.lines
    assert stored["spec"]["share"] == 1.0  # the more of it the better, here
    # A checkpoint keeps it, and the network beside it has not moved.
    assert Predictor(with_extras(model, {"refiner": stored})).mode == "plain+refiner"
    assert same(weights(path), model.model.state_dict())
    assert path.read_bytes() == content


def test_a_second_stage_is_judged_by_the_data_sets_that_judge_the_first(
    detail: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valid = tuple(
        dataclasses.replace(film, source="few" if film.film_id == "v2" else "many") for film in detail.films["valid"]
    )
    several = dataclasses.replace(detail, films={**detail.films, "valid": valid})
    model = load_model(random_checkpoint(tmp_path / "c.pth"))
    for best_by, error in (("mean", 0.7), ("few", 0.4), ("many", 1.0)):
        passes = iter([np.full(3, 2.0), np.array([0.4 if film.source == "few" else 1.0 for film in valid])])
        monkeypatch.setattr(
            finish_module, "predict_films",
            lambda predictor, films, *rest, passes=passes, **more: found_on(films, next(passes) / TINY_PIXEL_MM),
        )  # fmt: skip
        stored = add_refiner(model, several, QUICK, "mean", cpu(), Lines(), best_by=best_by)
        assert stored is not None
        assert stored["valid"]["both"] == pytest.approx(0.8)  # over all films alike
        assert stored["error"] == pytest.approx(error)
        assert stored["sdr"]["2"] == 100


@pytest.mark.parametrize("after", [1.6, 1.7, np.nan])
def test_a_second_stage_that_does_not_pay_is_not_kept(
    detail: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: float
) -> None:
    predictions_off(monkeypatch, 1.6, after)
    screen = Lines()
    model = load_model(random_checkpoint(tmp_path / "c.pth"))
    assert add_refiner(model, detail, QUICK, "mean", cpu(), screen) is None
    assert screen.lines[-1] == "the second stage does not lower the error on valid: it is not kept"


def test_a_stopped_second_stage_is_not_judged(
    detail: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions_off(monkeypatch)  # predicting would fail
    model = load_model(random_checkpoint(tmp_path / "c.pth"))
    with pytest.raises(Stopped):
        add_refiner(model, detail, dataclasses.replace(QUICK, epochs=2), "mean", cpu(), Lines(), lambda: True)


def test_detail_films_are_the_same_films_at_another_size(data: PreparedData, detail: PreparedData) -> None:
    assert detail.canvas_size == DETAIL
    assert detail.films == data.films
    canvas, points, mask, _ = detail.dataset("train")[0]
    assert canvas.shape == (1, *DETAIL)
    assert mask.all()
    # 90x80 pixels on 96x96: 16/15 as large, and 85 columns of them stand 5 from the left.
    marks = np.add(points_array(data.films["train"][0].points("mean"), SYMBOLS), 0.5)
    assert points.numpy() == pytest.approx(marks * 16 / 15 - 0.5 + (5, 0), abs=1e-3)


def found_on(films: Sequence[Film], off: float | np.ndarray, unit: float = 1.0) -> Found:
    """Predictions that lie ``off`` film pixels to the left of the truth, or above it."""
    truth = np.stack([points_array(film.points("mean"), SYMBOLS) for film in films])
    shape = truth.shape[:2]
    scores = np.linspace(0.5, 0.9, shape[0] * shape[1]).reshape(shape)
    features = np.stack((scores, np.full(shape, 2.0)), axis=-1)
    poses = [Pose(np.eye(3)) for _ in films]
    sideways = (np.arange(shape[0] * shape[1]) % 2 == 0).reshape(shape)
    off = np.broadcast_to(np.reshape(off, (-1, 1)), shape)
    aside = np.stack((np.where(sideways, off, 0), np.where(sideways, 0, off)), axis=-1)
    return Found(truth - aside, scores, features, np.full(len(films), unit), poses)


@pytest.mark.usefixtures("few_are_enough")
def test_a_calibration_is_in_canvas_pixels_and_remembers_its_films(data: PreparedData) -> None:
    films = data.films["valid"]
    plain = calibrate(found_on(films, 6.0, unit=2.0), films, ModelSpec("test_resnet", SYMBOLS, CANVAS), "mean")
    calibration = Calibration.from_dict(plain.to_dict())
    assert calibration.films == tuple(film.content for film in films)
    assert all(calibration.films)
    expected = calibration.expected(np.full((1, 4, 2), (0.7, 2.0)))
    assert expected == pytest.approx(np.full((1, 4), 3.0), rel=0.05)


@pytest.mark.usefixtures("few_are_enough")
def test_films_of_which_few_were_marked_twice_count_as_marked_once(data: PreparedData) -> None:
    films = data.films["valid"]
    once = [dataclasses.replace(film, annotations={"senior": film.points("senior")}) for film in films[1:]]
    spec = ModelSpec("test_resnet", SYMBOLS, CANVAS)
    for some in (films, [films[0], *once]):
        assert calibrate(found_on(some, 6.0), some, spec, "mean").share == 0.25


def test_too_few_points_are_no_calibration(data: PreparedData) -> None:
    films = data.films["valid"]
    with pytest.raises(DataError, match="12 predicted points with a truth; a calibration needs 200"):
        calibrate(found_on(films, 6.0), films, ModelSpec("test_resnet", SYMBOLS, CANVAS), "mean")


def test_shapes_are_those_of_all_films_and_scores_those_of_the_valid_ones(data: PreparedData) -> None:
    films = [*data.films["train"], *data.films["valid"]]
    found = found_on(data.films["valid"], 0.0)
    model = PoseModel.from_dict(pose_of(data, found, SYMBOLS, CANVAS))
    box = letterbox((90, 80), CANVAS)
    truth = np.stack([transform(box.to_canvas, points_array(film.points("mean"), SYMBOLS)) for film in films])
    assert model.layout == pytest.approx(truth.mean(0))
    assert model.canvas_size == CANVAS
    medians = np.median(found.scores, axis=1)
    assert model.shape.lowest_score is not None
    # Of three films the least says little: new ones may lie well below it.
    assert 0.2 * np.median(medians) < model.shape.lowest_score < 0.4 * medians.min()


def test_a_landmark_that_no_film_has_gives_no_shapes(data: PreparedData) -> None:
    films = data.films["valid"]
    found = found_on(films, 0.0)
    with pytest.raises(DataError, match="no shapes to judge films by"):
        pose_of(data, dataclasses.replace(found, scores=found.scores[:, [0, 1, 2, 3, 0]]), (*SYMBOLS, "Go"), CANVAS)


def test_extras_replace_extras_alone(tmp_path: Path) -> None:
    path = random_checkpoint(tmp_path / "c.pth", old=1)
    before = weights(path)
    write_extras(path, {"new": [1, "x"]})
    after = read_checkpoint(path)
    assert after.extras == {"new": [1, "x"]}
    assert same(before, dict(after.model))
    assert (after.config, after.epoch, after.metrics) == ({"lr": 1.0}, 7, {"mre_mm": 3.0})


def test_what_is_none_is_left_out(tmp_path: Path) -> None:
    model = load_model(random_checkpoint(tmp_path / "c.pth", old=1))
    assert with_extras(model, {"pose": None, "a": 0}).extras == {"a": 0}
    assert model.extras == {"old": 1}
    assert set(TINY_SYMBOLS) == set(SYMBOLS)
