"""How large a film's pixels are in mm, and the source of that size.

A wrong pixel size makes every length wrong without any sign of it, so a spacing always carries its origin.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeAlias

from cephkit.errors import SettingsError

Plane: TypeAlias = Literal["head", "detector", "film", "unknown"]
"""Where a mm is one: in the middle of the head, at the detector or on the paper or film that was scanned (there
lengths are enlarged), or unknown."""
Stretch: TypeAlias = tuple[float, float]
"""How much wider and higher than its shorter side a pixel is: (across, down)."""

SMALLEST_MM, LARGEST_MM = 0.005, 2.0
"""Side of a pixel; those of real films measure 0.09 to 0.24, and nothing outside these bounds is a cephalogram."""
SQUARE: Stretch = (1.0, 1.0)

SQUARE_WITHIN = 0.001
"""Pixels whose sides differ by less, relative, are square."""
LARGEST_RATIO = 4.0
"""Of a pixel's sides; scanners make pixels up to twice as high as wide."""


@dataclass(frozen=True)
class Spacing:
    """The size of a film's pixels.

    Raises:
        SettingsError: a side is no length that a cephalogram's pixel can have.
    """

    row_mm: float
    """From the centre of a row to the next, down the film."""
    column_mm: float
    """From the centre of a column to the next, across the film."""
    origin: str
    """Where the size comes from, for people."""
    plane: Plane = "unknown"

    def __post_init__(self) -> None:
        for side in (self.row_mm, self.column_mm):
            if not (math.isfinite(side) and SMALLEST_MM <= side <= LARGEST_MM):
                raise SettingsError(
                    f"{self.origin}: a pixel of {self.row_mm:g} x {self.column_mm:g} mm; a cephalogram's measures "
                    f"{SMALLEST_MM:g} to {LARGEST_MM:g}; correct it, or use --pixel_size_mm"
                )
        if max(self.row_mm, self.column_mm) > LARGEST_RATIO * min(self.row_mm, self.column_mm):
            raise SettingsError(
                f"{self.origin}: a pixel of {self.row_mm:g} x {self.column_mm:g} mm, and no film's is so far from "
                "square; correct it, or use --pixel_size_mm"
            )

    @property
    def is_square(self) -> bool:
        """Whether a pixel is as wide as high."""
        return abs(self.row_mm / self.column_mm - 1) < SQUARE_WITHIN

    @property
    def short_mm(self) -> float:
        """The shorter side: the pixel size of the film once its pixels are square."""
        return min(self.row_mm, self.column_mm)

    @property
    def stretch(self) -> Stretch:
        """What makes the pixels square."""
        return SQUARE if self.is_square else (self.column_mm / self.short_mm, self.row_mm / self.short_mm)

    @property
    def mean_mm(self) -> float:
        """Side of the square with a pixel's area."""
        return self.row_mm if self.row_mm == self.column_mm else math.sqrt(self.row_mm * self.column_mm)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as results carry it."""
        return {"row_mm": self.row_mm, "column_mm": self.column_mm, "origin": self.origin, "plane": self.plane}


def stretch_of(spacing: Spacing | None) -> Stretch:
    """``spacing.stretch``; pixels of unknown size count as square."""
    return SQUARE if spacing is None else spacing.stretch


def as_spacing(given: Spacing | float | None) -> Spacing | None:
    """The spacing that a caller gives: as it is, or as mm per pixel.

    Raises:
        SettingsError: it is something else, or no pixel has that size.
    """
    if isinstance(given, Real):
        return square(float(given), "pixel size given")
    if not isinstance(given, Spacing | None):
        raise SettingsError(f"spacing is {given!r}; give mm per pixel as a number, or a cephkit.Spacing")
    return given


def square(pixel_size_mm: float, origin: str) -> Spacing:
    """Square pixels.

    Raises:
        SettingsError: see ``Spacing``.
    """
    return Spacing(pixel_size_mm, pixel_size_mm, origin)


def spacing_from_ruler(
    start: Sequence[float], end: Sequence[float], length_mm: float, origin: str = "ruler"
) -> Spacing:
    """Compute the pixel size from two points (x, y), film pixels, of a ruler on the film, ``length_mm`` apart.

    The ruler may be in the middle of the head or on the film: the plane is unknown.

    Raises:
        SettingsError: the points coincide or are not finite, or the pixel size is impossible.
    """
    numbers = (*start, *end, length_mm)
    if len(numbers) != 5 or not all(math.isfinite(number) for number in numbers):
        raise SettingsError(f"{origin}: expected x1 y1 x2 y2 in film pixels and a length in mm, got {numbers}")
    pixels = math.dist(start, end)
    if pixels < 10:
        raise SettingsError(f"{origin}: its two points are {pixels:.1f} pixels apart; take two marks far apart")
    return square(length_mm / pixels, origin)


def given_spacing(pixel_size_mm: float | None, ruler: Sequence[float] | None) -> Spacing | None:
    """The pixel size that a user gives on the command line, or None.

    Args:
        pixel_size_mm: of ``--pixel_size_mm``.
        ruler: x1 y1 x2 y2 and mm, of ``--ruler``.

    Raises:
        SettingsError: both are given, or cannot be.
    """
    if pixel_size_mm is not None and ruler is not None:
        raise SettingsError("--pixel_size_mm and --ruler both give the pixel size: give one of them")
    if ruler is not None:
        x1, y1, x2, y2, length = ruler
        return spacing_from_ruler((x1, y1), (x2, y2), length, "--ruler")
    if pixel_size_mm is None:
        return None
    if not SMALLEST_MM <= pixel_size_mm <= LARGEST_MM:
        raise SettingsError(f"--pixel_size_mm must be {SMALLEST_MM:g} to {LARGEST_MM:g} mm, got {pixel_size_mm}")
    return square(pixel_size_mm, "--pixel_size_mm")
