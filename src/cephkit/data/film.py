"""A labelled film: its file, its pixel size and its landmarks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from cephkit.data.spacing import Spacing, stretch_of
from cephkit.geometry import Floats

Split: TypeAlias = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")

Points: TypeAlias = dict[str, tuple[float, float]]
"""Landmarks of one film in film pixels (x, y); a missing landmark has no entry."""
FARTHEST_PX = 1e6
"""Largest distance of a landmark from the film's corner: no film is that large, and squares and sums of larger numbers
overflow."""


@dataclass(frozen=True)
class Film:
    """One film and its labels. Points are film pixels, pixel centres at integers."""

    film_id: str
    path: Path
    split: Split
    machine: str | None = None
    spacing: Spacing | None = None
    """mm per film pixel; None if unknown: errors then count in pixels only, never in mm."""
    annotations: dict[str, Points] = field(default_factory=dict)
    """Annotator (``senior``, ``junior``) -> points."""
    cvm_stage: int | None = None
    size: tuple[int, int] | None = None
    """(height, width) in film pixels, known once the film has been decoded."""
    marked_size: tuple[int, int] | None = None
    """(height, width) of the picture that was marked, if the labels say it."""
    content: str | None = None
    """Hash of the file's bytes, known once the film has been checked; the film store's key."""
    source: str = ""
    """The data set that it is from, where a run has several."""
    patient: str = ""
    """Whose film it is; empty: nobody else's."""
    weight: float = 1.0
    """How often it is seen in training, relative to films of weight 1."""

    def points(self, source: str) -> Points:
        """The points of one source: ``senior``, ``junior``, ``mean`` or ``official``.

        ``mean`` averages the annotators where both marked a landmark and is the one mark where only one did;
        ``official`` is the ceil of that mean per coordinate, as the Aariz authors score.

        Raises:
            ValueError: unknown source.
        """
        if source in ("senior", "junior"):
            return dict(self.annotations.get(source, {}))
        if source not in ("mean", "official"):
            raise ValueError(f"unknown source of landmarks {source!r}; use senior, junior, mean or official")
        marks: dict[str, list[tuple[float, float]]] = {}
        for annotator in ("senior", "junior"):
            for symbol, point in self.annotations.get(annotator, {}).items():
                marks.setdefault(symbol, []).append(point)
        points = {symbol: _mean(xy) for symbol, xy in marks.items()}
        if source == "official":
            points = {symbol: (float(ceil(x)), float(ceil(y))) for symbol, (x, y) in points.items()}
        return points


def _mean(marks: Sequence[tuple[float, float]]) -> tuple[float, float]:
    # Plain numbers: evaluation asks for every film's points many times, and arrays of two are slow.
    x, y = zip(*marks, strict=True)
    return float(sum(x)) / len(marks), float(sum(y)) / len(marks)


def pixel_sizes_mm(films: Sequence[Film]) -> Floats:
    """(N,) shorter sides of the films' pixels; NaN where unknown."""
    return np.array([np.nan if film.spacing is None else film.spacing.short_mm for film in films], dtype=np.float64)


def stretches(films: Sequence[Film]) -> Floats:
    """(N, 1, 2) of the films' pixels; times them, distances between points are in shorter sides."""
    return np.array([stretch_of(film.spacing) for film in films], dtype=np.float64).reshape(-1, 1, 2)


def points_array(points: Points, symbols: tuple[str, ...]) -> Floats:
    """``points`` as (K, 2) float64 in the order of ``symbols``; NaN where a landmark is missing."""
    return np.array([points.get(symbol, (np.nan, np.nan)) for symbol in symbols], dtype=np.float64).reshape(-1, 2)
