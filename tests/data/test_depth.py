"""The same film in 8 bits and in 16 looks the same, whatever file it comes in."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import cephkit
from cephkit.data.depth import bits_in_use, full_range, histogram, white_level, widened
from cephkit.data.opened import open_film, to_canvas, to_uint8
from cephkit.data.pictures import decode_picture
from tests.data.aariz_folder import noise
from tests.data.dicom.made import film, written

FULL_WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}


def head(low: int = 0, high: int = 255) -> NDArray[np.uint8]:
    """A smooth film of the greys ``low`` to ``high``."""
    y, x = np.mgrid[:240, :200]
    shape = (np.hypot((y - 120) / 240, (x - 100) / 200) * 3) % 1
    return (low + shape / shape.max() * (high - low)).round().astype(np.uint8)


def in_bits(grey: NDArray[np.uint8], bits: int) -> NDArray[np.uint16]:
    return np.rint(grey * (((1 << bits) - 1) / 255)).astype(np.uint16)


def tiff_white_is_zero(path: Path, deep: NDArray[np.uint16]) -> None:
    Image.fromarray(deep).save(path, tiffinfo={262: 0})


def dicom(path: Path, pixels: NDArray[Any], **elements: Any) -> None:
    path.write_bytes(written(film(pixels, **elements)))


WAYS: dict[str, Callable[[Path, NDArray[np.uint8]], object]] = {
    "8.png": lambda path, grey: Image.fromarray(grey).save(path),
    "8.tif": lambda path, grey: Image.fromarray(grey).save(path),
    "8.dcm": lambda path, grey: dicom(path, grey),
    "8 in 16.png": lambda path, grey: Image.fromarray(grey.astype(np.uint16)).save(path),
    "10 in 16.png": lambda path, grey: Image.fromarray(in_bits(grey, 10)).save(path),
    "12 in 16.png": lambda path, grey: Image.fromarray(in_bits(grey, 12)).save(path),
    "14 in 16.tif": lambda path, grey: Image.fromarray(in_bits(grey, 14)).save(path),
    "16 x 257.png": lambda path, grey: Image.fromarray(in_bits(grey, 16)).save(path),
    "16 x 256.tif": lambda path, grey: Image.fromarray(grey.astype(np.uint16) << 8).save(path),
    "12 in the upper bits of 16.png": lambda path, grey: Image.fromarray(in_bits(grey, 12) << 4).save(path),
    "12 in the upper bits of 16.dcm": lambda path, grey: dicom(path, in_bits(grey, 12) << 4),
    "8 in the upper bits, inverted.dcm": lambda path, grey: dicom(
        path, (255 - grey).astype(np.uint16) << 8, PhotometricInterpretation="MONOCHROME1"
    ),
    "12 in 16, white is zero.tif": lambda path, grey: tiff_white_is_zero(path, 4095 - in_bits(grey, 12)),
    "12 of 12.dcm": lambda path, grey: dicom(path, in_bits(grey, 12), BitsStored=12),
    "12 of 16.dcm": lambda path, grey: dicom(path, in_bits(grey, 12)),
    "12 of 16, signed.dcm": lambda path, grey: dicom(path, in_bits(grey, 12).astype(np.int16)),
    "12 of 16, inverted.dcm": lambda path, grey: dicom(
        path, 4095 - in_bits(grey, 12), PhotometricInterpretation="MONOCHROME1"
    ),
    "falling.dcm": lambda path, grey: dicom(path, 4095 - in_bits(grey, 12), RescaleSlope=-1, RescaleIntercept=4095),
    "16.dcm": lambda path, grey: dicom(path, in_bits(grey, 16)),
    "windowed.dcm": lambda path, grey: dicom(path, in_bits(grey, 12), BitsStored=12, **FULL_WINDOW),
    "windowed 12 of 16.dcm": lambda path, grey: dicom(path, in_bits(grey, 12), **FULL_WINDOW),
}


@pytest.mark.parametrize("greys", [(0, 255), (0, 200), (70, 240), (30, 160), (0, 80), (0, 50)])
@pytest.mark.parametrize("way", WAYS)
def test_a_film_looks_the_same_in_every_file(tmp_path: Path, way: str, greys: tuple[int, int]) -> None:
    if "inverted" in way or "falling" in way or "zero" in way:
        greys = (0, greys[1])  # else the stored values have no black to tell where white lies
    if "windowed" in way:
        greys = (greys[0], max(greys[1], 160))  # a film as dark as its window says stays dark
    grey = head(*greys)
    WAYS[way](tmp_path / way, grey)
    canvas = to_canvas(to_uint8(open_film(tmp_path / way).grey), (128, 128))
    Image.fromarray(grey).save(tmp_path / "8 bits.png")
    expected = to_uint8(open_film(tmp_path / "8 bits.png").grey)
    if np.ptp(grey) > 102:  # an ordinary film
        np.testing.assert_array_equal(expected, grey)
    assert np.abs(canvas.astype(int) - to_canvas(expected, (128, 128))).max() <= 255 // greys[1]


@pytest.mark.parametrize("greys", [(100, 160), (0, 90), (200, 250), (120, 127)])
def test_a_narrow_film_is_widened_alike_in_8_and_16_bits(greys: tuple[int, int]) -> None:
    grey = head(*greys)
    shallow, deep = to_uint8(full_range(grey)), to_uint8(full_range(in_bits(grey, 16)))
    assert int(np.ptp(shallow)) == pytest.approx(102, abs=2)
    assert np.abs(shallow.astype(int) - deep).max() <= 1
    # Brightness stays where there is room for it.
    assert shallow.mean() == pytest.approx(np.clip(grey.mean(), 64, 191), abs=25)


def test_one_bright_pixel_more_hardly_changes_a_film() -> None:
    for span in range(85, 115):
        grey = head(40, 40 + span)
        spoilt = grey.copy()
        spoilt[0, :3] = 255
        assert np.abs(full_range(grey).astype(int) - full_range(spoilt))[1:].max() <= 1
    widths = [int(np.ptp(full_range(head(40, 40 + span)))) for span in range(2, 200)]
    assert max(np.abs(np.diff(widths))) <= 4  # no span at which the contrast jumps


def test_burnt_in_text_does_not_blacken_a_film() -> None:
    deep = in_bits(head(), 12)
    deep[3, 3:9] = 65535
    assert np.ptp(to_uint8(full_range(deep))[5:]) > 95


def test_ordinary_films_of_8_bits_are_not_touched() -> None:
    for grey in (noise(1), head(), head(0, 140), head(100, 240)):
        assert full_range(grey) is grey


def test_once_is_enough_and_flat_films_stay_flat() -> None:
    for grey in (head(100, 160), in_bits(head(90, 100), 12), in_bits(head(), 10)):
        once = full_range(grey)
        assert widened(once) is once
    flat = np.full((20, 20), 7, dtype=np.uint16)
    assert len(np.unique(full_range(flat))) == 1
    assert not full_range(np.zeros((20, 20), dtype=np.uint16)).any()


def test_the_depths() -> None:
    highest = [0, 3, 4, 63, 64, 255, 256, 1023, 1024, 4095, 4096, 16383, 16384, 65535]
    assert [bits_in_use(value) for value in highest] == [2, 2, 4, 6, 8, 8, 10, 10, 12, 12, 14, 14, 16, 16]


def test_low_bits_that_no_pixel_uses_are_not_white_either() -> None:
    assert [white_level(255, 1), white_level(0xFF00, 0xFF00), white_level(0xFFF0, 0xFFF0)] == [255, 0xFF00, 0xFFF0]
    assert [white_level(0, 0), white_level(0x8000, 0x8000), white_level(5000, 1, 13)] == [3, 0xFF00, 8191]


def test_the_histogram() -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (1100, 1000)).astype(np.uint16)
    np.testing.assert_array_equal(histogram(deep), np.bincount(deep.ravel(), minlength=65536))
    np.testing.assert_array_equal(histogram(noise(3)), np.bincount(noise(3).ravel(), minlength=256))


REAL_FILMS, REAL_MODEL = os.environ.get("CEPHKIT_REAL_FILMS", ""), os.environ.get("CEPHKIT_REAL_MODEL", "")


@pytest.mark.real
@pytest.mark.skipif(not REAL_FILMS, reason="CEPHKIT_REAL_FILMS names no folder of real films")
def test_real_films_are_left_as_they_are() -> None:
    for path in sorted(Path(REAL_FILMS).glob("*/Cephalograms/*"))[::10]:
        grey, orientation = decode_picture(path.read_bytes(), path)
        with Image.open(path) as image:
            image.draft("L", image.size)
            np.testing.assert_array_equal(grey, np.asarray(image.convert("L")))
        assert orientation == 1


@pytest.mark.real
@pytest.mark.skipif(not (REAL_FILMS and REAL_MODEL), reason="CEPHKIT_REAL_FILMS and CEPHKIT_REAL_MODEL name nothing")
def test_real_films_give_the_same_points_in_every_file(tmp_path: Path) -> None:
    model = cephkit.load_model(REAL_MODEL, device="cpu", keep_doubtful=True)
    apart = []
    for source in sorted(Path(REAL_FILMS).glob("valid/Cephalograms/*"))[::40]:
        grey = decode_picture(source.read_bytes(), source)[0].astype(np.uint8)
        wanted = model.predict(grey).points
        for way, write in WAYS.items():
            write(tmp_path / way, grey)
            apart.append(np.nanmax(np.hypot(*(model.predict(tmp_path / way).points - wanted).T)))
    print(f"{len(apart)} films, at most {max(apart):.3f} px apart")
    assert max(apart) <= 0.5
