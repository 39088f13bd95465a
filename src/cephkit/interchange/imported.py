"""What the readers of other tools' files share: what they hand over, and how they name films and landmarks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cephkit.data.film import Points
from cephkit.data.json_values import number
from cephkit.data.names import is_file_name
from cephkit.errors import LabelError
from cephkit.geometry import Size
from cephkit.landmarks import SYMBOLS, canonical_symbol
from cephkit.records.record import LandmarkRecord


class Kind(NamedTuple):
    """Something that a reader ignores, as a sentence without its number."""

    one: str
    many: str

    def counted(self, count: int) -> str:
        """Return the sentence with its number: ``12 annotations have no keypoints``."""
        return f"{count} {self.one if count == 1 else self.many}"


@dataclass(frozen=True)
class Imported:
    """What a file of another tool holds."""

    records: list[LandmarkRecord]
    """Films with landmarks; ``size`` is what the tool says."""
    without: int
    """Films without landmarks."""
    ignored: Counter[Kind] = field(default_factory=Counter)
    """What is not a landmark, or does not count."""


def record_of_file(names: Sequence[str], points: Points, size: Size, where: str) -> LandmarkRecord:
    """Make the record of the film whose file is called the first of ``names``, or one of the others.

    Raises:
        LabelError: the first is not the name of a file.
    """
    first, *others = names
    if first.startswith(".") or not is_file_name(first):
        raise LabelError(f"the film's name is {first!r:.80}, expected that of a file", "correct it there", where)
    return LandmarkRecord(points, file=first, other_files=tuple(filter(is_file_name, others)), size=size, where=where)


def put(points: Points, name: Any, x: Any, y: Any, where: str) -> None:
    """Add the landmark ``name`` at (x, y) to ``points``.

    Raises:
        LabelError: the name is not a landmark's, the landmark is there already, or a coordinate is not a number.
    """
    try:
        symbol = canonical_symbol(str(name))
    except KeyError as error:
        known = " ".join(SYMBOLS)
        raise LabelError(f"{name!r:.40} is not a landmark", f"remove it; known: {known}", where) from error
    if symbol in points:
        raise LabelError(f"landmark {symbol} appears twice", "keep the right one", where)
    placed = (number(value, f"{axis} of {symbol}", where, digits=True) for axis, value in (("x", x), ("y", y)))
    points[symbol] = next(placed), next(placed)
