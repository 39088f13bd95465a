"""A synthetic lateral cephalogram from its landmarks."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.synthetic.anatomy import Anatomy
from cephkit.data.synthetic.exposure import clouds, develop, draw_ruler, frame_film
from cephkit.data.synthetic.layer import Layer
from cephkit.data.synthetic.spline import beside
from cephkit.data.synthetic.spine import draw_spine
from cephkit.data.synthetic.teeth import draw_teeth

WORKING_PX = 1100
"""Longer side at which the anatomy is drawn; a larger film is scaled up from it, grain comes at full size."""
TWO_SIDES = 0.45
"""Share of a paired structure's density that the far side gives."""


def render(
    points: dict[str, tuple[float, float]],
    mm_per_px: float,
    size: tuple[int, int],
    cvm_stage: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Draw a film of a face that looks right; all contours pass through its landmarks.

    Tissues are drawn as attenuation maps that add up, then the film responds to their sum.

    Args:
        points: all 29 landmarks by symbol, pixels of the film, x right, y down, pixel centres at integers.
        mm_per_px: spacing of the film; sets the ruler, while the anatomy takes its size from sella to nasion.
        size: (width, height) of the film.
        cvm_stage: 1 to 6, the shape of the vertebrae.
        rng: everything random comes from it; the same state gives the same bytes.

    Returns:
        ``(H, W)`` uint8, bone bright, air dark.

    Raises:
        KeyError: a landmark is missing, or the stage is not 1 to 6.
    """
    scale = min(1.0, WORKING_PX / max(size))
    small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    fit = np.array(small) / np.array(size)
    anatomy = Anatomy({s: tuple((np.array(p) + 0.5) * fit - 0.5) for s, p in points.items()})
    soft, bone, lines = (Layer(small, anatomy.unit) for _ in range(3))
    _soft_tissue(soft, anatomy, rng)
    _cranium(bone, lines, anatomy, rng)
    _midface(bone, lines, anatomy, rng)
    _jaw(bone, lines, anatomy, rng)
    draw_teeth(bone, anatomy, rng)
    draw_spine(bone, anatomy, cvm_stage, rng)
    total = soft.map * (1 + np.float32(0.05) * clouds(small, 12 * anatomy.unit, rng))
    total += (bone.map + lines.map * _patches(small, anatomy.unit, rng)) * _trabeculae(small, anatomy.unit, rng)
    _ear_rods(total, anatomy, rng)
    if rng.random() < 0.7:
        _nasion_rest(total, anatomy, rng)
    if scale < 1:
        total = np.asarray(Image.fromarray(total).resize(size, Image.Resampling.BICUBIC)).copy()
    if rng.random() < 0.8:
        draw_ruler(total, mm_per_px, rng)
    grey = develop(total, anatomy.unit / scale, rng)
    frame_film(grey, rng)
    return np.clip(grey * 255 + 0.5, 0, 255).astype(np.uint8)


def _soft_tissue(soft: Layer, anatomy: Anatomy, rng: np.random.Generator) -> None:
    head = anatomy.outline("head", "skin")
    soft.fill(head, 0.05, blur=0.35)
    soft.round(head, 0.12, 6)
    soft.round(head, 0.20, 30)
    soft.fill(anatomy.outline("cheek", "skin"), 0.12, blur=6)
    soft.fill(anatomy.outline("airway", "skin"), -0.13, blur=1.2)
    soft.fill(anatomy.outline("tongue", "skin"), 0.07, blur=4)
    soft.fill(anatomy.outline("soft palate", "skin"), 0.08, blur=0.8)
    soft.fill(anatomy.outline("turbinate"), 0.07, blur=1.2)
    soft.fill(anatomy.outline("hyoid", "skin"), 0.08, blur=0.5, rim=0.1, rim_mm=0.8)


def _cranium(bone: Layer, lines: Layer, anatomy: Anatomy, rng: np.random.Generator) -> None:
    bone.fill(anatomy.outline("skull"), 0.20, blur=0.7, rim=0.12, rim_mm=1.2)
    inner = anatomy.outline("inner table")
    bone.fill(inner, 0.26, blur=1.0)
    # Both tables and the diploe between them, met edge-on.
    bone.line(anatomy.course("vault"), 0.4, 5.5, 1.3)
    lines.line(inner, 0.14, 1.2, 0.5)
    bone.fill(anatomy.outline("petrous"), 0.35, blur=4)
    bone.fill(anatomy.outline("petrous"), 0.2, blur=1.2)
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
    """Cells of the mastoid and the ethmoid: thin walls around dark bubbles."""
    angle = np.linspace(0, 2 * np.pi, 10)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for centre, spread, count, amount in (((-50, 14), (8, 11), 80, 0.16), ((42, 13), (9, 6), 24, 0.07)):
        for half in (0, 1):
            places = np.array(centre) + rng.normal(0, 1, (count // 2, 2)) * spread
            radii = rng.uniform(0.8, 2.4, count // 2) * (1.0 if centre[0] < 0 else 1.6)
            cells = [anatomy.place(place + ring * radius * (1, 1.2)) for place, radius in zip(places, radii, strict=True)]
            lines.lines(cells, amount, 0.6, 0.4)
            for cell in cells[: 12 * half]:
                lines.fill(cell, -0.07, 0.7)


def _midface(bone: Layer, lines: Layer, anatomy: Anatomy, rng: np.random.Generator) -> None:
    bone.fill(anatomy.outline("midface"), 0.2, blur=1.8)
    bone.fill(anatomy.outline("ethmoid"), -0.08, blur=3)
    bone.fill(anatomy.outline("maxillary sinus"), -0.17, blur=0.9, rim=0.1, rim_mm=0.8)
    bone.fill(anatomy.outline("nasal bone"), 0.14, blur=0.4, rim=0.1, rim_mm=0.7)
    bone.fill(anatomy.outline("maxilla"), 0.3, blur=0.9)
    bone.fill(anatomy.outline("palate"), 0.08, blur=0.5, rim=0.1, rim_mm=0.6)
    bone.fill(anatomy.outline("pterygomaxillary fissure"), -0.14, blur=0.6)
    for name, amount in (("nasal floor", 0.16), ("maxilla front", 0.14), ("palate roof", 0.1), ("pyriform", 0.08)):
        lines.line(anatomy.course(name), amount, 0.8, 0.35)
    paired = ("orbit", "orbit floor", "orbital roof", "key ridge", "zygoma", "pterygoid", "middle fossa", "fissure wall")
    for side, weight in ((np.zeros(2), 1 - TWO_SIDES), (rng.normal(0, 1.2, 2), TWO_SIDES)):
        shift = side * anatomy.unit
        bone.fill(anatomy.outline("zygoma body") + shift, 0.2 * weight, blur=0.9, rim=0.1 * weight)
        for name in paired:
            lines.line(anatomy.course(name) + shift, 0.28 * weight, 0.9 + 0.3 * (name == "orbit"), 0.4)


def _jaw(bone: Layer, lines: Layer, anatomy: Anatomy, rng: np.random.Generator) -> None:
    outline = anatomy.outline("jaw", "jaw")
    # The far side differs behind, where the halves lie apart, and not at the chin.
    apart = rng.normal(0, 1.1, 2) * anatomy.unit
    far = outline + _apart(anatomy, outline) * apart
    for shape, weight in ((outline, 1 - TWO_SIDES), (far, TWO_SIDES)):
        bone.fill(shape, 0.34 * weight, blur=0.5)
    border = anatomy.course("jaw border", "jaw")
    far = border + _apart(anatomy, border) * apart
    for edge, weight in ((border, 1 - TWO_SIDES), (far, TWO_SIDES)):
        bone.line(beside(edge, 0.75 * anatomy.unit), 0.36 * weight, 1.5, 0.35)
    bone.fill(anatomy.outline("alveolus", "jaw"), 0.14, blur=1.2)
    bone.fill(anatomy.outline("symphysis", "jaw"), 0.16, blur=0.35, rim=0.3, rim_mm=1.3)
    lines.line(anatomy.course("oblique line", "jaw"), 0.08, 1.2, 0.7)
    bone.line(anatomy.course("canal", "jaw"), -0.06, 2.2, 0.6)


def _apart(anatomy: Anatomy, outline: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share ``(n, 1)`` of the sides' distance at each place of the jaw: 0 at the chin, 1 at the ramus."""
    back = anatomy.at["Go"] - anatomy.at["Me"]
    share = (outline - anatomy.at["Me"]) @ back / max(float(back @ back), 1e-6)
    return np.clip(share * 1.3 - 0.2, 0, 1)[:, None]


def _patches(size: tuple[int, int], unit: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Factor ``(H, W)`` on thin edges, which the beam meets exactly edge-on here and at a slant there."""
    return np.clip(1 + 0.55 * clouds(size, 6 * unit, rng), 0.15, 2).astype(np.float32)


def _trabeculae(size: tuple[int, int], unit: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Factor ``(H, W)`` on bone: thick and thin places, from a large scale to that of the trabeculae."""
    texture = 1 + 0.06 * clouds(size, 14 * unit, rng)
    for cell_mm, share in ((4.0, 0.035), (1.0, 0.04)):
        texture += np.float32(share) * clouds(size, max(1.0, cell_mm * unit), rng)
    return texture.astype(np.float32)


def _ear_rods(total: NDArray[np.float32], anatomy: Anatomy, rng: np.random.Generator) -> None:
    """The ear canal and the rings of both ear rods in it; the top of the first is Po."""
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


def _nasion_rest(total: NDArray[np.float32], anatomy: Anatomy, rng: np.random.Generator) -> None:
    """The plastic arm that rests on the bridge of the nose, and the rod that it hangs from."""
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
