"""Standard errors of measurements, by first-order propagation of the landmarks' errors.

The squared standard error is the sum over landmarks of g' C g, where C is the covariance of the landmark's error and g
the gradient of the measurement with respect to that landmark, by central differences. Errors of different landmarks are
assumed to be independent, and small relative to the face (JCGM 100:2008, Guide to the expression of uncertainty in
measurement).
"""

import math

import numpy as np

from cephkit.cephalometry.frame import Face, Vector
from cephkit.cephalometry.primitives import Formula, wrapped

STEP = 1e-5
"""Step of the differences, relative to the extent of the landmarks."""


def standard_error(formula: Formula, face: Face, is_angle: bool) -> float | None:
    """Standard error of ``formula`` on ``face``; None if one of its landmarks has no covariance.

    Args:
        formula: its landmarks must be present, and it must have a value.
        face: the landmarks and their covariances.
        is_angle: whether it is an angle in degrees, for which full turns do not count.

    Raises:
        DegenerateError: the formula has no value next to the landmarks.
    """
    if any(symbol not in face.covariances for symbol in formula.needs):
        return None
    places = np.array([face.points[symbol] for symbol in formula.needs])
    step = STEP * float(np.ptp(places, axis=0).max())
    variance = 0.0
    for symbol in formula.needs:
        gradient = np.array([_slope(formula, face, symbol, axis, step, is_angle) for axis in (0, 1)])
        variance += float(gradient @ face.covariances[symbol] @ gradient)
    return math.sqrt(max(variance, 0.0))


def _slope(formula: Formula, face: Face, symbol: str, axis: int, step: float, is_angle: bool) -> float:
    def moved(by: float) -> float:
        point: Vector = face.points[symbol].copy()
        point[axis] += by
        return formula.value({**face.points, symbol: point})

    difference = moved(step) - moved(-step)
    return (wrapped(difference) if is_angle else difference) / (2 * step)
