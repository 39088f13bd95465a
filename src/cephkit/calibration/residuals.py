"""How far predictions lie from the truth, in the frame in which the network works."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cephkit.cephalometry.frame import Facing
from cephkit.data.film import Film, points_array, stretches
from cephkit.inference.pose import faces
from cephkit.inference.predictor import Found

Floats = NDArray[np.float64]


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
