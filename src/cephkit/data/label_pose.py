"""How a label lies on its film: which side the face looks to, turned by how many quarters, in what size."""

import cmath
import math
from dataclasses import dataclass

import numpy as np

from cephkit.data.face_shapes import FEWEST_LANDMARKS, Complex, placing
from cephkit.geometry import Size

EXCHANGED, FROM_BOTTOM = "labelled with x and y exchanged", "labelled with y counted from the bottom"
EXCHANGED_FAR = "labelled with x and y exchanged and counted from the far sides"
MISTAKES = frozenset((EXCHANGED, FROM_BOTTOM, EXCHANGED_FAR))
"""Of labels alone: no film lies so."""
_TURNED = {1: "turned by a quarter", 2: "upside down", 3: "turned by a quarter"}


@dataclass(frozen=True)
class LabelPose:
    """How the landmarks of one label lie, by the shape that faces have."""

    mirrored: bool
    """The face looks to the left, once it is upright."""
    quarters: int
    """Turns by 90 degrees, clockwise as one sees it, that bring it upright; 0: it is."""
    pixels_per_mm: float
    """Of an average face."""
    gap_mm: float
    """Median distance from the mean face."""
    upright: Complex
    """(29,) as a face that looks right, turned upright."""


def pose_of(points: Complex, mean: Complex) -> LabelPose | None:
    """The pose of ``points`` (29,), film pixels, NaN where missing; None where too few are there to tell."""
    if np.isfinite(points).sum() < FEWEST_LANDMARKS:
        return None
    poses = []
    for mirrored in (False, True):
        seen = reflected(points) if mirrored else points
        placed = placing(seen, mean)
        if placed is None:
            return None
        factor, shift = placed
        quarters = round(math.degrees(cmath.phase(factor)) / 90) % 4
        gap = float(np.nanmedian(np.abs(factor * seen + shift - mean)))
        poses.append(LabelPose(mirrored, quarters, 1 / abs(factor), gap, seen * 1j**quarters))
    return min(poses, key=lambda pose: pose.gap_mm)


def reflected(points: Complex) -> Complex:
    """``points`` with left and right exchanged."""
    return -np.conj(points)


def fault_of(pose: LabelPose, usually_mirrored: bool) -> str:
    """What was done to a label that lies as ``pose`` where others look upright to the usual side; empty: nothing."""
    if pose.mirrored == usually_mirrored:
        return _TURNED.get(pose.quarters, "")
    if pose.quarters == 0:
        return "mirrored"
    if pose.quarters == 2:
        return FROM_BOTTOM
    transposed = pose.quarters == (1 if usually_mirrored else 3)
    return EXCHANGED if transposed else EXCHANGED_FAR


def mended(points: Complex, pose: LabelPose, usually_mirrored: bool, size: Size) -> Complex:
    """``points`` with that undone, on a film of ``size`` (height, width)."""
    height, width = size
    x, y = points.real, points.imag
    fault = fault_of(pose, usually_mirrored)
    if fault == EXCHANGED:
        return y + 1j * x
    if fault == "mirrored":
        return (width - 1 - x) + 1j * y
    if fault == FROM_BOTTOM:
        return x + 1j * (height - 1 - y)
    if fault == EXCHANGED_FAR:
        return (width - 1 - y) + 1j * (height - 1 - x)
    turned = {1: (width - 1 - y) + 1j * x, 2: (width - 1 - x) + 1j * (height - 1 - y), 3: y + 1j * (height - 1 - x)}
    # Seen from the other side a turn goes the other way.
    return np.asarray(turned.get(-pose.quarters % 4 if pose.mirrored else pose.quarters, points))
