"""Scores as tables: per landmark, per machine, per split, and every single error."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cephkit.data.film import Film
from cephkit.evaluation.metrics import THRESHOLDS_MM, Metrics, summarise
from cephkit.evaluation.scoring import Scores
from cephkit.landmarks import BY_SYMBOL

Row = dict[str, Any]

FIGURES = (
    "points",
    "points_in_mm",
    "missing",
    "mre_mm",
    "sd_mm",
    "median_mm",
    "p95_mm",
    *(f"sdr_{key}mm_percent" for key in THRESHOLDS_MM),
    "mre_px",
)
LANDMARK_COLUMNS = ("symbol", "title", "tissue", *FIGURES)
MACHINE_COLUMNS = ("machine", "films", "films_without_pixel_size", *FIGURES)
SPLIT_COLUMNS = ("split", "films", "films_without_pixel_size", *FIGURES)
ERROR_COLUMNS = (
    "film",
    "split",
    "machine",
    "pixel_size_mm",
    "landmark",
    "predicted_x_px",
    "predicted_y_px",
    "truth_x_px",
    "truth_y_px",
    "error_px",
    "error_mm",
)
NO_MACHINE = "unknown"


def landmark_rows(scores: Scores) -> list[Row]:
    """One row per landmark that was predicted, in canonical order."""
    rows = []
    for column, symbol in enumerate(scores.symbols):
        landmark = BY_SYMBOL[symbol]
        figures = _figures(summarise(scores.errors_px[:, [column]], scores.pixel_sizes))
        rows.append({"symbol": symbol, "title": landmark.title, "tissue": landmark.tissue, **figures})
    return rows


def machine_rows(scores: Scores) -> list[Row]:
    """One row per machine, by name; films of an unknown machine come under ``unknown``."""
    return _grouped(scores, "machine", lambda film: film.machine or NO_MACHINE)


def split_rows(scores: Scores) -> list[Row]:
    """One row per split."""
    return _grouped(scores, "split", lambda film: film.split)


def error_rows(scores: Scores) -> list[Row]:
    """One row per film and landmark with a truth; a prediction that is missing leaves its cells empty."""
    rows = []
    for index, film in enumerate(scores.films):
        for column, symbol in enumerate(scores.symbols):
            if np.isnan(scores.errors_px[index, column]):
                continue
            predicted, truth = scores.predicted[index, column], scores.truth[index, column]
            values = (*predicted, *truth, scores.errors_px[index, column], scores.errors_mm[index, column])
            side = None if film.spacing is None else film.spacing.short_mm
            where = (film.film_id, film.split, film.machine, side, symbol)
            rows.append(dict(zip(ERROR_COLUMNS, (*where, *map(_finite, values)), strict=True)))
    return rows


def _grouped(scores: Scores, name: str, group_of: Callable[[Film], str]) -> list[Row]:
    groups = np.array([group_of(film) for film in scores.films])
    rows = []
    for group in sorted(set(groups.tolist())):
        chosen: NDArray[np.bool_] = groups == group
        sizes = scores.pixel_sizes[chosen]
        counts = {"films": int(chosen.sum()), "films_without_pixel_size": int(np.isnan(sizes).sum())}
        rows.append({name: group, **counts, **_figures(summarise(scores.errors_px[chosen], sizes))})
    return rows


def _figures(metrics: Metrics) -> Row:
    sdr = [metrics.sdr[key] for key in THRESHOLDS_MM]
    counts = (metrics.points, metrics.points_in_mm, metrics.missing)
    spread = (metrics.mre_mm, metrics.sd_mm, metrics.median_mm, metrics.p95_mm)
    return dict(zip(FIGURES, (*counts, *spread, *sdr, metrics.mre_pixels), strict=True))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
