import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

from cephkit.data import grey as grey_module
from cephkit.data.opened import (
    content_hash,
    is_film_file,
    open_array,
    open_film,
    open_image,
    pixel_hash,
    read_grey,
    to_uint8,
)
from cephkit.errors import FilmError
from tests.data.aariz_folder import noise
from tests.data.dicom.made import displayed, film, shades, written

EXIF_ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""By the EXIF standard, as Pillow's own ImageOps lists them."""


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
def test_a_picture_has_its_hash_and_no_spacing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film{suffix}"
    Image.fromarray(noise(1)).convert("RGB").save(
        path, dpi=(300, 300), **({"lossless": True} if suffix == ".webp" else {})
    )
    opened = open_film(path)
    np.testing.assert_array_equal(opened.grey, noise(1))
    assert opened.content == content_hash(path.read_bytes())
    assert (opened.spacing, opened.orientation, opened.notes) == (None, 1, ())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_an_exif_rotation_is_applied(tmp_path: Path, suffix: str, orientation: int) -> None:
    stored = Image.new("L", (50, 60))
    stored.paste(200, (0, 0, 16, 32))
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    path = tmp_path / f"film{suffix}"
    options = {".webp": {"lossless": True}, ".jpg": {"quality": 100}}.get(suffix, {})
    stored.save(path, exif=exif, **options)
    opened = open_film(path)
    expected = np.asarray(stored if orientation == 1 else stored.transpose(TURNS[orientation]))
    assert np.abs(opened.grey.astype(int) - expected).max() <= 1
    assert opened.orientation == orientation
    assert bool(opened.notes) == (orientation != 1)
    np.testing.assert_array_equal(read_grey(path), opened.grey)
    assert opened.grey.flags.c_contiguous


def test_a_dicom_film_is_known_by_its_bytes(tmp_path: Path) -> None:
    data = written(film(shades(12), BitsStored=12, PixelSpacing=[0.1, 0.1], PixelSpacingCalibrationType="FIDUCIAL"))
    for name in ("film.dcm", "film.png", "IM0001"):
        path = tmp_path / name
        path.write_bytes(data)
        opened = open_film(path)
        np.testing.assert_array_equal(opened.grey, displayed(shades(12)))
        assert opened.spacing is not None
        assert (opened.spacing.mean_mm, opened.spacing.plane) == (0.1, "head")
        assert opened.content == content_hash(data)
    assert open_film(path, use_spacing=False).spacing is None


PREAMBLES = {
    "tiff": b"II*\0\x08\0\0\0\x01\0", "big endian tiff": b"MM\0*\0\0\0\x08", "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "bmp": b"BM", "png": b"\x89PNG\r\n\x1a\n", "webp": b"RIFF\0\0\0\0WEBP", "text": b"<html>", "program": b"MZ\x90",
    "ones": b"\xff" * 128,
}  # fmt: skip


@pytest.mark.parametrize("preamble", PREAMBLES)
@pytest.mark.parametrize("name", ["film.tif", "film.dcm", "IM0001"])
def test_the_mark_of_dicom_counts_before_what_any_other_bytes_say(tmp_path: Path, preamble: str, name: str) -> None:
    whole = written(
        film(
            shades(12), BitsStored=12, PixelSpacing=[0.1, 0.1], WindowCenter=1000, WindowWidth=500, PixelPaddingValue=0
        )
    )
    (tmp_path / "plain.dcm").write_bytes(whole)
    (tmp_path / name).write_bytes(PREAMBLES[preamble].ljust(128, b"\0") + whole[128:])
    plain, opened = open_film(tmp_path / "plain.dcm"), open_film(tmp_path / name)
    np.testing.assert_array_equal(opened.grey, plain.grey)
    assert (opened.spacing, opened.notes) == (plain.spacing, plain.notes)
    assert opened.spacing is not None
    assert is_film_file(tmp_path / name)


def test_a_film_that_is_dicom_and_tiff_is_dicom(tmp_path: Path) -> None:
    whole = written(film(shades(8), PixelSpacing=[0.1, 0.1]))
    picture = tmp_path / "picture.tif"
    Image.fromarray(noise(3)).save(picture)
    tiff = picture.read_bytes()
    at = len(whole) + len(whole) % 2
    # A directory at the end of the file, as slide scanners write both in one file.
    both = tiff[:4] + (at + int.from_bytes(tiff[4:8], "little")).to_bytes(4, "little") + whole[8:].ljust(at - 8, b"\0")
    (tmp_path / "both.tif").write_bytes(both + tiff)
    np.testing.assert_array_equal(open_film(tmp_path / "both.tif").grey, shades(8))


def test_dicom_without_its_file_header(tmp_path: Path) -> None:
    whole = written(film(shades(8), PixelSpacing=[0.1, 0.1]), ExplicitVRLittleEndian)
    bare = whole[whole.index(b"\x08\0\x16\0UI") :]
    for name in ("film.dcm", "film.DICOM", "IM0001"):
        (tmp_path / name).write_bytes(bare)
        np.testing.assert_array_equal(open_film(tmp_path / name).grey, shades(8))
    (tmp_path / "film.png").write_bytes(bare)
    with pytest.raises(FilmError, match="not a PNG"):
        open_film(tmp_path / "film.png")


def test_which_files_of_a_folder_are_films(tmp_path: Path) -> None:
    for name in ("a.png", "b.WEBP", "c.dcm", "d.DICOM", "e.txt", ".f.png", "README", "1.2.3", "g.tif"):
        (tmp_path / name).write_bytes(b"text")
    for name in ("IM0001", "1.2.826.0.1.4711"):
        (tmp_path / name).write_bytes(written(film(shades(8))))
    (tmp_path / "folder.png").mkdir()
    found = sorted(path.name for path in tmp_path.iterdir() if is_film_file(path))
    assert found == ["1.2.826.0.1.4711", "IM0001", "a.png", "b.WEBP", "c.dcm", "d.DICOM", "g.tif"]


def test_films_are_opened_in_threads(tmp_path: Path) -> None:
    paths = []
    for seed in range(8):
        paths.append(tmp_path / f"{seed}.dcm")
        paths[-1].write_bytes(written(film(shades(12, seed=seed), BitsStored=12)))
    with warnings.catch_warnings(), ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("error")
        for seed, opened in enumerate(pool.map(open_film, paths)):
            np.testing.assert_array_equal(opened.grey, displayed(shades(12, seed=seed)))


MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I", "I;16", "La", "RGBa"]


def in_mode(mode: str) -> Image.Image:
    image = Image.fromarray(noise(1, 40, 30))
    if mode in ("La", "RGBa"):
        return image.convert(mode.upper()).convert(mode)
    return image.convert(mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_pil_image_is_read_by_its_mode(mode: str) -> None:
    image = in_mode(mode)
    expected = noise(1, 40, 30)
    if mode == "1":
        expected = np.where(np.asarray(image), np.uint8(255), np.uint8(0))
    if mode.startswith("I"):
        assert open_image(image).grey.dtype == np.uint16
    assert np.abs(to_uint8(open_image(image).grey).astype(int) - expected).max() <= 1
    assert open_image(image).content == ""


FILES = {
    "palette.png": ("P", {}), "palette and alpha.png": ("P", {"transparency": 3}), "colour.png": ("RGB", {}),
    "alpha.png": ("RGBA", {}), "ink.tif": ("CMYK", {}), "ink.jpg": ("CMYK", {"quality": 95}),
    "video.tif": ("YCbCr", {}), "video.jpg": ("YCbCr", {"quality": 95}), "lab.tif": ("LAB", {}), "16.png": ("I;16", {}),
    "16.tif": ("I;16", {}), "16, white is zero.tif": ("I;16", {"tiffinfo": {262: 0}}),
    "bits.png": ("1", {}), "lossless.webp": ("RGB", {"lossless": True}), "grey.bmp": ("L", {}),
}  # fmt: skip


@pytest.mark.parametrize("orientation", [1, 6, 2])
@pytest.mark.parametrize("name", FILES)
def test_a_pil_image_is_read_as_its_file(tmp_path: Path, name: str, orientation: int) -> None:
    mode, options = FILES[name]
    y, x = np.mgrid[:40, :30]
    smooth = (x * 5 + y * 2).astype(np.uint8)
    colour = Image.fromarray(np.dstack([smooth, smooth[::-1], 255 - smooth]))
    image = {
        "I;16": Image.fromarray(smooth.astype(np.uint16) * 16), "LAB": Image.fromarray(np.asarray(colour), "LAB"),
        "1": Image.fromarray(smooth > 90), "L": Image.fromarray(smooth),
    }.get(mode) or colour.convert(mode)  # fmt: skip
    if orientation != 1 and not name.endswith(".bmp"):
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = orientation
        options = {**options, "exif": exif}
        if "tiffinfo" in options:
            options = {"tiffinfo": {262: 0, EXIF_ORIENTATION: orientation}}
    image.save(tmp_path / name, **options)
    by_file = open_film(tmp_path / name).grey
    with Image.open(tmp_path / name) as opened:
        lazy = open_image(opened).grey
        again = open_image(opened).grey
        assert np.abs(lazy.astype(int) - by_file).max() <= 2  # a JPEG's luminance comes straight from the file
        np.testing.assert_array_equal(again, lazy)
        assert opened.mode == Image.open(tmp_path / name).mode
    if orientation == 1 and mode not in ("LAB", "I;16"):
        assert np.abs(open_image(image).grey.astype(int) - by_file).max() <= 3


def test_a_pil_image_that_is_no_film_is_refused(tmp_path: Path) -> None:
    for image, reason in (
        (Image.new("RGBA", (40, 40)), "every pixel is transparent"),
        (Image.new("F", (40, 40)), "32-bit pixels"),
        (Image.fromarray(np.full((40, 40), -1, np.int32)), "32-bit pixels"),
        (Image.new("L", (8, 40)), "a film has at least 16"),
    ):
        with pytest.raises(FilmError, match=reason):
            open_image(image)
    Image.fromarray(noise(1, 90, 90)).save(tmp_path / "f.png")
    (tmp_path / "f.png").write_bytes((tmp_path / "f.png").read_bytes()[:4000])
    with pytest.raises(FilmError, match="damaged or truncated"):
        open_image(Image.open(tmp_path / "f.png"))


def test_an_array_of_another_shape_or_type_is_refused() -> None:
    grey = noise(1, 40, 30)
    np.testing.assert_array_equal(open_array(grey).grey, grey)
    np.testing.assert_array_equal(open_array(np.dstack([grey] * 3)).grey, grey)
    np.testing.assert_array_equal(open_array(shades(12).astype(">u2")).grey, displayed(shades(12)))
    np.testing.assert_array_equal(open_array(grey[:, ::-1]).grey, grey[:, ::-1])
    assert open_array(grey[:, ::-1]).grey.flags.c_contiguous
    for array in (
        np.dstack([grey] * 4), np.dstack([grey] * 2), grey[..., None], grey[None], np.stack([grey] * 3),
        grey.ravel(), grey > 3, grey.astype(np.int8), grey.astype(np.float32), grey.astype(np.int16),
        grey.astype(np.uint32),
        np.dstack([grey.astype(np.uint16)] * 3), np.zeros((0, 0), np.uint8), np.zeros((40, 3), np.uint8),
        np.array(7, np.uint8),
    ):  # fmt: skip
        with pytest.raises(FilmError, match=r"(is not a film; give \(height, width\)|a film has at least)"):
            open_array(array)


def save(path: Path, image: Image.Image) -> Path:
    image.save(path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_lossless_formats_and_modes_give_the_same_pixels_and_hash(tmp_path: Path, suffix: str, mode: str) -> None:
    grey = noise(1)
    path = save(tmp_path / f"film{suffix}", Image.fromarray(grey).convert(mode))
    read = read_grey(path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, grey)
    assert pixel_hash(read) == pixel_hash(grey)


def test_jpeg_is_read_at_full_size_in_grey_and_in_colour(tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :48]
    grey = (x * 2 + y).astype(np.uint8)
    for mode in ("L", "RGB"):
        path = save(tmp_path / f"{mode}.jpg", Image.fromarray(grey).convert(mode))
        read = read_grey(path)
        assert read.shape == (64, 48)
        assert np.abs(read.astype(int) - grey).max() <= 6


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_ignored(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(noise(2)).convert(mode)
    alpha = Image.new("L", image.size, 0)
    alpha.putpixel((3, 3), 1)
    image.putalpha(alpha)
    np.testing.assert_array_equal(read_grey(save(tmp_path / "film.png", image)), noise(2))
    image.putalpha(0)
    with pytest.raises(FilmError, match="every pixel is transparent"):
        read_grey(save(tmp_path / "film.png", image))


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    bits = np.arange(32 * 32).reshape(32, 32) % 3 == 0
    read = read_grey(save(tmp_path / "film.png", Image.fromarray(bits)))
    np.testing.assert_array_equal(read, np.where(bits, 255, 0))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path, suffix: str) -> None:
    deep = np.random.default_rng(3).integers(0, 65536, (40, 30), dtype=np.uint16)
    read = read_grey(save(tmp_path / f"film{suffix}", Image.fromarray(deep)))
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, deep)
    assert pixel_hash(read) != pixel_hash(to_uint8(read))


def test_an_exif_rotation_is_applied_because_who_labelled_the_film_saw_it_so(tmp_path: Path) -> None:
    image = Image.fromarray(noise(4, 60, 50))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees
    image.save(tmp_path / "film.jpg", exif=exif)
    assert read_grey(tmp_path / "film.jpg").shape == (50, 60)


def test_the_first_bytes_count_not_the_ending(tmp_path: Path) -> None:
    Image.fromarray(noise(5)).save(tmp_path / "film.jpg", format="PNG")
    np.testing.assert_array_equal(read_grey(tmp_path / "film.jpg"), noise(5))


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * share)]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_truncated_film_is_refused_by_name(tmp_path: Path, suffix: str, share: float) -> None:
    path = save(tmp_path / f"film{suffix}", Image.fromarray(noise(6, 200, 200)))
    path.write_bytes(cut(share)(path.read_bytes()))
    with pytest.raises(FilmError, match=r"film\.\w+: (damaged or truncated|not a PNG)"):
        read_grey(path)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"GIF89a and more", "not a PNG, JPEG, BMP, TIFF, WebP or DICOM"),
        (b"<html>404</html>", "not a PNG, JPEG, BMP, TIFF, WebP or DICOM"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "damaged or truncated"),
        (b"\xff\xd8\xff\xe0" + b"\xff" * 50, "damaged or truncated"),
        (b"BM" + b"\xff" * 60, "not a PNG, JPEG, BMP, TIFF, WebP or DICOM"),
        (b"BM" + b"\xff" * 12 + b"\x28\0\0\0" + b"\xff" * 60, "damaged or truncated"),
        (b"II*\0" + b"\xff" * 60, "damaged or truncated"),
    ],
)
def test_hostile_bytes_give_file_reason_and_remedy(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(data)
    with pytest.raises(FilmError, match=reason) as caught:
        read_grey(path)
    assert str(path) in str(caught.value)
    assert "remove it" in str(caught.value)


def test_a_missing_file_is_a_film_error(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="cannot be read"):
        read_grey(tmp_path / "none.png")


def test_size_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert grey_module.LARGEST_PIXELS >= 95_000_000  # a film of that size is part of the data set
    path = save(tmp_path / "film.png", Image.fromarray(noise(7, 60, 50)))
    monkeypatch.setattr(grey_module, "LARGEST_PIXELS", 60 * 50 - 1)
    with pytest.raises(FilmError, match="50x60 pixels are more than"):
        read_grey(path)
    tiny = save(tmp_path / "tiny.png", Image.fromarray(noise(7, 15, 50)))
    with pytest.raises(FilmError, match="50x15 pixels; a film has at least 16"):
        read_grey(tiny)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    buffer = BytesIO()
    Image.new("1", (30_000, 30_000)).save(buffer, "PNG")
    path = tmp_path / "bomb.png"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(FilmError, match="30000x30000 pixels are more than the 200 megapixels allowed"):
        read_grey(path)


@pytest.mark.parametrize("name", ["large.png", "large.tif"])
def test_a_film_of_95_megapixels_warns_nobody(tmp_path: Path, recwarn: pytest.WarningsRecorder, name: str) -> None:
    path = save(tmp_path / name, Image.new("1", (10_000, 9_500)))
    assert read_grey(path).shape == (9_500, 10_000)
    assert not recwarn.list
