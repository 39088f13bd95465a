"""What a film is called: one rule for pictures, label files, results, and what other tools write."""

import os
import unicodedata
from pathlib import Path, PurePath

from cephkit.files import short_name

LABEL_ENDING = ".json"
"""Of label files and predictions, which are called as their film."""
_ENDINGS = frozenset(
    (
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif", ".heic", ".jp2"),
        *(".dcm", ".dicom", ".dic", ".ima", LABEL_ENDING),
    )
)
"""What is cut from a file's name. Nothing else is: the end of the UID 1.2.840.1 is a part of it, as is that of
``Smith.final``, and films whose names differ only there are two films."""


LONGEST_NAME = 255
"""Letters of a file's name, on any system."""


def film_name(file: Path | str) -> str:
    """The name of the film in ``file``, or of the film that the label file ``file`` belongs to.

    It is the file's name without folders and without a picture's, DICOM's or label file's ending, otherwise as it is
    written. One too long for files that get endings is cut and told apart by its hash (``short_name``). A name has no
    ending any more: never take the name of a name.
    """
    name = PurePath(file).name
    stem, _, ending = name.rpartition(".")
    return short_name(stem if stem and f".{ending.lower()}" in _ENDINGS else name)


def film_key(name: str) -> str:
    """``name``, of a film or a file, for comparing: file systems and tools change case and Unicode form (NFC, NFD)."""
    folded = unicodedata.normalize("NFC", short_name(name)).casefold()
    return unicodedata.normalize("NFC", folded)


def is_file_name(name: str) -> bool:
    """Whether a file can have ``name``: no folders, no control characters, nothing but whole characters.

    On Windows nothing that leads elsewhere either: it takes what stands before a colon for a drive, or for a file that
    holds another.
    """
    forbidden = "/\\\ufffe\uffff" + ('<>:"|?*' if os.name == "nt" else "")
    fits = 0 < len(name) <= LONGEST_NAME
    return fits and not any(letter in forbidden or letter < " " or "\ud800" <= letter < "\ue000" for letter in name)
