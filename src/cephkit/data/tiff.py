"""Reads a TIFF's first directory, so that unsupported kinds are called unsupported, not damaged."""

import struct

from PIL.TiffImagePlugin import COMPRESSION_INFO

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
