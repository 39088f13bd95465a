"""The bones of the head except teeth and spine, added to a map of bone and to one of its thin edges."""

import numpy as np

from cephkit.data.synthetic.anatomy import Anatomy
from cephkit.data.synthetic.layer import Layer, beside, catmull_rom
from cephkit.geometry import Floats

TWO_SIDES = 0.45
"""Share of a paired structure's density that comes from the far side."""


def draw_cranium(bone: Layer, lines: Layer, anatomy: Anatomy, rng: np.random.Generator) -> None:
    bone.fill(anatomy.outline("skull"), 0.20, blur=0.7, rim=0.12, rim_mm=1.2)
    inner = anatomy.outline("inner table")
    bone.fill(inner, 0.26, blur=2.0)
    # Both tables and the diploe between them, seen edge-on.
    bone.line(anatomy.course("vault"), 0.4, 5.5, 1.3)
    lines.line(inner, 0.14, 1.2, 0.5)
    bone.fill(anatomy.outline("petrous"), 0.3, blur=5)
    bone.fill(anatomy.outline("petrous"), 0.25, blur=2.2)
    bone.fill(anatomy.outline("mastoid"), 0.14, blur=4)
    _air_cells(lines, anatomy, rng)
    bone.fill(anatomy.outline("frontal sinus"), rng.uniform(-0.4, -0.2), blur=0.7, rim=0.1, rim_mm=0.8)
    bone.fill(anatomy.outline("sphenoid sinus"), -0.12, blur=1.5)
    for name, amount in (("sella", 0.32), ("anterior clinoid", 0.16), ("cribriform", 0.22), ("basilar", 0.22)):
        lines.line(anatomy.course(name), amount, 1.1, 0.35)
    lines.line(anatomy.course("petrous ridge"), 0.2, 2.0, 0.8)
    for name in ("coronal suture", "lambda suture"):
        lines.line(anatomy.course(name), -0.05, 1.0, 0.8)


def _air_cells(lines: Layer, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Draw the honeycomb of the mastoid and the crumpled walls of the ethmoid."""
    angle = np.linspace(0, 2 * np.pi, 9)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for clump in range(3):
        middle = np.array([(-46, 12), (-54, 18), (-44, 26)][clump])
        cells = middle + rng.normal(0, 1, (30, 1, 2)) * (7, 8) + ring * rng.uniform(0.7, 2.0, (30, 1, 2))
        lines.lines(list(anatomy.place(cells).reshape(30, -1, 2)), 0.11, 0.5, 0.4)
    walls = np.array([[0, -1.5], [0, -0.5], [0, 0.5], [0, 1.5]]) * (1, 5) + rng.normal(0, 1.6, (14, 4, 2))
    walls += rng.uniform((26, 4), (62, 24), (14, 2))[:, None]
    for wall in anatomy.place(walls).reshape(14, 4, 2):
        lines.line(catmull_rom(wall), rng.uniform(0.04, 0.12), 0.7, 0.45)


def draw_midface(bone: Layer, lines: Layer, anatomy: Anatomy, rng: np.random.Generator) -> None:
    bone.fill(anatomy.outline("midface"), 0.2, blur=1.8)
    bone.fill(anatomy.outline("ethmoid"), -0.08, blur=3)
    bone.fill(anatomy.outline("maxillary sinus"), -0.17, blur=0.9, rim=0.1, rim_mm=0.8)
    bone.fill(anatomy.outline("nasal bone"), 0.14, blur=0.4, rim=0.1, rim_mm=0.7)
    bone.fill(anatomy.outline("maxilla"), 0.3, blur=0.9)
    bone.fill(anatomy.outline("palate"), 0.08, blur=0.5, rim=0.1, rim_mm=0.6)
    bone.fill(anatomy.outline("pterygomaxillary fissure"), -0.14, blur=0.6)
    for name, amount in (("nasal floor", 0.16), ("maxilla front", 0.14), ("palate roof", 0.1), ("pyriform", 0.08)):
        lines.line(anatomy.course(name), amount, 0.8, 0.35)
    paired = (
        "orbit", "orbit floor", "orbital roof", "key ridge", "zygoma", "pterygoid", "middle fossa", "fissure wall",
    )  # fmt: skip
    for side, weight in ((np.zeros(2), 1 - TWO_SIDES), (rng.normal(0, 1.2, 2), TWO_SIDES)):
        shift = side * anatomy.unit
        bone.fill(anatomy.outline("zygoma body") + shift, 0.2 * weight, blur=0.9, rim=0.1 * weight)
        for name in paired:
            lines.line(anatomy.course(name) + shift, 0.28 * weight, 0.9 + 0.3 * (name == "orbit"), 0.4)


def draw_jaw(bone: Layer, lines: Layer, anatomy: Anatomy, rng: np.random.Generator) -> None:
    outline = anatomy.outline("jaw", "jaw")
    # The far side differs at the back, where the halves lie apart, and not at the chin.
    apart = rng.normal(0, 1.1, 2) * anatomy.unit
    far = outline + _apart(anatomy, outline) * apart
    for shape, weight in ((outline, 1 - TWO_SIDES), (far, TWO_SIDES)):
        bone.fill(shape, 0.34 * weight, blur=0.5)
    border = anatomy.course("jaw border", "jaw")
    far = border + _apart(anatomy, border) * apart
    for edge, weight in ((border, 1 - TWO_SIDES), (far, TWO_SIDES)):
        bone.line(beside(edge, 0.8 * anatomy.unit), 0.2 * weight, 1.6, 0.4)
        lines.line(beside(edge, 0.6 * anatomy.unit), 0.16 * weight, 1.2, 0.4)
    bone.fill(anatomy.outline("alveolus", "jaw"), 0.14, blur=1.2)
    bone.fill(anatomy.outline("symphysis", "jaw"), 0.16, blur=0.35, rim=0.3, rim_mm=1.3)
    lines.line(anatomy.course("oblique line", "jaw"), 0.08, 1.2, 0.7)
    bone.line(anatomy.course("canal", "jaw"), -0.06, 2.2, 0.6)


def _apart(anatomy: Anatomy, outline: Floats) -> Floats:
    """Return the share ``(n, 1)`` of the sides' distance at each place of the jaw: 0 at the chin, 1 at the ramus."""
    back = anatomy.at["Go"] - anatomy.at["Me"]
    share = (outline - anatomy.at["Me"]) @ back / max(float(back @ back), 1e-6)
    return np.clip(share * 1.3 - 0.2, 0, 1)[:, None]
