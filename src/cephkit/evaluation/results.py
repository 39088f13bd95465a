"""What ``cephkit evaluate`` leaves behind, and what it shows on the screen."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cephkit.evaluation.metrics import THRESHOLDS_MM, Metrics
from cephkit.evaluation.predictions import predictions_json
from cephkit.evaluation.scoring import Scores
from cephkit.evaluation.tables import (
    ERROR_COLUMNS,
    LANDMARK_COLUMNS,
    MACHINE_COLUMNS,
    SPLIT_COLUMNS,
    Row,
    error_rows,
    landmark_rows,
    machine_rows,
    split_rows,
)
from cephkit.files import utf8, write_csv, write_json
from cephkit.notice import NOTICE, VERSION

HARDEST = 5
LEAST_COVERAGE = 80.0
"""Percent of the true points, below which 90 % regions are called wrong."""


def report(scores: Scores, metrics: Metrics, about: dict[str, Any]) -> dict[str, Any]:
    """The content of ``metrics.json``: the figures, what they are about, and what made them (``about``)."""
    return {
        **metrics.to_dict(),
        "truth": scores.truth_source,
        "splits": sorted({film.split for film in scores.films}),
        "films_without_pixel_size": scores.films_without_pixel_size,
        "landmarks_scored": [s for s in scores.symbols if s not in scores.landmarks_without_truth],
        "landmarks_not_predicted": scores.landmarks_not_predicted,
        "landmarks_without_truth": scores.landmarks_without_truth,
        "not_found": scores.not_found,
        "versions": {
            "cephkit": VERSION,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        **about,
        "notice": NOTICE,
    }


def write_predictions(out: Path, scores: Scores) -> None:
    """What was found: it took the longest, and is written before anything is made of it.

    Raises:
        CephkitError: the file cannot be written.
    """
    write_json(out / "predictions.json", predictions_json(scores.records()))


def write_results(out: Path, scores: Scores, content: dict[str, Any]) -> None:
    """The tables of an evaluation; ``metrics.json`` last, so that where it is, the others are too.

    Raises:
        CephkitError: a file cannot be written.
    """
    write_csv(out / "errors.csv", ERROR_COLUMNS, error_rows(scores))
    write_csv(out / "landmarks.csv", LANDMARK_COLUMNS, landmark_rows(scores))
    write_csv(out / "machines.csv", MACHINE_COLUMNS, machine_rows(scores))
    write_csv(out / "splits.csv", SPLIT_COLUMNS, split_rows(scores))
    write_json(out / "metrics.json", content)


def show(scores: Scores, metrics: Metrics, console: Console, content: Mapping[str, Any]) -> None:
    """The figures as a short table: all films, splits and machines where there are several, notes.

    ``content`` is that of ``metrics.json``.
    """
    splits = sorted({film.split for film in scores.films})
    console.print(
        f"truth: {scores.truth_source}   split: {' '.join(splits)}   films: {metrics.films}   "
        f"landmarks: {metrics.landmarks}   points: {metrics.points + metrics.missing}",
        highlight=False,
    )
    # No lines: it must fit into 80 columns with the longest name of a machine.
    table = Table(box=None, padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("films", "MRE mm", "SD mm", *(f"SDR@{key}" for key in THRESHOLDS_MM), "MRE px"):
        table.add_column(heading, justify="right", no_wrap=True)
    rates = [metrics.sdr[key] for key in THRESHOLDS_MM]
    _add(table, "all", metrics.films, (metrics.mre_mm, metrics.sd_mm, *rates, metrics.mre_pixels))
    for name, rows in (("split", split_rows(scores)), ("machine", machine_rows(scores))):
        for row in rows if len(rows) > 1 else ():
            figures = (row["mre_mm"], row["sd_mm"], *_rates(row), row["mre_px"])
            _add(table, row[name], row["films"], figures)
    console.print(table)
    for line in (*notes(scores, metrics), *model_notes(content)):
        # Names of films may hold bytes that are no text.
        console.print(utf8(line).decode(), highlight=False, markup=False, soft_wrap=True)


def notes(scores: Scores, metrics: Metrics) -> list[str]:
    """What the table does not say, one line each."""
    lines = ["SDR@t: percent of points with error <= t mm"]
    if metrics.mre_mm_ci95 is not None:
        lines.append("MRE 95 % interval (bootstrap over films): {:.3f} to {:.3f} mm".format(*metrics.mre_mm_ci95))
    scored = [row for row in landmark_rows(scores) if row["mre_mm"] is not None]
    hardest = sorted(scored, key=lambda row: -row["mre_mm"])[:HARDEST]
    if hardest:
        lines.append("hardest: " + ", ".join(f"{row['symbol']} {row['mre_mm']:.2f} mm" for row in hardest))
    unspaced = scores.films_without_pixel_size
    if unspaced:
        lines.append(f"without pixel size, counted in pixels only: {len(unspaced)} films: {_some(unspaced)}")
    if scores.landmarks_not_predicted:
        lines.append(f"with a truth but unknown to the model, not scored: {' '.join(scores.landmarks_not_predicted)}")
    if scores.landmarks_without_truth:
        lines.append(f"predicted but without a truth, not scored: {' '.join(scores.landmarks_without_truth)}")
    if metrics.missing:
        absent = _some([f"{point['film']} {point['landmark']}" for point in scores.not_found])
        lines.append(f"NOT FOUND, each a miss in every SDR and not in the MRE: {metrics.missing} points: {absent}")
    return lines


def lacks(content: Mapping[str, Any]) -> list[str]:
    """What the model could not say, one line each."""
    return [f"{lack}; cephkit calibrate makes what is missing" for lack in content.get("model_lacks") or []]


def model_notes(content: Mapping[str, Any]) -> list[str]:
    """What the model says of itself and whether it holds, one line each."""
    lines = []
    left = content.get("films_facing_left") or []
    if left:
        lines.append(f"facing left: {len(left)} films: {_some(left)}")
    unusual = content.get("films_unusual") or []
    if unusual:
        lines.append(f"unusual faces: {len(unusual)} films: {_some([film['film'] for film in unusual])}")
    doubted = content.get("films_doubted") or []
    if doubted:
        films = _some([f"{film['film']} ({film['reason']})" for film in doubted], 3)
        lines.append(f"NO LATERAL CEPHALOGRAM, says the model, scored all the same: {len(doubted)} films: {films}")
    told = content.get("uncertainty")
    if told:
        coverage, of_large = told["coverage_90_percent"], told["errors_over_4mm_marked_percent"]
        lines.append(f"errors told rest on {told['rests_on']}")
        lines.append(
            f"90 % regions hold {_text(coverage, 1)} % of the true points, without what examiners add "
            f"{_text(told['coverage_90_percent_without_examiners'], 1)} % ({told['judged']})"
        )
        lines.append(
            f"rank correlation of expected and true error {_text(told['rank_correlation'], 2)}, within landmarks "
            f"{_text(told['rank_correlation_within_landmarks'], 2)}; marked for a look: "
            f"{_text(told['points_marked_percent'], 0)} % of the points, {_text(of_large, 0)} % of the "
            f"{told['errors_over_4mm']} errors above 4 mm"
        )
        if coverage is not None and coverage < LEAST_COVERAGE:
            lines.append(
                f"WARNING: the 90 % regions hold only {coverage:.1f} % here: do not rely on what the model says of its "
                "errors on these films; cephkit calibrate --films 20 teaches it films and examiners like these"
            )
    return lines


def _add(table: Table, name: str, films: int, figures: tuple[float | None, ...]) -> None:
    mre, sd, *rates, pixels = figures
    cells = [_text(mre, 3), _text(sd, 2), *(_text(rate, 2) for rate in rates), _text(pixels, 1)]
    table.add_row(Text(name), str(films), *cells)  # Text, because a machine may be called [x]


def _rates(row: Row) -> list[float | None]:
    return [row[f"sdr_{key}mm_percent"] for key in THRESHOLDS_MM]


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _some(names: list[str], shown: int = 10) -> str:
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest
