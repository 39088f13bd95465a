"""Reads the head of a JPEG or JPEG-LS stream before a decoder trusts it (ISO 10918-1 B, ISO 14495-1 C)."""

import re
import struct
from dataclasses import dataclass

BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS, JPEG_LS = 0xC0, 0xC1, 0xC2, 0xC3, 0xF7
_NAMES = {BASELINE: "baseline", EXTENDED: "extended", PROGRESSIVE: "progressive", LOSSLESS: "lossless"}
_NO_FRAME = {0xC4, 0xC8, 0xCC}
"""Markers from C0 to CF that start no frame: tables, and a reserved one."""
_FRAMES = re.compile(rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf\xf7]")
_SCAN = 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_MOST_SEGMENTS = 10_000


@dataclass(frozen=True)
class JpegHead:
    """The segment that starts a frame."""

    marker: int
    """The coding process: ``BASELINE`` and so on."""
    precision: int
    """Bits per sample."""
    rows: int
    columns: int
    samples: int
    """Per pixel."""
    sampling: bytes
    """Sampling factors of each sample: 0x11 for one per pixel."""

    @property
    def name(self) -> str:
        """Name of the kind, for messages."""
        if self.marker == JPEG_LS:
            return f"JPEG-LS of {self.precision} bits"
        return f"{_NAMES.get(self.marker, 'hierarchical or arithmetic')} JPEG of {self.precision} bits"


def jpeg_head(data: bytes) -> JpegHead | None:
    """Read the only frame of a stream; None if there is none before the first scan, or more than one anywhere."""
    position, head = 2, None
    if data[:2] != b"\xff\xd8":
        return None
    for _ in range(_MOST_SEGMENTS):
        if position + 4 > len(data) or data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF or marker in _WITHOUT_LENGTH:  # the first is padding
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if length < 2 or position + 2 + length > len(data):
            return None
        if marker == _SCAN:
            # After it these bytes are markers wherever they lie: compressed data never contains them.
            return None if _FRAMES.search(data, position + 2 + length) else head
        if (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME) or marker == JPEG_LS:
            if head is not None or length < 8:
                return None
            precision, rows, columns, samples = struct.unpack_from(">BHHB", data, position + 4)
            if length < 8 + 3 * samples:
                return None
            sampling = data[position + 11 : position + 10 + 3 * samples : 3]
            head = JpegHead(marker, precision, rows, columns, samples, sampling)
        position += 2 + length
    return None
