"""Pictures of where landmarks lie."""

import numpy as np
import pytest

from cephkit.drawing.landmark_pictures import (
    COLOURS,
    CROP_PX,
    landmark_picture,
    overview_picture,
    picture_name,
    places,
)
from cephkit.landmarks.shipped import AARIZ


@pytest.mark.parametrize("symbol", ["A", "UIT", "N`"])
def test_the_landmark_is_in_the_open_middle_of_a_cross_of_its_tissue(symbol: str) -> None:
    picture = landmark_picture(symbol)
    assert picture.size == (CROP_PX, CROP_PX)
    pixels = np.asarray(picture)
    colour = tuple(int(COLOURS[AARIZ[symbol].tissue][i : i + 2], 16) for i in (1, 3, 5))
    rows, columns = np.nonzero((pixels == colour).all(-1))
    assert abs(rows.mean() - CROP_PX / 2) <= 1.5
    assert abs(columns.mean() - CROP_PX / 2) <= 1.5
    middle = pixels[CROP_PX // 2 - 5 : CROP_PX // 2 + 5, CROP_PX // 2 - 5 : CROP_PX // 2 + 5]
    assert not (middle == colour).all(-1).any()


def test_the_overview_shows_all_of_them() -> None:
    width, height = overview_picture().size
    assert tuple(places()) == AARIZ.symbols
    assert all(0 < x < width and 0 < y < height for x, y in places().values())


def test_file_names_have_no_backtick() -> None:
    assert picture_name(AARIZ["N`"]) == "N_soft.jpg"
    assert len({picture_name(AARIZ[symbol]) for symbol in AARIZ.symbols}) == 29
