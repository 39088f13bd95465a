"""Landmarks that cannot be, or hardly, and what ``cephkit measure`` says of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from cephkit.data.labels import landmarks_json
from tests.cephalometry.faces import ROUND, face_like_real
from tests.commands.test_measure import cell, run, table
from tests.records.test_reader import write


def test_exchanged_landmarks_are_doubted_beside_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A and B the other way round made class III of class II without a word."""
    points = face_like_real(3)
    points["A"], points["B"] = points["B"], points["A"]
    path = tmp_path / "f.json"
    path.write_text(json.dumps(landmarks_json("f", points)), encoding="utf-8")
    assert run(tmp_path / "out", path) == 0
    said = "A and B appear to be swapped; swap them if the film confirms it"
    assert said in cell(tmp_path / "out", "f", "anb", "doubt")
    assert said in json.loads((tmp_path / "out" / "f_measurements.json").read_text(encoding="utf-8"))["notes"]
    assert said in (tmp_path / "out" / "f_sheet.html").read_text(encoding="utf-8")
    assert f"CHECK: {said}" in capsys.readouterr().out


def test_an_impossible_label_is_not_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "f.json"
    path.write_text(json.dumps(landmarks_json("f", {**face_like_real(3), "A": (0.0, 0.0)})), encoding="utf-8")
    assert run(tmp_path / "out", path, write(tmp_path / "g.json")) == 1
    screen = capsys.readouterr().out
    assert "FAILED" in screen
    assert (
        "f.json: A lies in a corner of the film, where no landmark is; write landmarks that were not marked" in screen
    )
    assert {row["film"] for row in table(tmp_path / "out")} == {"g"}
    label = {**landmarks_json("f", {**face_like_real(3), "A": (0.0, 0.0)}), "model": {"model": "hrnet"}}
    path.write_text(json.dumps(label), encoding="utf-8")
    assert run(tmp_path / "out", path) == 0  # what a model finds it judges itself; the doubt stands beside
    assert "A lies in a corner" in cell(tmp_path / "out", "f", "anb", "doubt")


def test_what_predict_doubted_is_said_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = write(tmp_path / "f.json", doubt="it is a cat", notes=["pixels are not square"])
    assert run(tmp_path / "out", labels) == 0
    assert cell(tmp_path / "out", "f", "sna", "doubt").endswith("square; not a lateral cephalogram? it is a cat")
    assert "CHECK: not a lateral cephalogram? it is a cat" in capsys.readouterr().out


def test_a_face_that_is_none_is_a_failure_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "f.json", tmp_path / "out"
    anywhere = dict(zip(ROUND, np.random.default_rng(1).uniform(0, 2000, (29, 2)).tolist(), strict=True))
    by_a_model = {**landmarks_json("f", anywhere), "model": {"model": "hrnet"}}
    path.write_text(json.dumps(by_a_model), encoding="utf-8")
    assert run(out, path, "--pixel_size_mm", 0.1, "--no_sheet") == 1
    screen = capsys.readouterr().out
    assert "class" not in screen
    assert "CHECK: 7" in screen
    assert "values are outside the range of human faces" in cell(out, "f", "anb", "doubt")


def test_a_landmark_that_slipped_is_named_beside_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "f.json", tmp_path / "out"
    x, y = ROUND["B"]
    path.write_text(json.dumps(landmarks_json("f", {**ROUND, "B": (x - 500, y)})), encoding="utf-8")
    assert run(out, path, "--pixel_size_mm", 0.1, "--no_sheet") == 0
    screen = capsys.readouterr().out
    assert "withheld, because no face has such values: " in screen
    assert "ANB" in screen.split("no face has such values: ")[1]
    assert "class" not in screen.split("CHECK")[0]
    assert cell(out, "f", "anb") == ""
    assert "is outside the range of human faces" in cell(out, "f", "anb", "absent")
    assert cell(out, "f", "sna") == "90.0"
