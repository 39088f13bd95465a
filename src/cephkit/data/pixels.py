"""A film's bytes, its hashes, and its way to the network's canvas."""

import stat
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.grey import COPY_AGAIN, Grey, look_up
from cephkit.errors import BrokenFilmError
from cephkit.geometry import Size, letterbox

DECODER = "3"
"""Changes whenever a file would give other grey pixels or another canvas: what is remembered is then void."""

FILM_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".dcm", ".dicom")
"""Of files that ``opened.open_film`` reads."""
LARGEST_FILE = 350_000_000
"""Bytes; an uncompressed film of the most pixels allowed is smaller."""
_TO_8_BITS = np.rint(np.arange(1 << 16) / 257).astype(np.uint8)


def read_bytes(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        FilmError: the file cannot be read, is none, or is too large.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # reading a pipe or a device might never end
            raise BrokenFilmError("a folder or device, not a file", "give the film's file", path)
        if about.st_size > LARGEST_FILE:
            reason = f"{about.st_size:,} bytes are more than the {LARGEST_FILE:,} allowed"
            raise BrokenFilmError(reason, COPY_AGAIN, path)
        return path.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        raise BrokenFilmError(reason, "check that the file exists and that you may read it", path) from error


def to_uint8(grey: Grey) -> NDArray[np.uint8]:
    """``grey`` (H, W), black at 0 and white at the end of its type as decoders give it, as uint8."""
    return grey.astype(np.uint8, copy=False) if grey.dtype == np.uint8 else look_up(_TO_8_BITS, grey).astype(np.uint8)


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
