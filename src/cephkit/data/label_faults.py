"""What can be wrong with one label: unmarked landmarks, two exchanged, one out of place, no face at all.

What no face can show is certain. What only the shape suggests is a doubt: a person has to check the film.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np

from cephkit.data.face_shapes import MOST_OUTLIERS, Complex, FaceShape, placing, table_shape
from cephkit.data.film import Points, points_array
from cephkit.data.findings import Fault
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
    return faults + [on_film(fault, pose) for fault in shape_faults(pose.upright, shape)]


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
        faults.append(Fault("corner", cornered, text, AS_NULL, certain=True))
    # If the film's size is known, ``check.film_problems`` reports what lies off it.
    off = tuple(s for s, (x, y) in points.items() if size is None and (x < -0.5 or y < -0.5) and s not in cornered)
    if off:
        faults.append(
            Fault("off the film", off, f"{_listed(off)} off the film", "correct or remove them", certain=True)
        )
    together: dict[str, set[str]] = defaultdict(set)
    rest = [symbol for symbol in points if symbol not in (*cornered, *off)]
    for one, other in combinations(rest, 2):
        if _same_place(points[one], points[other]) and not _may_meet(one, other, schema):
            together[one] |= {one, other}
            together[other] = together[one]
    groups = {id(group): tuple(symbol for symbol in points if symbol in group) for group in together.values()}
    for group in groups.values():
        text = f"{_listed(group)} on one pixel"
        faults.append(Fault("one pixel", group, text, "correct the one that is wrong", certain=True))
    return faults


def _may_meet(one: str, other: str, schema: LandmarkSchema) -> bool:
    return _mirrored(one, other, schema) or frozenset((one, other)) in MAY_MEET


def _mirrored(one: str, other: str, schema: LandmarkSchema) -> bool:
    """Whether they are one landmark on both sides of the head."""
    pairs = ((one, other), (other, one))
    return any((landmark := schema.get(a)) is not None and landmark.mirror == b for a, b in pairs)


def shape_faults(upright: Complex, shape: FaceShape, schema: LandmarkSchema = AARIZ) -> list[Fault]:
    """Find landmarks exchanged or out of place on a right-facing face (K,); doubts, never certain.

    Args:
        upright: the landmarks in the order of ``shape``, NaN where missing.
        shape: of faces.
        schema: says which landmarks are one on both sides of the head.

    Returns:
        The faults; ``expected`` places lie beside ``upright``.
    """
    placed = placing(upright, shape.mean)
    if placed is None:
        return []
    factor, shift = placed
    face, at = factor * upright + shift, shape.symbols.index
    faults = []
    exchanged: set[str] = set()
    while pair := _exchanged_pair(face, shape, exchanged):
        one, other = pair
        i, j = at(one), at(other)
        face[[i, j]] = face[[j, i]]
        exchanged |= {one, other}
        text = f"{one} and {other} appear to be swapped"
        if _mirrored(one, other, schema):
            text = f"{one} and {other}, left and right, appear to be swapped"
        faults.append(_swapped(pair, text, (upright[j], upright[i]), abs(face[i] - face[j])))
    out = shape.displaced(face)
    expected = {entry.symbol: _xy((entry.expected - shift) / factor) for entry in out}
    if len(out) >= MOST_OUTLIERS:
        worst = ", ".join(f"{entry.symbol} {entry.mm:.0f} mm" for entry in out[:3])
        text = f"{len(out)} or more landmarks are out of place (on a face of average size): {worst}, ..."
        remedy, symbols = "check whether it is the label of this film", tuple(entry.symbol for entry in out)
        return [Fault("many out of place", symbols, text, remedy, expected=expected, excess=out[0].mm)]
    named = exchanged | {entry.symbol for entry in out}
    for chain in DOWNWARDS:
        known = [s for s in chain if s in shape.symbols and s not in named]
        for pair in pairwise(s for s in known if np.isfinite(face[at(s)])):
            (above, below), places = (face[at(symbol)].imag for symbol in pair), [upright[at(s)] for s in pair]
            if above > below + ORDER_MM:
                text = f"{pair[1]} lies above {pair[0]}, so they appear to be swapped"
                faults.append(_swapped(pair, text, (places[1], places[0]), above - below))
    for entry in out:
        text = f"{entry.symbol} is {entry.mm:.0f} mm from where the other landmarks put it, on a face of average size"
        remedy, place = "check the film, and correct or keep it", {entry.symbol: expected[entry.symbol]}
        faults.append(Fault("out of place", (entry.symbol,), text, remedy, expected=place, excess=entry.mm))
    return faults


def _swapped(pair: tuple[str, str], text: str, places: tuple[complex, complex], mm: float) -> Fault:
    expected = {symbol: _xy(place) for symbol, place in zip(pair, places, strict=True)}
    return Fault("swapped", pair, text, "swap them if the film confirms it", expected=expected, excess=float(mm))


def _xy(place: complex) -> tuple[float, float]:
    return float(place.real), float(place.imag)


def _exchanged_pair(face: Complex, shape: FaceShape, done: set[str]) -> tuple[str, str] | None:
    """Find the two landmarks that fit best in each other's place, and not in their own."""
    gains, at = shape.exchange_gains(face), shape.symbols.index
    for teeth in MAY_MEET:
        if teeth <= set(shape.symbols):
            i, j = (at(symbol) for symbol in teeth)
            gains[i, j] = gains[j, i] = gains[i, j] - (CROSSBITE_GAIN - EXCHANGE_GAIN)
    for symbol in done:
        gains[at(symbol)] = gains[:, at(symbol)] = -np.inf
    i, j = sorted(int(index) for index in np.unravel_index(int(np.argmax(gains)), gains.shape))
    if gains[i, j] <= EXCHANGE_GAIN:
        return None
    after = face.copy()
    after[[i, j]] = face[[j, i]]
    pair = shape.symbols[i], shape.symbols[j]
    still_out = {entry.symbol for entry in shape.displaced(after)} & set(pair)
    if still_out:  # a third landmark may affect both; but if only one of them is wrong, the other gets worse
        before_sds, after_sds = shape.residuals(face)[0][[i, j]], shape.residuals(after)[0][[i, j]]
        return pair if (after_sds < before_sds / 2).all() else None
    return pair


def _same_place(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) <= SAME_PLACE_PX and abs(one[1] - other[1]) <= SAME_PLACE_PX


def placed_wrong(name: str) -> Fault:
    """Make the fault that ``fault_of`` names; certain if no film can be so."""
    return Fault("turned", (), f"landmarks are {name}", "correct the label, or turn the film", name in MISTAKES)


def no_face(pose: LabelPose) -> Fault:
    """Make the fault of landmarks that do not have a face's shape in any pose."""
    text = f"not a face: a median of {pose.gap_mm:.0f} mm from the landmarks of a mean face of the same size"
    return Fault("no face", (), text, "check whether names and columns are right", certain=True)


def unlike(pose: LabelPose) -> Fault:
    """Make the fault of landmarks whose shape is not that of the other labels."""
    text = f"unlike the other labels: a median of {pose.gap_mm:.0f} mm from where these have the landmarks"
    return Fault("many out of place", (), text, "check whether names and columns are right", excess=pose.gap_mm)


def on_film(fault: Fault, pose: LabelPose, stretch: Stretch = SQUARE) -> Fault:
    """Return a fault of ``pose.upright`` with its expected places in film pixels."""
    places = {}
    for symbol, (x, y) in fault.expected.items():
        place = pose.turned_back(complex(x, y))
        places[symbol] = (place.real / stretch[0], place.imag / stretch[1])
    return replace(fault, expected=places)


def _listed(symbols: Sequence[str]) -> str:
    return f"{some(symbols, 8)} {'lies' if len(symbols) == 1 else 'lie'}"


def as_array(points: Points, stretch: Stretch = SQUARE, symbols: tuple[str, ...] = AARIZ.symbols) -> Complex:
    """Return (K,) x + iy in the order of ``symbols``, once pixels are square; NaN where missing."""
    xy = points_array(points, symbols) * stretch
    return np.asarray(xy[:, 0] + 1j * xy[:, 1])
