"""Fits a model's expected errors, its 90 % regions and the spread between examiners."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cephkit.calibration.conventions import FEWEST_FILMS as FEWEST_MARKED_TWICE
from cephkit.calibration.conventions import with_conventions
from cephkit.calibration.expected import fit_calibration
from cephkit.calibration.residuals import canvas_facing, residuals
from cephkit.data.film import Film
from cephkit.errors import DataError
from cephkit.inference.predictor import Found
from cephkit.inference.uncertainty import Calibration
from cephkit.models.spec import ModelSpec


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
