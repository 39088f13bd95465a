"""Draws a synthetic lateral cephalogram from its landmarks."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.synthetic.anatomy import Anatomy
from cephkit.data.synthetic.bones import draw_cranium, draw_jaw, draw_midface
from cephkit.data.synthetic.exposure import clouds, develop, draw_ear_rods, draw_nasion_rest, draw_ruler, frame_film
from cephkit.data.synthetic.layer import Layer
from cephkit.data.synthetic.spine import draw_spine
from cephkit.data.synthetic.teeth import draw_teeth
from cephkit.geometry import Size

WORKING_PX = (800, 1050)
"""Longer side at which the anatomy is drawn, hence the sharpness; larger films are scaled up, then get their grain."""


def render(
    points: dict[str, tuple[float, float]], mm_per_px: float, size: Size, cvm_stage: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw a film of a right-facing face; all contours pass through its landmarks.

    Tissues are drawn as attenuation maps that add up; the film then responds to their sum.

    Args:
        points: all 29 landmarks by symbol, pixels of the film, x right, y down, pixel centres at integers.
        mm_per_px: spacing of the film; sets the ruler, while the size of the anatomy follows from sella and nasion.
        size: (height, width) of the film.
        cvm_stage: 1 to 6, the shape of the vertebrae.
        rng: source of everything random; the same state gives the same bytes.

    Returns:
        ``(H, W)`` uint8, bone bright, air dark.

    Raises:
        KeyError: a landmark is missing, or the stage is not 1 to 6.
    """
    scale = min(1.0, rng.uniform(*WORKING_PX) / max(size))
    across = (size[1], size[0])  # Pillow and the layers below take the width first
    small = (max(1, round(across[0] * scale)), max(1, round(across[1] * scale)))
    fit = np.array(small) / np.array(across)
    anatomy = Anatomy({s: tuple((np.array(p) + 0.5) * fit - 0.5) for s, p in points.items()}, rng)
    soft, bone, lines = (Layer(small, anatomy.unit) for _ in range(3))
    _draw_soft_tissue(soft, anatomy)
    draw_cranium(bone, lines, anatomy, rng)
    draw_midface(bone, lines, anatomy, rng)
    draw_jaw(bone, lines, anatomy, rng)
    draw_teeth(bone, anatomy, rng)
    draw_spine(bone, anatomy, cvm_stage, rng)
    soft.map *= np.float32(rng.uniform(0.85, 1.15))
    bone.map *= np.float32(rng.uniform(0.9, 1.2))
    total = soft.map * (1 + np.float32(0.05) * clouds(small, 12 * anatomy.unit, rng))
    total += (bone.map + lines.map * _patches(small, anatomy.unit, rng)) * _trabeculae(small, anatomy.unit, rng)
    draw_ear_rods(total, anatomy, rng)
    if rng.random() < 0.7:
        draw_nasion_rest(total, anatomy, rng)
    if scale < 1:
        total = np.asarray(Image.fromarray(total).resize(across, Image.Resampling.BICUBIC)).copy()
    if rng.random() < 0.8:
        draw_ruler(total, mm_per_px, rng)
    grey = develop(total, anatomy.unit / scale, rng)
    frame_film(grey, rng)
    return np.asarray(np.clip(grey * 255 + 0.5, 0, 255).astype(np.uint8))


def _patches(size: tuple[int, int], unit: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a factor ``(H, W)`` for thin edges, which the beam meets edge-on here and obliquely there."""
    return np.asarray(np.clip(1 + np.float32(0.55) * clouds(size, 6 * unit, rng), 0.15, 2))


def _trabeculae(size: tuple[int, int], unit: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a factor ``(H, W)`` for bone: thick and thin places, from large scales to that of the trabeculae."""
    small = (max(1, size[0] // 4), max(1, size[1] // 4))
    broad = 1 + np.float32(0.06) * clouds(small, 14 * unit / 4, rng) + np.float32(0.035) * clouds(small, unit, rng)
    texture = np.asarray(Image.fromarray(broad).resize(size, Image.Resampling.BILINEAR), dtype=np.float32)
    return texture + np.float32(0.04) * clouds(size, max(1.0, unit), rng)


def _draw_soft_tissue(soft: Layer, anatomy: Anatomy) -> None:
    head = anatomy.outline("head", "skin")
    soft.map += np.float32(0.05)
    soft.swell(head, 0.12, 6)
    soft.swell(head, 0.20, 30)
    soft.fill(anatomy.outline("cheek", "skin"), 0.12, blur=6)
    soft.fill(anatomy.outline("airway", "skin"), -0.13, blur=1.2)
    soft.fill(anatomy.outline("tongue", "skin"), 0.07, blur=4)
    soft.fill(anatomy.outline("soft palate", "skin"), 0.08, blur=0.8)
    soft.fill(anatomy.outline("turbinate"), 0.07, blur=1.2)
    soft.keep(head)
    soft.fill(anatomy.outline("hyoid", "skin"), 0.08, blur=0.5, rim=0.1, rim_mm=0.8)
