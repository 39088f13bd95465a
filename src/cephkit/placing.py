"""Where names of points stand in a picture, so that they hide few other things."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def best_place(places: Iterable[Box], others: Sequence[Box], picture: Box) -> Box:
    """The place that shares the least area with ``others`` and leaves ``picture`` the least; the first of equals."""
    return min(places, key=lambda place: _cost(place, others, picture))


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


def shared_area(one: Box, other: Box) -> float:
    """Area that both cover."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _cost(box: Box, others: Sequence[Box], picture: Box) -> float:
    area = (box[2] - box[0]) * (box[3] - box[1])
    return sum(shared_area(box, other) for other in others) + 10 * (area - shared_area(box, picture))
