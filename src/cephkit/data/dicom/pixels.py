"""A DICOM object's pixels as stored."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from pydicom.config import IGNORE
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cephkit.data.dicom.compressed import Frame, compressed_frame
from cephkit.data.dicom.decoding import DecodingError, NoDecoderError, decoded
from cephkit.data.dicom.header import EXPORT_AGAIN, Header
from cephkit.data.dicom.layout import Layout, known_name
from cephkit.data.grey import COPY_AGAIN
from cephkit.errors import FilmError

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
