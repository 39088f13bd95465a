"""A film of whatever kind, as everything behind it sees it: upright, bright bone, and with the pixel size it tells."""

from dataclasses import dataclass
from pathlib import Path

from cephkit.data.dicom.signature import begins_like_bare_dicom, begins_like_dicom
from cephkit.data.grey import Grey, turned
from cephkit.data.pictures import decode_picture, is_picture
from cephkit.data.pixels import FILM_ENDINGS, content_hash, read_bytes
from cephkit.data.spacing import Spacing
from cephkit.errors import BrokenFilmError

_DICOM_ENDINGS = (".dcm", ".dicom", "")


@dataclass(frozen=True)
class OpenedFilm:
    """A film's pixels and what its file says about them; nothing of the patient."""

    grey: Grey
    """(H, W) uint8 or uint16 as a viewer shows it: bone is bright, an EXIF rotation has been applied."""
    content: str
    """Hash of the file's bytes."""
    spacing: Spacing | None
    """The pixel size that a DICOM file tells. Other formats have none: their dots per inch are those of a screen, a
    scanner's default or of nothing, and a wrong pixel size makes every length wrong without a sign of it."""
    orientation: int = 1
    """The EXIF orientation that was applied, 1 for none; stored pixels are ``grey`` turned back."""
    notes: tuple[str, ...] = ()
    """What a person should know about this film."""


def open_film(path: Path, *, use_spacing: bool = True, data: bytes | None = None) -> OpenedFilm:
    """The film at ``path``: PNG, JPEG, BMP, TIFF, WebP or DICOM, by its first bytes.

    Args:
        path: the film.
        use_spacing: read the pixel size from a DICOM file. An impossible one makes the film unusable; False reads the
            film without, for a user who gives the pixel size or wants angles only.
        data: the file's bytes, where they have been read.

    Raises:
        FilmError: unreadable, damaged, no film, or of a kind that is not supported; names file, reason, remedy.
    """
    data = read_bytes(path) if data is None else data
    content = content_hash(data)
    if not is_picture(data) and _is_dicom(data, path):
        from cephkit.data.dicom.read import read_dicom  # and pydicom, which few runs need

        film = read_dicom(data, path, use_spacing=use_spacing)
        return OpenedFilm(film.grey, content, film.spacing, notes=film.notes)
    if data and not is_picture(data):
        remedy = "save it as an 8- or 16-bit grey PNG, or take it out"
        raise BrokenFilmError("not a PNG, JPEG, BMP, TIFF, WebP or DICOM film", remedy, path)
    grey, orientation = decode_picture(data, path)
    notes = (f"turned as its EXIF orientation {orientation} says",) if orientation != 1 else ()
    return OpenedFilm(turned(grey, orientation), content, None, orientation, notes)


def is_film_file(path: Path) -> bool:
    """Whether ``path`` is a file that a folder of films is searched for: by its ending, or DICOM without one."""
    if path.name.startswith(".") or not path.is_file():
        return False
    if _ending(path):
        return _ending(path) in FILM_ENDINGS
    try:
        with path.open("rb") as file:
            head = file.read(132)
    except OSError:
        return False
    return begins_like_dicom(head)


def _is_dicom(data: bytes, path: Path) -> bool:
    if begins_like_dicom(data):
        return True
    return _ending(path) in _DICOM_ENDINGS and begins_like_bare_dicom(data)


def _ending(path: Path) -> str:
    """In small letters; none where a name is a DICOM UID such as 1.2.840.10008, as exported films are called."""
    return "" if path.suffix[1:].isdigit() else path.suffix.lower()
