"""Open a film of any kind: upright, bone bright, with the pixel size that its file gives."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.depth import full_range
from cephkit.data.dicom.signature import begins_like_bare_dicom, begins_like_dicom
from cephkit.data.grey import Grey, check_size, turned
from cephkit.data.kinds import HEAD, is_dicom_directory
from cephkit.data.pictures import decode_picture, grey_of_image, is_picture, no_film
from cephkit.data.pixels import FILM_ENDINGS, content_hash, read_bytes
from cephkit.data.spacing import Spacing
from cephkit.errors import BrokenFilmError

_DICOM_ENDINGS = (".dcm", ".dicom", "")


@dataclass(frozen=True)
class OpenedFilm:
    """A film's pixels and what its file says about them; nothing about the patient."""

    grey: Grey
    """(H, W) uint8, or uint16 for a 16-bit film (see ``depth``), as viewers display it: bone is bright, an EXIF
    rotation has been applied, colour has become luminance, transparency is ignored."""
    content: str
    """Hash of the file's bytes."""
    spacing: Spacing | None
    """The pixel size in a DICOM file. Other formats have none: their dots per inch are those of a screen, a scanner's
    default or of nothing, and a wrong pixel size makes every length wrong without any sign of it."""
    orientation: int = 1
    """The EXIF orientation that was applied, 1 for none; stored pixels are ``grey`` turned back."""
    notes: tuple[str, ...] = ()
    """What a person should know about this film."""


def open_film(
    path: Path, *, use_spacing: bool = True, ignore_bad_spacing: bool = False, data: bytes | None = None
) -> OpenedFilm:
    """Read the film at ``path``: PNG, JPEG, BMP, TIFF, WebP or DICOM, recognised by its first bytes.

    Args:
        path: the film.
        use_spacing: read the pixel size of a DICOM file, an impossible one is an error; False ignores it, for a user
            who gives the pixel size or wants angles only.
        ignore_bad_spacing: ignore an impossible pixel size, with a note.
        data: the file's bytes, if they have been read.

    Raises:
        BrokenFilmError: unreadable, damaged, not a film, or of an unsupported kind; names file, reason, remedy.
    """
    data = read_bytes(path) if data is None else data
    content = content_hash(data)
    if is_dicom_directory(data[:HEAD]):
        raise BrokenFilmError("a DICOMDIR, which lists films but is not one", "give the folder that it is in", path)
    if not is_picture(data) and _is_dicom(data, path):
        from cephkit.data.dicom.read import read_dicom  # and pydicom, which few runs need

        film = read_dicom(data, path, use_spacing=use_spacing, ignore_bad_spacing=ignore_bad_spacing)
        return OpenedFilm(film.grey, content, film.spacing, notes=film.notes)
    if data and not is_picture(data):
        remedy = "save it as an 8- or 16-bit grey PNG, or take it out"
        raise BrokenFilmError(f"{no_film(data)}not a PNG, JPEG, BMP, TIFF, WebP or DICOM film", remedy, path)
    return _upright(*decode_picture(data, path), content)


def read_grey(path: Path) -> Grey:
    """``open_film(path).grey``, whatever its pixel size."""
    return open_film(path, use_spacing=False).grey


def open_image(image: Image.Image) -> OpenedFilm:
    """Take the film in a Pillow image as its file would be read; it has no file hash and no pixel size.

    Raises:
        BrokenFilmError: wholly transparent, damaged, of an unsupported kind, too large or too small.
    """
    return _upright(*grey_of_image(image), content="")


def open_array(array: NDArray[Any]) -> OpenedFilm:
    """Take the film in an array: (H, W) grey uint8 or uint16, or (H, W, 3) red, green, blue uint8.

    Raises:
        BrokenFilmError: of another shape or type, too large or too small.
    """
    is_colour = array.ndim == 3 and array.shape[2] == 3
    kinds = (np.uint8,) if is_colour else (np.uint8, np.uint16)
    if not (is_colour or array.ndim == 2) or array.dtype.newbyteorder("=") not in kinds:
        raise BrokenFilmError(
            f"an array of shape {array.shape} and type {array.dtype} is not a film",
            "give (height, width) uint8 or uint16, or (height, width, 3) uint8 of red, green and blue",
        )
    check_size((array.shape[1], array.shape[0]))
    if is_colour:
        return open_image(Image.fromarray(np.ascontiguousarray(array)))
    grey: Grey = array.astype(np.uint8, order="C") if array.dtype.itemsize == 1 else array.astype(np.uint16, order="C")
    return OpenedFilm(full_range(grey), "", None)


def _upright(grey: Grey, orientation: int, content: str) -> OpenedFilm:
    notes = (f"turned as its EXIF orientation {orientation} says",) if orientation != 1 else ()
    return OpenedFilm(turned(grey, orientation), content, None, orientation, notes)


def is_film_file(path: Path) -> bool:
    """Whether a search of a folder takes ``path`` for a film: by its ending, or by its first bytes."""
    if path.name.startswith(".") or not path.is_file():
        return False
    if _ending(path) in FILM_ENDINGS:  # damaged ones too: the user should know about them
        return True
    head = read_head(path)
    return is_picture(head) or (_is_dicom(head, path) and not is_dicom_directory(head))


def read_head(path: Path) -> bytes:
    """The first bytes of a file; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _is_dicom(data: bytes, path: Path) -> bool:
    if begins_like_dicom(data):
        return True
    return _ending(path) in _DICOM_ENDINGS and begins_like_bare_dicom(data)


def _ending(path: Path) -> str:
    """In lower case; empty for a name that is a DICOM UID such as 1.2.840.10008, as exported films often have."""
    return "" if path.suffix[1:].isdigit() else path.suffix.lower()
