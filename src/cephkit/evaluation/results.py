"""The results of ``cephkit evaluate``: files and a table on the terminal."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cephkit.data.check import implausible_machines
from cephkit.errors import some
from cephkit.evaluation.metrics import THRESHOLDS_MM, Metrics
from cephkit.evaluation.scoring import Scores
from cephkit.evaluation.tables import (
    ERROR_COLUMNS,
    LANDMARK_COLUMNS,
    MACHINE_COLUMNS,
    PLAUSIBLE,
    SOURCE_COLUMNS,
    SPLIT_COLUMNS,
    by_machine,
    by_source,
    by_split,
    error_rows,
    film_rows,
    landmark_rows,
    plausible,
    shared_landmarks,
    source_rows,
)
from cephkit.files import utf8, write_csv, write_json
from cephkit.notice import NOTICE, VERSION
from cephkit.screen import figure, figure_table

HARDEST = 5
LEAST_COVERAGE = 80.0
"""Percent of the true points; if 90 % regions contain fewer, they are reported as wrong."""


def metrics_content(scores: Scores, metrics: Metrics, about: dict[str, Any]) -> dict[str, Any]:
    """The content of ``metrics.json``: the figures, what was judged, and how (``about``)."""
    return {
        **metrics.to_dict(),
        "truth": scores.truth_source,
        "splits": sorted({film.split for film in scores.films}),
        "films_without_pixel_size": scores.films_without_pixel_size,
        "landmarks_scored": [s for s in scores.symbols if s not in scores.landmarks_without_truth],
        "landmarks_not_predicted": scores.landmarks_not_predicted,
        "landmarks_without_truth": scores.landmarks_without_truth,
        "not_found": scores.not_found,
        **_apart(scores),
        "versions": {"cephkit": VERSION, "python": platform.python_version(), "numpy": np.__version__},
        **about,
        "notice": NOTICE,
    }


def _apart(scores: Scores) -> dict[str, Any]:
    """The figures of machines that can be believed, and of each data set, where these are not all films."""
    found: dict[str, Any] = {}
    believed = plausible(scores)
    if believed is not None:
        without = sorted(implausible_machines(scores.films))
        found["plausible_pixel_size"] = {"films": believed.films, "without": without, **believed.metrics.to_dict()}
    sources, shared = by_source(scores), by_source(scores, shared=True)
    if sources:
        found["landmarks_shared"] = list(shared_landmarks(scores))
        found["sources"] = {
            one.name: {**one.metrics.to_dict(), "on_shared_landmarks": other.metrics.to_dict()}
            for one, other in zip(sources, shared, strict=True)
        }
    return found


def write_results(out: Path, scores: Scores, content: dict[str, Any]) -> None:
    """Write the tables of an evaluation; ``metrics.json`` last, so that if it exists, the others do too.

    Raises:
        CephkitError: a file cannot be written.
    """
    write_csv(out / "errors.csv", ERROR_COLUMNS, error_rows(scores))
    write_csv(out / "landmarks.csv", LANDMARK_COLUMNS, landmark_rows(scores))
    write_csv(out / "machines.csv", MACHINE_COLUMNS, film_rows("machine", by_machine(scores)))
    write_csv(out / "splits.csv", SPLIT_COLUMNS, film_rows("split", by_split(scores)))
    if sources := source_rows(scores):
        write_csv(out / "sources.csv", SOURCE_COLUMNS, sources)
    write_json(out / "metrics.json", content)


def print_results(scores: Scores, metrics: Metrics, console: Console, content: Mapping[str, Any]) -> None:
    """Print a short table (all films, then splits and machines if there are several) and notes.

    ``content`` is that of ``metrics.json``.
    """
    splits = sorted({film.split for film in scores.films})
    console.print(
        f"truth: {scores.truth_source}   split: {' '.join(splits)}   films: {metrics.films}   "
        f"landmarks: {metrics.landmarks}   points: {metrics.points + metrics.missing}",
        highlight=False,
    )
    table = figure_table([""], ("films", "MRE mm", "SD mm", *(f"SDR@{key}" for key in THRESHOLDS_MM), "MRE px"))
    _add(table, "all", metrics.films, metrics)
    believed = plausible(scores)
    if believed is not None:
        _add(table, believed.name, believed.films, believed.metrics)
    for groups in (by_split(scores), by_source(scores), by_machine(scores)):
        for group in groups if len(groups) > 1 else ():
            _add(table, group.name, group.films, group.metrics)
    shared = shared_landmarks(scores)
    for group in by_source(scores, shared=True) if len(shared) < len(scores.symbols) else ():
        _add(table, f"{group.name}, {len(shared)} shared", group.films, group.metrics)
    console.print(table)
    for line in (*notes(scores, metrics), *model_notes(content)):
        # Names of films may contain bytes that are not text.
        console.print(utf8(line).decode(), highlight=False, markup=False, soft_wrap=True)


def notes(scores: Scores, metrics: Metrics) -> list[str]:
    """What the table does not tell, one line each."""
    lines = ["SDR@t: percent of points with error <= t mm"]
    doubtful = implausible_machines(scores.films)
    if doubtful:
        lines.append(
            f"{PLAUSIBLE}: without {', '.join(sorted(doubtful))}, whose films have S-N of no human head: their "
            "errors in mm are off by that factor"
        )
    if len({film.source for film in scores.films}) > 1:
        lines.append(f"shared by all data sets: {' '.join(shared_landmarks(scores)) or 'no landmark'}")
    if metrics.mre_mm_ci95 is not None:
        lines.append("MRE 95 % interval (bootstrap over films): {:.3f} to {:.3f} mm".format(*metrics.mre_mm_ci95))
    scored = [row for row in landmark_rows(scores) if row["mre_mm"] is not None]
    hardest = sorted(scored, key=lambda row: -row["mre_mm"])[:HARDEST]
    if hardest:
        lines.append("hardest: " + ", ".join(f"{row['symbol']} {row['mre_mm']:.2f} mm" for row in hardest))
    unspaced = scores.films_without_pixel_size
    if unspaced:
        lines.append(f"without a pixel size, counted in pixels only: {len(unspaced)} films: {some(unspaced, 10)}")
    if scores.landmarks_not_predicted:
        lines.append(f"with a truth but unknown to the model, not scored: {' '.join(scores.landmarks_not_predicted)}")
    if scores.landmarks_without_truth:
        lines.append(f"predicted but without a truth, not scored: {' '.join(scores.landmarks_without_truth)}")
    if metrics.missing:
        absent = some([f"{point['film']} {point['landmark']}" for point in scores.not_found], 10)
        lines.append(f"NOT FOUND, each a miss in every SDR and not in the MRE: {metrics.missing} points: {absent}")
    return lines


def lacks(content: Mapping[str, Any]) -> list[str]:
    """What the model cannot estimate, one line each."""
    return [f"{lack}; cephkit calibrate adds it" for lack in content.get("model_lacks") or []]


def model_notes(content: Mapping[str, Any]) -> list[str]:
    """The model's own estimates and whether they hold, one line each."""
    lines = []
    left = content.get("films_facing_left") or []
    if left:
        lines.append(f"facing left: {len(left)} films: {some(left, 10)}")
    unusual = content.get("films_unusual") or []
    if unusual:
        lines.append(f"unusual faces: {len(unusual)} films: {some([film['film'] for film in unusual], 10)}")
    doubted = content.get("films_doubted") or []
    if doubted:
        films = some([f"{film['film']} ({film['reason']})" for film in doubted], 3)
        lines.append(f"NOT A LATERAL CEPHALOGRAM by the model's estimate, still scored: {len(doubted)} films: {films}")
    trust = content.get("uncertainty")
    if trust:
        lines.append(f"expected errors were estimated on {trust['rests_on']}")
    if trust and not trust["points"]:
        lines.append("no film here can judge the expected errors: their calibration used all of them")
    elif trust:
        coverage, of_large = trust["coverage_90_percent"], trust["errors_over_4mm_marked_percent"]
        lines.append(
            f"90 % regions contain {figure(coverage, 1)} % of the true points, without the examiners' part "
            f"{figure(trust['coverage_90_percent_without_examiners'], 1)} % ({trust['judged']})"
        )
        lines.append(
            f"rank correlation of expected and true error {figure(trust['rank_correlation'], 2)}, within landmarks "
            f"{figure(trust['rank_correlation_within_landmarks'], 2)}; marked for review: "
            f"{figure(trust['points_marked_percent'], 0)} % of the points, {figure(of_large, 0)} % of the "
            f"{trust['errors_over_4mm']} errors above 4 mm"
        )
        if coverage is not None and coverage < LEAST_COVERAGE:
            lines.append(
                f"WARNING: the 90 % regions contain only {coverage:.1f} % here: do not rely on the expected errors for "
                "these films; cephkit calibrate --films 20 adapts them to films and examiners like these"
            )
    return lines


def _add(table: Table, name: str, films: int, metrics: Metrics) -> None:
    rates = (figure(metrics.sdr[key], 2) for key in THRESHOLDS_MM)
    cells = (figure(metrics.mre_mm, 3), figure(metrics.sd_mm, 2), *rates, figure(metrics.mre_pixels, 1))
    table.add_row(Text(name), str(films), *cells)  # Text, because a machine may be called [x]
