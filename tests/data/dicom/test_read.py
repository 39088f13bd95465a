"""DICOM films of each kind, made by pydicom and by the compressions' own encoders."""

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import convert_color_space
from pydicom.uid import (
    JPEG2000,
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cephkit.data.dicom import pixels as pixels_module
from cephkit.data.dicom.read import DicomFilm, read_dicom
from cephkit.errors import FilmError
from tests.data.dicom.hostile import jpeg_2000
from tests.data.dicom.made import SECRETS, compressed, displayed, film, shades, written

PATH = Path("film.dcm")


def read(data: bytes) -> DicomFilm:
    return read_dicom(data, PATH)


def smooth(height: int = 64, width: int = 48) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    return (x * 3 + y).astype(np.uint8)


def coloured(seed: int = 1, dtype: type = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (30, 20, 3), dtype=dtype)


def luminance(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(rgb).convert("L"))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_uncompressed_pixels_come_out_as_they_are(syntax: str, bits: int) -> None:
    pixels = shades(bits, (31, 21))  # an odd number of bytes is filled up
    dataset = film(pixels)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = pixels.astype(">u2").tobytes() if bits == 16 else pixels.tobytes() + b"\0"
    result = read(written(dataset, syntax))
    assert result.grey.dtype == pixels.dtype
    np.testing.assert_array_equal(result.grey, pixels)
    assert (result.spacing, result.notes) == (None, ())


def by_gdcm(dataset: Dataset, syntax: str, folder: Path) -> bytes:
    gdcm = pytest.importorskip("gdcm", reason="python-gdcm is not installed")
    (folder / "in.dcm").write_bytes(written(dataset))
    reader = gdcm.ImageReader()
    reader.SetFileName(str(folder / "in.dcm"))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(folder / "out.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return (folder / "out.dcm").read_bytes()


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_lossless_compression_by_gdcm_gives_the_exact_pixels(tmp_path: Path, syntax: str, bits: int) -> None:
    pixels = shades(bits)
    result = read(by_gdcm(film(pixels, BitsStored=bits), syntax, tmp_path))
    np.testing.assert_array_equal(result.grey, pixels if bits == 8 else displayed(pixels, bits))


@pytest.mark.parametrize("syntax", [JPEGLSLossless, RLELossless])
def test_lossless_compression_by_pydicom_gives_the_exact_pixels(syntax: str) -> None:
    if syntax == JPEGLSLossless:
        pytest.importorskip("jpeg_ls", reason="pyjpegls is not installed")
    for pixels in (shades(8), shades(16), np.zeros((300, 200), np.uint16)):
        dataset = film(pixels)
        written(dataset)
        dataset.compress(syntax)
        np.testing.assert_array_equal(read(written(dataset, syntax)).grey, pixels)


def test_rle_of_colour() -> None:
    dataset = film(coloured())
    written(dataset)
    dataset.compress(RLELossless)
    np.testing.assert_array_equal(read(written(dataset, RLELossless)).grey, luminance(coloured()))


@pytest.mark.parametrize("bits", [8, 16])
def test_jpeg_2000_by_pillow(bits: int) -> None:
    pixels, file = shades(bits), io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG2000", no_jp2=True, irreversible=False)
    np.testing.assert_array_equal(read(compressed(film(pixels), file.getvalue(), JPEG2000Lossless)).grey, pixels)


def test_jpeg_2000_of_colour() -> None:
    file = io.BytesIO()
    Image.fromarray(coloured()).save(file, "JPEG2000", no_jp2=True, irreversible=False, mct=1)
    dataset = film(coloured(), PhotometricInterpretation="YBR_RCT")
    np.testing.assert_array_equal(
        read(compressed(dataset, file.getvalue(), JPEG2000Lossless)).grey, luminance(coloured())
    )


def test_lossy_jpeg_of_grey_and_of_colour() -> None:
    for syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
        file = io.BytesIO()
        Image.fromarray(smooth()).save(file, "JPEG", quality=95)
        result = read(compressed(film(smooth()), file.getvalue(), syntax))
        assert np.abs(result.grey.astype(int) - smooth()).max() <= 4
    rgb = np.dstack([smooth(), smooth()[::-1], smooth() // 2])
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=95, subsampling=0)
    dataset = film(rgb, PhotometricInterpretation="YBR_FULL_422")
    result = read(compressed(dataset, file.getvalue(), JPEGBaseline8Bit))
    assert np.abs(result.grey.astype(int) - luminance(rgb)).max() <= 6


def test_lossy_jpeg_ls_and_jpeg_2000(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(smooth()).save(file, "JPEG2000", no_jp2=True, irreversible=True)
    result = read(compressed(film(smooth()), file.getvalue(), JPEG2000))
    assert np.abs(result.grey.astype(int) - smooth()).max() <= 4
    pytest.importorskip("jpeg_ls", reason="pyjpegls is not installed")
    dataset = film(smooth())
    written(dataset)
    dataset.compress(JPEGLSNearLossless, jls_error=2)
    assert np.abs(read(written(dataset, JPEGLSNearLossless)).grey.astype(int) - smooth()).max() <= 2


def test_a_missing_plugin_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = by_gdcm(film(shades(12), BitsStored=12), JPEGLosslessSV1, tmp_path)
    decoder = pixels_module.get_decoder(JPEGLosslessSV1)
    monkeypatch.setattr(decoder, "_available", {})
    with pytest.raises(FilmError, match=r"JPEG Lossless.*pip install \"cephkit\[dicom\]\""):
        read(data)


def test_jpeg_of_12_bits_says_that_it_is_not_supported() -> None:
    with pytest.raises(FilmError, match=r"unsupported transfer syntax \(JPEG Extended .*export the film again"):
        read(compressed(film(shades(12), BitsStored=12), b"\xff\xd8", JPEGExtended12Bit))


def test_a_picture_in_several_fragments() -> None:
    from pydicom.encaps import encapsulate

    file = io.BytesIO()
    Image.fromarray(shades(8)).save(file, "JPEG2000", no_jp2=True, irreversible=False)
    dataset = film(shades(8), PixelData=encapsulate([file.getvalue()], fragments_per_frame=3, has_bot=False))
    np.testing.assert_array_equal(read(written(dataset, JPEG2000Lossless)).grey, shades(8))


def test_unused_bits_are_cut_off() -> None:
    pixels = shades(12)
    np.testing.assert_array_equal(read(written(film(pixels | 0xA000, BitsStored=12))).grey, displayed(pixels))


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_signed_pixels_begin_at_zero(bits: int) -> None:
    pixels = (shades(bits).astype(int) - (1 << bits - 1)).astype(np.int8 if bits == 8 else np.int16)
    result = read(written(film(pixels, BitsStored=bits)))
    np.testing.assert_array_equal(result.grey, shades(bits) if bits == 8 else displayed(shades(bits), bits))


def test_few_bits_are_stretched_to_eight() -> None:
    result = read(written(film(shades(6), BitsStored=6)))
    np.testing.assert_array_equal(result.grey, np.rint(shades(6) * (255 / 63)).astype(np.uint8))


def test_colour_becomes_the_luminance_of_the_same_picture_as_png() -> None:
    np.testing.assert_array_equal(read(written(film(coloured()))).grey, luminance(coloured()))
    planes = np.ascontiguousarray(coloured().transpose(2, 0, 1)).tobytes()
    result = read(written(film(coloured(), PlanarConfiguration=1, PixelData=planes)))
    np.testing.assert_array_equal(result.grey, luminance(coloured()))


def test_colour_of_16_bits_stays_so() -> None:
    grey = shades(16, (20, 30))
    np.testing.assert_array_equal(read(written(film(np.dstack([grey] * 3)))).grey, grey)


def test_luminance_and_two_colours() -> None:
    ybr = convert_color_space(coloured(), "RGB", "YBR_FULL")
    result = read(written(film(ybr, PhotometricInterpretation="YBR_FULL")))
    assert np.abs(result.grey.astype(int) - luminance(coloured())).max() <= 1
    halved = np.stack([ybr[:, ::2, 0], ybr[:, 1::2, 0], ybr[:, ::2, 1], ybr[:, ::2, 2]], axis=-1).tobytes()
    result = read(written(film(ybr, PhotometricInterpretation="YBR_FULL_422", PixelData=halved)))
    np.testing.assert_array_equal(result.grey, ybr[..., 0])


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette(bits: int) -> None:
    pixels, colours = shades(8), np.random.default_rng(2).integers(0, 1 << bits, (3, 256))
    palette = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, channel in zip(("Red", "Green", "Blue"), colours, strict=True):
        palette[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
        palette[f"{name}PaletteColorLookupTableData"] = channel.astype("<u2").tobytes()
    weights = np.array([0.299, 0.587, 0.114])
    result = read(written(film(pixels, **palette)))
    assert result.grey.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert np.abs(result.grey - (colours.T @ weights)[pixels]).max() <= 1


def test_what_is_no_x_ray_class_is_noted() -> None:
    assert "SOP class" in read(written(film(shades(8), SOPClassUID=CTImageStorage))).notes[0]


ENDS = {
    "zeros": bytes(200), "odd": b"\0", "noise": b"\x13\x37" * 99, "elements": b"\x10\0\x10\0PN\x04\0A^B ",
    "few": b"\xff\xfe\xff", "no type": b"\x08\0\x05\0\xff\xff\xff\xff\xff\xff",
    "long": b"\x08\0\x05\0OB\0\0\xff\xff\xff\x7f",
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless])
def test_surplus_bytes_behind_the_pixels_are_noted_and_do_no_harm(syntax: str, end: str) -> None:
    dataset = film(shades(8))
    data = written(dataset, ExplicitVRLittleEndian if UID(syntax).is_encapsulated else syntax)
    if syntax == JPEG2000Lossless:
        data = compressed(dataset, jpeg_2000((48, 40)), syntax)
    elif syntax == RLELossless:
        dataset.compress(syntax)
        data = written(dataset, syntax)
    result = read(data + ENDS[end])
    np.testing.assert_array_equal(result.grey, shades(8))
    assert result.notes == (f"{len(ENDS[end])} surplus bytes after the picture, ignored",)
    padding = b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0\0\0\0\0"
    assert read(data + padding).notes == ()


@pytest.mark.parametrize("more", [2, 3, 200, 100_000])
def test_more_pixels_than_the_picture_has_are_noted_and_fewer_are_damage(more: int) -> None:
    pixels = shades(8, (31, 21)).tobytes()
    result = read(written(film(shades(8, (31, 21)), PixelData=pixels + bytes(more + more % 2 - 1))))
    np.testing.assert_array_equal(result.grey, shades(8, (31, 21)))
    assert result.notes == (() if more == 2 else (f"{more + more % 2 - 2:,} surplus bytes after the picture, ignored",))
    with pytest.raises(FilmError, match=r"650 bytes, expected 651"):
        read(written(film(shades(8, (31, 21)), PixelData=pixels[:-1])))


def everything_said(data: bytes) -> str:
    """The result, or the error with all that a traceback would show."""
    try:
        return repr(read(data))
    except FilmError as error:
        return f"{error!r} {error.__context__!r} {error.__cause__!r}"


def test_nothing_of_the_patient_comes_out(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    good = written(film(shades(16), PixelSpacing=[0.1, 0.1]))
    assert all(secret.encode() in good for secret in SECRETS)
    files = [good, *(good[:end] for end in range(140, len(good), 60))]
    for element in (
        {"NumberOfFrames": 3}, {"PixelData": b"1234"}, {"Rows": 7}, {"PhotometricInterpretation": "SENTINEL"},
        {"PixelData": None}, {"SOPClassUID": "1.2.3.19010203"}, {"PresentationLUTShape": "SENTINEL"},
        {"PixelSpacingCalibrationType": "SENTINEL"},
        {"VOILUTFunction": "SENTINEL", "WindowCenter": 3, "WindowWidth": 9},
    ):  # fmt: skip
        files.append(written(film(shades(16), **element)))
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "WindowCenter", "RescaleSlope", "NumberOfFrames"):
        data = written(film(shades(16), **{keyword: 12345678, "WindowWidth": 1, "RescaleIntercept": 0}))
        files.append(data.replace(b"12345678", b"SENTINEL"))
    texts = "".join(everything_said(data) for data in files)
    out, err = capfd.readouterr()
    for secret in SECRETS:
        assert secret not in texts + out + err + caplog.text
    assert "FilmError" in texts
    assert (out, err) == ("", "")


def spaced(use_spacing: bool = True, **elements: Any) -> DicomFilm:
    return read_dicom(written(film(shades(8), **elements)), Path("film.dcm"), use_spacing=use_spacing)


DISTANCES = {"DistanceSourceToDetector": 1650, "DistanceSourceToPatient": 1500}
PIXEL, IMAGER = {"PixelSpacing": [0.1, 0.12]}, {"ImagerPixelSpacing": [0.11, 0.132]}


@pytest.mark.parametrize(
    ("elements", "sides", "plane", "origin"),
    [
        ({**PIXEL, "PixelSpacingCalibrationType": "GEOMETRY"}, (0.1, 0.12), "head", "corrected for magnification"),
        ({**PIXEL, "PixelSpacingCalibrationType": "FIDUCIAL"}, (0.1, 0.12), "head", "object of known size"),
        ({**PIXEL, **IMAGER}, (0.1, 0.12), "head", "ImagerPixelSpacing is 1.1 times"),
        ({**PIXEL, "ImagerPixelSpacing": [0.09, 0.108]}, (0.1, 0.12), "unknown", "other than ImagerPixelSpacing"),
        ({**PIXEL, "ImagerPixelSpacing": [0.1, 0.12]}, (0.1, 0.12), "detector", "DICOM ImagerPixelSpacing"),
        (IMAGER, (0.11, 0.132), "detector", "DICOM ImagerPixelSpacing"),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 1.1}, (0.1, 0.12), "head", "/ 1.1 (Estimated"),
        (
            {**IMAGER, "DistanceSourceToDetector": 1650, "DistanceSourceToPatient": 1500},
            (0.1, 0.12), "head", "/ 1.1 (DistanceSourceToDetector / DistanceSourceToPatient)",
        ),
        (
            {**PIXEL, "ImagerPixelSpacing": [0.1, 0.12], "EstimatedRadiographicMagnificationFactor": 1.25},
            (0.08, 0.096), "head", "/ 1.25",
        ),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 1}, (0.11, 0.132), "detector", "ImagerPixelSpacing"),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 3}, (0.11, 0.132), "detector", "ImagerPixelSpacing"),
        (
            {"ImagerPixelSpacing": [0.006, 0.006], "EstimatedRadiographicMagnificationFactor": 1.4},
            (0.006, 0.006), "detector", "ImagerPixelSpacing",
        ),
        *[
            (
                {**IMAGER, **DISTANCES, "EstimatedRadiographicMagnificationFactor": factor},
                (0.1, 0.12), "head", "/ 1.1 (DistanceSource",
            )
            for factor in (0, 1, 3, -1)
        ],
        ({**IMAGER, "DistanceSourceToDetector": 1650}, (0.11, 0.132), "detector", "ImagerPixelSpacing"),
        (
            {**IMAGER, "DistanceSourceToDetector": 1650, "DistanceSourceToPatient": 0},
            (0.11, 0.132), "detector", "ImagerPixelSpacing",
        ),
        ({"NominalScannedPixelSpacing": [0.1, 0.12]}, (0.1, 0.12), "film", "NominalScannedPixelSpacing"),
        ({**PIXEL, "NominalScannedPixelSpacing": [0.1, 0.12]}, (0.1, 0.12), "film", "NominalScannedPixelSpacing"),
        ({**PIXEL, "NominalScannedPixelSpacing": [0.2, 0.2]}, (0.1, 0.12), "unknown", "meaning unknown"),
        (PIXEL, (0.1, 0.12), "unknown", "meaning unknown"),
        ({**PIXEL, "PixelSpacingCalibrationType": "OTHER"}, (0.1, 0.12), "unknown", "meaning unknown"),
    ],
)  # fmt: skip
def test_sides_plane_and_origin(elements: dict[str, Any], sides: tuple[float, float], plane: str, origin: str) -> None:
    spacing = spaced(**elements).spacing
    assert spacing is not None
    assert (spacing.row_mm, spacing.column_mm) == pytest.approx(sides)
    assert spacing.plane == plane
    assert origin in spacing.origin
    assert spacing.origin.startswith("DICOM ")


def test_what_a_user_should_know_is_noted() -> None:
    assert "no magnification" in spaced(**IMAGER).notes[0]
    assert "impossible for a head" in spaced(**IMAGER, EstimatedRadiographicMagnificationFactor=3).notes[0]
    for unknown in (0, 1):
        assert "no magnification" in spaced(**IMAGER, EstimatedRadiographicMagnificationFactor=unknown).notes[0]
        assert spaced(**IMAGER, **DISTANCES, EstimatedRadiographicMagnificationFactor=unknown).notes == ()
    (note,) = spaced(**IMAGER, **DISTANCES, EstimatedRadiographicMagnificationFactor=3).notes
    assert note == "the file's EstimatedRadiographicMagnificationFactor is impossible for a head, and was not used"
    assert "does not say whether" in spaced(**PIXEL).notes[0]
    assert "cannot be the magnification of a head" in spaced(**PIXEL, ImagerPixelSpacing=[0.2, 0.24]).notes[0]
    assert "not square" in spaced(PixelAspectRatio=["2", "1"]).notes[0]
    assert spaced(PixelAspectRatio=["1", "1"]).notes == ()
    assert spaced(**PIXEL, PixelSpacingCalibrationType="GEOMETRY").notes == ()


def test_none_or_empty_is_no_spacing() -> None:
    assert spaced().spacing is None
    assert spaced(PixelSpacing="").spacing is None


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"])
@pytest.mark.parametrize("value", [b"0\\0", b"-0.1\\0.1", b"nan\\nan", b"0.10", b"mm\\mm", b"250\\250", b"1e400\\1"])
def test_an_impossible_pixel_size_makes_the_film_unusable_unless_it_is_not_asked_for(
    keyword: str, value: bytes
) -> None:
    data = written(film(shades(8), **{keyword: ["0.25", "0.5"]})).replace(b"0.25\\0.5", value.ljust(8))
    with pytest.raises(
        FilmError, match=rf"film\.dcm: its {keyword} is not two lengths .*--pixel_size_mm.*--ignore_bad_pixel"
    ):
        read_dicom(data, Path("film.dcm"))
    without = read_dicom(data, Path("film.dcm"), ignore_bad_spacing=True)
    assert without.spacing is None
    assert without.notes == (f"its {keyword} is not two lengths of 0.005 to 2 mm, and was not used",)
    np.testing.assert_array_equal(without.grey, shades(8))
    result = read_dicom(data, Path("film.dcm"), use_spacing=False)
    assert result.spacing is None
    np.testing.assert_array_equal(result.grey, shades(8))
