from typing import Any

import numpy as np
import pytest

from cephkit.drawing.marks import (
    ON_FILM,
    ON_WHITE,
    Ellipse,
    Ink,
    Name,
    best_place,
    box_around,
    marker,
    places_around,
    region_ellipse,
    shared_area,
)


def luminance(colour: str) -> float:
    """Relative luminance as of WCAG 2, of #rrggbb."""
    values = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    linear = [value / 3294.6 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in values]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_markers_lie_around_their_landmark_and_differ_by_tissue() -> None:
    assert marker((100, 50), "bone", 8) == (((92, 50), (108, 50)), ((100, 42), (100, 58)))
    down, up = marker((100, 50), "tooth", np.sqrt(2) * 8)
    assert np.array(down) == pytest.approx(np.array([[92, 42], [108, 58]]))
    assert np.array(up) == pytest.approx(np.array([[92, 58], [108, 42]]))
    assert marker((100, 50), "soft", 10) == (Ellipse((100, 50), (8, 8)), ((100, 50),))


def test_an_ellipse_has_the_axes_of_its_region() -> None:
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    ellipse = region_ellipse((100, 50), turn @ np.diag([400.0, 25.0]) @ turn.T)
    assert ellipse.half_axes == pytest.approx((20, 5))
    assert ellipse.degrees % 180 == pytest.approx(30)


@pytest.mark.parametrize(("align", "x"), [("start", 10), ("middle", 20), ("end", 30)])
def test_a_name_is_aligned_in_its_box(align: Any, x: float) -> None:
    assert Name("A", (10, 40, 30, 50), 10, "#ffffff", align=align).anchor == pytest.approx((x, 48.2))


@pytest.mark.parametrize("ink", [ON_FILM, ON_WHITE])
def test_all_colours_stand_out_from_their_halo(ink: Ink) -> None:
    assert all(contrast(colour, ink.halo) >= 4.5 for colour in (*ink.tissues.values(), ink.review, ink.text))


PICTURE = (0.0, 0.0, 100.0, 100.0)
GAPS = (4.8, 7.8)


def test_shared_area_of_boxes_that_overlap_touch_or_lie_apart() -> None:
    assert shared_area((0, 0, 4, 4), (2, 1, 6, 3)) == 4
    assert shared_area((0, 0, 4, 4), (4, 0, 6, 4)) == 0
    assert shared_area((0, 0, 4, 4), (9, 9, 10, 10)) == 0


def test_places_lie_around_the_marker_and_none_covers_it() -> None:
    marker = box_around(50, 40, 3)
    assert marker == (47, 37, 53, 43)
    places = list(places_around((50, 40), (20, 8), GAPS))
    assert len(places) == 16
    assert all((right - left, bottom - top) == pytest.approx((20, 8)) for left, top, right, bottom in places)
    assert all(shared_area(place, marker) == 0 for place in places)


def test_a_name_stands_on_the_right_unless_something_is_there() -> None:
    right, left = (54.8, 46.0, 74.8, 54.0), (25.2, 46.0, 45.2, 54.0)
    assert best_place(places_around((50, 50), (20, 8), GAPS), [], PICTURE) == pytest.approx(right)
    assert best_place(places_around((50, 50), (20, 8), GAPS), [(60, 40, 90, 60)], PICTURE) == pytest.approx(left)


def test_a_name_does_not_leave_the_picture() -> None:
    place = best_place(places_around((98, 50), (20, 8), GAPS), [], PICTURE)
    assert place[2] <= 100
