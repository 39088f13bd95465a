"""From a film's file to grey pixels, and from there to the network's canvas.

Films come from strangers: a decoder is chosen by the first bytes, never by the file's ending, and a film
that is damaged in any way is refused rather than half shown.
"""

import io
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from cephkit.errors import FilmError
from cephkit.geometry import Size, letterbox

Grey: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

DECODER = "1"
"""Changes whenever a file would give other grey pixels or another canvas: what is remembered is then void."""

FILM_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
LARGEST_PIXELS = 200_000_000
SMALLEST_SIDE = 16

# The classes are called directly because Image.open guards against huge films through a process-wide setting
# that two threads cannot change safely; decode_grey has its own guard.
_OPENERS: tuple[tuple[bytes, Callable[[io.BytesIO], ImageFile.ImageFile]], ...] = (
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"\xff\xd8\xff", JpegImageFile),
    (b"BM", BmpImageFile),
    (b"II*\x00", TiffImageFile),
    (b"MM\x00*", TiffImageFile),
)
_COPY_AGAIN = "copy or download the film again, or take it out"
_SAVE_AS_PNG = "save it as an 8- or 16-bit grey PNG, or take it out"


class BrokenFilmError(FilmError):
    """A film that cannot be read, with ``reason`` and ``remedy`` apart for lists of problems."""

    def __init__(self, reason: str, remedy: str = "", path: Path | None = None) -> None:
        # One argument must do: a loader's worker hands an error over as its message alone.
        where = f"{path}: " if path else ""
        super().__init__(f"{where}{reason}" + (f"; {remedy}" if remedy else ""))
        self.reason, self.remedy = reason, remedy


def read_grey(path: Path) -> Grey:
    """The film at ``path`` as stored: (H, W) uint8, or uint16 for a 16-bit grey film.

    Colour becomes luminance, alpha is ignored, and so is an EXIF rotation: labels are in stored pixels.

    Raises:
        FilmError: unreadable, empty, truncated, no film, too large or too small; names file, reason, remedy.
    """
    return decode_grey(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        FilmError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        raise BrokenFilmError(reason, "check that the file exists and that you may read it", path) from error


def decode_grey(data: bytes, path: Path) -> Grey:
    """``read_grey`` for bytes already read; ``path`` is for messages only."""
    if not data:
        raise BrokenFilmError("the file is empty", _COPY_AGAIN, path)
    opener = next((opener for magic, opener in _OPENERS if data.startswith(magic)), None)
    if opener is None:
        raise BrokenFilmError("not a PNG, JPEG, BMP or TIFF film", _SAVE_AS_PNG, path)
    try:
        image = opener(io.BytesIO(data))
        _check_size(image.size, path)
        image.draft("L", image.size)  # JPEG only: luminance alone is decoded, at full size
        image.load()
        return _grey(image, path)
    except (FilmError, MemoryError):
        raise
    except Exception as error:  # decoders meet hostile bytes with errors of every kind
        reason = f"damaged or truncated: {type(error).__name__}: {error}"
        raise BrokenFilmError(reason, _COPY_AGAIN, path) from error


def _check_size(size: tuple[int, int], path: Path) -> None:
    width, height = size
    if width * height > LARGEST_PIXELS:
        reason = f"{width}x{height} pixels are more than the {LARGEST_PIXELS // 1_000_000} megapixels allowed"
        raise BrokenFilmError(reason, "save the film smaller, or take it out", path)
    if min(width, height) < SMALLEST_SIDE:
        reason = f"{width}x{height} pixels: a film has at least {SMALLEST_SIDE} on each side"
        raise BrokenFilmError(reason, _COPY_AGAIN, path)


def _grey(image: Image.Image, path: Path) -> Grey:
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)  # astype also brings big-endian pixels into native order
    if image.mode == "I":
        wide = np.asarray(image)
        if wide.min() >= 0 and wide.max() <= np.iinfo(np.uint16).max:
            return wide.astype(np.uint16)
    if image.mode in ("I", "F"):
        raise BrokenFilmError(f"32-bit pixels (mode {image.mode}) are not supported", _SAVE_AS_PNG, path)
    return np.array(image if image.mode == "L" else image.convert("L"), dtype=np.uint8)


def to_uint8(grey: Grey) -> NDArray[np.uint8]:
    """``grey`` (H, W) as uint8: 16 bits are mapped linearly from their 0.1 to their 99.9 percentile."""
    if grey.dtype == np.uint8:
        return grey.astype(np.uint8, copy=False)
    low, high = np.percentile(grey, (0.1, 99.9))
    levels = np.arange(np.iinfo(np.uint16).max + 1, dtype=np.float64)
    # A table of all levels needs 64 kB where arithmetic on a large film would need gigabytes.
    table = np.clip(np.rint((levels - low) * (255.0 / max(high - low, 1.0))), 0, 255).astype(np.uint8)
    return table[grey]


def to_canvas(grey: NDArray[np.uint8], canvas_size: Size) -> NDArray[np.uint8]:
    """``grey`` (H, W) letterboxed into (canvas_h, canvas_w) uint8, antialiased, the border black.

    Content lies exactly where ``geometry.letterbox`` says.
    """
    height, width = grey.shape
    box = letterbox((height, width), canvas_size)
    left, top, right, bottom = box.film_box
    content_h, content_w = box.content
    resized = Image.fromarray(grey).resize(
        (content_w, content_h),
        Image.Resampling.BILINEAR,  # in Pillow a triangle as wide as the reduction, hence antialiased
        box=(left, top, min(right, float(width)), min(bottom, float(height))),
    )
    canvas = np.zeros(canvas_size, dtype=np.uint8)
    y, x = box.offset
    canvas[y : y + content_h, x : x + content_w] = np.asarray(resized)
    return canvas


def pixel_hash(grey: Grey) -> str:
    """Hash of size, depth and grey pixels: equal for the same picture in another lossless format."""
    digest = blake2b(f"{grey.shape} {grey.dtype.name}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(grey).data)
    return digest.hexdigest()


def content_hash(data: bytes) -> str:
    """Hash of a file's bytes."""
    return blake2b(data, digest_size=16).hexdigest()
