"""PNG and TIFF files of kinds that Pillow does not write."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(pixels: NDArray[Any], colour_type: int) -> bytes:
    """(H, W, channels) uint8 or uint16; each row by another of PNG's filters 0 to 2."""
    height, width = pixels.shape[:2]
    depth = pixels.dtype.itemsize * 8
    step = pixels.dtype.itemsize * (pixels.shape[2] if pixels.ndim == 3 else 1)
    rows = np.frombuffer(pixels.astype(pixels.dtype.newbyteorder(">")).tobytes(), np.uint8).reshape(height, -1)
    filtered = b""
    for y, row in enumerate(rows):
        left = np.concatenate([np.zeros(step, np.uint8), row[:-step]])
        above = rows[y - 1] if y else np.zeros_like(row)
        filtered += bytes([y % 3]) + (row - (0, left, above)[y % 3]).astype(np.uint8).tobytes()
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)


def tiff(entries: dict[int, tuple[int, list[int]]], pixels: bytes, order: str = "<") -> bytes:
    """One page: tag -> (type 3 short or 4 long, values); 273 (strip offsets) is filled in for one strip if missing."""
    entries = dict(sorted({273: (4, [0]), **entries}.items()))
    size = {3: 2, 4: 4}
    extra_at = 8 + 2 + 12 * len(entries) + 4
    pixels_at = extra_at + sum(max(0, size[kind] * len(values)) for kind, values in entries.values())
    if entries[273] == (4, [0]):
        entries[273] = (4, [pixels_at])
    directory, extra = struct.pack(f"{order}H", len(entries)), b""
    for tag, (kind, values) in entries.items():
        content = struct.pack(f"{order}{len(values)}{'HI'[kind - 3]}", *values)
        if len(content) > 4:
            directory += struct.pack(f"{order}HHII", tag, kind, len(values), extra_at + len(extra))
            extra += content
        else:
            directory += struct.pack(f"{order}HHI", tag, kind, len(values)) + content.ljust(4, b"\0")
    magic = b"II*\0" if order == "<" else b"MM\0*"
    body = magic + struct.pack(f"{order}I", 8) + directory + struct.pack(f"{order}I", 0) + extra
    return body.ljust(pixels_at, b"\0") + pixels
