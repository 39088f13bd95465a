"""Grey levels, compared with pydicom's own pipeline, which works on pixels and not on a table."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRBigEndian

from cephkit.data.dicom.read import DicomFilm, read_dicom
from cephkit.data.opened import to_uint8
from cephkit.errors import FilmError
from tests.data.dicom.made import displayed, film, lut, shades, written

WINDOWS = [
    {"WindowCenter": 2048, "WindowWidth": 4096},
    {"WindowCenter": 1000.5, "WindowWidth": 700},
    {"WindowCenter": [900, 100], "WindowWidth": [1500, 20]},
    {"WindowCenter": 1000, "WindowWidth": 700, "VOILUTFunction": "LINEAR_EXACT"},
    {"WindowCenter": 1000, "WindowWidth": 700, "VOILUTFunction": "SIGMOID"},
    {"WindowCenter": 1000, "WindowWidth": 1},
]
RESCALE = {"RescaleSlope": "0.5", "RescaleIntercept": "-100"}
CURVE = np.rint(65535 * (np.arange(4096) / 4095) ** 2).astype(np.uint16)


def read(pixels: NDArray[Any], **elements: Any) -> DicomFilm:
    return read_dicom(written(film(pixels, **elements)), Path("film.dcm"))


def by_pydicom(pixels: NDArray[Any], **elements: Any) -> NDArray[np.float64]:
    """From 0 to 1."""
    dataset = film(pixels, **elements)
    written(dataset)
    dataset["PixelData"].VR = "OW"
    values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset, prefer_lut=True).astype(float)
    lowest, highest = 0.0, float((1 << dataset.BitsStored) - 1)
    if dataset.PixelRepresentation:
        lowest, highest = -(highest + 1) / 2, (highest - 1) / 2
    if "RescaleSlope" in dataset:
        lowest, highest = (
            level * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept) for level in (lowest, highest)
        )
    return (values - lowest) / (highest - lowest)


@pytest.mark.parametrize("rescale", [{}, RESCALE])
@pytest.mark.parametrize("window", WINDOWS)
def test_windows_are_those_of_pydicom(window: dict[str, Any], rescale: dict[str, Any]) -> None:
    elements = {"BitsStored": 12, **window, **rescale}
    result = read(shades(12), **elements)
    assert result.grey.dtype == np.uint16
    assert "not used" not in " ".join(result.notes)
    assert np.abs(result.grey / 65535 - by_pydicom(shades(12), **elements)).max() <= 1e-5


def test_a_window_on_signed_pixels() -> None:
    pixels = (shades(12).astype(int) - 2048).astype(np.int16)
    elements = {"BitsStored": 12, "WindowCenter": -200, "WindowWidth": 900}
    assert np.abs(read(pixels, **elements).grey / 65535 - by_pydicom(pixels, **elements)).max() <= 1e-5


def test_the_usual_window_of_8_bits_changes_nothing() -> None:
    result = read(shades(8), WindowCenter=128, WindowWidth=256)
    np.testing.assert_array_equal(result.grey, shades(8))


def test_a_voi_lookup_table_goes_before_a_window() -> None:
    result = read(shades(12), BitsStored=12, VOILUTSequence=lut(CURVE, 0, 16), WindowCenter=1, WindowWidth=2)
    np.testing.assert_array_equal(result.grey, CURVE[shades(12)])


def test_values_beyond_a_lookup_table_get_its_ends() -> None:
    result = read(shades(12), BitsStored=12, VOILUTSequence=lut(CURVE[::4], 1000, 16))
    np.testing.assert_array_equal(result.grey, CURVE[::4][np.clip(shades(12).astype(int) - 1000, 0, 1023)])


def test_a_modality_lookup_table() -> None:
    result = read(shades(12), BitsStored=12, ModalityLUTSequence=lut(CURVE, 0, 16))
    np.testing.assert_array_equal(result.grey, CURVE[shades(12)])
    window = {"WindowCenter": 30000, "WindowWidth": 20000}
    result = read(shades(12), BitsStored=12, ModalityLUTSequence=lut(CURVE, 0, 16), **window)
    expected = np.clip((CURVE[shades(12)] - 29999.5) / 19999 + 0.5, 0, 1)
    assert np.abs(result.grey / 65535 - expected).max() <= 1e-5


def test_a_table_in_big_endian_order() -> None:
    pixels = shades(12)
    dataset = film(pixels, BitsStored=12, VOILUTSequence=lut(CURVE, 0, 16))
    dataset.PixelData = pixels.astype(">u2").tobytes()
    dataset.VOILUTSequence[0].LUTData = CURVE.astype(">u2").tobytes()
    result = read_dicom(written(dataset, ExplicitVRBigEndian), Path("film.dcm"))
    np.testing.assert_array_equal(result.grey, CURVE[pixels])


def test_without_a_window_a_straight_line_keeps_the_stored_levels() -> None:
    np.testing.assert_array_equal(read(shades(12), BitsStored=12, **RESCALE).grey, displayed(shades(12)))
    falling = read(shades(12), BitsStored=12, RescaleSlope="-2", RescaleIntercept="10")
    np.testing.assert_array_equal(falling.grey, displayed(4095 - shades(12)))


@pytest.mark.parametrize("stored", [12, 13, 16])
@pytest.mark.parametrize("elements", [{}, {"PhotometricInterpretation": "MONOCHROME1"}, {"PixelRepresentation": 1}])
def test_bits_that_no_pixel_uses_change_nothing(stored: int, elements: dict[str, Any]) -> None:
    stored += elements.get("PixelRepresentation", 0) * (stored < 16)  # the sign has a bit of its own
    inverted = "PhotometricInterpretation" in elements
    expected = displayed(4095 - shades(12) if inverted else shades(12))
    np.testing.assert_array_equal(read(shades(12), BitsStored=stored, **elements).grey, expected)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("shape", [None, "INVERSE"])
def test_monochrome1_is_inverted_once(bits: int, shape: str | None) -> None:
    elements = {"PresentationLUTShape": shape} if shape else {}
    result = read(shades(bits), BitsStored=bits, PhotometricInterpretation="MONOCHROME1", **elements)
    expected = (1 << bits) - 1 - shades(bits)
    np.testing.assert_array_equal(result.grey, expected if bits == 8 else displayed(expected, bits))


def test_an_inverse_presentation_is_inverted() -> None:
    np.testing.assert_array_equal(read(shades(8), PresentationLUTShape="INVERSE").grey, 255 - shades(8))
    assert (read(shades(8), PresentationLUTShape="IDENTITY").grey == shades(8)).all()


def test_a_window_comes_before_the_inversion() -> None:
    window = {"BitsStored": 12, "WindowCenter": 1000, "WindowWidth": 500}
    plain, inverted = read(shades(12), **window), read(shades(12), PhotometricInterpretation="MONOCHROME1", **window)
    np.testing.assert_array_equal(inverted.grey, 65535 - plain.grey)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("padding", [0, 4095, -2000])
def test_padding_becomes_the_darkest_grey_and_leaves_the_contrast(photometric: str, padding: int) -> None:
    picture = (shades(8).astype(int) + 1000).astype(np.uint16 if padding >= 0 else np.int16)
    padded = picture.copy()
    padded[:20] = padding
    elements = {"BitsStored": 12, "PhotometricInterpretation": photometric}
    plain = to_uint8(read(picture, **elements).grey)
    result = to_uint8(read(padded, PixelPaddingValue=padding, **elements).grey)
    assert (result[:20] == result[20:].min()).all()
    np.testing.assert_allclose(result[20:], plain[20:], atol=2)


def test_a_range_of_padding() -> None:
    picture = (shades(8).astype(int) + 1000).astype(np.uint16)
    picture[:20] = np.arange(40) % 30
    grey = read(picture, PixelPaddingValue=0, PixelPaddingRangeLimit=30).grey
    assert (grey[:20] == grey[20:].min()).all()
    assert len(np.unique(grey[20:])) == len(np.unique(picture[20:]))


def test_all_padding_is_a_picture_after_all() -> None:
    flat = np.full((20, 20), 7, np.uint16)
    assert (read(flat, PixelPaddingValue=7).grey == displayed(flat, 4)).all()


@pytest.mark.parametrize(
    ("elements", "note"),
    [
        ({"WindowCenter": 9, "WindowWidth": 0}, "window is invalid"),
        ({"WindowCenter": 9, "WindowWidth": -5}, "window is invalid"),
        ({"WindowCenter": 60000, "WindowWidth": 10}, "leaves a single grey"),
        ({"VOILUTSequence": lut(CURVE[:7], 0, 99)}, "VOI lookup table is damaged"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "not usable numbers"),
        ({"RescaleSlope": 1}, "not usable numbers"),
    ],
)
def test_what_makes_no_sense_is_left_out_and_said(elements: dict[str, Any], note: str) -> None:
    result = read(shades(12), BitsStored=12, **elements)
    assert note in " ".join(result.notes)
    np.testing.assert_array_equal(result.grey, displayed(shades(12)))


@pytest.mark.parametrize(
    ("center", "width", "share"),
    [(100, 200, r"9\d% of the picture white and \d% black"), (3900, 100, r"\d% of the picture white and 9\d% black")],
)
def test_a_window_that_leaves_little_of_the_film_is_named(center: int, width: int, share: str) -> None:
    result = read(shades(12), BitsStored=12, WindowCenter=center, WindowWidth=width)
    assert re.fullmatch(f"the file's window makes {share}", result.notes[0])
    inverted = read(
        shades(12), BitsStored=12, WindowCenter=center, WindowWidth=width, PhotometricInterpretation="MONOCHROME1"
    )
    assert "of the picture" in inverted.notes[0]


def test_a_dark_background_is_no_fault_of_the_window() -> None:
    picture = shades(12)
    picture[:, :30] = 0
    assert read(picture, BitsStored=12, WindowCenter=2048, WindowWidth=4000).notes == ()
    white = np.full_like(picture, 4095)  # white without a window is not the window's
    white[:5] = 0
    assert read(white, BitsStored=12).notes == ()


def test_a_damaged_modality_table_makes_the_film_unusable() -> None:
    with pytest.raises(FilmError, match=r"film\.dcm: damaged DICOM: its modality lookup table"):
        read(shades(12), ModalityLUTSequence=lut(CURVE[:7], 0, 99))
