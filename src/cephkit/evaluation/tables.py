"""Scores by landmark, tissue, machine and split, and every single error, as tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cephkit.data.check import implausible_machines, machine_of
from cephkit.evaluation.metrics import THRESHOLDS_MM, Metrics, summarise
from cephkit.evaluation.scoring import Scores
from cephkit.files import Row
from cephkit.landmarks.schema import TISSUE_NAMES

FIGURES = (
    *("points", "points_in_mm", "missing", "mre_mm", "sd_mm", "median_mm", "p95_mm"),
    *(f"sdr_{key}mm_percent" for key in THRESHOLDS_MM),
    "mre_px",
)
LANDMARK_COLUMNS = ("symbol", "title", "tissue", *FIGURES)
MACHINE_COLUMNS = ("machine", "films", "films_without_pixel_size", *FIGURES)
SOURCE_COLUMNS = ("source", "landmarks", "films", "films_without_pixel_size", *FIGURES)
SPLIT_COLUMNS = ("split", "films", "films_without_pixel_size", *FIGURES)
ERROR_COLUMNS = (
    *("film", "split", "machine", "pixel_size_mm", "landmark", "predicted_x_px", "predicted_y_px", "truth_x_px"),
    *("truth_y_px", "error_px", "error_mm"),
)
NO_MACHINE = "unknown"
PLAUSIBLE = "plausible pixel size"
"""Name of the group of films whose errors in mm can be believed."""


@dataclass(frozen=True)
class Group:
    """The figures of some of the films or landmarks."""

    name: str
    films: int
    films_without_pixel_size: int
    metrics: Metrics


def by_landmark(scores: Scores, draws: int = 0, seed: int = 0) -> list[Group]:
    """A group per landmark that was predicted, in canonical order; for ``draws`` and ``seed`` see ``summarise``."""
    columns = range(len(scores.symbols))
    return [_group(scores, scores.symbols[column], columns=[column], draws=draws, seed=seed) for column in columns]


def by_tissue(scores: Scores, draws: int = 0, seed: int = 0) -> list[Group]:
    """A group per tissue of the landmarks that were predicted."""
    tissues = np.array([scores.schema[symbol].tissue for symbol in scores.symbols])
    return [
        _group(scores, name, columns=tissues == tissue, draws=draws, seed=seed)
        for tissue, name in TISSUE_NAMES.items()
        if (tissues == tissue).any()
    ]


def by_machine(scores: Scores, draws: int = 0, seed: int = 0) -> list[Group]:
    """A group per machine, by name; films of an unknown machine are under ``unknown``."""
    return _by_film(scores, [machine_of(film, NO_MACHINE) for film in scores.films], draws, seed)


def by_source(scores: Scores, draws: int = 0, seed: int = 0, *, shared: bool = False) -> list[Group]:
    """A group per data set, by name; none if there is only one.

    ``shared``: on the landmarks alone that each of them has, so that the figures can be compared.
    """
    sources = [film.source for film in scores.films]
    if len(set(sources)) < 2:
        return []
    return _by_film(scores, sources, draws, seed, columns=_shared(scores) if shared else slice(None))


def shared_landmarks(scores: Scores) -> tuple[str, ...]:
    """The landmarks that were predicted and have a truth in each data set."""
    return tuple(symbol for symbol, each in zip(scores.symbols, _shared(scores), strict=True) if each)


def _shared(scores: Scores) -> NDArray[np.bool_]:
    sources = np.array([film.source for film in scores.films])
    has_truth = ~np.isnan(scores.errors_px)
    in_each = np.stack([has_truth[sources == source].any(axis=0) for source in np.unique(sources)])
    return np.asarray(in_each.all(axis=0))


def plausible(scores: Scores, draws: int = 0, seed: int = 0) -> Group | None:
    """The films of machines whose pixel size is that of a human head; None if that is all of them, or none.

    Films without S and N, or of a machine with few films, cannot be judged, and belong to it.
    """
    doubtful = implausible_machines(scores.films)
    rows = np.array([film.spacing is not None and machine_of(film) not in doubtful for film in scores.films])
    if not doubtful or not rows.any():
        return None
    return _group(scores, PLAUSIBLE, rows=rows, draws=draws, seed=seed)


def by_split(scores: Scores) -> list[Group]:
    """A group per split."""
    return _by_film(scores, [film.split for film in scores.films])


def landmark_rows(scores: Scores) -> list[Row]:
    """Rows of ``by_landmark``."""
    return [
        {
            "symbol": group.name,
            "title": scores.schema[group.name].title,
            "tissue": scores.schema[group.name].tissue,
            **_figures(group.metrics),
        }
        for group in by_landmark(scores)
    ]


def source_rows(scores: Scores) -> list[Row]:
    """Rows of ``by_source``: on all landmarks, then on the shared ones."""
    rows: list[Row] = []
    for landmarks, shared in (("all", False), ("shared", True)):
        rows += [{**row, "landmarks": landmarks} for row in film_rows("source", by_source(scores, shared=shared))]
    return rows


def film_rows(name: str, groups: Iterable[Group]) -> list[Row]:
    """Rows of groups of films: ``MACHINE_COLUMNS`` or ``SPLIT_COLUMNS``, whose first one is ``name``."""
    return [
        {
            name: group.name,
            "films": group.films,
            "films_without_pixel_size": group.films_without_pixel_size,
            **_figures(group.metrics),
        }
        for group in groups
    ]


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


def _by_film(
    scores: Scores, names: Sequence[str], draws: int = 0, seed: int = 0, columns: Any = slice(None)
) -> list[Group]:
    of_film = np.array(names)
    return [
        _group(scores, name, rows=of_film == name, columns=columns, draws=draws, seed=seed)
        for name in sorted(set(names))
    ]


def _group(
    scores: Scores, name: str, *, rows: Any = slice(None), columns: Any = slice(None), draws: int = 0, seed: int = 0
) -> Group:
    sizes = scores.pixel_sizes[rows]
    metrics = summarise(scores.errors_px[rows][:, columns], sizes, draws, seed)
    return Group(name, len(sizes), int(np.isnan(sizes).sum()), metrics)


def _figures(metrics: Metrics) -> Row:
    sdr = [metrics.sdr[key] for key in THRESHOLDS_MM]
    counts = (metrics.points, metrics.points_in_mm, metrics.missing)
    spread = (metrics.mre_mm, metrics.sd_mm, metrics.median_mm, metrics.p95_mm)
    return dict(zip(FIGURES, (*counts, *spread, *sdr, metrics.mre_pixels), strict=True))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
