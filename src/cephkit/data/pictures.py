"""Decodes the bytes of a PNG, JPEG, BMP, TIFF or WebP file to grey pixels, with Pillow.

Films come from strangers: the first bytes choose the decoder, never the file's ending; sizes are checked before
anything is unpacked; a film that is damaged in any way is refused rather than decoded in part.

A TIFF's first directory is read beforehand, so that unsupported kinds are called unsupported, not damaged.
"""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import COMPRESSION_INFO, TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from cephkit.data.depth import full_range
from cephkit.data.grey import COPY_AGAIN, SAVE_AS_PNG, Grey, check_bytes, check_size, turned
from cephkit.data.jpeg import JPEG_LS, LOSSLESS, jpeg_head
from cephkit.data.kinds import HEAD, begins_like_dicom, other_kind, picture_kind
from cephkit.errors import FilmError

BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, SAMPLE_FORMAT = 258, 259, 262, 277, 339
WHITE_IS_ZERO, SIGNED = 0, 2
_SHORT, _LONG = 3, 4
_MOST_VALUES = 4
_COMPRESSIONS = {
    33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34892: "lossy JPEG of a raw photo",
    52546: "JPEG XL", 50002: "JPEG XL", 34887: "LERC", 34661: "JBIG", 34715: "JBIG2", 34933: "PNG", 34934: "JPEG XR",
}  # fmt: skip
_JPEGS = (6, 7)
_FORMATS = {1: "unsigned", SIGNED: "signed", 3: "floating-point", 4: "untyped", 5: "complex", 6: "complex"}


def read_tags(data: bytes) -> dict[int, tuple[int, ...]]:
    """Read the first values of each integer tag in the first directory; none if it is damaged."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2], "<")
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        tags = {}
        for number in range(count):
            tag, kind, values = struct.unpack_from(f"{order}HHI", data, start + 2 + 12 * number)
            if kind not in (_SHORT, _LONG) or not values:
                continue
            letter, size = ("H", 2) if kind == _SHORT else ("I", 4)
            at = start + 10 + 12 * number
            if values * size > 4:
                (at,) = struct.unpack_from(f"{order}I", data, at)
            tags[tag] = struct.unpack_from(f"{order}{min(values, _MOST_VALUES)}{letter}", data, at)
    except struct.error:
        return {}
    return tags


def unsupported_tiff(data: bytes) -> str:
    """Explain why a TIFF is of an unsupported kind; empty if it is supported."""
    tags = read_tags(data)
    compression, bits = tags.get(COMPRESSION, (1,))[0], tags.get(BITS, (1,))
    form = tags.get(SAMPLE_FORMAT, (1,))
    if compression not in COMPRESSION_INFO:
        name = _COMPRESSIONS.get(compression, "compression")
        return f"a TIFF with {name} ({compression}) inside, which is not supported"
    if compression in _JPEGS and set(bits) != {8}:
        return f"a TIFF with JPEG of {bits[0]} bits inside, which is not supported"
    if set(form) - {1, SIGNED} or (SIGNED in form and len(bits) > 1):
        return f"a TIFF of {_FORMATS.get(form[0], 'unknown')} pixels of {bits[0]} bits, which is not supported"
    if SIGNED in form and (bits[0] not in (8, 16) or tags.get(PHOTOMETRIC, (1,))[0] == WHITE_IS_ZERO):
        return f"a TIFF of signed pixels of {bits[0]} bits of this kind, which is not supported"
    if max(bits) > 8 and tags.get(SAMPLES, (1,))[0] > 1:  # Pillow would drop the low bits
        return f"a TIFF of {max(bits)}-bit colour, which is not supported"
    if bits[0] > 16:
        return f"a TIFF of {_FORMATS[form[0]]} pixels of {bits[0]} bits, which is not supported"
    return ""


class _Tiff(TiffImageFile):
    """A TIFF without Pillow's own limit, which warns of 90 megapixels and refuses 180; ``check_size`` has another."""

    def load_prepare(self) -> None:
        """Make the empty picture, which Pillow would do after its check."""
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size).im
        super().load_prepare()


Opener = Callable[[io.BytesIO], ImageFile.ImageFile]

# Called directly because Image.open guards against huge films with a process-wide setting that two threads cannot
# change safely; decode_picture has its own guard.
_OPENERS: dict[str, Opener] = {
    "PNG": PngImageFile, "JPEG": JpegImageFile, "BMP": BmpImageFile, "TIFF": _Tiff, "WebP": WebPImageFile,
}  # fmt: skip
_ORIENTATION = 274
_BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1}  # in Pillow's memory; 4 in other modes
_WEBP_BYTES_PER_PIXEL = 16  # its decoder works on four copies
_PNG_CHANNELS = {b"\x02": "colour", b"\x04": "grey with transparency", b"\x06": "colour with transparency"}
"""By the colour type in a PNG's header."""
_MOST_PASSES, _MOST_PIXELS_PASSED = 100, 2_000_000_000  # a progressive JPEG has about ten passes
_SAVE_ALONE = "save the film as a file of its own, or remove it"


def is_picture(data: bytes) -> bool:
    """Return whether the first bytes are those of a format read here; DICOM's mark takes precedence."""
    return picture_kind(data[:HEAD]) != ""


def decode_picture(data: bytes, path: Path) -> tuple[Grey, int]:
    """Decode to grey pixels as stored in the file, and the EXIF orientation (1 to 8) that a viewer would apply.

    The pixels are (H, W) uint8 or uint16, with black and white as ``depth`` defines them. Colour becomes luminance.
    Alpha is ignored, but a fully transparent picture is refused. ``path`` is for messages.

    Raises:
        FilmError: the picture is empty, damaged, not a film, too large or too small.
    """
    if not data:
        raise FilmError("the file is empty", COPY_AGAIN, path)
    if begins_like_dicom(data):  # the 128 bytes before its mark may be those of a TIFF
        raise FilmError("a DICOM file, not a PNG, JPEG, BMP, TIFF or WebP film", SAVE_AS_PNG, path)
    kind = picture_kind(data[:HEAD])
    if not kind:
        raise FilmError(f"{not_a_film(data)}not a PNG, JPEG, BMP, TIFF or WebP film", SAVE_AS_PNG, path)
    if unsupported := _unsupported(kind, data):
        raise FilmError(unsupported, SAVE_AS_PNG, path)
    try:
        return _decode(_OPENERS[kind], data, path)
    except (FilmError, MemoryError):
        raise
    except Exception as error:  # hostile bytes make decoders raise errors of every kind
        raise FilmError(f"damaged or truncated: {type(error).__name__}: {error}", COPY_AGAIN, path) from error


def grey_of_image(image: Image.Image) -> tuple[Grey, int]:
    """Do as ``decode_picture`` does for a picture that Pillow has opened or made, by its mode and EXIF data.

    Of 16-bit colour, Pillow has kept 8 bits.

    Raises:
        FilmError: see ``decode_picture``.
    """
    check_size(image.size)
    try:
        _load(image)
        is_tiff = isinstance(image, TiffImageFile)  # which Pillow has already turned
        return _full_range(image, _grey(image)), 1 if is_tiff else _orientation(image)
    except (FilmError, MemoryError):
        raise
    except Exception as error:
        reason = f"damaged or truncated: {type(error).__name__}: {error}"
        raise FilmError(reason, COPY_AGAIN) from error


def _load(image: Image.Image) -> None:
    if not isinstance(image, TiffImageFile):
        image.load()
        return
    # Pillow memory-maps an uncompressed TIFF that has a name, and garbles it if it has to be turned.
    name, image.filename = image.filename, ""
    try:
        image.load()
    finally:
        image.filename = name


def _full_range(image: Image.Image, grey: Grey) -> Grey:
    # Pillow honours white-is-zero only in 8 bits.
    is_inverted = isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO
    return full_range(grey, white_is_zero=is_inverted and grey.dtype == np.uint16)


def not_a_film(data: bytes) -> str:
    """Name the kind of a file that is not a film, for the start of a sentence."""
    kind = other_kind(data[:HEAD])
    return f"a {kind} file, " if kind else ""


def _unsupported(kind: str, data: bytes) -> str:
    if kind == "TIFF":
        return unsupported_tiff(data)
    if kind == "PNG" and data[24:25] == b"\x10" and data[25:26] in _PNG_CHANNELS:  # Pillow would drop 8 of the bits
        return f"a PNG of 16-bit {_PNG_CHANNELS[data[25:26]]}, which is not supported"
    head = jpeg_head(data) if kind == "JPEG" else None
    if head is not None and (head.marker in (LOSSLESS, JPEG_LS) or head.precision != 8):
        return f"a {head.name}, which is not supported"
    return ""


def _decode(opener: Opener, data: bytes, path: Path) -> tuple[Grey, int]:
    if opener is WebPImageFile:  # which Pillow decodes on opening
        _check_webp(data, path)
    image = opener(io.BytesIO(data))
    check_size(image.size, path)
    if opener is JpegImageFile and (fault := fault_of_jpeg(data, image.size)):
        raise FilmError(fault, SAVE_AS_PNG, path)
    _check_single(image, path)
    check_bytes(image.size, _BYTES_PER_PIXEL.get(image.mode, 4), path)
    image.draft("L", image.size)  # JPEG only: decodes luminance alone, at full size
    is_tiff = isinstance(image, TiffImageFile)
    orientation = _orientation(image) if is_tiff else 1  # Pillow turns a TIFF and then forgets the tag
    grey = _full_range(image, _grey(image, path))
    if is_tiff:
        return turned(grey, {6: 8, 8: 6}.get(orientation, orientation)), orientation
    return grey, _orientation(image)


def _check_webp(data: bytes, path: Path) -> None:
    """Check the size in a WebP's header (RFC 9649) before its decoder allocates memory for it."""
    kind, head = data[12:16], data[20:30]
    size = (0, 0)
    if kind == b"VP8X":
        size = int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    elif kind == b"VP8 ":
        size = int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    elif kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        size = (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    check_size(size, path)
    check_bytes(size, _WEBP_BYTES_PER_PIXEL, path)


def fault_of_jpeg(data: bytes, size: tuple[int, int]) -> str:
    """Explain why a decoder would fill a JPEG of (width, height) with grey or work on it for minutes; empty if not."""
    pixels, passes = size[0] * size[1], data.count(b"\xff\xda")
    if len(data) * 8 < pixels // 64:  # a block of 8x8 pixels takes at least one bit
        return f"damaged or truncated: {len(data):,} bytes are too few for {size[0]}x{size[1]} pixels"
    if passes > _MOST_PASSES or pixels * passes > _MOST_PIXELS_PASSED:
        return f"a JPEG with {passes} passes over {size[0]}x{size[1]} pixels"
    return ""


def _check_single(image: ImageFile.ImageFile, path: Path) -> None:
    """Refuse animations and TIFF files of several pages: nothing says which picture is the film."""
    if isinstance(image, TiffImageFile):
        if image.tag_v2.next:  # n_frames would follow a chain of pages that may be endless
            raise FilmError("the file has more than one page", _SAVE_ALONE, path)
        return
    if getattr(image, "n_frames", 1) > 1:
        raise FilmError("the file is an animation", _SAVE_ALONE, path)


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken EXIF data does not mean broken pixels
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _grey(image: Image.Image, path: Path | None = None) -> Grey:
    image.load()
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)  # astype also converts big-endian pixels
    if image.mode == "I":
        wide = np.asarray(image)
        if wide.min() < 0 and _is_signed(image):
            wide = wide + (1 << 15)  # as in signed DICOM: the lowest 16-bit value is black
        if wide.min() >= 0 and wide.max() <= np.iinfo(np.uint16).max:
            return wide.astype(np.uint16)
    if image.mode in ("I", "F"):
        raise FilmError(f"32-bit pixels (mode {image.mode}) are not supported", SAVE_AS_PNG, path)
    if image.mode == "P":
        _check_palette(image, path)
    elif "A" in image.getbands():
        alpha = image.getchannel("A")
        if not alpha.getextrema()[1]:
            raise FilmError("every pixel is transparent", SAVE_AS_PNG, path)
    if image.mode == "L" and _is_signed(image):
        signed = np.asarray(image).view(np.int8)
        return (signed ^ np.int8(-128) if signed.min() < 0 else signed).view(np.uint8)
    if "transparency" in image.info:  # Pillow would warn that it gets lost
        image = image.copy()
        del image.info["transparency"]
    if image.mode == "LAB":
        return np.array(image.getchannel(0), dtype=np.uint8)
    if image.mode in ("La", "RGBa"):  # colours multiplied by alpha
        image = image.convert(image.mode.upper())
    return np.array(image if image.mode == "L" else image.convert("L"), dtype=np.uint8)


def _is_signed(image: Image.Image) -> bool:
    return isinstance(image, TiffImageFile) and SIGNED in np.atleast_1d(image.tag_v2.get(SAMPLE_FORMAT, 1))


def _check_palette(image: Image.Image, path: Path | None) -> None:
    used: NDArray[np.intp] = np.flatnonzero(image.histogram())
    palette = image.palette
    if palette is None or used[-1] >= len(palette.palette) // len(palette.mode):
        raise FilmError("damaged: pixels use colours beyond the palette", COPY_AGAIN, path)
    transparency = image.info.get("transparency", b"")
    if isinstance(transparency, int):
        transparency = bytes(0 if index == transparency else 255 for index in range(transparency + 1))
    if all(index < len(transparency) and transparency[index] == 0 for index in used):
        raise FilmError("every pixel is transparent", SAVE_AS_PNG, path)
