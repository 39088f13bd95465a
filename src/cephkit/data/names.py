"""The names of films, one rule for pictures, labels and results, and the rows of tables that belong to them."""

import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath
from typing import TypeVar

from cephkit.files import short_name

LABEL_ENDING = ".json"
"""Of label files and predictions, which are named after their film."""
_ENDINGS = frozenset(
    (
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif", ".heic", ".jp2"),
        *(".dcm", ".dicom", ".dic", ".ima", LABEL_ENDING),
    )
)
"""What is cut from a file's name, and nothing else: the last part of the UID 1.2.840.1 belongs to it, as does that of
``Smith.final``, and films whose names differ only there are two films."""


LONGEST_NAME = 255
"""Letters of a file's name, on any system."""


def film_name(file: Path | str) -> str:
    """Return the name of the film in ``file``, or of the film that the label file ``file`` belongs to.

    It is the file's name without folders and without the ending of a picture, DICOM file or label file, otherwise as
    it is written. A name too long for files that get endings is cut and made unique by its hash (``short_name``). A
    name has no ending any more: never take the name of a name.
    """
    name = (file if isinstance(file, PurePath) else PurePath(file)).name
    stem, _, ending = name.rpartition(".")
    return short_name(stem if stem and f".{ending.lower()}" in _ENDINGS else name)


def film_key(name: str) -> str:
    """Fold the name of a film or file for comparison: systems and tools change case and Unicode form (NFC, NFD)."""
    folded = unicodedata.normalize("NFC", short_name(name)).casefold()
    return unicodedata.normalize("NFC", folded)


def first_free(name: str, is_free: Callable[[str], bool]) -> str:
    """Return ``name`` or, if it is taken, ``name-2``, ``name-3`` ..."""
    found, number = name, 1
    while not is_free(found):
        number += 1
        found = f"{name}-{number}"
    return found


def is_file_name(name: str) -> bool:
    """Tell whether a file can have ``name``: no folders, no control characters, nothing but whole characters.

    On Windows nothing that leads elsewhere either: there, what stands before a colon is a drive, or a file that holds
    another.
    """
    forbidden = "/\\\ufffe\uffff" + ('<>:"|?*' if os.name == "nt" else "")
    fits = 0 < len(name) <= LONGEST_NAME
    return fits and not any(letter in forbidden or letter < " " or "\ud800" <= letter < "\ue000" for letter in name)


Row = TypeVar("Row")


def of_film(rows: Mapping[str, Row], file: Path) -> Row | None:
    """Look up the row, by ``film_key``, of the film in ``file``: under its name with or without ending."""
    found = rows.get(film_key(file.name))
    return rows.get(film_key(film_name(file))) if found is None else found


def rows_without_film(keys: Iterable[str], files: Iterable[Path]) -> list[str]:
    """The ``keys`` (``film_key``) that name none of ``files``, in their order."""
    there = {film_key(name) for file in files for name in (file.name, film_name(file))}
    return [key for key in keys if key not in there]
