"""Kinds of pictures beyond the plain ones of test_pixels."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cephkit.data.opened import open_film, read_grey
from cephkit.errors import FilmError
from tests.data.aariz_folder import noise
from tests.data.dicom.made import shades, shown
from tests.data.picture_files import png, tiff

WEIGHTS = np.array([0.299, 0.587, 0.114])


def read(tmp_path: Path, data: bytes) -> np.ndarray:
    (tmp_path / "film").write_bytes(data)
    return read_grey(tmp_path / "film")


def deep(channels: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 65536, (31, 22, channels)).astype(np.uint16)


@pytest.mark.parametrize(("channels", "colour_type"), [(3, 2), (4, 6)])
def test_16_bit_colour_of_png_keeps_16_bits(tmp_path: Path, channels: int, colour_type: int) -> None:
    result = read(tmp_path, png(deep(channels), colour_type))
    assert result.dtype == np.uint16
    assert np.abs(result - deep(channels)[..., :3] @ WEIGHTS).max() <= 1
    grey = np.dstack([shades(16)] * channels)
    np.testing.assert_array_equal(read(tmp_path, png(grey, colour_type)), shades(16))


def test_16_bit_grey_with_alpha_keeps_16_bits(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(tmp_path, png(deep(2), 4)), deep(2)[..., 0])


@pytest.mark.parametrize(("channels", "colour_type"), [(2, 4), (4, 6)])
def test_a_16_bit_picture_that_nobody_sees_is_refused(tmp_path: Path, channels: int, colour_type: int) -> None:
    pixels = deep(channels)
    pixels[..., -1] = 0
    with pytest.raises(FilmError, match="every pixel is transparent"):
        read(tmp_path, png(pixels, colour_type))
    pixels[0, 0, -1] = 1  # only its low byte is there
    assert read(tmp_path, png(pixels, colour_type)).dtype == np.uint16


def tiff_of(pixels: np.ndarray, photometric: int, order: str = "<") -> bytes:
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    entries = {
        256: (4, [pixels.shape[1]]), 257: (4, [pixels.shape[0]]), 258: (3, [16] * channels), 259: (3, [1]),
        262: (3, [photometric]), 277: (3, [channels]), 278: (4, [pixels.shape[0]]), 279: (4, [pixels.nbytes]),
    }  # fmt: skip
    return tiff(entries, pixels.astype(f"{order}u2").tobytes(), order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_colour_of_tiff_keeps_16_bits(tmp_path: Path, order: str) -> None:
    result = read(tmp_path, tiff_of(deep(3), 2, order))
    assert result.dtype == np.uint16
    assert np.abs(result - deep(3) @ WEIGHTS).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_16_bit_tiff_whose_zero_is_white_or_black(tmp_path: Path, order: str) -> None:
    np.testing.assert_array_equal(read(tmp_path, tiff_of(shades(16), 1, order)), shades(16))
    if order == "<":  # Pillow reads no others
        np.testing.assert_array_equal(read(tmp_path, tiff_of(shades(16), 0, order)), 65535 - shades(16))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_compressed_tiff(tmp_path: Path, compression: str | None, mode: str) -> None:
    pixels = shades(16) if mode == "I;16" else shades(8)
    image = Image.fromarray(pixels) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    image.save(tmp_path / "film.tif", compression=compression)
    np.testing.assert_array_equal(read_grey(tmp_path / "film.tif"), pixels)


def test_tiff_in_tiles_and_in_planes(tmp_path: Path) -> None:
    pixels = noise(2, 32, 48)
    tiles = b"".join(pixels[y : y + 16, x : x + 16].tobytes() for y in (0, 16) for x in (0, 16, 32))
    head = {256: (4, [48]), 257: (4, [32]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1])}
    probe = tiff({**head, 322: (3, [16]), 323: (3, [16]), 324: (4, [0] * 6), 325: (4, [256] * 6)}, tiles)
    start = len(probe) - len(tiles)
    offsets = [start + 256 * number for number in range(6)]
    data = tiff(
        {**head, 322: (3, [16]), 323: (3, [16]), 324: (4, offsets), 325: (4, [256] * 6), 273: (4, offsets[:1])}, tiles
    )
    data = data.replace((273).to_bytes(2, "little"), (65000).to_bytes(2, "little"), 1)  # tiles have no strips
    np.testing.assert_array_equal(read(tmp_path, data), pixels)
    colour = np.random.default_rng(3).integers(0, 256, (3, 32, 48)).astype(np.uint8)
    planes = {
        256: (4, [48]),
        257: (4, [32]),
        258: (3, [8, 8, 8]),
        259: (3, [1]),
        262: (3, [2]),
        277: (3, [3]),
        278: (4, [32]),
    }
    planes |= {279: (4, [1536] * 3), 284: (3, [2]), 273: (4, [1, 1, 1])}
    start = len(tiff(planes, colour.tobytes())) - colour.nbytes
    data = tiff({**planes, 273: (4, [start, start + 1536, start + 3072])}, colour.tobytes())
    expected = np.asarray(Image.fromarray(np.ascontiguousarray(colour.transpose(1, 2, 0))).convert("L"))
    np.testing.assert_array_equal(read(tmp_path, data), expected)


def test_jpeg_of_four_inks(tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :48]
    image = Image.fromarray((x * 3 + y).astype(np.uint8))
    image.convert("CMYK").save(tmp_path / "film.jpg", quality=95)
    assert np.abs(read_grey(tmp_path / "film.jpg").astype(int) - np.asarray(image)).max() <= 6


@pytest.mark.parametrize("transparency", [7, bytes([255, 0, 128] + [255] * 253)])
def test_a_palette_with_transparency_gives_its_colours(tmp_path: Path, transparency: int | bytes) -> None:
    image = Image.fromarray(noise(4)).convert("P")
    image.save(tmp_path / "film.png", transparency=transparency)
    np.testing.assert_array_equal(read_grey(tmp_path / "film.png"), noise(4))


def test_a_wholly_transparent_palette_is_refused(tmp_path: Path) -> None:
    Image.fromarray(noise(4)).convert("P").save(tmp_path / "film.png", transparency=bytes(256))
    with pytest.raises(FilmError, match="every pixel is transparent"):
        read_grey(tmp_path / "film.png")


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 95}])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_webp(tmp_path: Path, mode: str, options: dict[str, bool | int]) -> None:
    y, x = np.mgrid[:64, :48]
    image = Image.fromarray((x * 3 + y).astype(np.uint8))
    image.convert(mode).save(tmp_path / "film.webp", **options)
    far = np.abs(read_grey(tmp_path / "film.webp").astype(int) - np.asarray(image)).max()
    assert far == 0 if "lossless" in options else far <= 8


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_several_pictures_in_one_file_are_refused(tmp_path: Path, suffix: str) -> None:
    first, second = (Image.fromarray(noise(seed)) for seed in (5, 6))
    first.save(tmp_path / f"film{suffix}", save_all=True, append_images=[second])
    with pytest.raises(FilmError, match=r"(more than one page|an animation); save the film alone"):
        read_grey(tmp_path / f"film{suffix}")


def signed_tiff(pixels: np.ndarray, order: str = "<") -> bytes:
    bits, kind = pixels.dtype.itemsize * 8, {"i": 2, "u": 1, "f": 3}[pixels.dtype.kind]
    entries = {
        256: (4, [pixels.shape[1]]), 257: (4, [pixels.shape[0]]), 258: (3, [bits]), 259: (3, [1]), 262: (3, [1]),
        277: (3, [1]), 278: (4, [pixels.shape[0]]), 279: (4, [pixels.nbytes]), 339: (3, [kind]),
    }  # fmt: skip
    return tiff(entries, pixels.astype(pixels.dtype.newbyteorder(order)).tobytes(), order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_signed_pixels_of_tiff(tmp_path: Path, order: str) -> None:
    levels = shades(8).astype(np.int16)
    np.testing.assert_array_equal(read(tmp_path, signed_tiff((levels - 128).astype(np.int8), order)), shades(8))
    deep = (shades(16).astype(np.int32) - 32768).astype(np.int16)
    np.testing.assert_array_equal(read(tmp_path, signed_tiff(deep, order)), shades(16))
    # Without one below zero they are those of an unsigned film.
    np.testing.assert_array_equal(read(tmp_path, signed_tiff(shades(7).astype(np.int8), order)), shades(7))
    np.testing.assert_array_equal(read(tmp_path, signed_tiff(shades(12).astype(np.int16), order)), shown(shades(12)))


def jpeg_of_bits(bits: int, marker: int = 0xC1) -> bytes:
    frame = struct.pack(">HBHHBBBB", 11, bits, 48, 40, 1, 1, 0x11, 0)
    return b"\xff\xd8\xff" + bytes([marker]) + frame + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + b"\x12" * 900 + b"\xff\xd9"


def tiff_with(**tags: int) -> bytes:
    entries = {
        256: (4, [40]), 257: (4, [48]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1]), 278: (4, [48]),
        279: (4, [1920]),
    }  # fmt: skip
    return tiff({**entries, **{int(tag[1:]): (3, [value]) for tag, value in tags.items()}}, bytes(8000))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (jpeg_of_bits(12), "extended JPEG of 12 bits"),
        (jpeg_of_bits(12, 0xC2), "progressive JPEG of 12 bits"),
        (jpeg_of_bits(16, 0xC3), "lossless JPEG of 16 bits"),
        (jpeg_of_bits(8, 0xF7), "JPEG-LS of 8 bits"),
        (tiff_with(_259=34712), r"TIFF with JPEG 2000 \(34712\)"),
        (tiff_with(_259=33005), r"TIFF with JPEG 2000 \(33005\)"),
        (tiff_with(_259=4711), r"TIFF with compression \(4711\)"),
        (tiff_with(_259=7, _258=12), "TIFF with JPEG of 12 bits"),
        (tiff_with(_339=3, _258=16), "TIFF of floating-point pixels of 16 bits"),
        (tiff_with(_339=5, _258=16), "TIFF of complex pixels of 16 bits"),
        (tiff_with(_339=2, _262=0), "TIFF of signed pixels of 8 bits"),
        (tiff_with(_258=32), "TIFF of unsigned pixels of 32 bits"),
        (signed_tiff(np.zeros((48, 40), np.float32)), "TIFF of floating-point pixels of 32 bits"),
        (b"II+\0\x08\0\0\0" + bytes(90), "a BigTIFF file, not a PNG"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(90), "a JPEG 2000 file, not a PNG"),
        (b"\0\0\0\x18ftypheic" + bytes(90), "a HEIC file, not a PNG"),
        (b"GIF89a" + bytes(90), "a GIF file, not a PNG"),
    ],
)
def test_what_is_not_supported_is_called_what_it_is_and_not_damaged(tmp_path: Path, data: bytes, name: str) -> None:
    with pytest.raises(FilmError, match=f"{name}.*save it as an 8- or 16-bit grey PNG") as caught:
        read(tmp_path, data)
    assert "damaged" not in str(caught.value)
    with pytest.raises(FilmError, match=name):
        open_film(tmp_path / "film")
