"""From a film's greys to the canvas of a network: 8 bits, square pixels, letterbox."""

import numpy as np
import pytest

from cephkit.data.opened import (
    straightened,
    to_canvas,
    to_uint8,
    unstretched,
)
from cephkit.data.spacing import SQUARE, Spacing, square, stretch_of
from cephkit.errors import FilmError
from cephkit.geometry import letterbox, transform
from tests.data.aariz_folder import noise


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


def test_the_finer_side_stays() -> None:
    assert stretch_of(Spacing(0.2, 0.1, "")) == (1, 2)
    assert stretch_of(Spacing(0.1, 0.15, "")) == pytest.approx((1.5, 1))
    assert stretch_of(None) == square(0.1, "").stretch == Spacing(0.1, 0.10005, "").stretch == SQUARE


def test_a_film_becomes_square_and_its_points_go_back() -> None:
    grey = noise(1, 40, 30)
    assert straightened(grey, SQUARE) is grey
    assert straightened(grey, (1.0, 2.0)).shape == (80, 30)
    corners = np.array([[-0.5, -0.5], [29.5, 79.5]])
    np.testing.assert_allclose(unstretched(corners, np.array([1, 0.5])), [[-0.5, -0.5], [29.5, 39.5]])


def test_one_too_large_once_it_is_square_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cephkit.data.opened.LARGEST_PIXELS", 2000)
    with pytest.raises(FilmError, match="30x80 pixels, once they are square, are too many; save the film smaller"):
        straightened(noise(1, 40, 30), (1.0, 2.0))
