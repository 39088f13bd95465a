"""How a label lies on its film: which way the face looks, how many quarter turns from upright, how large."""

import cmath
import math
from dataclasses import dataclass

import numpy as np

from cephkit.data.face_shapes import FEWEST_LANDMARKS, Complex, placing
from cephkit.geometry import Size

EXCHANGED, FROM_BOTTOM = "labelled with x and y swapped", "labelled with y counted from the bottom"
EXCHANGED_FAR = "labelled with x and y swapped and counted from the far sides"
MISTAKES = frozenset((EXCHANGED, FROM_BOTTOM, EXCHANGED_FAR))
"""Faults that only labels can have, never films."""
_TURNED = {1: "turned by 90 degrees", 2: "upside down", 3: "turned by 90 degrees"}


@dataclass(frozen=True)
class LabelPose:
    """How the landmarks of one label lie, by the shape that faces have."""

    mirrored: bool
    """The face looks left once it is upright."""
    quarters: int
    """Clockwise quarter turns that bring it upright; 0: it is upright."""
    pixels_per_mm: float
    """Of an average face."""
    gap_mm: float
    """Median distance from the mean face."""
    upright: Complex
    """(K,) turned upright and facing right."""

    def turned_back(self, point: complex) -> complex:
        """Return where a point beside ``upright`` lies beside the landmarks as they were."""
        back = complex(point / 1j**self.quarters)
        return -back.conjugate() if self.mirrored else back


def pose_of(points: Complex, mean: Complex) -> LabelPose | None:
    """Find the pose of ``points`` (K,), film pixels, NaN where missing; None if there are too few."""
    if np.isfinite(points + mean).sum() < FEWEST_LANDMARKS:
        return None
    poses = []
    for mirrored in (False, True):
        face = reflected(points) if mirrored else points
        placed = placing(face, mean)
        if placed is None:
            return None
        factor, shift = placed
        quarters = round(math.degrees(cmath.phase(factor)) / 90) % 4
        gap = float(np.nanmedian(np.abs(factor * face + shift - mean)))
        poses.append(LabelPose(mirrored, quarters, 1 / abs(factor), gap, face * 1j**quarters))
    return min(poses, key=lambda pose: pose.gap_mm)


def reflected(points: Complex) -> Complex:
    """Exchange left and right of ``points``."""
    return -np.conj(points)


def fault_of(pose: LabelPose, usually_mirrored: bool) -> str:
    """Name what was done to a label that lies as ``pose``, where others are upright; empty if nothing was."""
    if pose.mirrored == usually_mirrored:
        return _TURNED.get(pose.quarters, "")
    if pose.quarters == 0:
        return "mirrored"
    if pose.quarters == 2:
        return FROM_BOTTOM
    transposed = pose.quarters == (1 if usually_mirrored else 3)
    return EXCHANGED if transposed else EXCHANGED_FAR


def corrected(points: Complex, pose: LabelPose, usually_mirrored: bool, size: Size) -> Complex:
    """Undo what ``fault_of`` names, on a film of ``size`` (height, width)."""
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
    # Mirrored, a turn goes the other way.
    return np.asarray(turned.get(-pose.quarters % 4 if pose.mirrored else pose.quarters, points))
