"""Hostile DICOM files: name -> bytes."""

import io
import random
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import (
    MPEG2MPML,
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.data.dicom.made import compressed, film, lut, shades, written
from tests.data.hostile_pictures import jpeg_of

GARBAGE = random.Random(1).randbytes(20_000)
SQUARE = (200, 200)
END = b"\xff\xd9"


def spoilt(**elements: Any) -> bytes:
    return written(film(shades(8, SQUARE), **elements))


def swapped(old: bytes, new: bytes, **elements: Any) -> bytes:
    data = spoilt(**elements)
    assert data.count(old) == 1
    return data.replace(old, new)


def before_pixels(element: bytes, **elements: Any) -> bytes:
    """A film with ``element`` as bytes ahead of its rows."""
    return swapped(b"\x28\0\x02\0US", element + b"\x28\0\x02\0US", **elements)


def nested(depth: int, tag: bytes, *, open_ended: bool) -> bytes:
    """A sequence in a sequence in a sequence ..."""
    if open_ended:
        return (tag + b"SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff") * depth
    inside = b""
    for _ in range(depth):
        item = b"\xfe\xff\0\xe0" + struct.pack("<I", len(inside)) + inside
        inside = tag + b"SQ\0\0" + struct.pack("<I", len(item)) + item
    return inside


def long(tag: bytes, value: bytes) -> bytes:
    """An element of any length."""
    return tag + b"\0\0" + struct.pack("<I", len(value)) + value


def jpeg_head(marker: int, rows: int, columns: int, body: bytes) -> bytes:
    frame = struct.pack(">HBHHBBBB", 11, 8, rows, columns, 1, 1, 0x11, 0)
    scan = struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 0, 0)
    return b"\xff\xd8\xff" + bytes([marker]) + frame + b"\xff\xda" + scan + body


def rle(*segments: bytes) -> bytes:
    offsets = np.cumsum([64, *(len(segment) for segment in segments)])[:-1]
    return struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(segments)


def jpeg_2000(size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(shades(8, size)).save(file, "JPEG2000", no_jp2=True, irreversible=False)
    return file.getvalue()


def packed(frame: bytes, syntax: str) -> bytes:
    return compressed(film(shades(8, SQUARE)), frame, syntax)


def deflated(body: bytes) -> bytes:
    whole = written(film(shades(8, SQUARE)), DeflatedExplicitVRLittleEndian)
    meta_end = 144 + int.from_bytes(whole[140:144], "little")
    return whole[:meta_end] + body


def jpeg_ls() -> bytes:
    dataset = film(shades(8, SQUARE))
    written(dataset)
    dataset.compress(JPEGLSLossless)
    return get_frame(dataset.PixelData, 0, number_of_frames=1)


def dicoms() -> dict[str, bytes]:
    """Every case; each must end in an error that names file, reason and remedy."""
    whole = spoilt(PixelSpacing=["0.25", "0.25"])
    start = whole.index(b"\xe0\x7f\x10\0")
    cases = {f"truncated at {at}.dcm": whole[:at] for at in (1, 131, 140, 200, 400, 600)}
    cases |= {f"truncated {by:+} at the pixels.dcm": whole[: start + by] for by in (-30, 4, 12)}
    cases |= {f"truncated {share}% into the pixels.dcm": whole[: start + 12 + 400 * share] for share in (1, 50, 99)}
    for name, size in {
        "zero": b"0\\0", "negative": b"-0.1\\0.1", "no number": b"nan\\nan", "text": b"a\\b", "one": b"0.25",
        "kilometres": b"1e6\\1e6", "three": b"1\\1\\1", "slim": b"0.005\\2",
    }.items():  # fmt: skip
        cases[f"spacing {name}.dcm"] = whole.replace(b"0.25\\0.25 ", size.ljust(10))
    fragments = written(film(shades(8, SQUARE)), ExplicitVRLittleEndian)
    open_ended = compressed(film(shades(8, SQUARE)), jpeg_2000(SQUARE), JPEG2000Lossless)
    item = open_ended.index(b"\xff\x4f\xff\x51") - 4
    pixels = shades(8, SQUARE).tobytes()
    return cases | {
        "DICM and garbage.dcm": bytes(128) + b"DICM" + GARBAGE,
        "DICM and nothing.dcm": bytes(128) + b"DICM",
        "garbage.dcm": GARBAGE,
        "group 8 and garbage.dcm": b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + GARBAGE,
        "text.dcm": b"a film of the skull",
        "archive.dcm": b"PK\x03\x04" + GARBAGE,
        "no rows.dcm": spoilt(Rows=None),
        "rows of another tag.dcm": swapped(b"\x28\0\x10\0US", b"\x28\0\x0f\0US"),
        "rows as text.dcm": swapped(b"\x28\0\x10\0US\x02\0\xc8\0", b"\x28\0\x10\0LO\x04\0 200"),
        "zero rows.dcm": spoilt(Rows=0),
        "huge.dcm": spoilt(Rows=65_535, Columns=65_535),
        "large and short.dcm": spoilt(Rows=14_000, Columns=14_000),
        "large, deep and colourful.dcm": spoilt(
            Rows=14_000, Columns=14_000, BitsAllocated=16, SamplesPerPixel=3, PhotometricInterpretation="RGB"
        ),
        "pixels too short.dcm": spoilt(PixelData=pixels[:-2]),
        "pixels empty.dcm": spoilt(PixelData=b""),
        "no pixels.dcm": spoilt(PixelData=None),
        "report.dcm": spoilt(PixelData=None, SOPClassUID=BasicTextSRStorage),
        "paper.dcm": spoilt(PixelData=None, SOPClassUID=EncapsulatedPDFStorage),
        "one bit.dcm": spoilt(BitsAllocated=1, BitsStored=1),
        "64 bits.dcm": spoilt(BitsAllocated=64, BitsStored=64),
        "12 bits in 12.dcm": spoilt(BitsAllocated=12, BitsStored=12),
        "more bits used than there are.dcm": spoilt(BitsStored=12),
        "no bits used.dcm": spoilt(BitsStored=0),
        "upper bits used.dcm": spoilt(BitsStored=6, HighBit=7),
        "seven samples.dcm": spoilt(SamplesPerPixel=7),
        "two samples.dcm": spoilt(SamplesPerPixel=2),
        "unknown colours.dcm": spoilt(PhotometricInterpretation="HSV"),
        "no colours.dcm": spoilt(PhotometricInterpretation=None),
        "three frames.dcm": spoilt(NumberOfFrames=3),
        "no frames.dcm": spoilt(NumberOfFrames=0),
        "frames as text.dcm": swapped(b"12345678", b"a number", NumberOfFrames=12345678),
        "palette without colours.dcm": spoilt(PhotometricInterpretation="PALETTE COLOR"),
        "modality table too short.dcm": spoilt(ModalityLUTSequence=lut(np.zeros(9, np.uint16), 0, 99)),
        "modality sequence empty.dcm": before_pixels(b"\x28\0\0\x30SQ\0\0\x08\0\0\0\xfe\xff\0\xe0\xff\xff\xff\xff"),
        "unknown transfer syntax.dcm": fragments.replace(b"1.2.840.10008.1.2.1\0", b"1.2.3.4.56789012345\0"),
        "film as a video.dcm": packed(b"1234", MPEG2MPML),
        "compressed, it says.dcm": fragments.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"),
        "uncompressed, it says.dcm": packed(rle(pixels), RLELossless).replace(
            b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.1\0"
        ),
        "fragment longer than the file.dcm": open_ended[:item] + b"\xff\xff\xff\x7f" + open_ended[item + 4 :],
        "fragment without end.dcm": open_ended[:item] + b"\xff\xff\xff\xff" + open_ended[item + 4 :],
        "no fragment.dcm": written(film(shades(8, SQUARE), PixelData=b"\xfe\xff\0\xe0\0\0\0\0"), JPEG2000Lossless),
        "garbage instead of fragments.dcm": written(
            film(shades(8, SQUARE), PixelData=b"\xfe\xff\0\xe0" + GARBAGE), JPEG2000Lossless
        ),
        "a million fragments.dcm": written(
            film(shades(8, SQUARE), PixelData=b"\xfe\xff\0\xe0\0\0\0\0" * 1_000_000), JPEG2000Lossless
        ),
        "JPEG of another size.dcm": packed(jpeg_head(0xC0, 65_500, 65_500, GARBAGE + END), JPEGBaseline8Bit),
        "JPEG 2000 of another size.dcm": packed(jpeg_2000((100, 400)), JPEG2000Lossless),
        "JPEG of few bytes.dcm": compressed(
            film(shades(8, SQUARE), Rows=9000, Columns=9000), jpeg_of(9000, 9000), JPEGBaseline8Bit
        ),
        "JPEG with garbage.dcm": packed(jpeg_head(0xC0, 200, 200, GARBAGE + END), JPEGBaseline8Bit),
        "JPEG 2000 truncated.dcm": packed(jpeg_2000(SQUARE)[:3000], JPEG2000Lossless),
        "JPEG 2000 with garbage.dcm": packed(jpeg_2000(SQUARE)[:300] + GARBAGE, JPEG2000Lossless),
        "lossless JPEG with garbage.dcm": packed(jpeg_head(0xC3, 200, 200, GARBAGE + END), JPEGLosslessSV1),
        "JPEG-LS with garbage.dcm": packed(jpeg_head(0xF7, 200, 200, GARBAGE + END), JPEGLSLossless),
        "JPEG-LS truncated.dcm": packed(jpeg_ls()[:20_000], JPEGLSLossless),
        "JPEG-LS truncated elsewhere.dcm": packed(jpeg_ls()[:5000], JPEGLSLossless),
        "JPEG-LS truncated, with an end.dcm": packed(jpeg_ls()[:5000] + END, JPEGLSLossless),
        "JPEG-LS with garbage inside.dcm": packed(jpeg_ls()[:9_000] + GARBAGE + jpeg_ls()[9_000:], JPEGLSLossless),
        "compressed and cut off.dcm": open_ended[:-9000],
        "RLE with garbage.dcm": packed(GARBAGE, RLELossless),
        "RLE bomb.dcm": packed(rle(b"\x81\0" * 40_000), RLELossless),
        "RLE bomb behind a large picture.dcm": compressed(
            film(shades(8, SQUARE), Rows=14_000, Columns=14_000), rle(b"\x81\0" * 8_000_000), RLELossless
        ),
        "RLE too short.dcm": packed(rle(b"\x81\0" * 300), RLELossless),
        "RLE of nothing.dcm": packed(rle(b"\x80" * 79_000), RLELossless),
        "deflated bomb.dcm": deflated(deflated_zeros(1 << 27)),
        "deflated elements without end.dcm": deflated(deflated_elements(13_000_000)),
        "deflated garbage.dcm": deflated(GARBAGE),
        "a thousand sequences.dcm": before_pixels(nested(1000, b"\x28\0\0\x30", open_ended=True)),
        "a thousand other sequences.dcm": before_pixels(nested(1000, b"\x08\0\x40\x11", open_ended=True)),
        "a thousand sequences of known length.dcm": before_pixels(nested(1000, b"\x28\0\0\x30", open_ended=False)),
        "100000 sequences.dcm": before_pixels(nested(100_000, b"\x28\0\0\x30", open_ended=True)),
        "two million elements.dcm": bytes(128) + b"DICM" + b"\x08\0\x05\0CS\0\0" * 2_000_000,
        "two million items.dcm": before_pixels(
            b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\0\0\0\0" * 2_000_000
        ),
        "element of four gigabytes.dcm": before_pixels(b"\x28\0\x06\x30UN\0\0\xfe\xff\xff\xff"),
        "table of 20 megabytes.dcm": before_pixels(long(b"\x28\0\0\x30SQ", bytes(20_000_000))),
        "window of 10 million values.dcm": before_pixels(long(b"\x28\0\x50\x10UN", b"1\\" * 10_000_000)),
        "directory.dcm": written(directory()),
    }  # fmt: skip


def deflated_zeros(count: int) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(count >> 20)) + packer.flush()


def deflated_elements(count: int) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = b"\x08\0\x05\0CS\0\0" * 100_000
    return b"".join(packer.compress(block) for _ in range(count // 100_000)) + packer.flush()


def directory() -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.1.3.10"
    dataset.SOPInstanceUID = "1.2.3"
    return dataset
