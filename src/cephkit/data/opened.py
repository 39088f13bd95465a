"""Films as files: read, decoded whatever their kind, hashed, and brought to the network's canvas.

The networks expect square pixels: ``straightened`` stretches films, while points stay those of the film as it is
stored; only distances are taken between points of the stretched film.
"""

import stat
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.depth import full_range
from cephkit.data.grey import COPY_AGAIN, LARGEST_PIXELS, SAVE_AS_PNG, Grey, check_size, look_up, turned
from cephkit.data.kinds import HEAD, begins_like_bare_dicom, begins_like_dicom, is_dicom_directory
from cephkit.data.pictures import decode_picture, grey_of_image, is_picture, not_a_film
from cephkit.data.spacing import SQUARE, Spacing, Stretch
from cephkit.errors import FilmError
from cephkit.geometry import Size, letterbox

DECODER = "4"
"""Changed whenever a file would give other grey pixels or another canvas, which makes caches void."""

FILM_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".dcm", ".dicom")
"""Endings of the files that ``opened.open_film`` reads."""
LARGEST_FILE = 350_000_000
"""Bytes; more than an uncompressed film of the most pixels allowed has."""
_TO_8_BITS = np.rint(np.arange(1 << 16) / 257).astype(np.uint8)


def read_bytes(path: Path) -> bytes:
    """Read the file's bytes.

    Raises:
        FilmError: the file cannot be read, is not a regular file, or is too large.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # reading a pipe or a device might never end
            raise FilmError("a folder or device, not a file", "give the film's file", path)
        if about.st_size > LARGEST_FILE:
            raise FilmError(f"{about.st_size:,} bytes are more than the {LARGEST_FILE:,} allowed", COPY_AGAIN, path)
        return path.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        raise FilmError(reason, "check that the file exists and that you may read it", path) from error


def to_uint8(grey: Grey) -> NDArray[np.uint8]:
    """Return ``grey`` (H, W), with white at the end of its type, as uint8."""
    return grey.astype(np.uint8, copy=False) if grey.dtype == np.uint8 else look_up(_TO_8_BITS, grey).astype(np.uint8)


def to_canvas(grey: NDArray[np.uint8], canvas_size: Size) -> NDArray[np.uint8]:
    """Letterbox ``grey`` (H, W) into (canvas_h, canvas_w) uint8, antialiased, with a black border.

    The content lies exactly where ``geometry.letterbox`` puts it.
    """
    height, width = grey.shape
    box = letterbox((height, width), canvas_size)
    left, top, right, bottom = box.film_box
    content_h, content_w = box.content
    resized = Image.fromarray(grey).resize(
        (content_w, content_h),
        Image.Resampling.BILINEAR,  # in Pillow a triangle as wide as the reduction factor, hence antialiased
        box=(left, top, min(right, float(width)), min(bottom, float(height))),
    )
    canvas = np.zeros(canvas_size, dtype=np.uint8)
    y, x = box.offset
    canvas[y : y + content_h, x : x + content_w] = np.asarray(resized)
    return canvas


def pixel_hash(grey: Grey) -> str:
    """Hash size, depth and grey pixels: equal for the same picture in another lossless format."""
    digest = blake2b(f"{grey.shape} {grey.dtype.name}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(grey).data)
    return digest.hexdigest()


def content_hash(data: bytes) -> str:
    """Hash a file's bytes."""
    return blake2b(data, digest_size=16).hexdigest()


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
        FilmError: unreadable, damaged, not a film, or of an unsupported kind; names file, reason, remedy.
    """
    data = read_bytes(path) if data is None else data
    content = content_hash(data)
    if is_dicom_directory(data[:HEAD]):
        raise FilmError("a DICOMDIR, which lists films but is not one", "give the folder that it is in", path)
    if not is_picture(data) and _is_dicom(data, path):
        from cephkit.data.dicom.read import read_dicom  # and pydicom, which few runs need

        film = read_dicom(data, path, use_spacing=use_spacing, ignore_bad_spacing=ignore_bad_spacing)
        return OpenedFilm(film.grey, content, film.spacing, notes=film.notes)
    if data and not is_picture(data):
        raise FilmError(f"{not_a_film(data)}not a PNG, JPEG, BMP, TIFF, WebP or DICOM film", SAVE_AS_PNG, path)
    return _upright(*decode_picture(data, path), content)


def read_grey(path: Path) -> Grey:
    """``open_film(path).grey``, whatever its pixel size."""
    return open_film(path, use_spacing=False).grey


def open_image(image: Image.Image) -> OpenedFilm:
    """Take the film in a Pillow image as its file would be read; it has no file hash and no pixel size.

    Raises:
        FilmError: wholly transparent, damaged, of an unsupported kind, too large or too small.
    """
    return _upright(*grey_of_image(image), content="")


def open_array(array: NDArray[Any]) -> OpenedFilm:
    """Take the film in an array: (H, W) grey uint8 or uint16, or (H, W, 3) red, green, blue uint8.

    Raises:
        FilmError: of another shape or type, too large or too small.
    """
    is_colour = array.ndim == 3 and array.shape[2] == 3
    kinds = (np.uint8,) if is_colour else (np.uint8, np.uint16)
    if not (is_colour or array.ndim == 2) or array.dtype.newbyteorder("=") not in kinds:
        raise FilmError(
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


def straightened(grey: NDArray[np.uint8], stretch: Stretch) -> NDArray[np.uint8]:
    """Resample ``grey`` (H, W) to square pixels.

    Raises:
        FilmError: it would be too large.
    """
    if stretch == SQUARE:
        return grey
    height, width = grey.shape
    size = (round(width * stretch[0]), round(height * stretch[1]))
    if size[0] * size[1] > LARGEST_PIXELS:
        raise FilmError(f"{size[0]}x{size[1]} pixels, once they are square, are too many", "save the film smaller")
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))


def unstretched(points: NDArray[np.float64], shrink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map points (..., 2) of the stretched film to pixels of the stored one, by ``shrink`` (across, down)."""
    # Pixel centres are integers, so the film's edge lies half a pixel before 0.
    return (points + 0.5) * shrink - 0.5
