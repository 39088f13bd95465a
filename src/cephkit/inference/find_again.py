"""Asks a model anew after a person has placed some landmarks: the others are sought where these leave room for them.

A network may take the wrong one of two similar places, such as a shadow for the chin. The landmarks that a person holds
tell where the rest of the face can be; each heatmap is then read at the peak that is likeliest together with that, and
the second stage starts from there. Peaks themselves do not move, so what was right stays as it was.
"""

from collections.abc import Sequence

import numpy as np

from cephkit.data.face_shapes import Complex, placing, table_shape
from cephkit.data.film import Points
from cephkit.errors import SettingsError
from cephkit.geometry import Facing, Floats
from cephkit.inference.model import Model, finished
from cephkit.inference.preprocess import PreprocessedFilm
from cephkit.inference.stages import Prior
from cephkit.landmarks.shipped import AARIZ
from cephkit.records.record import LandmarkRecord


def find_again(model: Model, film: PreprocessedFilm, held: Points) -> LandmarkRecord:
    """Find the landmarks of ``film`` given that those in ``held`` lie where they lie; these are not in the result.

    Args:
        model: what finds the others.
        film: of ``model.preprocess``.
        held: landmarks that a person has placed, pixels of the film.

    Raises:
        SettingsError: no landmark is held, or all of them are.
    """
    symbols = model.symbols
    if not held or set(symbols) <= held.keys():
        raise SettingsError("hold at least one landmark, and leave at least one to be found")
    predictor = model.predictor
    found = predictor.run([film])
    to_square = 1 / film.shrink
    places = (found.points[0] + 0.5) * to_square - 0.5
    known = {symbol: (np.array(point) + 0.5) * to_square - 0.5 for symbol, point in held.items()}
    prior = prior_of(known, dict(zip(symbols, places, strict=True)), symbols, found.poses[0].facing)
    again = found if prior is None else predictor.run([film], prior)
    (record,) = finished(predictor, again, [film], keep_doubtful=True)
    return record.without(held)


def prior_of(held: dict[str, Floats], found: dict[str, Floats], symbols: Sequence[str], facing: Facing) -> Prior | None:
    """Return where ``symbols`` can lie given ``held``; None if the face as a whole cannot be placed.

    Args:
        held: (2,) by symbol, square pixels.
        found: those that a model found, to tell size and rotation while few are held; NaN where it found none.
        symbols: of the result; nothing is known of those that are none of Aariz's.
        facing: where the face looks.
    """
    side = 1 if facing == "right" else -1
    shape = table_shape()
    fixed, rough = (_complex(points, side) for points in (held, found | held))
    placed = placing(rough, shape.mean)
    if placed is None:
        return None
    factor, shift = placed
    means, covariances = shape.given(factor * fixed + shift)
    back = (means - shift) / factor
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]]) / abs(factor) ** 2
    turned = turn.T @ covariances @ turn * (side, 1) * np.array([[side], [1]])
    points = np.full((1, len(symbols), 2), np.nan)
    spreads = np.tile(np.eye(2), (1, len(symbols), 1, 1))
    for place, symbol in enumerate(symbols):
        if symbol in AARIZ:
            row = AARIZ.symbols.index(symbol)
            points[0, place], spreads[0, place] = (side * back[row].real, back[row].imag), turned[row]
    return Prior(points, spreads)


def _complex(points: dict[str, Floats], side: int) -> Complex:
    """Return ``points`` as (29,) x + iy, as if the face looked right; NaN where unknown; others are left out."""
    array = np.full(len(AARIZ.symbols), np.nan, dtype=np.complex128)
    for row, symbol in enumerate(AARIZ.symbols):
        if symbol in points:
            x, y = points[symbol]
            array[row] = complex(side * x, y)
    return array
