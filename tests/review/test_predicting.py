"""Predictions of a session: read from files, or made while people review."""

import json
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image

from cephkit.checkpoint import LoadedModel
from cephkit.errors import CephkitError, FilmError
from cephkit.inference.model import Model
from cephkit.inference.predictor import Predictor
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord
from cephkit.review.predicting import ModelPredictions
from cephkit.review.session import ReviewSession
from tests.inference.test_predictor import film_with_spot, loaded
from tests.review.sessions import folder_session


def spot_films(folder: Path, count: int = 3) -> Path:
    """Films f0.png, f1.png, ... on which A lies at (40 + 5 n, 80)."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        Image.fromarray(film_with_spot((160, 120), 40.0 + 5 * n, 80.0, 8.0)).save(folder / f"f{n}.png")
    return folder


class Watched(Model):
    """A model that tells which films it saw, and waits if it is told to."""

    def __init__(self) -> None:
        import torch

        models: list[LoadedModel] = [loaded()]
        super().__init__(Predictor(models, torch.device("cpu")))
        self.seen: list[str] = []
        self.go, self.begun = Event(), Event()
        self.go.set()

    def predict_preprocessed(self, films: Any) -> list[LandmarkRecord]:
        self.begun.set()
        assert self.go.wait(30)
        self.seen += [film.file for film in films]
        return super().predict_preprocessed(films)


def predicting(films: Path, out: Path, model: Model, run: str = "r") -> tuple[ReviewSession, ModelPredictions]:
    predictions = ModelPredictions(folder_session(films, out).films, out / "predictions", model, run)
    return folder_session(films, out, predictions), predictions


def wait_for(predictions: ModelPredictions, *numbers: int) -> None:
    """Wait until films are predicted, or have failed; nothing here depends on how long that takes."""
    done = Event()
    old = predictions._changed

    def changed(n: int, failure: CephkitError | None) -> None:
        old(n, failure)
        if all(predictions.status(each) in ("",) or "failed" in predictions.status(each) for each in numbers):
            done.set()

    predictions._changed = changed
    if all(predictions.status(each) == "" or "failed" in predictions.status(each) for each in numbers):
        return
    assert done.wait(60)


def test_all_films_are_predicted_the_open_one_first(tmp_path: Path) -> None:
    model = Watched()
    model.go.clear()
    session, predictions = predicting(spot_films(tmp_path / "films", 5), tmp_path / "out", model)
    session.start()
    assert model.begun.wait(30)
    assert [predictions.status(n) for n in range(5)] == ["running", *["waiting"] * 4]
    assert session.film_state(3)["predicting"] == "waiting"
    model.go.set()
    wait_for(predictions, *range(5))
    assert model.seen == ["f0.png", "f3.png", "f4.png", "f1.png", "f2.png"]
    for n in range(5):
        film = session.film_state(n)
        x, y = film["state"]["points"]["A"]["at"]
        assert (x, y) == pytest.approx((40 + 5 * n, 80), abs=0.8)
        assert (film["state"]["points"]["A"]["origin"], film["predicting"]) == ("predicted", "")
        assert film["predicted"]["missing"] == ["S"]
    assert {row["points"] for row in map(session.rows.row, range(5))} == {1}
    session.close()


def test_a_restart_repeats_nothing_and_another_model_everything(tmp_path: Path) -> None:
    films, out = spot_films(tmp_path / "films"), tmp_path / "out"
    for run, seen in (("r", 3), ("r", 0), ("other", 3)):
        model = Watched()
        session, predictions = predicting(films, out, model, run)
        if seen == 0:
            assert session.film_state(1)["predicted"] is not None
        session.start()
        wait_for(predictions, 0, 1, 2)
        predictions.close(wait_s=30)
        assert len(model.seen) == seen


def test_points_are_the_same_before_and_after_a_restart(tmp_path: Path) -> None:
    films, out = spot_films(tmp_path / "films"), tmp_path / "out"
    session, predictions = predicting(films, out, Watched())
    session.start()
    wait_for(predictions, 0, 1, 2)
    points = session.film_state(0)["state"]["points"]
    session.close()
    assert predicting(films, out, Watched())[0].film_state(0)["state"]["points"] == points


def test_a_film_that_changed_is_predicted_again_when_it_is_opened(tmp_path: Path) -> None:
    films, out = spot_films(tmp_path / "films"), tmp_path / "out"
    session, predictions = predicting(films, out, Watched())
    session.start()
    wait_for(predictions, 0, 1, 2)
    Image.fromarray(film_with_spot((160, 120), 90.0, 40.0, 8.0)).save(films / "f1.png")
    assert session.film_state(1)["predicted"] is None
    wait_for(predictions, 1)
    assert session.film_state(1)["predicted"]["points"]["A"] == pytest.approx([90, 40], abs=0.8)
    session.close()


def test_a_film_that_cannot_be_read_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    films = spot_films(tmp_path / "films")
    (films / "f1.png").write_bytes(b"junk")
    session, predictions = predicting(films, tmp_path / "out", Watched())
    session.start()
    wait_for(predictions, 0, 1, 2)
    assert predictions.status(1).startswith("failed: not a PNG")
    assert "not a PNG" in session.rows.row(1)["broken"]
    assert session.rows.row(2)["points"] == 1
    session.close()


def test_a_fault_of_the_network_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    class Faulty(Watched):
        def predict_preprocessed(self, films: Any) -> list[LandmarkRecord]:
            if films[0].file == "f0.png":
                raise RuntimeError("CUDA out of memory\nand a long story")
            return super().predict_preprocessed(films)

    session, predictions = predicting(spot_films(tmp_path / "films"), tmp_path / "out", Faulty())
    session.start()
    wait_for(predictions, 0, 1, 2)
    assert predictions.status(0) == "failed: RuntimeError: CUDA out of memory"
    assert session.film_state(0)["predicting"] == "failed: RuntimeError: CUDA out of memory"
    assert session.rows.row(0)["broken"] == ""
    assert session.rows.row(1)["points"] == 1
    session.close()


def test_a_result_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "predictions").write_text("in the way")
    session, predictions = predicting(spot_films(tmp_path / "films", 1), tmp_path / "out", Watched())
    session.start()
    wait_for(predictions, 0)
    assert "cannot be written" in predictions.status(0)
    session.close()


def test_results_are_records_like_those_of_predict(tmp_path: Path) -> None:
    session, predictions = predicting(spot_films(tmp_path / "films", 1), tmp_path / "out", Watched())
    session.start()
    wait_for(predictions, 0)
    session.close()
    path = tmp_path / "out" / "predictions" / "f0.json"
    record = read_record(path)
    assert (record.run, record.file, record.size) == ("r", "f0.png", (160, 120))
    assert json.loads(path.read_text())["model"]["model"] == record.model["model"]


def test_a_film_that_went_away_is_an_error_of_the_film(tmp_path: Path) -> None:
    films = spot_films(tmp_path / "films", 1)
    with pytest.raises(FilmError, match="cannot be read"):
        ModelPredictions._is_older(films / "gone.png", films / "f0.png")
