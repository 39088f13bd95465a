"""Where names of points stand in a picture, so that they hide few other things."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def best_place(places: Iterable[Box], others: Sequence[Box], picture: Box) -> Box:
    """The place that shares the least area with ``others`` and leaves ``picture`` the least; the first of equals."""
    choice = list(places)
    boxes = np.array(choice, dtype=np.float64)
    taken = np.array(others, dtype=np.float64).reshape(-1, 4)
    outside = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared_area(boxes, picture)
    cost = shared_area(boxes[:, None], taken).sum(axis=1) + 10 * outside
    return choice[int(cost.argmin())]


def places_around(x: float, y: float, size: tuple[float, float], arm: float) -> Iterator[Box]:
    """Where a name of ``size`` (width, height) may stand around a marker, the best liked first.

    Args:
        x, y: of the marker's middle.
        size: of the name.
        arm: how far the marker reaches.
    """
    width, height = size
    for gap in (arm * 1.6, arm * 2.6):
        right, left, middle_x = x + gap, x - gap - width, x - width / 2
        above, below, middle_y = y - gap - height, y + gap, y - height / 2
        corners = (
            *((right, middle_y), (left, middle_y), (right, above + gap / 2), (right, below - gap / 2)),
            *((left, above + gap / 2), (left, below - gap / 2), (middle_x, above), (middle_x, below)),
        )
        for px, py in corners:
            yield px, py, px + width, py + height


def box_around(x: float, y: float, reach: float) -> Box:
    """The square that reaches ``reach`` to each side of a point."""
    return x - reach, y - reach, x + reach, y + reach


def shared_area(one: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """Area that both cover, of boxes (..., 4)."""
    ours, theirs = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    sides = np.minimum(ours[..., 2:], theirs[..., 2:]) - np.maximum(ours[..., :2], theirs[..., :2])
    return np.asarray(np.prod(np.maximum(sides, 0.0), axis=-1))
