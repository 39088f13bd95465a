import pytest

from cephkit.drawing.placing import best_place, box_around, places_around, shared_area

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
