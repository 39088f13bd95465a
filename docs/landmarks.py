"""Writes the tables of landmarks.md and its pictures from the package's definitions: ``python docs/landmarks.py``.

The tables lie between ``<!-- landmarks TISSUE -->`` and ``<!-- end -->``; a test fails when they are not what the
package says. The pictures show one synthetic film; they are in the repository (150 kB in all), so that the page can be
read without building the site.
"""

import re
from pathlib import Path

from cephkit.drawing.landmark_pictures import QUALITY, landmark_picture, overview_picture, picture_name
from cephkit.landmarks.schema import TISSUE_NAMES
from cephkit.landmarks.shipped import AARIZ, KNOWN, SHIPPED, shipped

PAGE = Path(__file__).with_name("landmarks.md")
PICTURES = Path(__file__).with_name("landmarks")


def draw_pictures() -> None:
    """One picture of the whole film, and one about each landmark."""
    PICTURES.mkdir(exist_ok=True)
    for landmark in AARIZ.landmarks:
        picture = landmark_picture(landmark.symbol)
        picture.save(PICTURES / picture_name(landmark), quality=QUALITY, optimize=True)
    overview_picture().save(PICTURES / "all.jpg", quality=QUALITY, optimize=True)


def table(tissue: str) -> str:
    """The landmarks of one tissue, in the order of the data set."""
    lines = ["| picture | symbol | title | definition |", "| --- | --- | --- | --- |"]
    for landmark in AARIZ.landmarks:
        if landmark.tissue == tissue:
            picture = f"![{landmark.title}](landmarks/{picture_name(landmark)})"
            lines.append(f"| {picture} | **{_plain(landmark.symbol)}** | {landmark.title} | {landmark.definition} |")
    return "\n".join(lines)


def others() -> str:
    """The landmarks of the other schemas that come with cephkit."""
    lines = ["| symbol | title | tissue | outline | definition |", "| --- | --- | --- | --- | --- |"]
    for landmark in KNOWN:
        if landmark.symbol not in AARIZ:
            tissue = TISSUE_NAMES[landmark.tissue]
            cells = (f"**{_plain(landmark.symbol)}**", landmark.title, tissue, landmark.outline, landmark.definition)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def differences() -> str:
    """Where the landmarks of a data set are not quite those of the same symbol above."""
    lines = ["| data set | symbol | what differs |", "| --- | --- | --- |"]
    for schema in map(shipped, SHIPPED):
        lines += [f"| {schema.name} | **{_plain(mark.symbol)}** | {mark.differs} |" for mark in schema if mark.differs]
    return "\n".join(lines)


def _plain(symbol: str) -> str:
    return symbol.replace("`", "\\`")


def rendered(text: str) -> str:
    """``text`` with every table made anew."""

    def made(match: re.Match[str]) -> str:
        content = {"others": others, "differences": differences}.get(match[1], lambda: table(match[1]))()
        return f"<!-- landmarks {match[1]} -->\n\n{content}\n\n<!-- end -->"

    return re.sub(r"<!-- landmarks (\w+) -->.*?<!-- end -->", made, text, flags=re.DOTALL)


if __name__ == "__main__":
    draw_pictures()
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
