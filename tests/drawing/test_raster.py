import numpy as np
import pytest
from PIL import Image

from cephkit.drawing.marks import ON_FILM, Ellipse, Name, Stroke
from cephkit.drawing.raster import paint, text_width

RED = "#ff0000"


def painted(*strokes: Stroke, size: tuple[int, int] = (60, 40), names: tuple[Name, ...] = ()) -> np.ndarray:
    picture = Image.new("RGB", size, "#808080")
    paint(picture, strokes, names, ON_FILM)
    return np.asarray(picture)


def test_a_line_is_as_wide_as_its_pen_and_has_a_halo() -> None:
    column = painted(Stroke((((10, 20), (50, 20)),), RED, 3, rim=2))[:, 30]
    assert np.flatnonzero((column == (255, 0, 0)).all(axis=1)).tolist() == [19, 20, 21]
    assert np.flatnonzero((column != 128).any(axis=1)).tolist() == [17, 18, 19, 20, 21, 22, 23]


def test_half_a_pixel_is_half_covered() -> None:
    column = painted(Stroke((((10, 20.5), (50, 20.5)),), RED, 1))[:, 30, 0]
    assert column[20] == column[21] == pytest.approx(128 + 127 / 2, abs=1)


def test_a_dot_is_round_and_a_ring_has_its_radius() -> None:
    dot = painted(Stroke((((30, 20),),), "#ffffff", 9))[:, :, 0] == 255
    assert (dot[20].sum(), dot[:, 30].sum(), dot[17, 27]) == (9, 9, False)
    ring = painted(Stroke((Ellipse((30, 20), (12, 6), 90.0),), "#ffffff", 1))[:, :, 0]
    assert [ring[y, x] > 250 for x, y in ((36, 20), (24, 20), (30, 32), (30, 8), (30, 20))] == [True] * 4 + [False]


def test_what_leaves_the_picture_is_cut_off() -> None:
    half = painted(Stroke((((-20, 20), (20, 20)),), RED, 1))
    assert (half[20, :20] == (255, 0, 0)).all()
    assert (painted(Stroke((((-90, -90), (-70, -80)),), RED, 1), Stroke((((90, 20),),), RED, 1, rim=1)) == 128).all()


def test_a_name_is_drawn_in_its_box() -> None:
    width = text_width("Pog", 12)
    drawn = painted(names=(Name("Pog", (10, 10, 10 + width, 22), 12, "#ffffff"),), size=(80, 40))
    rows, columns = np.nonzero((drawn != 128).any(axis=-1))
    assert (rows.min() >= 8, rows.max() <= 24, columns.min() >= 8, columns.max() <= 12 + width) == (True,) * 4
