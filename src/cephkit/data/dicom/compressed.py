"""What a compressed picture says about its own size, before a decoder believes it."""

import itertools
import struct

from pydicom.encaps import get_frame
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGBaseline8Bit, JPEGExtended12Bit, RLELossless

from cephkit.data.dicom.layout import Layout
from cephkit.data.pictures import fault_of_jpeg

_MOST_FRAGMENTS = 10_000
_ITEM = b"\xfe\xff\x00\xe0"


def fault_of_compressed(data: bytes, syntax: UID, layout: Layout) -> str:
    """What is wrong with the one compressed picture, as far as its own head tells."""
    if not _has_whole_fragments(data):
        return "fragments that do not fit together"
    frame = get_frame(data, 0, number_of_frames=1)
    if syntax == RLELossless:
        return _fault_of_rle(frame, layout)
    is_jpeg_2000 = syntax in JPEG2000TransferSyntaxes
    if not is_jpeg_2000 and not frame.rstrip(b"\0").endswith(b"\xff\xd9"):
        return "a JPEG without its end"  # with one that ends anywhere, CharLS would not end at all
    size = _size_of_jpeg2000(frame) if is_jpeg_2000 else _size_of_jpeg(frame)
    if size != (layout.rows, layout.columns, layout.samples):
        return "another size inside than the header says"
    if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
        return fault_of_jpeg(frame, (layout.columns, layout.rows))
    return ""


def _has_whole_fragments(data: bytes) -> bool:
    """Whether ``data`` is a chain of items to its end (PS3.5 A.4)."""
    position = 0
    for _ in range(_MOST_FRAGMENTS):
        if position >= len(data) - 7:
            return position <= len(data)
        if data[position : position + 4] != _ITEM:
            return False
        position += 8 + int.from_bytes(data[position + 4 : position + 8], "little")
    return False


def _size_of_jpeg(frame: bytes) -> tuple[int, int, int] | None:
    """(rows, columns, samples) of a JPEG or JPEG-LS stream."""
    position = 2
    while position + 10 <= len(frame) and frame[position] == 0xFF:
        marker = frame[position + 1]
        if (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)) or marker == 0xF7:
            rows, columns, samples = struct.unpack_from(">HHB", frame, position + 5)
            return rows, columns, samples
        position += 2 + (0 if marker == 0xFF else struct.unpack_from(">H", frame, position + 2)[0])
    return None


def _size_of_jpeg2000(frame: bytes) -> tuple[int, int, int] | None:
    """(rows, columns, samples) of a JPEG 2000 stream (ISO 15444-1, A.5.1)."""
    start = frame.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(frame) < start + 42:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
    return bottom - top, right - left, struct.unpack_from(">H", frame, start + 40)[0]


def _fault_of_rle(frame: bytes, layout: Layout) -> str:
    """Whether each segment unpacks to its plane: a segment of a megabyte may unpack to 64 of them."""
    planes = layout.samples * layout.allocated // 8
    count, *offsets = struct.unpack_from("<16I", frame)
    offsets = [*offsets[:planes], len(frame)]
    pixels = layout.rows * layout.columns
    if count != planes or len(frame) > 2 * planes * pixels + 64:
        return "not as many RLE segments, or as long, as its kind of pixels needs"
    for start, end in itertools.pairwise(offsets):
        if not pixels <= _rle_length(frame[start:end], pixels + 1) <= pixels + 1:
            return "an RLE segment of another length than the picture"
    return ""


def _rle_length(segment: bytes, enough: int) -> int:
    """Bytes that a segment unpacks to, counted until there are more than ``enough`` (PS3.5 G.3.2)."""
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
