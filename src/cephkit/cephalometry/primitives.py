"""Building blocks of measurements: places, lines between them, and formulas for angles and distances.

A formula knows which landmarks it needs. Coordinates are those of ``frame.py``: the face points right, x forward, y up.
Lines are directed: ``line("N", "A")`` runs from N to A. Angles are signed, counter-clockwise positive, never folded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cephkit.cephalometry.frame import Vector
from cephkit.landmarks.shipped import KNOWN

PlacesAt: TypeAlias = Mapping[str, Vector | tuple[float, float]]


class DegenerateError(ValueError):
    """Points for which a formula has no value, such as a line between two coincident points."""


@dataclass(frozen=True)
class Place:
    """A landmark, or the midpoint of several."""

    needs: tuple[str, ...]
    """Symbols of its landmarks."""

    def __str__(self) -> str:
        return "/".join(self.needs)

    def at(self, points: PlacesAt) -> tuple[float, float]:
        """Its coordinates (x, y)."""
        count = len(self.needs)
        if count == 1:
            x, y = points[self.needs[0]]
            return float(x), float(y)
        x = sum(float(points[symbol][0]) for symbol in self.needs) / count
        return x, sum(float(points[symbol][1]) for symbol in self.needs) / count


@dataclass(frozen=True)
class Line:
    """A directed line from ``start`` to ``end``."""

    start: Place
    end: Place

    def __str__(self) -> str:
        return f"{self.start}>{self.end}"

    @property
    def needs(self) -> tuple[str, ...]:
        """Symbols of its landmarks."""
        return self.start.needs + self.end.needs

    def vector(self, points: PlacesAt) -> tuple[float, float]:
        """The vector from start to end.

        Raises:
            DegenerateError: they coincide.
        """
        (x0, y0), (x1, y1) = self.start.at(points), self.end.at(points)
        if x0 == x1 and y0 == y1:
            raise DegenerateError(f"{self.start} and {self.end} coincide")
        return x1 - x0, y1 - y0

    def degrees(self, points: PlacesAt) -> float:
        """Direction in degrees, counter-clockwise from straight ahead, (-180, 180]."""
        x, y = self.vector(points)
        return math.degrees(math.atan2(y, x))

    def unit(self, points: PlacesAt) -> tuple[float, float]:
        """Its direction as a vector of length 1."""
        x, y = self.vector(points)
        size = math.hypot(x, y)
        return x / size, y / size


@dataclass(frozen=True)
class Formula:
    """A function of a face's landmarks, the landmarks it needs, and its text in terms of the functions below."""

    needs: tuple[str, ...]
    value: Callable[[PlacesAt], float]
    text: str

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: Formula | float) -> Formula:
        right = _formula(other)
        return _combined(f"{self} + {right}", lambda at: self.value(at) + right.value(at), self, right)

    def __sub__(self, other: Formula | float) -> Formula:
        right = _formula(other)
        return _combined(f"{self} - {_term(right)}", lambda at: self.value(at) - right.value(at), self, right)

    def __rsub__(self, other: float) -> Formula:
        return _formula(other) - self

    def __neg__(self) -> Formula:
        return _combined(f"-{_term(self)}", lambda at: -self.value(at), self)

    def __rmul__(self, factor: float) -> Formula:
        return _combined(f"{factor:g} * {_term(self)}", lambda at: factor * self.value(at), self)

    def __truediv__(self, other: Formula) -> Formula:
        def quotient(at: PlacesAt) -> float:
            divisor = other.value(at)
            if divisor == 0:
                raise DegenerateError("division by zero")
            return self.value(at) / divisor

        return _combined(f"{_term(self)} / {_term(other)}", quotient, self, other)


def midpoint(*symbols: str) -> Place:
    """The midpoint of landmarks.

    Raises:
        KeyError: a symbol is not one of the 29.
    """
    return Place(tuple(KNOWN.symbol_of(symbol) for symbol in symbols))


def line(start: str | Place, end: str | Place) -> Line:
    """The line from ``start`` to ``end``."""
    return Line(_place(start), _place(end))


def angle(first: Line, second: Line) -> Formula:
    """Degrees from ``second`` to ``first``, counter-clockwise positive, (-180, 180]."""
    return _called("angle", lambda at: wrapped(first.degrees(at) - second.degrees(at)), first, second)


def interior(first: Line, second: Line) -> Formula:
    """Like ``angle``, but [0, 360): for angles near 180 degrees, which some faces exceed."""
    return _called("interior", lambda at: (first.degrees(at) - second.degrees(at)) % 360.0, first, second)


def length(start: str | Place, end: str | Place) -> Formula:
    """Distance between two places; 0 if they coincide."""
    first, second = _place(start), _place(end)
    return _called("length", lambda at: math.dist(first.at(at), second.at(at)), first, second)


def offset(place: str | Place, reference: Line) -> Formula:
    """Perpendicular distance from a line, positive to its left: anterior to a descending line, above one that points
    forward."""
    which = _place(place)

    def distance(at: PlacesAt) -> float:
        (x, y), (x0, y0) = which.at(at), reference.start.at(at)
        right, up = reference.unit(at)
        return right * (y - y0) - up * (x - x0)

    return _called("offset", distance, which, reference)


def along(place: str | Place, origin: str | Place, reference: Line) -> Formula:
    """Distance from ``origin`` to ``place`` in the direction of ``reference``; negative if against it."""
    which, zero = _place(place), _place(origin)

    def distance(at: PlacesAt) -> float:
        (x, y), (x0, y0) = which.at(at), zero.at(at)
        right, up = reference.unit(at)
        return right * (x - x0) + up * (y - y0)

    return _called("along", distance, which, zero, reference)


def copysign(size: Formula, sign: Formula) -> Formula:
    """``size`` with the sign of ``sign``."""
    return _called("copysign", lambda at: math.copysign(size.value(at), sign.value(at)), size, sign)


def minimum(*formulas: Formula) -> Formula:
    """The smallest of several formulas."""
    return _called("minimum", lambda at: min(formula.value(at) for formula in formulas), *formulas)


def wrapped(degrees: float) -> float:
    """The same direction in (-180, 180]."""
    return degrees - 360.0 * math.ceil((degrees - 180.0) / 360.0)


def _called(name: str, value: Callable[[PlacesAt], float], *parts: Place | Line | Formula) -> Formula:
    """The formula ``name(parts)``."""
    return _combined(f"{name}({', '.join(map(str, parts))})", value, *parts)


def _combined(text: str, value: Callable[[PlacesAt], float], *parts: Place | Line | Formula) -> Formula:
    """A formula that needs the landmarks of all ``parts``."""
    return Formula(KNOWN.in_order(symbol for part in parts for symbol in part.needs), value, text)


def _place(given: str | Place) -> Place:
    return given if isinstance(given, Place) else midpoint(given)


def _formula(given: Formula | float) -> Formula:
    return given if isinstance(given, Formula) else Formula((), lambda at: float(given), f"{given:g}")


def _term(formula: Formula) -> str:
    """Its text, in parentheses unless it is a number or a single function of places and lines."""
    plain = re.fullmatch(r"[\w.]+|\w+\([^()]*\)", formula.text)
    return formula.text if plain else f"({formula.text})"
