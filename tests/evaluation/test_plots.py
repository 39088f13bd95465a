import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cephkit.data.film import Film
from cephkit.data.spacing import square
from cephkit.evaluation.film_plots import KINDS, chosen_films, overlay
from cephkit.evaluation.plots import (
    Omitted,
    Plot,
    annotator_distances_mm,
    boxes,
    cumulative,
    ellipse_95,
    scatter,
)
from cephkit.evaluation.run_plots import calibration, learning_curves
from cephkit.evaluation.scoring import Scores

SYMBOLS = ("A", "S", "Pn")


def make_scores(folder: Path, films: int = 8, pixel_size_mm: float | None = 0.25) -> Scores:
    """Films of 60 x 80 pixels whose errors grow with their number; the junior is always 4 pixels to the right."""
    rng = np.random.default_rng(5)
    listed, predicted = [], []
    for index in range(films):
        path = folder / f"f{index}.png"
        Image.fromarray(rng.integers(0, 255, (80, 60), dtype=np.uint8)).save(path)
        points = {s: (20.0 + 10 * k, 30.0 + 10 * k) for k, s in enumerate(SYMBOLS)}
        junior = {symbol: (x + 4, y) for symbol, (x, y) in points.items()}
        marks = {"senior": points, "junior": junior}
        spacing = pixel_size_mm and square(pixel_size_mm, "")
        listed.append(Film(f"f{index}", path, "test", "M", spacing, annotations=marks))
        truth = np.array(list(points.values()))
        predicted.append(truth + rng.normal(0, 1 + index, truth.shape))
    return Scores(tuple(listed), SYMBOLS, np.array(predicted), "senior")


@pytest.fixture
def scores(tmp_path: Path) -> Scores:
    return make_scores(tmp_path)


def drawn(plot: Plot | Omitted) -> Plot:
    assert isinstance(plot, Plot)
    return plot


def test_the_cumulative_curve_is_the_sdr(scores: Scores) -> None:
    plot = drawn(cumulative(scores))
    shares = {row["error_mm"]: row["percent"] for row in plot.rows if row["curve"] == "prediction"}
    sdr = scores.metrics().sdr
    assert {key: shares[float(key)] for key in sdr} == sdr
    assert list(shares.values()) == sorted(shares.values())


def test_annotators_have_a_curve_of_their_own(scores: Scores) -> None:
    assert annotator_distances_mm(scores) == pytest.approx(1.0)  # 4 pixels of 0.25 mm
    shares = {row["error_mm"]: row["percent"] for row in drawn(cumulative(scores)).rows if row["curve"] == "annotators"}
    assert (shares[0.98], shares[1.0]) == (0.0, 100.0)


def test_one_annotator_has_no_distance(scores: Scores) -> None:
    films = tuple(replace(film, annotations={"senior": film.annotations["senior"]}) for film in scores.films)
    plot = drawn(cumulative(replace(scores, films=films)))
    assert {row["curve"] for row in plot.rows} == {"prediction"}


def test_boxes_hold_the_quartiles_hardest_last(scores: Scores) -> None:
    rows = drawn(boxes(scores)).rows
    medians = [row["median_mm"] for row in rows]
    assert medians == sorted(medians)
    for row in rows:
        errors = scores.errors_mm[:, SYMBOLS.index(row["landmark"])]
        assert (row["q1_mm"], row["median_mm"], row["q3_mm"]) == pytest.approx(np.percentile(errors, [25, 50, 75]))


def test_the_scatter_holds_every_point_and_an_ellipse_per_landmark(scores: Scores) -> None:
    rows = drawn(scatter(scores)).rows
    points = [row for row in rows if row["kind"] == "point"]
    assert len(points) == 24
    first = points[0]
    gap = (scores.predicted[0, 0] - scores.truth[0, 0]) * 0.25
    assert (first["film"], first["landmark"]) == ("f0", "A")
    assert (first["dx_mm"], first["dy_mm"]) == pytest.approx(tuple(gap))
    assert [row["landmark"] for row in rows if row["kind"] == "ellipse"] == list(SYMBOLS)


def test_the_ellipse_holds_95_percent_of_a_normal_distribution() -> None:
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = (np.random.default_rng(0).normal(size=(20000, 2)) * [3, 1]) @ turn + [1, -2]
    ellipse = ellipse_95(points)
    assert ellipse is not None
    x, y, long, short, degrees = ellipse
    assert (x, y) == pytest.approx((1, -2), abs=0.1)
    assert (long, short) == pytest.approx((3 * np.sqrt(5.991), np.sqrt(5.991)), rel=0.03)
    assert degrees == pytest.approx(30, abs=1)
    local = (points - [x, y]) @ turn.T
    assert (((local / [long, short]) ** 2).sum(axis=1) <= 1).mean() == pytest.approx(0.95, abs=0.005)
    assert ellipse_95(points[:2]) is None


def test_missing_predictions_are_counted_and_not_drawn(scores: Scores) -> None:
    predicted = scores.predicted.copy()
    predicted[0, 1] = np.nan
    some = replace(scores, predicted=predicted)
    for plot in (cumulative(some), boxes(some), scatter(some)):
        assert any("1 points without a prediction" in note for note in drawn(plot).notes)
    assert len([row for row in drawn(scatter(some)).rows if row["kind"] == "point"]) == 23
    assert drawn(cumulative(some)).rows[400]["percent"] <= 100 * 23 / 24
    nothing = replace(scores, predicted=np.full_like(predicted, np.nan))
    assert drawn(cumulative(nothing)).rows[-1]["percent"] in (0.0, 100.0)  # the last row is the annotators'
    assert isinstance(boxes(nothing), Omitted)
    assert [plot.reason for plot in (overlay(nothing, kind) for kind in KINDS) if isinstance(plot, Omitted)] == [
        "no film has both a truth and a prediction"
    ] * 3


def test_without_pixel_size_figures_in_mm_are_left_out_and_overlays_stay(tmp_path: Path) -> None:
    unspaced = make_scores(tmp_path, pixel_size_mm=None)
    for plot in (cumulative(unspaced), boxes(unspaced), scatter(unspaced)):
        assert isinstance(plot, Omitted)
        assert "pixel size" in plot.reason
    best = drawn(overlay(unspaced, "best"))
    assert "pixels" in best.title
    assert "No 2 mm rings: the film has no pixel size." in best.notes
    assert {row["error_mm"] for row in best.rows} == {None}


def test_figures_in_mm_use_only_films_that_have_a_pixel_size(scores: Scores) -> None:
    films = (replace(scores.films[0], spacing=None), *scores.films[1:])
    mixed = replace(scores, films=films)
    ids = {row["film"] for row in drawn(scatter(mixed)).rows if row["kind"] == "point"}
    assert ids == {f"f{index}" for index in range(1, 8)}
    assert all(index != 0 for index, _ in chosen_films(mixed)[0].values())


def test_best_median_and_worst_film(scores: Scores) -> None:
    means = scores.errors_mm.mean(axis=1)
    order = np.argsort(means)
    chosen, unit = chosen_films(scores)
    assert unit == "mm"
    assert {kind: index for kind, (index, _) in chosen.items()} == {
        "best": order[0],
        "median": order[3],
        "worst": order[7],
    }
    assert chosen["worst"][1] == pytest.approx(means.max())
    assert list(chosen_films(replace(scores, films=scores.films[:1], predicted=scores.predicted[:1]))[0]) == ["best"]


def test_an_overlay_puts_points_where_they_are_on_the_film(scores: Scores) -> None:
    best = drawn(overlay(scores, "best"))
    svg = best.svg.decode()
    assert str(scores.films[0].path.parent) not in svg
    assert 'cx="20.50" cy="30.50" r="8.00"' in svg  # A at (20, 30); 2 mm are 8 pixels of 0.25 mm
    assert svg.count("stroke-dasharray") == 3 + 1  # a ring per landmark and one in the legend


def test_a_large_film_is_made_smaller_with_its_points(tmp_path: Path) -> None:
    scores = make_scores(tmp_path, films=1)
    Image.fromarray(np.zeros((1800, 1000), dtype=np.uint8)).save(scores.films[0].path)
    svg = drawn(overlay(scores, "best")).svg.decode()
    assert 'width="500" height="900"' in svg
    assert 'cx="10.25" cy="15.25" r="4.00"' in svg


def test_a_film_that_cannot_be_read_is_left_out_without_its_path(scores: Scores) -> None:
    for film in scores.films:
        film.path.write_bytes(b"no film")
    for plot in (overlay(scores, kind) for kind in KINDS):
        assert isinstance(plot, Omitted)
        assert plot.reason == "the film is not shown: not a PNG, JPEG, BMP, TIFF or WebP film"


def test_the_same_scores_give_the_same_bytes_without_date(tmp_path: Path, scores: Scores) -> None:
    again = make_scores(tmp_path)
    for make in (cumulative, boxes, scatter, lambda s: overlay(s, "worst")):
        svg = drawn(make(scores)).svg
        assert svg == drawn(make(again)).svg
        assert not re.search(rb"<dc:date>|<metadata>|\d{4}-\d\d-\d\dT", svg)


def test_learning_curves_come_from_the_run(tmp_path: Path) -> None:
    with (tmp_path / "epochs.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                ["epoch", "step", "Train/EpochLoss", "Val/Loss", "Val/MRE_pixels", "Val/MRE_mm"],
                [1, 5, 0.5, 0.6, 30, 7.0],
                [2, 10, 0.4, "", 12, 3.0],
                [3, 15, "nan", 0.5, 14, 3.5],
            ]
        )
    plot = drawn(learning_curves(tmp_path))
    assert [row["Val/MRE_mm"] for row in plot.rows] == [7.0, 3.0, 3.5]
    assert (plot.rows[1]["Val/Loss"], plot.rows[2]["Train/EpochLoss"]) == (None, None)
    assert "Smallest: 3.000 mm after epoch 2." in plot.notes


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "there is no"), (b"epoch\n", "no finished"), (b"\xff\xfe", "UnicodeDecodeError")]
)
def test_runs_without_curves_say_why(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "epochs.csv").write_bytes(content)
    plot = learning_curves(tmp_path)
    assert isinstance(plot, Omitted)
    assert reason in plot.reason
    assert learning_curves(None) == Omitted("learning_curves", "Learning curves", "")


def test_calibration_needs_pairs_of_bins() -> None:
    plot = drawn(calibration({"uncertainty": {"expected_mm": [1.0, 2.0, None], "observed_mm": [1.5, 2.5, 3.0]}}))
    assert plot.rows == [{"expected_mm": 1.0, "observed_mm": 1.5}, {"expected_mm": 2.0, "observed_mm": 2.5}]
    reasons: list[tuple[dict[str, Any], str]] = [
        ({}, ""),
        ({"uncertainty": {"expected_mm": [1.0]}}, ""),
        ({"uncertainty": {"expected_mm": [1.0], "observed_mm": []}}, "1 errors are expected but 0 observed"),
    ]
    for content, reason in reasons:
        omitted = calibration(content)
        assert isinstance(omitted, Omitted)
        assert omitted.reason == reason


def test_many_points_are_drawn_as_the_means_of_ten_bins() -> None:
    expected = np.random.default_rng(0).permutation(np.arange(200.0)).tolist()
    plot = drawn(calibration({"uncertainty": {"expected_mm": expected, "observed_mm": [2 * e for e in expected]}}))
    assert [row["expected_mm"] for row in plot.rows] == [9.5 + 20 * index for index in range(10)]
    assert [row["observed_mm"] for row in plot.rows] == [19 + 40 * index for index in range(10)]
