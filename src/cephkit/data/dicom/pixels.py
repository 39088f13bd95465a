"""A DICOM object's pixels as they are stored."""

from typing import Any

from numpy.typing import NDArray
from pydicom.config import IGNORE
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
)

from cephkit.data.dicom.compressed import fault_of_compressed
from cephkit.data.dicom.header import EXPORT_AGAIN, Header
from cephkit.data.dicom.layout import Layout, known_name
from cephkit.data.grey import COPY_AGAIN
from cephkit.errors import BrokenFilmError

_BY_EXTRA = (JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless)
# Pillow's and CharLS's decoders have been fuzzed for years; gdcm does what they cannot.
_PLUGINS = ("pydicom", "pillow", "pyjpegls", "gdcm", "pylibjpeg")


def stored_pixels(header: Header, layout: Layout) -> tuple[NDArray[Any], str]:
    """Pixels as stored, (H, W) or (H, W, 3), and the colours that they are in after decoding.

    Raises:
        BrokenFilmError: shorter or longer than the header says, damaged, or of a compression nobody here can undo.
    """
    syntax = _transfer_syntax(header)
    decoder = _decoder(syntax, layout, header)
    data = header.raw("PixelData")
    if decoder.is_encapsulated != header.is_encapsulated("PixelData"):
        raise BrokenFilmError("damaged DICOM: its pixels are not compressed as it says", COPY_AGAIN, header.path)
    try:
        compressed = decoder.is_encapsulated
        fault = fault_of_compressed(data, syntax, layout) if compressed else _fault_of_native(data, layout)
        if not fault:
            options = _options(layout, words=header.has_words("PixelData"))
            plugin = _plugin(decoder, layout) if compressed else ""
            pixels, about = decoder.as_array(data, raw=True, decoding_plugin=plugin, **options)
            return pixels, str(about["photometric_interpretation"])
    except MemoryError:
        raise
    except Exception as error:  # decoders meet hostile bytes with errors of every kind
        fault = type(error).__name__
    # Raised out here so that it does not carry a decoder's error, which may quote the file.
    raise BrokenFilmError(f"damaged or truncated DICOM pixels ({fault})", COPY_AGAIN, header.path)


def _options(layout: Layout, *, words: bool) -> dict[str, Any]:
    """What pydicom's decoder needs to know, so that it need not look into the header."""
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
    reason = f"DICOM pixels of a transfer syntax that is not supported ({name})"
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        decoder = None
    if decoder is None or (syntax == JPEGExtended12Bit and layout.stored > 8):
        raise BrokenFilmError(reason, EXPORT_AGAIN, header.path)
    if not decoder.is_available:
        remedy = 'pip install "cephkit[dicom]", or ' if syntax in _BY_EXTRA else ""
        raise BrokenFilmError(reason, remedy + EXPORT_AGAIN, header.path)
    return decoder


def _plugin(decoder: Decoder, layout: Layout) -> str:
    plugins = [plugin for plugin in _PLUGINS if plugin in decoder.available_plugins]
    if layout.samples == 3 and layout.allocated == 16 and len(plugins) > 1 and plugins[0] == "pillow":
        return plugins[1]  # Pillow cuts 16-bit colour to 8
    return plugins[0]


def _fault_of_native(data: bytes, layout: Layout) -> str:
    expected = layout.native_bytes
    if len(data) in (expected, expected + 1):  # one more to make it even
        return ""
    return f"{len(data):,} bytes where {expected:,} are expected"
