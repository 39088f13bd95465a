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
from cephkit.landmarks import canonical_symbol, in_canonical_order

PlacesAt: TypeAlias = Mapping[str, Vector]


class DegenerateError(ValueError):
    """Points for which a formula has no value, such as a line between two coincident points."""


@dataclass(frozen=True)
class Place:
    """A landmark, or the midpoint of several."""

    symbols: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.symbols)

    def at(self, points: PlacesAt) -> tuple[float, float]:
        """Its coordinates (x, y)."""
        count = len(self.symbols)
        x = sum(float(points[symbol][0]) for symbol in self.symbols) / count
        return x, sum(float(points[symbol][1]) for symbol in self.symbols) / count


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
        return self.start.symbols + self.end.symbols

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
        return Formula(
            _joined(self.needs, right.needs), lambda at: self.value(at) + right.value(at), f"{self} + {right}"
        )

    def __sub__(self, other: Formula | float) -> Formula:
        right = _formula(other)
        text = f"{self} - {_term(right)}"
        return Formula(_joined(self.needs, right.needs), lambda at: self.value(at) - right.value(at), text)

    def __rsub__(self, other: float) -> Formula:
        return _formula(other) - self

    def __neg__(self) -> Formula:
        return Formula(self.needs, lambda at: -self.value(at), f"-{_term(self)}")

    def __rmul__(self, factor: float) -> Formula:
        return Formula(self.needs, lambda at: factor * self.value(at), f"{factor:g} * {_term(self)}")

    def __truediv__(self, other: Formula) -> Formula:
        def quotient(at: PlacesAt) -> float:
            divisor = other.value(at)
            if divisor == 0:
                raise DegenerateError("division by zero")
            return self.value(at) / divisor

        return Formula(_joined(self.needs, other.needs), quotient, f"{_term(self)} / {_term(other)}")


def midpoint(*symbols: str) -> Place:
    """The midpoint of landmarks.

    Raises:
        KeyError: a symbol is not one of the 29.
    """
    return Place(tuple(canonical_symbol(symbol) for symbol in symbols))


def line(start: str | Place, end: str | Place) -> Line:
    """The line from ``start`` to ``end``."""
    return Line(_place(start), _place(end))


def angle(first: Line, second: Line) -> Formula:
    """Degrees from ``second`` to ``first``, counter-clockwise positive, (-180, 180]."""
    needs = _joined(first.needs, second.needs)
    return Formula(needs, lambda at: wrapped(first.degrees(at) - second.degrees(at)), f"angle({first}, {second})")


def interior(first: Line, second: Line) -> Formula:
    """Like ``angle``, but [0, 360): for angles near 180 degrees, which some faces exceed."""
    needs = _joined(first.needs, second.needs)
    return Formula(needs, lambda at: (first.degrees(at) - second.degrees(at)) % 360.0, f"interior({first}, {second})")


def length(start: str | Place, end: str | Place) -> Formula:
    """Distance between two places; 0 if they coincide."""
    first, second = _place(start), _place(end)
    needs = _joined(first.symbols, second.symbols)
    return Formula(needs, lambda at: math.dist(first.at(at), second.at(at)), f"length({first}, {second})")


def offset(place: str | Place, reference: Line) -> Formula:
    """Signed perpendicular distance from a line, positive to its left: anterior to a descending line, above a line
    that points forward."""
    which = _place(place)

    def distance(at: PlacesAt) -> float:
        (x, y), (x0, y0) = which.at(at), reference.start.at(at)
        right, up = reference.unit(at)
        return right * (y - y0) - up * (x - x0)

    return Formula(_joined(which.symbols, reference.needs), distance, f"offset({which}, {reference})")


def along(place: str | Place, origin: str | Place, reference: Line) -> Formula:
    """Signed distance from ``origin`` to ``place``, projected onto the direction of ``reference``."""
    which, zero = _place(place), _place(origin)

    def distance(at: PlacesAt) -> float:
        (x, y), (x0, y0) = which.at(at), zero.at(at)
        right, up = reference.unit(at)
        return right * (x - x0) + up * (y - y0)

    needs = _joined(which.symbols, zero.symbols, reference.needs)
    return Formula(needs, distance, f"along({which}, {zero}, {reference})")


def copysign(size: Formula, sign: Formula) -> Formula:
    """``size`` with the sign of ``sign``."""
    needs = _joined(size.needs, sign.needs)
    return Formula(needs, lambda at: math.copysign(size.value(at), sign.value(at)), f"copysign({size}, {sign})")


def minimum(*formulas: Formula) -> Formula:
    """The smallest of several formulas."""
    needs = _joined(*(formula.needs for formula in formulas))
    text = f"minimum({', '.join(map(str, formulas))})"
    return Formula(needs, lambda at: min(formula.value(at) for formula in formulas), text)


def wrapped(degrees: float) -> float:
    """The same direction in (-180, 180]."""
    return degrees - 360.0 * math.ceil((degrees - 180.0) / 360.0)


def _place(given: str | Place) -> Place:
    return given if isinstance(given, Place) else midpoint(given)


def _formula(given: Formula | float) -> Formula:
    return given if isinstance(given, Formula) else Formula((), lambda at: float(given), f"{given:g}")


def _term(formula: Formula) -> str:
    """Its text, in parentheses unless it is a number or a single function of places and lines."""
    plain = re.fullmatch(r"[\w.]+|\w+\([^()]*\)", formula.text)
    return formula.text if plain else f"({formula.text})"


def _joined(*needs: tuple[str, ...]) -> tuple[str, ...]:
    return in_canonical_order(symbol for group in needs for symbol in group)
