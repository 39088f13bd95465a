"""Fits a shape model to labelled or predicted films, and limits for new ones."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.geometry import Floats
from cephkit.inference.plausible import SCORE_MARGIN, ShapeModel, median_score
from cephkit.inference.shapes import (
    FEWEST_POINTS,
    aligned_to,
    as_complex,
    found_in,
    mahalanobis,
    normalised,
    planar,
    prior_covariance,
    rotation_degrees,
)

PRIOR_FILMS = 30.0
"""Weight, in films, of what is known of faces in general."""
USUAL_SDS = 2.5
"""Of the logarithm of a film's distance: about one film in a hundred lies beyond."""
SD_OF_LOGARITHM, SD_FILMS = 0.2, 10.0
"""Of distances and of scores, and its weight in films: few films do not determine it."""
QUANTILE = 0.99
ROTATION_MARGIN_DEGREES = 20.0
ALIGNMENT_ROUNDS = 10


def fit_shape(points: ArrayLike, scores: ArrayLike | None = None, symbols: Sequence[str] | None = None) -> ShapeModel:
    """Fit the shapes of labelled or predicted films, and limits for new ones.

    Generalised Procrustes alignment without reflection; a missing landmark counts as its mean. The covariance
    is the mode of an inverse Wishart posterior: the variation of faces in general counts as ``PRIOR_FILMS`` films. The
    limit of the distance comes from distances of films to models without them, with a wider margin for few films. Films
    that are not faces by the model of all films are left out.

    Args:
        points: (N, K, 2) pixels of any frame with square pixels; NaN where a landmark is missing.
        scores: (N, K) heights of the heatmaps' peaks of a model's predictions; None: no limit for scores.
        symbols: names of the landmarks, for what is known of how they vary; None: faces vary smoothly.

    Raises:
        ValueError: other shapes, fewer than two films with three landmarks, or a landmark that no film has.
    """
    xy = np.asarray(points, dtype=np.float64)
    if xy.ndim != 3 or xy.shape[-1] != 2:
        raise ValueError(f"points must be (films, landmarks, 2), got {xy.shape}")
    found = found_in(xy)
    xy = np.where(found[..., None], xy, np.nan)
    usable = found.sum(1) >= FEWEST_POINTS
    if usable.sum() < 2 or not found[usable].any(0).all():
        raise ValueError(
            f"a shape model needs two films or more with {FEWEST_POINTS} landmarks, and each landmark on one of them; "
            f"got {int(usable.sum())} such films"
        )
    shapes = xy[usable]
    mean, aligned = _mean_shape(shapes)
    model = ShapeModel(mean, prior_covariance(mean, symbols), np.inf, 180.0)
    sound = np.array([model.is_face(shape) for shape in shapes])
    if sound.sum() >= 2 and not sound.all() and found_in(shapes[sound]).any(0).all():
        shapes = shapes[sound]
        mean, aligned = _mean_shape(shapes)
    residuals = np.nan_to_num(aligned - mean).reshape(len(shapes), -1)
    prior = prior_covariance(mean, symbols)
    rotations = np.abs([rotation_degrees(shape, mean) for shape in shapes])
    lowest = None
    if scores is not None:
        peaks = np.asarray(scores, dtype=np.float64)
        if peaks.shape != found.shape:
            raise ValueError(f"scores must be {found.shape}, one per point, got {peaks.shape}")
        medians = np.array([median_score(film) for film in peaks[usable] if np.isfinite(film).any()])
        lowest = SCORE_MARGIN * _lower_limit(medians) if len(medians) else None
    return ShapeModel(
        mean=mean,
        covariance=_posterior(residuals.T @ residuals, len(shapes), prior),
        largest_distance=1 / _lower_limit(1 / _distances_without(residuals, found_in(aligned), prior)),
        largest_rotation_degrees=min(180.0, float(np.quantile(rotations, QUANTILE)) + ROTATION_MARGIN_DEGREES),
        lowest_score=lowest,
    )


def _mean_shape(shapes: Floats) -> tuple[Floats, Floats]:
    """Average shapes (N, K, 2), upright as films are, and lay the shapes onto the mean.

    Raises:
        ValueError: too little is shared between them.
    """
    # Begin with the most complete film; what it lacks joins in the first round.
    mean = normalised(shapes[found_in(shapes).sum(1).argmax()])
    for _ in range(ALIGNMENT_ROUNDS):
        aligned = np.stack([aligned_to(shape, mean) for shape in shapes])
        known = found_in(aligned)
        new = np.where(known[..., None], aligned, 0).sum(0) / np.maximum(known.sum(0), 1)[:, None]
        new[~known.any(0)] = np.nan
        mean = normalised(new)
    if not np.isfinite(mean).all():
        raise ValueError("a landmark lies only on films that share fewer than three landmarks with the others")
    # The mean of turned shapes may itself be turned; the films define upright.
    turn = np.exp(1j * np.deg2rad(-np.median([rotation_degrees(shape, mean) for shape in shapes])))
    mean = planar(as_complex(mean) / turn)
    return mean, np.stack([aligned_to(shape, mean) for shape in shapes])


def _posterior(squares: Floats, films: int, prior: Floats) -> Floats:
    """Covariance from the sum of squares (2K, 2K) of so many films' residuals."""
    return (squares + PRIOR_FILMS * prior) / (films + PRIOR_FILMS)


def _distances_without(residuals: Floats, found: NDArray[np.bool_], prior: Floats) -> Floats:
    """(N,) distance of each film's residuals (N, 2K) to the model of all others."""
    films = len(residuals)
    squares, share = residuals.T @ residuals, films / (films - 1)
    distances = []
    for row, known in zip(residuals, found, strict=True):
        if known.sum() < FEWEST_POINTS:
            continue
        both = np.repeat(known, 2)
        # Without it the mean lies further away, and the others' squares about that mean are fewer.
        others = _posterior(squares - share * np.outer(row, row), films - 1, prior)
        distances.append(mahalanobis(share * row[both], others, both))
    return np.maximum(distances, 1e-6)


def _lower_limit(values: Floats) -> float:
    """The limit below which one new film in a hundred falls, by the logarithms of the films' ``values``."""
    logs, films = np.log(np.maximum(values, 1e-12)), len(values)
    squares = ((logs - logs.mean()) ** 2).sum() + SD_FILMS * SD_OF_LOGARITHM**2
    sd = np.sqrt(squares / (films - 1 + SD_FILMS) * (1 + 1 / films))
    return float(np.exp(min(logs.mean() - USUAL_SDS * sd, np.quantile(logs, 1 - QUANTILE))))
