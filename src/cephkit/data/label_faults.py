"""What can be wrong with one label: unmarked landmarks, two exchanged, one out of place, no face at all.

What no face can show is certain. What only the shape suggests is a doubt: a person has to check the film.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np

from cephkit.data.face_shapes import MOST_OUTLIERS, Complex, FaceShape, laid, table_shape
from cephkit.data.film import Points, points_array
from cephkit.data.label_pose import MISTAKES, LabelPose, fault_of, pose_of
from cephkit.data.spacing import SQUARE, Stretch
from cephkit.errors import some
from cephkit.geometry import Size
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import AARIZ, KNOWN

NO_FACE_MM = 15.0
"""Median distance of landmarks from those of a mean face; at most 9.5 in 848 real labels, 22 or more in scrambled
ones."""
SAME_PLACE_PX = 0.5
MAY_MEET = (frozenset(("UIT", "LIT")), frozenset(("UMT", "LMT")), frozenset(("UPM", "LPM")))
"""Teeth that bite on each other may share a pixel."""
EXCHANGE_GAIN = 20.0
"""Two landmarks count as exchanged if exchanging them reduces the squared distance (in SDs) by this much."""
CROSSBITE_GAIN = 30.0
"""The same for teeth that bite on each other: in some patients they do so the other way round."""
DOWNWARDS = (("N`", "Pn", "Sn", "Ls", "Li", "Pog`"), ("N", "ANS", "A", "B", "Pog", "Gn", "Me"), ("Co", "Ar", "Go"))
"""Along the profile, the front bones, and the back of the jaw, from top to bottom."""
ORDER_MM = 1.0
"""By how much they may be out of that order, on a face of average size; at most 0.3 in 848 real labels, except for one
with exchanged lips."""

AS_NULL = 'write landmarks that were not marked as "value": null, or leave them out'


@dataclass(frozen=True)
class Fault:
    """What is wrong with a label."""

    landmarks: tuple[str, ...]
    """The landmarks concerned; none: the label as a whole."""
    text: str
    remedy: str
    certain: bool = False
    """No face can have it; otherwise a person has to check the film."""

    def __str__(self) -> str:
        return f"{self.text}; {self.remedy}"


def single_faults(points: Points, schema: LandmarkSchema = KNOWN) -> list[Fault]:
    """Find what is wrong with one label (film pixels) on its own; a face may look to either side."""
    faults = point_faults(points, schema=schema)
    wrong = {symbol for fault in faults for symbol in fault.landmarks}
    array = as_array({symbol: point for symbol, point in points.items() if symbol not in wrong})
    shape = table_shape()
    pose = pose_of(array, shape.mean)
    if pose is None:
        return faults
    if pose.gap_mm > NO_FACE_MM:
        return [*faults, no_face(pose)]
    if pose.quarters:
        # Where the face should look is not known: what right-facing films would mean gives the name.
        faults.append(replace(placed_wrong(fault_of(pose, usually_mirrored=False)), certain=False))
    return faults + shape_faults(pose.upright, shape)


def point_faults(points: Points, size: Size | None = None, schema: LandmarkSchema = KNOWN) -> list[Fault]:
    """Find landmarks in a corner of the film, before its first pixel, or in one place.

    Args:
        points: film pixels.
        size: (height, width) of the film, if it is known.
        schema: the landmarks'; those of both sides of the head may be in one place.
    """
    faults = []
    corners = [(0.0, 0.0)]
    if size is not None:
        height, width = size
        corners += [(x, y) for x in (0.0, width - 1.0) for y in (0.0, height - 1.0)]
    cornered = tuple(
        symbol for symbol, point in points.items() if any(_same_place(point, corner) for corner in corners)
    )
    if cornered:
        text = f"{_listed(cornered)} in a corner of the film, where no landmark is"
        faults.append(Fault(cornered, text, AS_NULL, certain=True))
    # If the film's size is known, ``check.film_problems`` reports what lies off it.
    off = tuple(s for s, (x, y) in points.items() if size is None and (x < -0.5 or y < -0.5) and s not in cornered)
    if off:
        faults.append(Fault(off, f"{_listed(off)} off the film", "correct or remove them", certain=True))
    together: dict[str, set[str]] = defaultdict(set)
    rest = [symbol for symbol in points if symbol not in (*cornered, *off)]
    for one, other in combinations(rest, 2):
        if _same_place(points[one], points[other]) and not _may_meet(one, other, schema):
            together[one] |= {one, other}
            together[other] = together[one]
    groups = {id(group): tuple(symbol for symbol in points if symbol in group) for group in together.values()}
    for group in groups.values():
        faults.append(Fault(group, f"{_listed(group)} on one pixel", "correct the one that is wrong", certain=True))
    return faults


def _may_meet(one: str, other: str, schema: LandmarkSchema) -> bool:
    pairs = ((one, other), (other, one))
    mirrored = any((landmark := schema.get(a)) is not None and landmark.mirror == b for a, b in pairs)
    return mirrored or frozenset((one, other)) in MAY_MEET


def shape_faults(upright: Complex, shape: FaceShape) -> list[Fault]:
    """Find landmarks exchanged or out of place on a right-facing face (29,); doubts, never certain."""
    face = laid(upright, shape.mean)
    faults = []
    exchanged: set[str] = set()
    while pair := _exchanged_pair(face, shape, exchanged):
        one, other = pair
        i, j = AARIZ.symbols.index(one), AARIZ.symbols.index(other)
        face[[i, j]] = face[[j, i]]
        exchanged |= {one, other}
        faults.append(Fault(pair, f"{one} and {other} appear to be swapped", "swap them if the film confirms it"))
    out = shape.displaced(face)
    if len(out) >= MOST_OUTLIERS:
        worst = ", ".join(f"{entry.symbol} {entry.mm:.0f} mm" for entry in out[:3])
        text = f"{len(out)} or more landmarks are out of place (on a face of average size): {worst}, ..."
        return [Fault(tuple(entry.symbol for entry in out), text, "check whether it is the label of this film")]
    named = exchanged | {entry.symbol for entry in out}
    for chain in DOWNWARDS:
        marked = [s for s in chain if s not in named and np.isfinite(face[AARIZ.symbols.index(s)])]
        for pair in pairwise(marked):
            above, below = (face[AARIZ.symbols.index(symbol)].imag for symbol in pair)
            if above > below + ORDER_MM:
                text = f"{pair[1]} lies above {pair[0]}, so they appear to be swapped"
                faults.append(Fault(pair, text, "swap them if the film confirms it"))
    for entry in out:
        text = f"{entry.symbol} is {entry.mm:.0f} mm from where the other landmarks put it, on a face of average size"
        faults.append(Fault((entry.symbol,), text, "check the film, and correct or keep it"))
    return faults


def _exchanged_pair(face: Complex, shape: FaceShape, done: set[str]) -> tuple[str, str] | None:
    """Find the two landmarks that fit best in each other's place, and not in their own."""
    gains = shape.exchange_gains(face)
    for teeth in MAY_MEET:
        i, j = (AARIZ.symbols.index(symbol) for symbol in teeth)
        gains[i, j] = gains[j, i] = gains[i, j] - (CROSSBITE_GAIN - EXCHANGE_GAIN)
    for symbol in done:
        gains[AARIZ.symbols.index(symbol)] = gains[:, AARIZ.symbols.index(symbol)] = -np.inf
    i, j = sorted(int(index) for index in np.unravel_index(int(np.argmax(gains)), gains.shape))
    if gains[i, j] <= EXCHANGE_GAIN:
        return None
    after = face.copy()
    after[[i, j]] = face[[j, i]]
    pair = AARIZ.symbols[i], AARIZ.symbols[j]
    still_out = {entry.symbol for entry in shape.displaced(after)} & set(pair)
    if still_out:  # a third landmark may affect both; but if only one of them is wrong, the other gets worse
        before_sds, after_sds = shape.residuals(face)[0][[i, j]], shape.residuals(after)[0][[i, j]]
        return pair if (after_sds < before_sds / 2).all() else None
    return pair


def _same_place(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) <= SAME_PLACE_PX and abs(one[1] - other[1]) <= SAME_PLACE_PX


def placed_wrong(name: str) -> Fault:
    """Make the fault that ``fault_of`` names; certain if no film can be so."""
    return Fault((), f"landmarks are {name}", "correct the label, or turn the film", name in MISTAKES)


def no_face(pose: LabelPose) -> Fault:
    """Make the fault of landmarks that do not have a face's shape in any pose."""
    text = f"not a face: a median of {pose.gap_mm:.0f} mm from the landmarks of a mean face of the same size"
    return Fault((), text, "check whether names and columns are right", certain=True)


def _listed(symbols: Sequence[str]) -> str:
    return f"{some(symbols, 8)} {'lies' if len(symbols) == 1 else 'lie'}"


def as_array(points: Points, stretch: Stretch = SQUARE) -> Complex:
    """Return (29,) x + iy in canonical order, once pixels are square; NaN where missing."""
    xy = points_array(points, AARIZ.symbols) * stretch
    return np.asarray(xy[:, 0] + 1j * xy[:, 1])
