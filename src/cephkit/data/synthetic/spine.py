"""Cervical vertebrae, shaped by the stage of maturation (CVM)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cephkit.data.synthetic.anatomy import Anatomy
from cephkit.data.synthetic.layer import Layer, catmull_rom
from cephkit.geometry import Floats


@dataclass(frozen=True)
class Stage:
    """Bodies of C3 and C4 at one stage.

    Source: Baccetti, Franchi, McNamara, The cervical vertebral maturation method, Seminars in Orthodontics 11, 2005.

    Args:
        height: back height over width.
        taper: loss of height from back to front over height: 0.35 is a trapezoid, 0 a rectangle.
        concave: depth of the lower border in mm, of C2, C3, C4.
    """

    height: float
    taper: float
    concave: tuple[float, float, float]


STAGES = {
    1: Stage(0.62, 0.38, (0.0, 0.0, 0.0)),
    2: Stage(0.66, 0.32, (1.3, 0.1, 0.0)),
    3: Stage(0.72, 0.22, (1.6, 1.3, 0.2)),
    4: Stage(0.80, 0.10, (1.8, 1.6, 1.4)),
    5: Stage(0.95, 0.03, (2.0, 1.8, 1.7)),
    6: Stage(1.12, 0.0, (2.2, 2.1, 2.0)),
}
DENS_FOOT_MM = (-34.0, 56.0)
DISC_MM = 4.2


def draw_spine(bone: Layer, anatomy: Anatomy, cvm_stage: int, rng: np.random.Generator) -> None:
    """Add C1 to C7 below the skull base; raises KeyError for a stage outside 1 to 6."""
    stage = STAGES[cvm_stage]
    unit = anatomy.unit
    width = rng.normal(14.5, 0.5)
    foot = anatomy.neck([DENS_FOOT_MM])[0]
    down = anatomy.neck([(DENS_FOOT_MM[0] - 17.5, DENS_FOOT_MM[1] + 98.5)])[0] - anatomy.neck([DENS_FOOT_MM])[0]
    tilt = float(np.arctan2(-down[0], down[1])) + rng.normal(0.0, 0.04)
    curve = rng.normal(0.02, 0.02)

    def axes(angle: float) -> tuple[Floats, Floats]:
        down = np.array([-np.sin(angle), np.cos(angle)]) * unit
        return np.array([down[1], -down[0]]), down

    front, down = axes(tilt - 0.05)
    _atlas(bone, foot, front, down)
    place = foot
    heights = [0.98 * width] + [stage.height * width] * 6
    for level, tall in enumerate(heights):
        front, down = axes(tilt - 0.05 + curve * level)
        depth = stage.concave[min(level, 2)]
        taper = stage.taper * tall if level else 0.08 * tall
        if level == 0:
            _axis(bone, place, front, down, width, tall, depth)
        else:
            _body(bone, place, front, down, width, tall, taper, depth)
        _arch(bone, place, front, down, width, tall, level, rng)
        place = place + down * (tall + DISC_MM) + front * rng.normal(0, 0.3)


def _local(place: Floats, front: Floats, down: Floats, shape: Sequence[tuple[float, float]]) -> Floats:
    local = np.array(shape)
    return place + local[:, :1] * front + local[:, 1:] * down


def _add(bone: Layer, knots: Floats, amount: float = 0.22, rim: float = 0.16) -> None:
    bone.fill(catmull_rom(knots, closed=True, steps=5), amount, 0.35, rim=rim, rim_mm=1.1)


def _body(
    bone: Layer, place: Floats, front: Floats, down: Floats, width: float, tall: float, taper: float, depth: float
) -> None:
    w, h = width / 2, tall
    shape = [
        (-w, 0.4), (-w + 0.8, 0), (0, 0.25 * taper + 0.3), (w - 1.4, 0.85 * taper), (w - 0.2, taper + 0.8),
        (w - 0.7, (h + taper) / 2), (w + 0.2, h - 0.7), (w - 0.6, h), (w * 0.4, h - depth * 0.75),
        (-w * 0.1, h - depth), (-w * 0.55, h - depth * 0.75), (-w + 0.6, h), (-w, h - 0.6), (-w + 0.7, h / 2),
    ]  # fmt: skip
    _add(bone, _local(place, front, down, shape))


def _axis(bone: Layer, place: Floats, front: Floats, down: Floats, width: float, tall: float, depth: float) -> None:
    w, h = width / 2, tall
    shape = [
        (0.5, -12.5), (3.0, -10.5), (3.6, -5), (4.4, 0), (w - 0.9, 6), (w + 0.5, h - 0.8), (w - 0.3, h),
        (w * 0.4, h - depth * 0.75), (-w * 0.1, h - depth), (-w * 0.55, h - depth * 0.75), (-w + 0.6, h), (-w, h - 0.7),
        (-w + 1.4, 6), (-4.5, 0), (-3.8, -5), (-2.4, -10.5),
    ]  # fmt: skip
    _add(bone, _local(place, front, down, shape))


def _atlas(bone: Layer, foot: Floats, front: Floats, down: Floats) -> None:
    arch = [(5.2, -9), (8.2, -10), (11.3, -7), (10.6, -3), (7.4, -2), (5.0, -4)]
    _add(bone, _local(foot, front, down, arch), 0.25, 0.25)
    mass = [(4, -12), (-2, -14), (-12, -12), (-13, -5), (-8, -1), (2, -0.5), (5, -5)]
    _add(bone, _local(foot, front, down, mass), 0.16, 0.08)
    back = [
        (-10, -9), (-20, -10.5), (-30, -9), (-37, -10.5), (-39.5, -7), (-37, -3.5), (-29, -5), (-19, -5.5),
        (-10, -4),
    ]  # fmt: skip
    _add(bone, _local(foot, front, down, back), 0.15, 0.18)


def _arch(
    bone: Layer,
    place: Floats,
    front: Floats,
    down: Floats,
    width: float,
    tall: float,
    level: int,
    rng: np.random.Generator,
) -> None:
    """Draw the articular pillars, once per side, and the spinous process."""
    w, h = width / 2, tall
    for _ in range(2):
        jog = rng.normal(0, 0.6, 2)
        pillar = [
            (-w + 0.5, h * 0.25), (-w - 3, -0.5), (-w - 6.5, -3.5), (-w - 8.5, -2), (-w - 10.5, h * 0.6),
            (-w - 11, h + 1), (-w - 8.5, h + 2.5), (-w - 5, h - 0.5), (-w - 2, h * 0.75), (-w + 0.5, h * 0.75),
        ]  # fmt: skip
        _add(bone, _local(place, front, down, pillar) + jog @ np.array([front, down]), 0.09, 0.06)
    long = 24 + 1.6 * level + rng.normal(0, 1.5) + (3 if level == 0 else 0)
    drop = h * 0.75 + 1.5 * level
    spinous = [
        (-w - 9, h * 0.35), (-w - long * 0.7, drop - 1.5), (-w - long, drop), (-w - long - 0.5, drop + 3.5),
        (-w - long * 0.75, drop + 4), (-w - 10, h * 0.9),
    ]  # fmt: skip
    _add(bone, _local(place, front, down, spinous), 0.12, 0.12)
