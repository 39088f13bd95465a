"""A synthetic lateral cephalogram from its landmarks."""

import numpy as np
from numpy.typing import NDArray

from cephkit.data.synthetic.anatomy import EAR_ROD_MM, Anatomy
from cephkit.data.synthetic.layer import Layer


def render(
    points: dict[str, tuple[float, float]],
    mm_per_px: float,
    size: tuple[int, int],
    cvm_stage: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    anatomy = Anatomy(points)
    bone = Layer(size, anatomy.unit)
    soft = Layer(size, anatomy.unit)
    head = anatomy.outline("head", "skin")
    soft.round(head, 0.42, 26)
    soft.fill(head, 0.06)
    soft.fill(anatomy.outline("airway", "skin"), -0.14, blur=1.0)
    soft.fill(anatomy.outline("tongue", "skin"), 0.08, blur=3)
    soft.fill(anatomy.outline("soft palate", "skin"), 0.08, blur=0.5)
    # cranium
    bone.fill(anatomy.outline("skull"), 0.30, blur=0.5, rim=0.35, rim_mm=2.5)
    inner = anatomy.outline("inner table")
    bone.fill(inner, 0.35, blur=1.0)
    bone.line(inner, 0.12, 1.2, 0.7)
    bone.fill(anatomy.outline("petrous"), 0.55, blur=3)
    bone.fill(anatomy.outline("mastoid"), 0.25, blur=4)
    for name, amount in (("frontal sinus", -0.22), ("maxillary sinus", -0.2), ("sphenoid sinus", -0.18), ("ethmoid", -0.12)):
        bone.fill(anatomy.outline(name), amount, blur=0.6, rim=0.12, rim_mm=0.7)
    bone.fill(anatomy.outline("nasal bone"), 0.15, blur=0.3, rim=0.15, rim_mm=0.8)
    bone.fill(anatomy.outline("maxilla"), 0.28, blur=0.5, rim=0.1)
    bone.fill(anatomy.outline("palate"), 0.15, blur=0.4, rim=0.15, rim_mm=0.7)
    bone.fill(anatomy.outline("pterygomaxillary fissure"), -0.15, blur=0.5, rim=0.0)
    for name in ("sella", "anterior clinoid", "orbital roof", "cribriform", "orbit", "orbit floor", "key ridge", "zygoma",
                 "nasal floor", "palate roof", "maxilla front", "pyriform", "pterygoid", "basilar", "middle fossa"):
        bone.line(anatomy.course(name), 0.2, 0.9, 0.35)
    bone.fill(anatomy.outline("jaw", "jaw"), 0.3, blur=0.4, rim=0.25, rim_mm=1.6)
    bone.fill(anatomy.outline("symphysis", "jaw"), 0.2, blur=0.4, rim=0.3, rim_mm=1.5)
    total = soft.map + bone.map
    return np.clip(255 * (1 - np.exp(-1.3 * np.maximum(total, 0))), 0, 255).astype(np.uint8)
