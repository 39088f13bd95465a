"""From attenuation to the grey film: texture, film response, grain, and what stands beside the head."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Map = NDArray[np.float32]


def blur(values: Map, radius: float) -> Map:
    """Gaussian blur of ``(H, W)`` float32 by ``radius`` pixels, as three box sums a direction do it.

    Pillow blurs 8-bit pictures only, and 8 bits would show as steps in the flat parts of a film.
    """
    box = max(1, round(float(np.sqrt(12 * radius**2 / 2 + 1))) | 1)
    for _ in range(2):
        for axis in (0, 1):
            half = box // 2
            pad = [(0, 0), (0, 0)]
            pad[axis] = (half + 1, half)
            sums = np.cumsum(np.pad(values, pad, mode="edge"), axis=axis, dtype=np.float32)
            high = sums[box:] if axis == 0 else sums[:, box:]
            low = sums[:-box] if axis == 0 else sums[:, :-box]
            values = (high - low) / np.float32(box)
    return values


def clouds(size: tuple[int, int], cell_px: float, rng: np.random.Generator) -> Map:
    """Smooth noise ``(H, W)``, about unit deviation, with spots of ``cell_px`` pixels."""
    width, height = size
    small = rng.standard_normal((int(height / cell_px) + 4, int(width / cell_px) + 4), dtype=np.float32)
    x0, y0 = rng.random(2)
    box = (x0, y0, x0 + width / cell_px, y0 + height / cell_px)
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC, box=box))


def develop(attenuation: Map, unit: float, rng: np.random.Generator) -> Map:
    """Attenuation ``(H, W)`` -> grey in [0, 1] with this machine's exposure, contrast, fog and grain."""
    height, width = attenuation.shape
    hardness = rng.uniform(0.95, 1.45)
    grey = 1 - np.exp(-hardness * np.maximum(attenuation, 0))
    # The beam falls off to the corners and is not quite centred.
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    fall = ((x - rng.normal(0, 0.3)) ** 2 + (y - rng.normal(0, 0.3)) ** 2).astype(np.float32)
    grey *= 1 - rng.uniform(0.0, 0.07) * fall
    low, high = rng.uniform(-0.03, 0.05), rng.uniform(0.84, 0.97)
    grey = np.clip((grey - low) / (high - low), 0, 1.1)
    grey = grey ** np.float32(rng.uniform(0.85, 1.25))
    fog = rng.uniform(0.0, 0.08)
    grey = fog + (1 - fog) * grey
    grain = rng.standard_normal((height, width), dtype=np.float32)
    grain += clouds((width, height), max(1.5, 0.45 * unit), rng) * np.float32(0.6)
    strength = np.float32(rng.uniform(0.006, 0.02))
    return (grey + grain * strength * (0.5 + np.clip(grey, 0, 1))).astype(np.float32)


def draw_ruler(attenuation: Map, mm_per_px: float, rng: np.random.Generator) -> None:
    """Add a vertical steel ruler at the upper right whose ticks stand 1 mm apart, longer at 5 and 10 mm."""
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
    """Set the collimator's border, and a text tag, into ``grey`` in place."""
    height, width = grey.shape
    if rng.random() < 0.5:
        edges = rng.uniform(0, 0.02, 4) * (width, height, width, height)
        shade = Image.new("L", (width, height), 0)
        radius = rng.choice([0.0, 0.02, 0.05]) * width
        draw = ImageDraw.Draw(shade)
        draw.rounded_rectangle((edges[0], edges[1], width - 1 - edges[2], height - 1 - edges[3]), radius, fill=255)
        soft = shade.filter(ImageFilter.GaussianBlur(max(0.5, 0.0008 * width)))
        grey *= np.asarray(soft, np.float32) / 255
    if rng.random() < 0.6:
        tag = Image.new("L", (width, height), 0)
        text = "".join(rng.choice(list("0123456789"), 6)) + rng.choice([" L", " R", "", " LAT"])
        place = (0.02 * width, 0.02 * height) if rng.random() < 0.5 else (0.78 * width, 0.95 * height)
        ImageDraw.Draw(tag).text(place, text, fill=255, font_size=max(8, round(0.018 * height)))
        np.maximum(grey, np.asarray(tag, np.float32) / 255 * np.float32(0.95), out=grey)
