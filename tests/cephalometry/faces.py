"""Faces to measure: one with round numbers, and realistic ones."""

import numpy as np
from numpy.typing import ArrayLike

from cephkit.cephalometry.analyses import ANALYSES, measure
from cephkit.data.film import Points
from cephkit.data.synthetic.shapes import draw_face
from cephkit.geometry import Facing

# x forward, y up, mm. SN, Frankfort, palatal and functional occlusal plane are horizontal, the mandibular plane slopes
# down by 45 degrees, A and Pog are straight below N, so most values are easy to calculate.
ROUND_MM: dict[str, tuple[float, float]] = {
    "S": (0, 0), "N": (70, 0), "Po": (-20, -20), "Or": (50, -20), "PNS": (20, -45), "ANS": (70, -45),
    "A": (70, -50), "B": (60, -100), "Pog": (70, -120), "Gn": (45, -125), "Me": (50, -130), "Go": (-10, -70),
    "Ar": (-20, -30), "Co": (-10, -20), "R": (-15, -50),
    "UIA": (65, -60), "UIT": (75, -80), "LIA": (60, -105), "LIT": (70, -75),
    "UMT": (40, -75), "LMT": (40, -77), "UPM": (50, -75), "LPM": (50, -77),
    "N`": (75, 0), "Pn": (95, -50), "Sn": (80, -60), "Ls": (85, -70), "Li": (80, -85), "Pog`": (75, -120),
}  # fmt: skip
PIXEL_MM = 0.1


def on_film(face_mm: dict[str, tuple[float, float]], pixel_mm: float = PIXEL_MM) -> Points:
    """A right-facing face in film pixels."""
    return {symbol: (500 + x / pixel_mm, 400 - y / pixel_mm) for symbol, (x, y) in face_mm.items()}


ROUND = on_film(ROUND_MM)


def face_like_real(seed: int) -> Points:
    """All 29 landmarks of a face with realistic proportions, in pixels of ``PIXEL_MM``."""
    return draw_face(np.random.default_rng(seed)).points(PIXEL_MM)


def moved(points: Points, matrix: ArrayLike, shift: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Every point multiplied by ``matrix`` (2, 2), then shifted."""
    linear = np.asarray(matrix, dtype=np.float64)
    return {symbol: tuple((linear @ np.array(xy) + shift).tolist()) for symbol, xy in points.items()}  # type: ignore[misc]


def rotation(degrees: float) -> ArrayLike:
    angle = np.radians(degrees)
    return [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]


def values(
    points: Points, pixel_size_mm: float | None = PIXEL_MM, facing: Facing | None = None
) -> dict[str, float | None]:
    """Values of all analyses by id, including impossible ones."""
    results = measure(points, facing=facing, spacing=pixel_size_mm, analyses=ANALYSES, limits={})
    return {result.measurement: result.value for result in results}
