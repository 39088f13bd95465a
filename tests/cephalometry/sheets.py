"""Sheets to look at: one of everything, and those that are hard to set."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from cephkit.cephalometry.analyses import measure
from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.sheet_content import SheetContent, sheet_content
from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.geometry import covariance_of_error
from tests.cephalometry.faces import PIXEL_MM, ROUND, face_like_real

SPACING = Spacing(PIXEL_MM, PIXEL_MM, "machines.csv", "detector")
FACE = face_like_real(5)
ERRORS = {symbol: covariance_of_error(12.0) for symbol in FACE}
FILM = np.full((2400, 2000), 90, np.uint8)


def content_of(points: Points = FACE, **more: object) -> SheetContent:
    """The sheet of all measurements; ``more`` are arguments of ``sheet_content``."""
    given = {"name": "film7", "grey": None, "spacing": SPACING, "subject": Subject(24, "female", 8), **more}
    spacing, subject = given["spacing"], given["subject"]
    assert isinstance(subject, Subject)
    size = spacing.mean_mm if isinstance(spacing, Spacing) else None
    analyses = given.pop("analyses", None)
    results = measure(points, spacing=size, covariances_px=ERRORS, subject=subject, analyses=analyses)
    name, grey = given.pop("name"), given.pop("grey")
    return sheet_content(name, grey, points, results, **given)  # type: ignore[arg-type]


LONG = {"name": "film " * 60, "source": "model " * 60, "film_hash": "0" * 32, "notes": ["doubtful " * 50] * 300}
CASES: dict[str, Callable[[], SheetContent]] = {
    "all": lambda: content_of(grey=FILM),
    "crowded": lambda: content_of(
        grey=FILM, subject=Subject(), regions={symbol: np.eye(2) * 40.0**2 for symbol in FACE}, **LONG
    ),
    "few": lambda: content_of({symbol: ROUND[symbol] for symbol in ("S", "N", "A", "B")}, spacing=None),
    "challenge": lambda: content_of(grey=FILM, analyses=("ISBI",)),
    "unknown": lambda: content_of({**FACE, "B": (FACE["B"][0] - 450, FACE["B"][1])}, grey=FILM, subject=Subject()),
    "left": lambda: content_of({symbol: (2000 - x, y) for symbol, (x, y) in FACE.items()}, grey=FILM, facing="left"),
    "oblong": lambda: content_of(
        {symbol: (x, y / 2) for symbol, (x, y) in FACE.items()}, grey=FILM[::2], spacing=Spacing(0.2, 0.1, "header")
    ),
    "words": lambda: content_of(
        name="W" * 60, source="path_" * 40, film_hash="0123456789abcdef" * 2, notes=["x" * 400]
    ),
    "nothing": lambda: content_of({}),
}
"""Of all kinds, by what is special."""


def text_of(content: SheetContent) -> str:
    """All that the sheet says."""
    return " ".join(texts_of(content))


def texts_of(content: SheetContent) -> Iterator[str]:
    """The same text by text, without the file's title and the tracing."""
    said = asdict(content)
    for apart in ("title", "tracing", "tracing_title"):
        del said[apart]
    if not content.classes:
        del said["classes_title"]
    said["facts"] = [fact for fact in content.facts.items() if fact[1]]
    for column in said["columns"]:
        for _, rows in column:
            for row in rows:
                del row["hint"]
    said["footer"] = [[text for _, text in paragraph] for paragraph in content.footer]
    yield from _texts(said)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
