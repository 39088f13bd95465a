"""The machine's parts that touch the head."""

import numpy as np
from numpy.typing import NDArray

from cephkit.data.synthetic.anatomy import Anatomy
from cephkit.data.synthetic.layer import Layer


def draw_ear_rods(total: NDArray[np.float32], anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Draw the ear canal and the rings of both ear rods in it; the top of the first is Po."""
    rods = Layer((total.shape[1], total.shape[0]), anatomy.unit)
    angle = np.linspace(0, 2 * np.pi, 48)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * anatomy.unit
    radius = rng.uniform(3.8, 6.0)
    down = np.array([0.0, 1.0]) * anatomy.unit
    rods.fill(anatomy.at["Po"] + down * radius + ring * radius, -0.22, 0.4)
    for side, wider, amount in ((np.zeros(2), 0.0, 0.9), (rng.normal(0, 1.2, 2), rng.uniform(0, 1), 0.6)):
        centre = anatomy.at["Po"] + down * (radius + wider) + side * anatomy.unit
        rods.line(centre + ring * (radius + wider - 0.35), amount, 0.7, 0.15)
    rods.fill(anatomy.at["Po"] + down * radius + ring * 1.5, 0.5, 0.3)
    total += rods.map


def draw_nasion_rest(total: NDArray[np.float32], anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Draw the plastic arm that rests on the bridge of the nose, and the rod that it hangs from."""
    rest = Layer((total.shape[1], total.shape[0]), anatomy.unit)
    right, down = np.eye(2) * anatomy.unit
    touch = anatomy.at["N`"] + right * 1.5 - down * rng.uniform(0, 5)
    reach = rng.uniform(16, 26)
    amount = rng.uniform(0.12, 0.3)
    arm = np.array([touch, touch + right * reach])
    rod = np.array([arm[1], arm[1] - down * 400])
    rest.line(arm, amount, 5.0, 0.4)
    rest.line(arm[:1] + np.outer([0, 1], right * 2.5), amount * 0.6, 8.0, 0.5)
    rest.line(rod, amount * 1.3, 4.0, 0.3)
    if rng.random() < 0.5:
        rest.line(rod, amount * 2, 1.2, 0.2)
    total += rest.map
