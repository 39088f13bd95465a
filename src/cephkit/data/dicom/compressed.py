"""Compares a compressed picture's own head with the header, before a decoder trusts either."""

import itertools
import struct
from dataclasses import dataclass

from pydicom.encaps import get_frame
from pydicom.uid import (
    UID,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cephkit.data.dicom.layout import Layout
from cephkit.data.jpeg import BASELINE, EXTENDED, JPEG_LS, LOSSLESS, PROGRESSIVE, jpeg_head
from cephkit.data.pictures import fault_of_jpeg

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
