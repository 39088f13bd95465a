import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from cephkit.drawing.marks import ON_FILM
from cephkit.drawing.overlay import draw_overlay
from cephkit.drawing.raster import png_bytes
from cephkit.landmarks.shipped import AARIZ


def is_colour(pixel: tuple[int, ...], symbol: str) -> bool:
    return bool(np.abs(np.subtract(pixel, ImageColor.getrgb(ON_FILM.tissues[AARIZ[symbol].tissue]))).max() < 40)


@pytest.mark.parametrize("symbol", ["A", "UIT", "Sn"])
@pytest.mark.parametrize(("height", "width"), [(400, 300), (2000, 2400)])
@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_the_marker_is_where_the_point_is(symbol: str, height: int, width: int, fraction: float) -> None:
    x, y, reach = width // 3, height // 2, 3
    film = np.full((height, width), 90, np.uint8)
    picture = np.asarray(draw_overlay(film, {symbol: (x + fraction, float(y))}))
    assert fraction or is_colour(picture[y, x], symbol)
    # Turned by 180 degrees about the point, the marker is the same: with half a pixel, between two pixels.
    patch = picture[y - reach : y + reach + 1, x - reach : x + reach + 1 + round(2 * fraction)].astype(int)
    assert np.abs(patch - patch[::-1, ::-1]).max() <= 1
    assert np.ptp(patch) > 100


def test_the_film_keeps_its_pixels_away_from_the_marks() -> None:
    film = np.random.default_rng(0).integers(0, 255, (500, 400)).astype(np.uint8)
    picture = np.asarray(draw_overlay(film, {"S": (200.0, 100.0)}, "name"))
    assert picture.shape[0] > 500
    assert picture.shape[1:] == (400, 3)
    assert (picture[200:500] == film[200:500, :, None]).all()


def test_a_point_outside_the_film_is_not_drawn() -> None:
    film = np.full((400, 300), 90, np.uint8)
    picture = np.asarray(draw_overlay(film, {"S": (-20.0, 100.0), "A": (350.0, 100.0)}))
    assert (picture[:400] == 90).all()


@pytest.mark.parametrize(("height", "width"), [(16, 16), (40, 900), (900, 40)])
def test_films_of_odd_sizes_can_be_drawn(height: int, width: int) -> None:
    points = dict.fromkeys(AARIZ.symbols, (width / 2, height / 2))
    picture = draw_overlay(np.zeros((height, width), np.uint8), points, "a caption that is much too long" * 5)
    assert Image.open(io.BytesIO(png_bytes(picture))).size == picture.size


def test_only_regions_of_landmarks_on_the_film_are_drawn_and_explained() -> None:
    film = np.full((1000, 1000), 90, np.uint8)
    plain = np.asarray(draw_overlay(film, {"S": (500.0, 400.0)}))
    beside = np.asarray(draw_overlay(film, {"S": (500.0, 400.0)}, regions={"Go": np.eye(2) * 900}))
    review = np.asarray(draw_overlay(film, {"S": (500.0, 400.0)}, regions={"S": np.diag([900.0, 1600.0])}))
    assert (plain == beside).all()
    pink = np.array(ImageColor.getrgb(ON_FILM.review))
    drawn = [bool(np.abs(review[y, x] - pink).max() < 30) for x, y in ((530, 400), (500, 440), (500, 430))]
    assert drawn == [True, True, False]
    assert (np.abs(review[1000:].astype(int) - pink).max(axis=-1) < 10).any()
