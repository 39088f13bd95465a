"""What a compressed picture says about itself is held against the header."""

import io

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cephkit.data.dicom.layout import Layout
from cephkit.data.dicom.pixels import Frame, compressed_frame
from tests.data.dicom.hostile import END, GARBAGE, jpeg_2000, jpeg_head
from tests.data.dicom.made import shades

SIZE = (48, 40)
BODY = b"\x12\x34" * 500 + END
COMMENT = b"\xff\xfe\0\x08\xff\xc3ab\xff\xc3"  # markers inside a comment are none


def layout(allocated: int = 8, samples: int = 1) -> Layout:
    colour = "MONOCHROME2" if samples == 1 else "RGB"
    return Layout(*SIZE, samples, colour, allocated, allocated, signed=False, planar=0)


def checked(frame: bytes, syntax: UID, allocated: int = 8, samples: int = 1) -> Frame:
    return compressed_frame(encapsulate([frame]), syntax, layout(allocated, samples))


def lossless(bits: int, marker: int = 0xC3) -> bytes:
    frame = bytearray(jpeg_head(marker, *SIZE, BODY))
    frame[6] = bits
    return bytes(frame)


def whole_jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(shades(8)).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize("bits", range(256))
def test_no_more_bits_than_the_header_has_room_for(bits: int) -> None:
    assert (checked(lossless(bits), JPEGLosslessSV1, 16).fault == "") == (2 <= bits <= 16)
    assert (checked(lossless(bits), JPEGLosslessSV1, 8).fault == "") == (2 <= bits <= 8)
    assert (checked(lossless(bits, 0xF7), JPEGLSLossless, 16).fault == "") == (2 <= bits <= 16)
    stream = bytearray(jpeg_2000(SIZE))
    at = stream.index(b"\xff\x51") + 40
    stream[at] = bits
    assert (checked(bytes(stream), JPEG2000Lossless).fault == "") == (bits & 0x7F < 8)


@pytest.mark.parametrize("marker", range(0xC0, 0x100))
def test_the_frame_is_of_the_kind_that_the_header_says(marker: int) -> None:
    frame = lossless(8, marker)
    assert (checked(frame, JPEGLosslessSV1).fault == "") == (marker == 0xC3)
    assert (checked(frame, JPEGLSLossless).fault == "") == (marker == 0xF7)
    assert (checked(frame, JPEGBaseline8Bit).fault == "") == (marker in (0xC0, 0xC1, 0xC2))


def test_one_frame_and_no_more() -> None:
    frame = lossless(8)
    second = frame[2 : frame.index(b"\xff\xda")]
    assert checked(frame[:2] + COMMENT + frame[2:], JPEGLosslessSV1).fault == ""
    assert "no JPEG picture inside" in checked(frame[:2] + second + frame[2:], JPEGLosslessSV1).fault
    assert "no JPEG picture inside" in checked(frame[: -len(END)] + second + END, JPEGLosslessSV1).fault
    assert "no JPEG picture inside" in checked(frame[:2] + frame[frame.index(b"\xff\xda") :], JPEGLosslessSV1).fault
    assert "no JPEG picture inside" in checked(GARBAGE + END, JPEGLosslessSV1).fault
    assert "no JPEG picture inside" in checked(b"\xff\xd8" + b"\xff" * 300 + END, JPEGLosslessSV1).fault


def test_size_and_samples() -> None:
    assert "a size inside that differs" in checked(jpeg_head(0xC3, 47, 40, BODY), JPEGLosslessSV1).fault
    assert "a size inside that differs" in checked(lossless(8), JPEGLosslessSV1, samples=3).fault
    three = bytes([3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0])
    colour = lossless(8).replace(b"\0\x0b\x08", b"\0\x11\x08").replace(bytes([1, 1, 0x11, 0]), three)
    assert "different sizes" in checked(colour, JPEGLosslessSV1, samples=3).fault
    assert checked(colour.replace(b"\x22", b"\x11"), JPEGLosslessSV1, samples=3).fault == ""
    stream = bytearray(jpeg_2000(SIZE))
    at = stream.index(b"\xff\x51") + 41
    stream[at] = 2
    assert "different sizes" in checked(bytes(stream), JPEG2000Lossless).fault


def test_a_lossy_jpeg_of_12_bits_is_called_so() -> None:
    assert "JPEG of 12 bits inside, which is not supported" in checked(lossless(12, 0xC1), JPEGExtended12Bit, 16).fault


def test_what_lies_behind_the_end_is_cut_off_and_counted() -> None:
    for frame, syntax in ((whole_jpeg(), JPEGBaseline8Bit), (jpeg_2000(SIZE), JPEG2000Lossless)):
        assert checked(frame, syntax) == Frame(frame, "", 0)
        assert checked(frame + b"\0\0\0\0", syntax) == Frame(frame, "", 0)
        assert checked(frame + b"surplus!", syntax) == Frame(frame, "", 8)
    assert "without its end" in checked(whole_jpeg()[:-40], JPEGBaseline8Bit).fault


def test_rle_is_as_long_as_the_picture() -> None:
    plane = b"".join(b"\x27" + row.tobytes() for row in shades(8))  # 40 literal bytes a row
    frame = np.array([1, 64, *[0] * 14], "<u4").tobytes() + plane
    assert checked(frame, RLELossless).fault == ""
    assert "RLE segment" in checked(frame[:-41], RLELossless).fault
