"""Hostile PNG, JPEG, TIFF, BMP and WebP files, and files that are none: name -> bytes."""

import io
import random
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from tests.data.aariz_folder import noise
from tests.data.picture_files import png_chunk, tiff

NOISE = Image.fromarray(noise(1, 300, 200))
GARBAGE = random.Random(0).randbytes(50_000)
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_of(width: int, height: int, depth: int, colour: int, rows: bytes, *before: bytes) -> bytes:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return PNG_HEAD + head + b"".join(before) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def zeros_deflated(count: int) -> bytes:
    packer = zlib.compressobj(6)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(count >> 20)) + packer.flush()


def jpeg_of(width: int, height: int, **options: Any) -> bytes:
    """A JPEG whose head says another size than its pixels have."""
    data = bytearray(saved(NOISE, "JPEG", **options))
    at = data.index(b"\xff\xc2" if options.get("progressive") else b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def many_scans(count: int, size: tuple[int, int] = (4000, 4000)) -> bytes:
    """A progressive JPEG that goes over its pixels again and again."""
    data = jpeg_of(*size, progressive=True)
    start = data.index(b"\xff\xda")
    end = data.index(b"\xff", start + 16)
    return data[:start] + data[start:end] * count + data[end:]


PAGE = {
    256: (4, [200]), 257: (4, [300]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1]), 278: (4, [300]),
    279: (4, [60_000]),
}  # fmt: skip


def tiff_page(pixels: bytes = GARBAGE + GARBAGE[:10_000], **tags: tuple[int, list[int]]) -> bytes:
    return tiff({**PAGE, **{int(tag[1:]): value for tag, value in tags.items()}}, pixels)


def looped(data: bytes, to: int) -> bytes:
    """``data`` with a next page at ``to``."""
    at = 8 + 2 + 12 * int.from_bytes(data[8:10], "little")
    return data[:at] + to.to_bytes(4, "little") + data[at + 4 :]


def bmp(width: int, height: int, bits: int = 8, compression: int = 0, data: bytes = GARBAGE) -> bytes:
    palette = bytes(1024) if bits == 8 else b""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(palette) + len(data), 0, 0, 54 + len(palette)) + head + palette + data


def webp_canvas(width: int, height: int) -> bytes:
    head = b"\0" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + head + b"VP8 " + struct.pack("<I", 100) + GARBAGE[:100]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_lossless(width: int, height: int) -> bytes:
    head = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little")
    body = b"WEBPVP8L" + struct.pack("<I", 105) + head + GARBAGE[:101]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pictures() -> dict[str, bytes]:
    """Every case; each must end in an error that names file, reason and remedy."""
    whole = {
        "png": saved(NOISE, "PNG"), "jpg": saved(NOISE, "JPEG"), "bmp": saved(NOISE, "BMP"),
        "webp": saved(NOISE, "WEBP", lossless=True), "tif": saved(NOISE, "TIFF", compression="tiff_lzw"),
    }  # fmt: skip
    cases = {
        f"truncated at {share}%.{kind}": data[: len(data) * share // 100]
        for kind, data in whole.items()
        for share in (1, 50, 97)
    }
    second = saved(NOISE, "TIFF", save_all=True, append_images=[NOISE])
    crc = bytearray(whole["png"])
    crc[30] ^= 0xFF
    spoilt = bytearray(whole["png"])
    spoilt[len(spoilt) // 2] ^= 0xFF
    row = np.zeros((40, 41), np.uint8)
    row[:, 1:] = 9
    return cases | {
        "empty.png": b"",
        "one byte.png": b"\x89",
        "text.png": b"a film of the skull",
        "not found.jpg": b"<!doctype html><html>404</html>",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='20000' height='20000'/>",
        "cartoon.gif": saved(NOISE, "GIF"),
        "paper.pdf": b"%PDF-1.7\n" + GARBAGE,
        "archive.png": b"PK\x03\x04" + GARBAGE,
        "garbage.jpg": GARBAGE,
        "zeros.tif": bytes(100_000),
        "head only.png": PNG_HEAD,
        "no end of size.png": png_of(2**31 - 1, 2**31 - 1, 8, 0, b""),
        "no width.png": png_of(0, 100, 8, 0, b""),
        "three bits.png": png_of(100, 100, 3, 0, bytes(10_000)),
        "bomb of black and white.png": png_of(30_000, 30_000, 1, 0, bytes(3751 * 300)),
        "bomb of grey.png": png_of(60_000, 60_000, 8, 0, b""),
        "bomb of colour.png": png_of(14_000, 14_000, 8, 6, b""),
        "bomb of deep colour.png": png_of(10_000, 10_000, 16, 2, b""),
        "bomb of 16 bits.png": png_of(14_000, 14_000, 16, 0, b""),
        "bomb of text.png": png_of(40, 40, 8, 0, bytes(1640), png_chunk(b"zTXt", b"a\0\0" + zeros_deflated(1 << 25))),
        "rows without end.png": png_of(14_000, 14_000, 8, 0, zeros_deflated(1 << 24)),
        "wrong checksum.png": bytes(crc),
        "flipped bit.png": bytes(spoilt),
        "no palette.png": png_of(40, 40, 8, 3, row.tobytes()),
        "beyond the palette.png": png_of(40, 40, 8, 3, row.tobytes(), png_chunk(b"PLTE", bytes(range(24)))),
        "no pixels.png": PNG_HEAD + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 40, 8, 0, 0, 0, 0)),
        "animation.png": saved(NOISE, "PNG", save_all=True, append_images=[Image.fromarray(noise(2, 300, 200))]),
        "transparent.png": saved(Image.new("RGBA", (100, 100)), "PNG"),
        "giant.jpg": jpeg_of(65_500, 65_500),
        "large and short.jpg": jpeg_of(65_500, 3000),
        "large, progressive and short.jpg": jpeg_of(16_000, 12_000, progressive=True),
        "many scans.jpg": many_scans(2000),
        "many scans of a small picture.jpg": many_scans(200, (200, 300)),
        "no height.jpg": jpeg_of(200, 0),
        "start only.jpg": b"\xff\xd8\xff",
        "garbage behind the start.jpg": b"\xff\xd8\xff\xe0" + GARBAGE,
        "page after itself.tif": looped(tiff_page(), 8),
        "page beyond the end.tif": looped(tiff_page(), 2**31),
        "two pages.tif": second,
        "giant.tif": tiff_page(_256=(4, [2**31 - 1]), _257=(4, [2**31 - 1])),
        "no size.tif": tiff_page(_256=(4, [0])),
        "strip beyond the end.tif": tiff_page(_273=(4, [2**31])),
        "strip of four gigabytes.tif": tiff_page(_259=(3, [5]), _279=(4, [2**32 - 1])),
        "few pixels, many rows.tif": tiff_page(b"abc", _256=(4, [14_000]), _257=(4, [14_000]), _278=(4, [14_000])),
        "giant tiles.tif": tiff_page(
            _259=(3, [8]), _322=(4, [2**30]), _323=(4, [2**30]), _324=(4, [400]), _325=(4, [9])
        ),
        "many samples.tif": tiff_page(_277=(3, [65_535])),
        "floats.tif": saved(Image.fromarray(np.ones((40, 40), np.float32)), "TIFF"),
        "garbage in LZW.tif": tiff_page(_259=(3, [5])),
        "directory beyond the end.tif": b"II*\0" + (2**31).to_bytes(4, "little"),
        "directory of 65535.tif": b"II*\0\x08\0\0\0\xff\xff" + GARBAGE,
        "giant.bmp": bmp(2**31 - 1, 2**31 - 1),
        "negative.bmp": bmp(-200, 300),
        "lowest height.bmp": bmp(200, -(2**31)),
        "64 bits.bmp": bmp(200, 100, 64),
        "large and short.bmp": bmp(14_000, 14_000, compression=1),
        "riff only.webp": b"RIFF\0\0\0\0WEBP",
        "giant.webp": webp_canvas(1 << 24, 1 << 24),
        "large canvas.webp": webp_canvas(14_000, 14_000),
        "large lossless.webp": webp_lossless(16_383, 12_000),
        "garbage.webp": webp_lossless(6000, 6000),
        "animation.webp": saved(NOISE, "WEBP", save_all=True, append_images=[Image.fromarray(noise(2, 300, 200))]),
    }
