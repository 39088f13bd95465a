"""Writes the tables of landmarks.md and its pictures from the definitions below: ``python docs/landmarks.py``.

The tables lie between ``<!-- landmarks TISSUE -->`` and ``<!-- end -->``; a test fails when they are not what this file
says. The pictures show one synthetic film; they are in the repository (150 kB in all), so that the page can be read
without building the site.
"""

import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cephkit.data.synthetic.render import render
from cephkit.data.synthetic.shapes import table as face_table
from cephkit.landmarks import LANDMARKS, SYMBOLS, Landmark, Tissue

PAGE = Path(__file__).with_name("landmarks.md")
PICTURES = Path(__file__).with_name("landmarks")

DEFINITIONS = {
    "A": "The deepest point of the concave front of the upper jaw, between the anterior nasal spine and the bone "
    "edge above the incisors (subspinale).",
    "ANS": "The tip of the bony spine at the front of the hard palate, below the nasal opening.",
    "B": "The deepest point of the concave front of the lower jaw, between the bone edge below the incisors and the "
    "chin (supramentale).",
    "Me": "The lowest point of the outline of the symphysis of the lower jaw.",
    "N": "The front end of the suture between the frontal and the nasal bones, in the midline.",
    "Or": "The lowest point of the lower rim of the orbit. Both rims show; take the middle of the two.",
    "Pog": "The most anterior point of the bony chin.",
    "PNS": "The tip of the spine at the back end of the hard palate. Where unerupted molars hide it, it lies where "
    "the floor of the nose meets the front wall of the pterygopalatine fossa, continued downward.",
    "R": "A point on the back edge of the ramus of the lower jaw, about half-way between articulare and gonion. The "
    "data set gives no definition; this is where its annotators put it.",
    "S": "The centre of the sella turcica, the hollow of the pituitary gland: the middle of its outline, not a point "
    "on it.",
    "Ar": "Where the back edge of the neck of the condyle crosses the lower outline of the base of the skull: a "
    "crossing of two shadows, not a place on a bone.",
    "Co": "The highest point at the back of the head of the condyle. Take the middle of the two sides.",
    "Gn": "The most anterior and lowest point of the chin, on its outline half-way between pogonion and menton.",
    "Go": "The point of the angle of the lower jaw that lies furthest back and down: where the outline is met by the "
    "line that halves the angle between the tangents to the ramus and to the lower edge of the jaw.",
    "Po": "The highest point of the bony ear canal (anatomic porion). An ear rod of the head holder often covers it, "
    "as here; where the canal cannot be made out, the top of the rod stands in for it (machine porion).",
    "LPM": "The tip of the buccal cusp of the lower second premolar.",
    "LIT": "The incisal edge of the most forward lower central incisor.",
    "LMT": "The tip of the front buccal cusp of the lower first molar.",
    "UPM": "The tip of the buccal cusp of the upper second premolar.",
    "UIA": "The tip of the root of the upper central incisor whose edge is UIT.",
    "UIT": "The incisal edge of the most forward upper central incisor.",
    "UMT": "The tip of the front buccal cusp of the upper first molar.",
    "LIA": "The tip of the root of the lower central incisor whose edge is LIT.",
    "Pn": "The most anterior point of the tip of the nose.",
    "Li": "The most anterior point of the red of the lower lip.",
    "Ls": "The most anterior point of the red of the upper lip.",
    "N`": "The deepest point of the concave outline of the skin between forehead and nose, level with nasion or a "
    "little below it.",
    "Pog`": "The most anterior point of the skin of the chin.",
    "Sn": "Where the base of the nose, the columella, turns into the upper lip, in the midline.",
}
"""Symbol -> where the landmark lies, as textbooks of cephalometry have it."""

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


def place() -> dict[str, tuple[float, float]]:
    """The landmarks of the mean Aariz face, pixels of the film."""
    face = face_table()["mean_mm"].reshape(-1, 2)
    pixels = (face - face.min(axis=0) + FACE_AT_MM) / MM_PER_PX - 0.5
    return {symbol: (float(x), float(y)) for symbol, (x, y) in zip(SYMBOLS, pixels, strict=True)}


def mark(draw: ImageDraw.ImageDraw, x: float, y: float, colour: str, gap: int, reach: int) -> None:
    """A cross whose middle is left open, so that it hides nothing of the place."""
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        line = (x + gap * dx, y + gap * dy, x + reach * dx, y + reach * dy)
        draw.line(line, fill="black", width=4)
        draw.line(line, fill=colour, width=2)


def picture_name(landmark: Landmark) -> str:
    """``N_soft.jpg`` for N`: a backtick in a file's name is a nuisance."""
    return f"{landmark.symbol.replace('`', '_soft')}.jpg"


def draw_pictures() -> None:
    """One picture of the whole film, and one about each landmark."""
    points = place()
    width, height = (round(side / MM_PER_PX) for side in FILM_MM)
    grey = render(points, MM_PER_PX, (height, width), cvm_stage=4, rng=np.random.default_rng(SEED))
    film = Image.fromarray(grey).convert("RGB")
    PICTURES.mkdir(exist_ok=True)
    whole, font = film.copy(), ImageFont.load_default(15)
    draw = ImageDraw.Draw(whole)
    for landmark in LANDMARKS:
        x, y = points[landmark.symbol]
        colour = COLOURS[landmark.tissue]
        mark(draw, x, y, colour, 2, 6)
        anchor = LABEL_ANCHORS.get(landmark.symbol, "lb")
        at = (x + (6 if anchor[0] == "l" else -6), y + (4 if anchor[1] == "t" else -2))
        draw.text(at, landmark.symbol, colour, font, anchor, stroke_width=2, stroke_fill="black")
        left, top = round(x) - CROP_PX // 2, round(y) - CROP_PX // 2
        crop = film.crop((left, top, left + CROP_PX, top + CROP_PX))
        mark(ImageDraw.Draw(crop), x - left, y - top, colour, 9, 22)
        crop.save(PICTURES / picture_name(landmark), quality=QUALITY, optimize=True)
    whole.save(PICTURES / "all.jpg", quality=QUALITY, optimize=True)


def table(tissue: str) -> str:
    """The landmarks of one tissue, in the order of the data set."""
    lines = ["| picture | symbol | title | definition |", "| --- | --- | --- | --- |"]
    for landmark in LANDMARKS:
        if landmark.tissue == tissue:
            symbol = landmark.symbol.replace("`", "\\`")
            picture = f"![{landmark.title}](landmarks/{picture_name(landmark)})"
            lines.append(f"| {picture} | **{symbol}** | {landmark.title} | {DEFINITIONS[landmark.symbol]} |")
    return "\n".join(lines)


def rendered(text: str) -> str:
    """``text`` with every table made anew."""
    return re.sub(
        r"<!-- landmarks (\w+) -->.*?<!-- end -->",
        lambda match: f"<!-- landmarks {match[1]} -->\n\n{table(match[1])}\n\n<!-- end -->",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    draw_pictures()
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
