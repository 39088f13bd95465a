"""A DICOM object's pixels as stored; the head of a compressed picture is compared with the header beforehand."""

import itertools
import struct
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from pydicom.config import IGNORE
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cephkit.data.dicom.decoding import DecodingError, NoDecoderError, decoded
from cephkit.data.dicom.header import EXPORT_AGAIN, Header
from cephkit.data.dicom.layout import Layout, known_name
from cephkit.data.grey import COPY_AGAIN
from cephkit.data.jpeg import BASELINE, EXTENDED, JPEG_LS, LOSSLESS, PROGRESSIVE, jpeg_head
from cephkit.data.pictures import fault_of_jpeg
from cephkit.errors import FilmError

_MOST_FRAGMENTS = 10_000
_ITEM = b"\xfe\xff\x00\xe0"
_END_OF_JPEG = b"\xff\xd9"
_LOSSY = (BASELINE, EXTENDED, PROGRESSIVE)
_MARKERS = {
    JPEGBaseline8Bit: _LOSSY,
    JPEGExtended12Bit: _LOSSY,
    JPEGLossless: (LOSSLESS,),
    JPEGLosslessSV1: (LOSSLESS,),
    JPEGLSLossless: (JPEG_LS,),
    JPEGLSNearLossless: (JPEG_LS,),
}
"""Frames allowed for a transfer syntax. Progressive ones are labelled baseline in practice, and are read as well."""


@dataclass(frozen=True)
class Frame:
    """One compressed picture, or the ``fault`` for which it is refused."""

    data: bytes = b""
    fault: str = ""
    surplus: int = 0
    """Number of bytes after the picture's end, which are not in ``data``."""


def compressed_frame(data: bytes, syntax: UID, layout: Layout) -> Frame:
    """Extract the only compressed picture in ``data``, checking its own head against the header."""
    if not _has_whole_fragments(data):
        return Frame(fault="broken fragments")
    frame = get_frame(data, 0, number_of_frames=1)
    if syntax == RLELossless:
        return Frame(frame, _fault_of_rle(frame, layout))
    end = frame.rfind(_END_OF_JPEG) + len(_END_OF_JPEG)
    whole = frame[:end] if end >= len(_END_OF_JPEG) else frame
    surplus = len(frame[len(whole) :].rstrip(b"\0"))
    if syntax not in _MARKERS:
        return Frame(whole, _fault_of_jpeg_2000(whole, layout), surplus)
    if end < len(_END_OF_JPEG):
        return Frame(fault="a JPEG without its end")  # on which CharLS would never return
    return Frame(whole, _fault_of_jpeg(whole, syntax, layout), surplus)


def _has_whole_fragments(data: bytes) -> bool:
    """Return whether ``data`` is a chain of items to its end (PS3.5 A.4)."""
    position = 0
    for _ in range(_MOST_FRAGMENTS):
        if position >= len(data) - 7:
            return position <= len(data)
        if data[position : position + 4] != _ITEM:
            return False
        position += 8 + int.from_bytes(data[position + 4 : position + 8], "little")
    return False


def _fault_of_jpeg(frame: bytes, syntax: UID, layout: Layout) -> str:
    head = jpeg_head(frame)
    if head is None:
        return "no JPEG picture inside, or several"
    if head.marker not in _MARKERS[syntax]:
        return f"a {head.name} inside, not the kind that the header gives"
    if (head.rows, head.columns, head.samples) != (layout.rows, layout.columns, layout.samples):
        return "a size inside that differs from the header's"
    if not 2 <= head.precision <= layout.allocated:
        return f"{head.precision} bits inside, where the header allows {layout.allocated}"
    if head.marker not in _LOSSY:
        alike = head.samples == 1 or set(head.sampling) == {0x11}
        return "" if alike else "colours of different sizes inside"
    if head.precision != 8:
        return f"a {head.name} inside, which is not supported"
    return fault_of_jpeg(frame, (layout.columns, layout.rows))


def _fault_of_jpeg_2000(frame: bytes, layout: Layout) -> str:
    """Check the SIZ segment of a stream (ISO 15444-1, A.5.1)."""
    start = frame.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(frame) < start + 42:
        return "no JPEG 2000 picture inside"
    right, bottom, left, top, *tile = struct.unpack_from(">8I", frame, start + 8)
    samples = struct.unpack_from(">H", frame, start + 40)[0]
    if (bottom - top, right - left, samples) != (layout.rows, layout.columns, layout.samples):
        return "a size inside that differs from the header's"
    kinds = frame[start + 42 : start + 42 + 3 * samples]
    if len(kinds) != 3 * samples or not all(tile[:2]):
        return "a damaged JPEG 2000 head inside"
    if set(kinds[1::3]) | set(kinds[2::3]) != {1}:
        return "colours of different sizes inside"
    depths = {(kind & 0x7F) + 1 for kind in kinds[::3]}
    if max(depths) > layout.allocated:
        return f"{max(depths)} bits inside, where the header allows {layout.allocated}"
    return ""


def _fault_of_rle(frame: bytes, layout: Layout) -> str:
    """Check that each segment unpacks to its plane: a segment of 1 MB may unpack to 64 MB."""
    planes = layout.samples * layout.allocated // 8
    count, *offsets = struct.unpack_from("<16I", frame)
    offsets = [*offsets[:planes], len(frame)]
    pixels = layout.rows * layout.columns
    if count != planes or len(frame) > 2 * planes * pixels + 64:
        return "RLE segments that do not match its kind of pixels in number or size"
    for start, end in itertools.pairwise(offsets):
        if not pixels <= _rle_length(frame[start:end], pixels + 1) <= pixels + 1:
            return "an RLE segment whose length does not match the picture"
    return ""


def _rle_length(segment: bytes, enough: int) -> int:
    """Count the bytes that a segment unpacks to, until there are more than ``enough`` (PS3.5 G.3.2)."""
    position = length = 0
    while position < len(segment) - 1 and length <= enough:
        head = segment[position]
        if head < 128:
            literal = min(head + 1, len(segment) - position - 1)
            length, position = length + literal, position + 1 + literal
        elif head > 128:
            length, position = length + 257 - head, position + 2
        else:
            position += 1
    return length


_BY_EXTRA = (JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless)
# Pillow's and CharLS's decoders have been fuzzed for years; gdcm does what they cannot do.
_PLUGINS = ("pydicom", "pillow", "pyjpegls", "gdcm", "pylibjpeg")


@dataclass(frozen=True)
class Stored:
    """Pixels as stored."""

    pixels: NDArray[Any]
    """(H, W) or (H, W, 3)."""
    colour: str
    """Their colour space after decoding."""
    notes: tuple[str, ...] = ()


def stored_pixels(header: Header, layout: Layout) -> Stored:
    """Decode the only picture.

    Raises:
        FilmError: it is shorter than the header says, damaged, or of an unsupported compression.
    """
    syntax = _transfer_syntax(header)
    decoder = _decoder(syntax, layout, header)
    data = header.raw("PixelData")
    if decoder.is_encapsulated != header.is_encapsulated("PixelData"):
        raise FilmError("damaged DICOM: its pixels are not compressed as its header says", COPY_AGAIN, header.path)
    options = _options(layout, words=header.has_words("PixelData"))
    try:
        if not decoder.is_encapsulated:
            return _native(decoder, data, layout, options)
        frame = compressed_frame(data, syntax, layout)
        if not frame.fault:
            return _compressed(decoder, frame, layout, options)
        fault = frame.fault
    except MemoryError:
        raise
    except NoDecoderError as error:
        reason = f"compressed DICOM pixels, and the decoder cannot be started ({error})"
        raise FilmError(reason, EXPORT_AGAIN, header.path) from error
    except DecodingError as error:
        fault = str(error)
    except Exception as error:  # hostile bytes make decoders raise errors of every kind
        fault = type(error).__name__
    # Raised outside, so that it does not carry a decoder's error, which may quote the file.
    raise FilmError(f"damaged or truncated DICOM pixels ({fault})", COPY_AGAIN, header.path)


def _native(decoder: Decoder, data: bytes, layout: Layout, options: dict[str, Any]) -> Stored:
    expected = layout.native_bytes
    if len(data) < expected:
        raise DecodingError(f"{len(data):,} bytes, expected {expected:,}")
    even = expected + expected % 2
    pixels, about = decoder.as_array(data[:even], raw=True, **options)
    return Stored(pixels, str(about["photometric_interpretation"]), surplus_notes(len(data) - even))


def _compressed(decoder: Decoder, frame: Frame, layout: Layout, options: dict[str, Any]) -> Stored:
    notes, plugin = surplus_notes(frame.surplus), _plugin(decoder, layout)
    syntax = decoder.UID
    if syntax == RLELossless:  # pure Python, which does not crash
        pixels, about = decoder.as_array(encapsulate([frame.data]), raw=True, decoding_plugin=plugin, **options)
        return Stored(pixels, str(about["photometric_interpretation"]), notes)
    shape = (layout.rows, layout.columns, layout.samples)[: 2 if layout.samples == 1 else 3]
    asked = {"syntax": str(syntax), "plugin": plugin, "options": options}
    return Stored(*decoded(frame.data, asked, shape), notes)


def surplus_notes(count: int) -> tuple[str, ...]:
    """Note surplus bytes: they are not damage, but may be a sign of it."""
    return (f"{count:,} surplus bytes after the picture, ignored",) if count > 0 else ()


def _options(layout: Layout, *, words: bool) -> dict[str, Any]:
    """Collect what pydicom's decoder needs to know, so that it does not read the header."""
    return {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": 1,
        "samples_per_pixel": layout.samples,
        "photometric_interpretation": layout.colour,
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored,
        "pixel_representation": int(layout.signed),
        "planar_configuration": layout.planar,
        "pixel_keyword": "PixelData",
        "pixel_vr": "OW" if words else "OB",
    }


def _transfer_syntax(header: Header) -> UID:
    if header.transfer_syntax:
        return UID(header.transfer_syntax, validation_mode=IGNORE)
    if header.is_implicit("PixelData"):
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if header.byte_order("PixelData") == "little" else ExplicitVRBigEndian


def _decoder(syntax: UID, layout: Layout, header: Header) -> Decoder:
    name = known_name(str(syntax)) or "unknown"
    reason = f"DICOM pixels of an unsupported transfer syntax ({name})"
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        decoder = None
    if decoder is None or (syntax == JPEGExtended12Bit and layout.stored > 8):
        raise FilmError(reason, EXPORT_AGAIN, header.path)
    if not decoder.is_available:
        remedy = 'pip install "cephkit[dicom]", or ' if syntax in _BY_EXTRA else ""
        raise FilmError(reason, remedy + EXPORT_AGAIN, header.path)
    return decoder


def _plugin(decoder: Decoder, layout: Layout) -> str:
    plugins = [plugin for plugin in _PLUGINS if plugin in decoder.available_plugins]
    if layout.samples == 3 and layout.allocated == 16 and len(plugins) > 1 and plugins[0] == "pillow":
        return plugins[1]  # Pillow reduces 16-bit colour to 8 bits
    return plugins[0]
