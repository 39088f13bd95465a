"""Figures of several data sets, and of the machines whose pixel size can be believed."""

import csv
from pathlib import Path

import numpy as np
import pytest

from cephkit.data.film import Film
from cephkit.data.spacing import square
from cephkit.evaluation.html import write_report
from cephkit.evaluation.metrics import summarise
from cephkit.evaluation.results import metrics_content, notes, print_results, write_results
from cephkit.evaluation.scoring import Scores
from cephkit.evaluation.tables import by_machine, by_source, plausible, shared_landmarks
from cephkit.screen import table_console
from cephkit.training.validate import Validation

SYMBOLS = ("A", "N", "S")
PIXEL_MM = {"good": 0.1, "shrunk": 0.05}


def films(source: str, machine: str, count: int, symbols: tuple[str, ...] = SYMBOLS) -> list[Film]:
    """Heads with S and N 700 pixels apart: 70 mm, or 35 where the pixel size is half of what it should be."""
    points = {"A": (900.0, 900.0), "N": (1000.0, 300.0), "S": (300.0, 300.0)}
    kept = {symbol: points[symbol] for symbol in symbols}
    return [
        Film(
            f"{source}/{machine}{number}", Path(f"{machine}{number}.png"), "test", machine,
            square(PIXEL_MM[machine], "test"), {"senior": kept}, size=(1200, 1200), source=source,
        )
        for number in range(count)
    ]  # fmt: skip


def scores(*groups: tuple[list[Film], float]) -> Scores:
    """Predictions that are off by so many pixels in x, on the films of each group."""
    listed = [film for group, _ in groups for film in group]
    truth = {"A": (900.0, 900.0), "N": (1000.0, 300.0), "S": (300.0, 300.0)}
    places = np.array([truth[symbol] for symbol in SYMBOLS])
    predicted = np.stack([places + np.array([off, 0.0]) for group, off in groups for _ in group])
    return Scores(tuple(listed), SYMBOLS, predicted, "senior")


BOTH = scores((films("one", "good", 6), 10.0), (films("two", "good", 4, ("N", "S")), 20.0))


def test_each_data_set_has_its_figures_on_all_and_on_shared_landmarks() -> None:
    one, two = by_source(BOTH)
    assert (one.name, one.films, one.metrics.points, one.metrics.mre_mm) == ("one", 6, 18, pytest.approx(1.0))
    assert (two.name, two.films, two.metrics.points, two.metrics.mre_mm) == ("two", 4, 8, pytest.approx(2.0))
    assert shared_landmarks(BOTH) == ("N", "S")
    assert [group.metrics.points for group in by_source(BOTH, shared=True)] == [12, 8]
    assert [group.name for group in by_machine(BOTH)] == ["one: good", "two: good"]
    alone = scores((films("", "good", 6), 10.0))
    assert by_source(alone) == []
    assert [group.name for group in by_machine(alone)] == ["good"]


def test_machines_of_impossible_pixel_sizes_are_left_out_of_the_figures_beside() -> None:
    doubtful = scores((films("", "good", 6), 20.0), (films("", "shrunk", 6), 20.0))
    group = plausible(doubtful)
    assert group is not None
    assert (group.films, group.metrics.mre_mm) == (6, pytest.approx(2.0))
    assert doubtful.metrics().mre_mm == pytest.approx(1.5)  # flattered: half of the errors count half
    content = metrics_content(doubtful, doubtful.metrics(), {})
    assert content["plausible_pixel_size"]["without"] == ["shrunk"]
    assert content["plausible_pixel_size"]["mre_mm"] == pytest.approx(2.0)
    assert any(
        "without shrunk, whose films have S-N of no human head" in line for line in notes(doubtful, doubtful.metrics())
    )
    assert plausible(scores((films("", "good", 6), 20.0))) is None
    assert plausible(scores((films("", "shrunk", 6), 20.0))) is None


def test_files_screen_and_report_name_the_data_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = BOTH.metrics()
    about = {"dataset_path": "/home/ann/one + /data/two", "predictions": {"path": "p.json", "sha256": "x"}}
    content = metrics_content(BOTH, metrics, about)
    assert content["landmarks_shared"] == ["N", "S"]
    assert content["sources"]["two"]["on_shared_landmarks"]["points"] == 8
    write_results(tmp_path, BOTH, content)
    with (tmp_path / "sources.csv").open(encoding="utf-8") as file:
        rows = [(row["source"], row["landmarks"], row["points"]) for row in csv.DictReader(file)]
    assert rows == [("one", "all", "18"), ("two", "all", "8"), ("one", "shared", "12"), ("two", "shared", "8")]
    print_results(BOTH, metrics, table_console(), content)
    said = capsys.readouterr().out
    assert "one, 2 shared" in said
    assert "shared by all data sets: N S" in said
    report = write_report(tmp_path, BOTH, content).read_text(encoding="utf-8")
    assert "Per data set, on the 2 landmarks that all have" in report
    assert "one + two" in report
    assert "/home/ann" not in report
    assert "Machines of plausible pixel size" not in report


def test_the_best_model_is_that_of_the_mean_or_of_a_named_data_set() -> None:
    def metrics(error: float, size: float = 1.0):  # type: ignore[no-untyped-def]
        return summarise(np.full((3, 2), error), np.full(3, size))

    both = {"one": metrics(2.0), "two": metrics(4.0)}
    validation = Validation(1.0, 2.0, metrics(2.5), np.zeros((1, 1, 2)), both)
    assert validation.error() == 3.0
    assert validation.error("two") == 4.0
    without_mm = {**both, "two": metrics(40.0, np.nan)}
    assert Validation(1.0, 2.0, metrics(2.5), np.zeros((1, 1, 2)), without_mm).error() == 2.0
    assert Validation(1.0, 2.0, metrics(2.5), np.zeros((1, 1, 2))).error() == 2.5
    lacking = {**both, "two": metrics(np.inf)}
    lost = Validation(1.0, 2.0, metrics(2.5), np.zeros((1, 1, 2)), lacking)
    assert (lost.error(), lost.error("one")) == (None, 2.0)
