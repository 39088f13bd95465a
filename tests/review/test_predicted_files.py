"""Files of predict, found by the names of the films."""

from pathlib import Path
from typing import Any

import pytest

from cephkit.errors import LabelError, SettingsError
from cephkit.records.record import LandmarkRecord
from cephkit.review.predicted_files import ReadPredictions
from tests.review.sessions import body, folder_session, placed, write_films


def write_prediction(folder: Path, name: str, **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    record = LandmarkRecord(points={"A": (10.0, 20.0)}, film_id=name, model={"model": "m"}, **more)
    record.to_json(folder / f"{name}.json")
    return folder / f"{name}.json"


def test_files_of_predict_are_found_by_the_names_of_their_films(tmp_path: Path) -> None:
    films, given = write_films(tmp_path / "films"), tmp_path / "predictions"
    write_prediction(given, "f0", file="f0.bmp")  # of another film of that name, which predict numbered
    write_prediction(given, "f0-2", file="f0.png")
    write_prediction(given, "F1")
    session = folder_session(films, tmp_path / "out")
    predictions = ReadPredictions(session.films, given)
    zero, one, two = (predictions.record(n) for n in range(3))
    assert zero is not None
    assert (zero.film_id, zero.file) == ("f0-2", "f0.png")
    assert one is not None
    assert one.points == {"A": (10.0, 20.0)}
    assert two is None
    assert [predictions.status(n) for n in range(3)] == ["", "", ""]


def test_predictions_that_cannot_be_used_are_refused_at_once(tmp_path: Path) -> None:
    session = folder_session(write_films(tmp_path / "films"), tmp_path / "out")
    with pytest.raises(SettingsError, match="no such file or folder"):
        ReadPredictions(session.films, tmp_path / "nowhere")
    write_prediction(tmp_path / "others", "x")
    with pytest.raises(SettingsError, match="none of its 1 files is named after a film here"):
        ReadPredictions(session.films, tmp_path / "others")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "f0.json").write_text("{")
    with pytest.raises(LabelError, match="not JSON"):
        ReadPredictions(session.films, tmp_path / "broken")


def test_a_later_file_that_cannot_be_read_is_told_on_its_film(tmp_path: Path) -> None:
    films, out = write_films(tmp_path / "films"), tmp_path / "out"
    write_prediction(tmp_path / "given", "f0")
    (tmp_path / "given" / "f1.json").write_text("{")
    session = folder_session(films, out, ReadPredictions(folder_session(films, out).films, tmp_path / "given"))
    assert "failed: " in session.film_state(1)["predicting"]
    assert session.film_state(0)["predicting"] == ""
    assert session.edit(1, body(0, placed("A", (1, 1)))) == (1, "")
