"""The lines of a table of landmarks, as they are written: one line per film and landmark, or one per film."""

import re
from dataclasses import dataclass
from pathlib import Path

from cephkit.data.tables import numbered_table, surplus
from cephkit.errors import DataError

FILM = (
    *("film", "file", "image", "filename", "file_name", "image_file", "image file"),
    *("image_path", "image path", "image_name"),
)
LANDMARK = ("symbol", "landmark")
X, Y = ("x", "x_px"), ("y", "y_px")
FACTS = {
    "annotator": ("annotator",),
    "pixel_size_mm": ("pixel_size_mm", "pixel_size", "spacing_mm", "spacing", "scale"),
    "row_mm": ("row_mm",),
    "column_mm": ("column_mm",),
    "machine": ("machine",),
    "split": ("split",),
    "patient": ("patient",),
    "first_pixel": ("first_pixel",),
    "score": ("score",),
}
"""What else a line may say -> names of its column, in lower case with underscores."""
_AXIS_LAST = re.compile(r"(?P<name>.+?)[_ .](?P<axis>[xyXY])(?:_px)?|[pP]?(?P<number>\d+)(?P<of_number>[xyXY])")
_AXIS_FIRST = re.compile(r"(?P<axis>[xyXY])_?(?P<name>\d+)")
_NUMBERED = re.compile(r"[pP]?(\d{1,4})")


@dataclass(frozen=True)
class Row:
    """One line."""

    where: str
    """File and line."""
    film: str
    points: dict[str, tuple[str, str]]
    """Landmark, as the table calls it -> x and y, as it writes them."""
    facts: dict[str, str]
    """What else it says; empty cells are left out."""
    fault: str = ""
    """Why it cannot be used."""


@dataclass(frozen=True)
class Rows:
    """A table of landmarks."""

    names: tuple[str, ...]
    """What it calls its landmarks."""
    film_column: str
    rows: list[Row]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of its landmarks, where it numbers them; none if it names them."""
        matches = [_NUMBERED.fullmatch(name) for name in self.names]
        return tuple(int(match[1]) for match in matches if match) if all(matches) else ()


def number_of(name: str) -> int:
    """Return the number in the name of a numbered landmark, ``p12`` or ``12``."""
    return int(name.lstrip("pP"))


def read_rows(path: Path) -> Rows:
    """Read the lines of ``path``.

    Raises:
        DataError: see ``numbered_table``; or it has no columns of landmarks.
    """
    table = numbered_table(path, FILM)
    plain = [re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") for name in table.head]

    def column(names: tuple[str, ...]) -> int | None:
        return next((plain.index(name) for name in names if name in plain), None)

    film = next(index for index, name in enumerate(table.head) if name.lower() in FILM)
    facts = {fact: index for fact, names in FACTS.items() if (index := column(names)) is not None}
    landmark, x, y = column(LANDMARK), column(X), column(Y)
    is_long = landmark is not None and x is not None and y is not None
    pairs = {} if is_long else _pairs(table.head, path)
    if not (is_long or pairs):
        expected = "film, symbol, x and y; or film, S_x, S_y, N_x, N_y and so on"
        raise DataError(f"no columns of landmarks; expected {expected}", "name the columns so", path)
    rows = []
    for number, cells in table.lines:
        fault = surplus(table.head, cells)
        cells = cells + [""] * (len(table.head) - len(cells))
        if landmark is not None and x is not None and y is not None:
            points = {cells[landmark]: (cells[x], cells[y])}
        else:
            points = {name: (cells[at_x], cells[at_y]) for name, (at_x, at_y) in pairs.items()}
        said = {fact: cells[index] for fact, index in facts.items() if cells[index]}
        rows.append(Row(f"{path}, line {number}", cells[film], points, said, fault))
    names = dict.fromkeys(name for row in rows for name in row.points if name)
    return Rows(tuple(names), plain[film], rows)


def is_table(path: Path) -> bool:
    """Whether ``path`` is a table of landmarks."""
    try:
        read_rows(path)
    except DataError:
        return False
    return True


def _pairs(head: list[str], path: Path) -> dict[str, tuple[int, int]]:
    """Return the landmarks of a wide table, each with its columns of x and y.

    Raises:
        DataError: a column appears twice.
    """
    found: dict[str, dict[str, int]] = {}
    for index, written in enumerate(head):
        match = _AXIS_LAST.fullmatch(written) or _AXIS_FIRST.fullmatch(written)
        if match is None:
            continue
        parts = match.groupdict()
        name, axis = parts.get("number") or parts["name"], (parts.get("of_number") or parts["axis"]).lower()
        name = f"{name.removesuffix('_soft')}`" if name.endswith("_soft") else name
        if axis in found.setdefault(name, {}):
            raise DataError(f"two columns for {axis} of {name!r:.40}", "remove one", path)
        found[name][axis] = index
    return {name: (axes["x"], axes["y"]) for name, axes in found.items() if len(axes) == 2}
