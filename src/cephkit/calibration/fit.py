"""Fits a model's expected errors, its 90 % regions and the spread between examiners to labelled films.

Residuals are how far predictions lie from the truth, in the frame in which the network works.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cephkit.calibration.conventions import FEWEST_FILMS as FEWEST_MARKED_TWICE
from cephkit.calibration.conventions import with_conventions
from cephkit.calibration.expected import fit_calibration
from cephkit.data.film import Film, points_array, stretches
from cephkit.errors import DataError
from cephkit.geometry import Floats
from cephkit.inference.pose import faces
from cephkit.inference.predictor import Found
from cephkit.inference.uncertainty import Calibration
from cephkit.landmarks import Facing
from cephkit.models.spec import ModelSpec


def residuals(
    found: Found,
    films: Sequence[Film],
    symbols: Sequence[str],
    truth: str,
    columns: Sequence[int] | slice = slice(None),
) -> Floats:
    """Truth minus prediction, (N, K, 2) canvas pixels, along the axes of the canvas that the network was given.

    ``columns`` are the places of ``symbols`` in ``found``.
    """
    goal = np.stack([points_array(film.points(truth), tuple(symbols)) for film in films])
    gaps = (goal - found.points[:, columns]) * stretches(films) / found.units[:, None, None]
    return np.asarray(gaps @ found.frames.swapaxes(-1, -2))


def canvas_facing(found: Found, films: Sequence[Film], symbols: Sequence[str], truth: str) -> Facing:
    """Where most faces look on the canvases that the network was given; a face that looks the other way is mirrored."""
    directions = [faces(symbols, points_array(film.points(truth), tuple(symbols))) for film in films]
    mirrored = np.linalg.det(found.frames) < 0
    votes = [(way == "left") != bool(flip) for way, flip in zip(directions, mirrored, strict=True) if way]
    return "left" if sum(votes) * 2 > len(votes) else "right"


def describe(films: Sequence[Film], truth: str) -> str:
    """Describes the films of a calibration, e.g. "129 films of valid (truth: mean; machines: Kodak, Orthophos)"."""
    splits = " ".join(sorted({film.split for film in films}))
    machines = sorted({film.machine for film in films if film.machine})
    listed = f"; machines: {', '.join(machines)}" if machines else ""
    return f"{len(films)} films of {splits} (truth: {truth}{listed})"


def calibrate(
    found: Found,
    films: Sequence[Film],
    spec: ModelSpec,
    truth: str,
    marked: Sequence[Film] = (),
    description: str = "",
) -> Calibration:
    """Fits expected errors and regions to predictions of labelled films.

    Args:
        found: predictions of ``films``, without a bias removed.
        films: with their truth.
        spec: of the first stage.
        truth: whose landmarks count as right.
        marked: films from which to learn how far examiners differ; none: ``films``.
        description: of the films, for the user.

    Raises:
        DataError: too few films.
    """
    gaps = residuals(found, films, spec.symbols, truth)
    try:
        made = fit_calibration(found.features, gaps, [film.content or "" for film in films])
    except ValueError as error:
        raise DataError(f"expected errors cannot be calibrated: {error}") from error
    both = np.array([{"senior", "junior"} <= film.annotations.keys() for film in films], dtype=bool)
    each = []
    if both.sum() >= FEWEST_MARKED_TWICE:
        own = [residuals(found, films, spec.symbols, who) for who in ("senior", "junior")]
        each = [np.where(both[:, None, None], one, np.nan) for one in own]
    facing = canvas_facing(found, films, spec.symbols, truth)
    made = with_conventions(
        made, films, spec.symbols, spec.canvas_size, found.features, gaps, each, found.signatures, marked, facing
    )
    return replace(made, films_said=description, truth=truth)
