from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cephkit.data import grey as grey_module
from cephkit.data.opened import read_grey
from cephkit.data.pixels import pixel_hash, to_canvas, to_uint8
from cephkit.errors import FilmError
from cephkit.geometry import letterbox, transform
from tests.data.aariz_folder import noise


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
        (b"GIF89a and more", "not a PNG, JPEG, BMP, TIFF or WebP"),
        (b"<html>404</html>", "not a PNG, JPEG, BMP, TIFF or WebP"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "damaged or truncated"),
        (b"\xff\xd8\xff\xe0" + b"\xff" * 50, "damaged or truncated"),
        (b"BM" + b"\xff" * 60, "not a PNG, JPEG, BMP, TIFF or WebP"),
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
    assert "take it out" in str(caught.value)


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
    with pytest.raises(FilmError, match="50x15 pixels: a film has at least 16"):
        read_grey(tiny)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    buffer = BytesIO()
    Image.new("1", (30_000, 30_000)).save(buffer, "PNG")
    path = tmp_path / "bomb.png"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(FilmError, match="30000x30000 pixels are more than the 200 megapixels allowed"):
        read_grey(path)


def test_a_film_of_95_megapixels_warns_nobody(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    path = save(tmp_path / "large.png", Image.new("1", (10_000, 9_500)))
    assert read_grey(path).shape == (9_500, 10_000)
    assert not recwarn.list


def test_sixteen_bits_become_eight_by_their_depth() -> None:
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(to_uint8(deep), np.rint(deep / 257))
    np.testing.assert_array_equal(to_uint8(noise(8).astype(np.uint16) * 257), noise(8))


def test_eight_bits_stay_as_they_are() -> None:
    np.testing.assert_array_equal(to_uint8(noise(8)), noise(8))


@pytest.mark.parametrize("film_size", [(240, 190), (190, 240), (100, 100), (37, 301)])
@pytest.mark.parametrize("canvas_size", [(128, 128), (96, 160), (256, 224)])
def test_a_bright_spot_lands_where_the_letterbox_says(film_size: tuple[int, int], canvas_size: tuple[int, int]) -> None:
    height, width = film_size
    x, y = width * 0.7, height * 0.3
    rows, columns = np.mgrid[:height, :width]
    box = letterbox(film_size, canvas_size)
    spread = max(2.0, 1.5 / box.scale)
    film = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))
    canvas = to_canvas(film.astype(np.uint8), canvas_size).astype(float)
    assert canvas.shape == canvas_size
    peak_y, peak_x = np.unravel_index(canvas.argmax(), canvas.shape)
    assert np.abs(transform(box.to_canvas, (x, y)) - (peak_x, peak_y)).max() <= 0.5


def test_the_border_is_black_and_the_content_fills_its_part() -> None:
    canvas = to_canvas(np.full((200, 100), 255, dtype=np.uint8), (64, 64))
    assert (canvas[:, 16:48] == 255).all()
    assert canvas[:, :16].max() == canvas[:, 48:].max() == 0


def test_shrinking_is_antialiased() -> None:
    checks = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    canvas = to_canvas(checks, (64, 64))
    assert np.abs(canvas.astype(int) - 127.5).max() <= 2
