"""A film as every room knows it: where it lies, how large a pixel is, where its landmarks are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Split: TypeAlias = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")

# Landmarks of one film in film pixels (x, y); a landmark that is not there has no entry.
Points: TypeAlias = dict[str, tuple[float, float]]
FARTHEST_PX = 1e6
"""Of a landmark from the film's corner: no film is as large, and squares and sums of larger numbers overflow."""


@dataclass(frozen=True)
class Film:
    """One film and its labels. Points are film pixels, pixel centres at integers."""

    film_id: str
    path: Path
    split: Split
    machine: str | None = None
    pixel_size_mm: float | None = None
    """mm per film pixel; None where nobody said: then errors count in pixels only, never in mm. Of pixels that are not
    square, the shorter side."""
    stretch: tuple[float, float] = (1.0, 1.0)
    """By how much a pixel is wider and higher than its shorter side; (1, 1) for squares."""
    pixel_size_origin: str = "unknown"
    """Where ``pixel_size_mm`` came from, e.g. ``machine map``."""
    annotations: dict[str, Points] = field(default_factory=dict)
    """Annotator (``senior``, ``junior``) -> points."""
    cvm_stage: int | None = None
    size: tuple[int, int] | None = None
    """(height, width) in film pixels, known once the film has been decoded."""
    content: str | None = None
    """Hash of the file's bytes, known once the film has been checked; the film store's key."""

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


def points_array(points: Points, symbols: tuple[str, ...]) -> NDArray[np.float64]:
    """``points`` as (K, 2) float64 in the order of ``symbols``; NaN where a landmark is missing."""
    return np.array([points.get(symbol, (np.nan, np.nan)) for symbol in symbols], dtype=np.float64).reshape(-1, 2)
