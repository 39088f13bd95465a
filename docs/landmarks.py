"""Writes the tables of landmarks.md and its pictures from the package's definitions: ``python docs/landmarks.py``.

The tables lie between ``<!-- landmarks TISSUE -->`` and ``<!-- end -->``; a test fails when they are not what the
package says. The pictures show one synthetic film; they are in the repository (150 kB in all), so that the page can be
read without building the site.
"""

import re
from pathlib import Path

from cephkit.definitions import DEFINITIONS
from cephkit.drawing.landmark_pictures import QUALITY, landmark_picture, overview_picture, picture_name
from cephkit.landmarks import LANDMARKS

PAGE = Path(__file__).with_name("landmarks.md")
PICTURES = Path(__file__).with_name("landmarks")


def draw_pictures() -> None:
    """One picture of the whole film, and one about each landmark."""
    PICTURES.mkdir(exist_ok=True)
    for landmark in LANDMARKS:
        picture = landmark_picture(landmark.symbol)
        picture.save(PICTURES / picture_name(landmark), quality=QUALITY, optimize=True)
    overview_picture().save(PICTURES / "all.jpg", quality=QUALITY, optimize=True)


def table(tissue: str) -> str:
    """The landmarks of one tissue, in the order of the data set."""
    lines = ["| picture | symbol | title | definition |", "| --- | --- | --- | --- |"]
    for landmark in LANDMARKS:
        if landmark.tissue == tissue:
            symbol = landmark.symbol.replace("`", "\\`")
            picture = f"![{landmark.title}](landmarks/{picture_name(landmark)})"
            definition = DEFINITIONS[landmark.symbol].english
            lines.append(f"| {picture} | **{symbol}** | {landmark.title} | {definition} |")
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
