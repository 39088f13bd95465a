"""Where any landmarks of a face lie, learnt from the labels of a data set alone.

The table of Aariz faces knows 29 landmarks. Others are placed in its frame by those of the 29 that the labels also
carry; labels without these are aligned with each other. A few of the labels may be wrong.
"""

from collections.abc import Sequence

import numpy as np

from cephkit.data.face_shapes import (
    FEWEST_LABELS,
    FEWEST_LANDMARKS,
    MARKING_SD_MM,
    Complex,
    FaceShape,
    laid,
    placing,
    table_shape,
)
from cephkit.data.label_pose import pose_of
from cephkit.geometry import Floats
from cephkit.landmarks.shipped import AARIZ

FAR_SDS = 4.0
"""Marks farther from the middle of their landmark are drawn in to there, so that wrong ones do not widen the shape."""
MEDIAN_RADIUS = 1.1774
"""Median length of a plane normal vector with a standard deviation of 1 along each axis."""
_ROUNDS = 3
_MIDDLES = 12
"""Labels that are tried as the one in the middle."""


def learn_own_shape(labels: Complex, symbols: Sequence[str], pixels_mm: Floats) -> FaceShape | None:
    """Learn the shape of the landmarks that at least ``FEWEST_LABELS`` labels carry; None: there are too few of them.

    Args:
        labels: (N, K) in the order of ``symbols``, NaN where missing; film pixels, once these are square.
        symbols: the landmarks.
        pixels_mm: (N,) side of a pixel of each label's film; NaN if unknown.
    """
    mean = _table_mean(symbols)
    if sum(pose_of(label, mean) is not None for label in labels) < FEWEST_LABELS:
        middle = _middle(labels)
        if middle is None:
            return None
        mean = _in_mm(middle, labels, pixels_mm)
    faces = labels
    for _ in range(_ROUNDS):
        poses = [pose_of(label, mean) for label in labels]
        faces = np.array([laid(pose.upright, mean) for pose in poses if pose is not None]).reshape(-1, len(symbols))
        known = np.isfinite(faces).sum(axis=0) >= FEWEST_LABELS
        if known.sum() < 3:
            return None
        middles = [_median(column[np.isfinite(column)]) for column in faces.T]
        mean = np.where(known, middles, complex(np.nan, np.nan))
    residuals = faces[:, known] - mean[known]
    spread = np.nanmedian(np.abs(residuals), axis=0) / MEDIAN_RADIUS
    size = np.abs(residuals)
    near = np.minimum(1.0, FAR_SDS * np.maximum(spread, MARKING_SD_MM) / np.maximum(size, 1e-9))
    drawn_in = np.ascontiguousarray(np.nan_to_num(residuals * near))
    flat = drawn_in.view(np.float64).reshape(len(residuals), -1)
    shape_symbols = tuple(symbol for symbol, k in zip(symbols, known, strict=True) if k)
    return FaceShape(mean[known], _covariance(flat) + np.eye(flat.shape[1]) * MARKING_SD_MM**2, shape_symbols)


def _covariance(values: Floats) -> Floats:
    """Estimate the covariance (P, P) of ``values`` (N, P), with correlations shrunk by as much as N values need.

    Schäfer and Strimmer, Stat Appl Genet Mol Biol 4:32 (2005): the shrinkage with the least expected squared error.
    """
    count = len(values)
    centred = values - values.mean(axis=0)
    variance = (centred**2).sum(axis=0) / (count - 1)
    scaled = centred / np.sqrt(np.maximum(variance, 1e-12))
    products = scaled.T @ scaled
    correlation = products / (count - 1)
    noise = ((scaled**2).T @ (scaled**2) - products**2 / count) * count / (count - 1) ** 3
    off = ~np.eye(len(variance), dtype=bool)
    share = float(np.clip(noise[off].sum() / max((correlation[off] ** 2).sum(), 1e-12), 0.0, 1.0))
    shrunk = np.where(off, (1 - share) * correlation, 1.0)
    return np.asarray(shrunk * np.sqrt(np.outer(variance, variance)))


def _table_mean(symbols: Sequence[str]) -> Complex:
    """Return (K,) where the table of faces has ``symbols``; NaN for those that it lacks."""
    mean = table_shape().mean
    return np.array([mean[AARIZ.symbols.index(s)] if s in AARIZ else complex(np.nan, np.nan) for s in symbols])


def _middle(labels: Complex) -> Complex | None:
    """Return the label that the others fit best."""
    order = np.argsort(-np.isfinite(labels).sum(axis=1), kind="stable")[: 2 * _MIDDLES]
    chosen = labels[order[np.isfinite(labels[order]).sum(axis=1) >= FEWEST_LANDMARKS]]
    gaps = []
    for label in chosen[:_MIDDLES]:
        poses = [pose_of(other, label) for other in chosen]
        size = float(np.nanstd(label))
        gaps.append(np.median([np.inf if pose is None else pose.gap_mm / max(size, 1e-9) for pose in poses]))
    return chosen[int(np.argmin(gaps))] if gaps and np.isfinite(min(gaps)) else None


def _in_mm(middle: Complex, labels: Complex, pixels_mm: Floats) -> Complex:
    """Scale ``middle`` to mm, by the pixel sizes that are known, else to the size of an average face."""
    placed = [(placing(label, middle), mm) for label, mm in zip(labels, pixels_mm, strict=True) if np.isfinite(mm)]
    units = [mm / abs(each[0]) for each, mm in placed if each is not None and abs(each[0]) > 0]
    table = table_shape().mean
    unit = float(np.median(units)) if units else float(np.std(table) / np.nanstd(middle))
    return middle * unit


def _median(values: Complex) -> complex:
    return complex(np.median(values.real), np.median(values.imag)) if len(values) else complex(np.nan, np.nan)
