import numpy as np
import pytest

from cephkit.data import straight
from cephkit.data.spacing import SQUARE, Spacing, square, stretch_of
from cephkit.data.straight import straightened, unstretched
from cephkit.errors import FilmError
from tests.data.aariz_folder import noise


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
    monkeypatch.setattr(straight, "LARGEST_PIXELS", 2000)
    with pytest.raises(FilmError, match="30x80 pixels, once they are square, are too many; save the film smaller"):
        straightened(noise(1, 40, 30), (1.0, 2.0))
