"""Where to put names in a picture so that they hide little else."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def best_place(places: Iterable[Box], others: Sequence[Box], picture: Box) -> Box:
    """The first of the places that cover the least of ``others`` and lie the least outside ``picture``."""
    choice = list(places)
    boxes = np.array(choice, dtype=np.float64)
    taken = np.array(others, dtype=np.float64).reshape(-1, 4)
    outside = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared_area(boxes, picture)
    cost = shared_area(boxes[:, None], taken).sum(axis=1) + 10 * outside
    return choice[int(cost.argmin())]


def places_around(point: tuple[float, float], size: tuple[float, float], gaps: Iterable[float]) -> Iterator[Box]:
    """Boxes of ``size`` (width, height) around ``point``, at each distance of ``gaps``, the preferred ones first."""
    (x, y), (width, height) = point, size
    for gap in gaps:
        right, left, middle_x = x + gap, x - gap - width, x - width / 2
        above, below, middle_y = y - gap - height, y + gap, y - height / 2
        corners = (
            *((right, middle_y), (left, middle_y), (right, above + gap / 2), (right, below - gap / 2)),
            *((left, above + gap / 2), (left, below - gap / 2), (middle_x, above), (middle_x, below)),
        )
        for px, py in corners:
            yield px, py, px + width, py + height


def box_around(x: float, y: float, reach: float) -> Box:
    """The square with sides ``reach`` from a point."""
    return x - reach, y - reach, x + reach, y + reach


def shared_area(one: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """Area of the intersection of boxes (..., 4)."""
    ours, theirs = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    sides = np.minimum(ours[..., 2:], theirs[..., 2:]) - np.maximum(ours[..., :2], theirs[..., :2])
    return np.asarray(np.prod(np.maximum(sides, 0.0), axis=-1))
