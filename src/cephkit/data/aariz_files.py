"""The files of a data set in the Aariz layout, as cephkit writes them: films by link, rows of the machine map."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from cephkit.data.film import Split
from cephkit.data.kinds import picture_kind
from cephkit.data.machines import SIDES
from cephkit.data.opened import FILM_ENDINGS, read_head
from cephkit.data.spacing import Spacing
from cephkit.errors import CephkitError

COLUMNS = ("cephalogram_id", "machine", "pixel_size", "image_format", "mode", *SIDES)
"""Of the machine map."""
ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "TIFF": ".tif", "WebP": ".webp"}


def map_row(film_id: str, split: Split, picture: str, machine: str | None, spacing: Spacing | None) -> dict[str, Any]:
    """Return the row of a film whose file is called ``picture`` in the machine map, under ``COLUMNS``."""
    sides: dict[str, float] = {}
    if spacing is not None and spacing.row_mm == spacing.column_mm:
        sides = {"pixel_size": spacing.row_mm}
    elif spacing is not None:
        sides = dict(zip(SIDES, (spacing.row_mm, spacing.column_mm), strict=True))
    return {
        "cephalogram_id": film_id, "machine": machine, "mode": split, "image_format": picture.rpartition(".")[2],
        **sides,
    }  # fmt: skip


def ending_of(film: Path) -> str:
    """Return the ending by which a data set takes a file for a film: its own, else that of its kind."""
    if film.suffix.lower() in FILM_ENDINGS:
        return film.suffix.lower()
    return ENDINGS.get(picture_kind(read_head(film)), ".dcm")


def linked(film: Path, place: Path) -> None:
    """Make ``place`` the same file as ``film``: a hard link, else a symbolic one, else a copy.

    Raises:
        CephkitError: none of these is possible.
    """
    temporary = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        if place.exists() and place.samefile(film):
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        try:
            os.link(film.resolve(), temporary)
        except OSError:
            try:
                temporary.symlink_to(film.resolve())
            except OSError:
                shutil.copyfile(film, temporary)
        temporary.replace(place)
        temporary.unlink(missing_ok=True)  # renaming a link to the same file leaves both
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise CephkitError(f"cannot be linked or copied ({error.strerror or error})", path=place) from error
