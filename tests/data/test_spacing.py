import pytest

from cephkit.data.spacing import Spacing, given_spacing, spacing_from_ruler, square
from cephkit.errors import SettingsError


def test_two_marks_of_a_ruler_tell_the_pixel_size() -> None:
    spacing = spacing_from_ruler((10, 20), (310, 420), 50.0)
    assert (spacing.row_mm, spacing.column_mm, spacing.origin, spacing.plane) == (0.1, 0.1, "ruler", "unknown")


@pytest.mark.parametrize(
    ("start", "end", "length"),
    [((0, 0), (5, 0), 1.0), ((0, 0), (500, 0), 0.0), ((0, 0), (500, float("nan")), 50.0), ((0, 0), (500, 0), -50.0)],
)
def test_a_ruler_that_cannot_be_is_refused(start: tuple[float, float], end: tuple[float, float], length: float) -> None:
    with pytest.raises(SettingsError, match="ruler"):
        spacing_from_ruler(start, end, length)


@pytest.mark.parametrize("side", [0.0, -0.1, float("nan"), float("inf"), 0.001, 5.0])
def test_a_pixel_that_no_cephalogram_has_is_refused(side: float) -> None:
    with pytest.raises(SettingsError, match="give --pixel_size_mm"):
        square(side, "somebody")
    with pytest.raises(SettingsError):
        Spacing(0.1, side, "somebody")


def test_squares_and_their_mean() -> None:
    assert square(0.1, "").is_square
    assert Spacing(0.1, 0.10005, "").is_square
    assert not Spacing(0.1, 0.11, "").is_square
    assert Spacing(0.1, 0.4, "").mean_mm == pytest.approx(0.2)


def test_what_the_flags_say() -> None:
    assert given_spacing(None, None) is None
    assert given_spacing(0.2, None) == square(0.2, "--pixel_size_mm")
    assert given_spacing(None, (0, 0, 0, 100, 10)) == square(0.1, "--ruler")
    with pytest.raises(SettingsError, match="give one of them"):
        given_spacing(0.2, (0, 0, 0, 100, 10))


def test_a_pixel_far_from_square_is_none() -> None:
    assert Spacing(0.1, 0.4, "").column_mm == 0.4
    with pytest.raises(SettingsError, match=r"0.005 x 2 mm, and no film's is so far from square"):
        Spacing(0.005, 2.0, "DICOM")
