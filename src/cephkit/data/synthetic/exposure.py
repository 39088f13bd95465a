"""From attenuation to the grey film: texture, film response, grain, and what lies beside the head."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cephkit.data.synthetic.anatomy import Anatomy
from cephkit.data.synthetic.layer import Layer

Map = NDArray[np.float32]

LEVELS = 2048
"""Steps of the film's response to one unit of attenuation."""
DENSEST = 8
"""Attenuation at which any film is white."""


def clouds(size: tuple[int, int], cell_px: float, rng: np.random.Generator) -> Map:
    """Make smooth noise ``(H, W)``, about unit deviation, with spots of ``cell_px`` pixels."""
    width, height = size
    cell_px = max(1.0, cell_px)
    seeds = rng.standard_normal((int(height / cell_px) + 4, int(width / cell_px) + 4), dtype=np.float32)
    x0, y0 = rng.random(2)
    box = (x0, y0, x0 + width / cell_px, y0 + height / cell_px)
    picture = Image.fromarray(seeds)
    if cell_px >= 8:  # Broad spots need only a quarter of the resolution until the last step.
        quarter = (width // 4 + 1, height // 4 + 1)
        return np.asarray(
            picture.resize(quarter, Image.Resampling.BICUBIC, box).resize(size, Image.Resampling.BILINEAR)
        )
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box))


def develop(attenuation: Map, unit: float, rng: np.random.Generator) -> Map:
    """Turn attenuation ``(H, W)`` into grey in [0, 1] with a machine's exposure, contrast, fog and grain."""
    height, width = attenuation.shape
    hardness, gamma = rng.uniform(0.95, 1.45), rng.uniform(0.85, 1.25)
    low, high = rng.uniform(-0.03, 0.05), rng.uniform(0.84, 0.97)
    response = 1 - np.exp(-hardness * np.arange(LEVELS * DENSEST) / LEVELS)
    response = np.clip((response - low) / (high - low), 0, 1.1) ** gamma
    steps = np.clip(attenuation * np.float32(LEVELS), 0, LEVELS * DENSEST - 1).astype(np.int32)
    grey: Map = response.astype(np.float32)[steps]
    # The beam falls off to the corners and is not quite centred.
    x = np.linspace(-1, 1, width, dtype=np.float32)[None] - np.float32(rng.normal(0, 0.3))
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - np.float32(rng.normal(0, 0.3))
    grey *= 1 - np.float32(rng.uniform(0.0, 0.07)) * (x**2 + y**2)
    fog = np.float32(0.12 * rng.random() ** 2)
    grey = fog + (1 - fog) * grey
    if rng.random() < 0.5:
        grey += np.float32(rng.uniform(0.1, 0.6)) * (grey - _smooth(grey, max(2, round(1.2 * unit))))
    grain = rng.standard_normal((height, width), dtype=np.float32)
    grain += clouds((width, height), max(1.5, 0.45 * unit), rng) * np.float32(0.6)
    grain *= np.float32(rng.uniform(0.006, 0.02)) * (grey + np.float32(0.5))
    grey += grain
    return grey


def _smooth(grey: Map, cell_px: int) -> Map:
    """Average ``grey`` over about ``cell_px`` pixels: what the unsharp mask of digital machines subtracts."""
    picture = Image.fromarray(grey)
    return np.asarray(picture.reduce(cell_px).resize(picture.size, Image.Resampling.BILINEAR))


def draw_ruler(attenuation: Map, mm_per_px: float, rng: np.random.Generator) -> None:
    """Add a vertical steel ruler at the upper right with ticks 1 mm apart, longer at 5 and 10 mm."""
    height, width = attenuation.shape
    picture = Image.new("L", (width, height))
    draw = ImageDraw.Draw(picture)
    mm = 1 / mm_per_px
    right = width - max(6.0, rng.uniform(0.015, 0.06) * width)
    top, count = rng.uniform(0.03, 0.08) * height, int(rng.choice([40, 50, 60]))
    count = min(count, int(0.5 * height / mm))
    for tick in range(count + 1):
        y = top + tick * mm
        if mm < 3 and tick % 5:
            continue
        long = (6.0 if tick % 10 == 0 else 4.0 if tick % 5 == 0 else 2.0) * mm
        draw.line((right - long, y, right, y), fill=255, width=max(1, round(0.25 * mm)))
    draw.line((right, top, right, top + count * mm), fill=255, width=max(1, round(0.5 * mm)))
    attenuation += np.asarray(picture, np.float32) * np.float32(rng.uniform(1.0, 2.5) / 255)


def frame_film(grey: Map, rng: np.random.Generator) -> None:
    """Draw the collimator's border and a text tag into ``grey``, in place."""
    height, width = grey.shape
    if rng.random() < 0.5:
        edges = rng.uniform(0, 0.02, 4) * (width, height, width, height)
        shade = Image.new("L", (width, height), 0)
        radius = rng.choice([0.0, 0.02, 0.05]) * width
        draw = ImageDraw.Draw(shade)
        draw.rounded_rectangle((edges[0], edges[1], width - 1 - edges[2], height - 1 - edges[3]), radius, fill=255)
        if min(width, height) >= 4:
            shade = shade.reduce(2).resize((width, height), Image.Resampling.BILINEAR)
        grey *= np.asarray(shade, np.float32) / np.float32(255)
    if rng.random() < 0.6:
        text = "".join(rng.choice(list("0123456789"), 6)) + rng.choice([" L", " R", "", " LAT"])
        x, y = (0.02, 0.02) if rng.random() < 0.5 else (0.78, 0.95)
        left, top = round(x * width), round(y * height)
        patch = grey[top : top + height // 20, left : left + width // 5]
        if patch.size:
            tag = Image.new("L", (patch.shape[1], patch.shape[0]))
            ImageDraw.Draw(tag).text((0, 0), text, fill=255, font_size=max(8, round(0.018 * height)))
            np.maximum(patch, np.asarray(tag, np.float32) / np.float32(268), out=patch)


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
