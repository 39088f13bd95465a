from pathlib import Path

import numpy as np
import pytest

from cephkit.data.film import Film, points_array

FILM = Film(
    "a",
    Path("a.png"),
    "train",
    annotations={"senior": {"A": (1.0, 2.0), "N": (10.0, 10.0)}, "junior": {"A": (2.0, 2.5), "S": (7.5, 8.0)}},
)


def test_points_by_source() -> None:
    assert FILM.points("senior") == {"A": (1.0, 2.0), "N": (10.0, 10.0)}
    assert FILM.points("junior") == {"A": (2.0, 2.5), "S": (7.5, 8.0)}
    assert FILM.points("mean") == {"A": (1.5, 2.25), "N": (10.0, 10.0), "S": (7.5, 8.0)}
    assert FILM.points("official") == {"A": (2.0, 3.0), "N": (10.0, 10.0), "S": (8.0, 8.0)}


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown source of landmarks 'best'"):
        FILM.points("best")


def test_points_array_follows_the_symbols_and_marks_what_is_missing() -> None:
    array = points_array(FILM.points("senior"), ("N", "S", "A"))
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, [(10, 10), (np.nan, np.nan), (1, 2)])
    assert points_array({}, ()).shape == (0, 2)
