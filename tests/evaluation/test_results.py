import io
import json
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from cephkit.evaluation.results import (
    metrics_content,
    model_notes,
    print_results,
    write_results,
)
from cephkit.evaluation.scoring import predictions_json, score_predictions
from cephkit.files import write_json
from tests.evaluation.predicted import scored
from tests.evaluation.test_scoring import FILMS

SCORES = scored(FILMS, {"f1": {"A": (13.0, 14.0), "S": None}, "f2": {"A": (30.0, 40.0)}}, "senior")


def test_the_report_says_what_the_figures_are_about() -> None:
    content = metrics_content(SCORES, SCORES.metrics(draws=10), {"command": "cephkit evaluate"})
    assert {"mre_mm", "sd_mm", "median_mm", "sdr", "mre_pixels", "films", "landmarks", "missing"} <= content.keys()
    assert list(content["sdr"]) == ["1", "2", "2.5", "3", "4"]
    assert (content["truth"], content["splits"], content["command"]) == ("senior", ["test"], "cephkit evaluate")
    assert content["films_without_pixel_size"] == ["f2"]
    assert content["not_found"] == [{"film": "f1", "landmark": "S"}]
    assert content["landmarks_scored"] == ["A", "S"]
    assert content["versions"].keys() >= {"cephkit", "python", "numpy"}


def test_all_files_are_written(tmp_path: Path) -> None:
    write_json(tmp_path / "predictions.json", predictions_json(SCORES.records()))
    write_results(tmp_path, SCORES, metrics_content(SCORES, SCORES.metrics(), {}))
    names = ["errors.csv", "landmarks.csv", "machines.csv", "metrics.json", "predictions.json", "splits.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    predictions = json.loads((tmp_path / "predictions.json").read_text(encoding="utf-8"))
    assert predictions["f1"] == {"A": [13.0, 14.0], "S": None}
    head = (tmp_path / "machines.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head.startswith("machine,films,films_without_pixel_size,points,points_in_mm,missing,mre_mm,")


def test_the_screen_names_all_that_is_not_in_the_figures() -> None:
    films = (replace(FILMS[0], machine="[red]x"), replace(FILMS[1], machine="Veraviewepocs 2D"))
    scores = score_predictions(films, {record.film_id: record for record in SCORES.records()}, "senior")
    stream = io.StringIO()
    print_results(scores, scores.metrics(draws=10), Console(file=stream, width=80), {})
    text = stream.getvalue()
    assert text.startswith("truth: senior   split: test   films: 2   landmarks: 2   points: 3\n")
    assert "[red]x" in text
    assert "Veraviewepocs 2D     1      -     -" in text
    assert "counted in pixels only: 1 films: f2" in text
    assert "NOT FOUND, each a miss in every SDR and not in the MRE: 1 points: f1 S" in text


def test_regions_that_do_not_hold_are_called_so() -> None:
    told = {
        "rests_on": "129 films of valid", "judged": "by the stored calibration", "rank_correlation": 0.5,
        "rank_correlation_within_landmarks": 0.3, "points_marked_percent": 9.0, "errors_over_4mm": 30,
        "errors_over_4mm_marked_percent": 12.0, "points": 300, "coverage_90_percent_without_examiners": 60.0,
    }  # fmt: skip
    for coverage, warned in ((79.9, True), (80.0, False), (None, False)):
        lines = model_notes({"uncertainty": {**told, "coverage_90_percent": coverage}})
        assert any("129 films of valid" in line for line in lines)
        assert any("within landmarks 0.30" in line and "12 % of the 30 errors above 4 mm" in line for line in lines)
        assert (
            any("WARNING: the 90 % regions contain only" in line and "--films 20" in line for line in lines) == warned
        )


def test_films_that_all_served_for_the_calibration_judge_nothing() -> None:
    told = {"rests_on": "10 films of valid", "points": 0, "coverage_90_percent": None}
    assert model_notes({"uncertainty": told}) == [
        "expected errors were estimated on 10 films of valid",
        "no film here can judge the expected errors: their calibration used all of them",
    ]
