"""Pictures of where each landmark lies, on one synthetic film of the mean Aariz face."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cephkit.data.film import Points
from cephkit.data.synthetic.render import render
from cephkit.data.synthetic.shapes import table as face_table
from cephkit.landmarks.schema import Landmark, Tissue
from cephkit.landmarks.shipped import AARIZ

MM_PER_PX = 0.2
FILM_MM = (200.0, 215.0)
"""Width and height."""
FACE_AT_MM = (45.0, 60.0)
"""Where the left and upper edge of the face lie."""
SEED = 7
"""A film with no filling near a cusp and no label."""
CROP_PX = 200
LABEL_ANCHORS = {"UIA": "rb", "LIA": "rb", "UMT": "rb", "LMT": "rt", "LPM": "lt", "LIT": "rb", "Me": "rt"}
"""Corner of the label, in Pillow's letters, at the landmark on the picture of all; others: lower left."""
COLOURS: dict[Tissue, str] = {"bone": "#4fc3ff", "tooth": "#ffe14d", "soft": "#ff9a3c"}
QUALITY = 65
"""Of the JPEGs."""


def places() -> Points:
    """Return the landmarks of the mean Aariz face, pixels of the film."""
    face = face_table()["mean_mm"].reshape(-1, 2)
    pixels = (face - face.min(axis=0) + FACE_AT_MM) / MM_PER_PX - 0.5
    return {symbol: (float(x), float(y)) for symbol, (x, y) in zip(AARIZ.symbols, pixels, strict=True)}


def picture_name(landmark: Landmark) -> str:
    """Return ``N_soft.jpg`` for N`: a backtick in a file's name is a nuisance."""
    return f"{landmark.symbol.replace('`', '_soft')}.jpg"


def landmark_picture(symbol: str) -> Image.Image:
    """Return 40 x 40 mm of the film with the landmark in the middle of an open cross."""
    x, y = places()[symbol]
    left, top = round(x) - CROP_PX // 2, round(y) - CROP_PX // 2
    crop = _film().crop((left, top, left + CROP_PX, top + CROP_PX))
    _mark(ImageDraw.Draw(crop), x - left, y - top, COLOURS[AARIZ[symbol].tissue], 9, 22)
    return crop


def overview_picture() -> Image.Image:
    """Return the whole film with all landmarks and their symbols."""
    whole, font, points = _film().copy(), ImageFont.load_default(19), places()
    draw = ImageDraw.Draw(whole)
    for landmark in AARIZ.landmarks:
        x, y = points[landmark.symbol]
        colour = COLOURS[landmark.tissue]
        _mark(draw, x, y, colour, 2, 6)
        anchor = LABEL_ANCHORS.get(landmark.symbol, "lb")
        at = (x + (6 if anchor[0] == "l" else -6), y + (4 if anchor[1] == "t" else -2))
        draw.text(at, landmark.symbol, colour, font, anchor, stroke_width=2, stroke_fill="black")
    return whole


@lru_cache(maxsize=1)
def _film() -> Image.Image:
    width, height = (round(side / MM_PER_PX) for side in FILM_MM)
    rng = np.random.default_rng(SEED)
    return Image.fromarray(render(places(), MM_PER_PX, (height, width), cvm_stage=4, rng=rng)).convert("RGB")


def _mark(draw: ImageDraw.ImageDraw, x: float, y: float, colour: str, gap: int, reach: int) -> None:
    """Draw a cross whose middle is left open, so that it hides nothing of the place."""
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        line = (x + gap * dx, y + gap * dy, x + reach * dx, y + reach * dy)
        draw.line(line, fill="black", width=4)
        draw.line(line, fill=colour, width=2)
