"""Landmarks are moved, placed, confirmed and reset, and each step can be undone."""

import re

import pytest
from playwright.sync_api import expect

from cephkit.data.labels import read_landmarks
from tests.review.browser.conftest import Opener
from tests.review.browser.page import ReviewPage
from tests.review.browser.server import ReviewServer


def scale_of(page: ReviewPage) -> float:
    """Window pixels of a film pixel."""
    (ax, _), (bx, _) = page.in_window(0, (0, 0)), page.in_window(0, (100, 0))
    return (bx - ax) / 100


def test_a_dragged_landmark_is_on_disk_where_it_was_dropped(page: ReviewPage, review: ReviewServer) -> None:
    (x, y), scale = page.at(0, "S"), scale_of(page)

    page.drag("S", 30, -18)
    page.until_saved(edits=1)

    assert page.at(0, "S") == pytest.approx((x + 30 / scale, y - 18 / scale), abs=0.6 / scale)
    (line,) = review.edits("film000")
    (change,) = line["edit"]["changes"]
    assert change["symbol"] == "S"
    assert change["before"] == {"at": [x, y], "origin": "predicted", "confirmed": False}
    assert change["after"]["origin"] == "corrected"
    labelled, _ = read_landmarks(review.out / "labels" / "film000.json")
    assert labelled["S"] == pytest.approx(page.at(0, "S"), abs=1e-3)


def test_a_drag_shows_the_loupe_and_the_numbers_follow(page: ReviewPage) -> None:
    table = page.tab.get_by_role("region", name="Measurements")
    before = table.inner_text()
    x, y = page.center("A")
    page.tab.mouse.move(x, y)
    page.tab.mouse.down()
    page.tab.mouse.move(x + 25, y, steps=5)

    expect(page.tab.locator(".loupe")).to_be_visible()
    expect(table).not_to_have_text(before)
    page.tab.mouse.up()
    expect(page.tab.locator(".loupe")).to_be_hidden()


def test_undo_and_redo_have_no_end_even_after_a_reload(page: ReviewPage, review: ReviewServer) -> None:
    start = page.at(0, "N")
    for _ in range(3):
        page.drag("N", 12, 6)
    page.until_saved(edits=3)
    last = page.at(0, "N")
    page.reload()

    page.press("Control+z", "Control+z", "Control+z")
    page.until_saved(edits=6)
    assert page.at(0, "N") == start
    expect(page.button("Undo")).to_be_disabled()
    page.press("Control+y", "Control+y", "Control+y")
    page.until_saved(edits=9)

    assert page.at(0, "N") == last
    assert [line["revision"] for line in review.edits("film000")] == list(range(1, 10))
    assert [line["edit"].get("undoes") for line in review.edits("film000")][3:] == [3, 2, 1, 6, 5, 4]


def test_a_missing_landmark_is_placed_by_a_click_with_its_definition_beside(
    review: ReviewServer, opened: Opener
) -> None:
    page = opened(review, film=1)
    (missing,) = page.state(1)["predicted"]["missing"]
    page.button(re.compile("Place missing landmarks")).click()

    guide = page.tab.get_by_role("complementary", name="Place missing landmarks")
    landmark = next(each for each in page.api("session")["landmarks"] if each["symbol"] == missing)
    expect(guide).to_contain_text(landmark["definition"])
    picture = guide.get_by_role("img")
    page.tab.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    x, y = page.in_window(1, page.at(1, "S"))
    page.click((x + 40, y + 40))
    page.until_saved(1, edits=1)

    assert page.state(1)["state"]["points"][missing]["origin"] == "placed"
    expect(guide).to_be_hidden()


def test_a_landmark_and_a_film_are_confirmed_and_the_film_trains(page: ReviewPage, review: ReviewServer) -> None:
    page.drag("S", 10, 0)
    page.press("c")
    page.button("Confirm film").click()
    page.until_saved(edits=3)

    state = page.state(0)["state"]
    assert state["confirmed"] is True
    assert state["points"]["S"]["confirmed"] is True
    expect(page.row("film000")).to_contain_text("confirmed")
    assert list(review.out.glob("train/Cephalograms/film000.*"))
    page.press("Shift+C")
    page.until_saved(edits=4)
    assert page.state(0)["state"]["confirmed"] is False
    assert not list(review.out.glob("train/Cephalograms/*"))


def test_reset_brings_back_what_was_there_at_first(page: ReviewPage) -> None:
    before = page.at(0, "Me")
    page.drag("Me", -20, 10)
    page.until_saved(edits=1)
    assert page.at(0, "Me") != before

    page.press("Backspace")
    page.until_saved(edits=2)

    assert page.at(0, "Me") == before
    assert page.state(0)["state"]["points"]["Me"]["origin"] == "predicted"


def test_a_removed_landmark_is_gone_from_the_labels(page: ReviewPage, review: ReviewServer) -> None:
    page.drag("Go", 5, 5)
    page.press("Delete")
    page.until_saved(edits=2)

    expect(page.mark("Go")).to_have_count(0)
    labelled, _ = read_landmarks(review.out / "labels" / "film000.json")
    assert "Go" not in labelled


def test_keys_wait_while_the_pointer_holds_a_landmark(page: ReviewPage, review: ReviewServer) -> None:
    page.drag("A", 12, 0)
    page.until_saved(edits=1)
    x, y = page.center("S")
    mouse = page.tab.mouse
    mouse.move(x, y)
    mouse.down()
    page.press("Control+z", "PageDown")
    mouse.move(x + 30, y, steps=4)
    page.press("Control+z", "PageDown", "Delete")
    mouse.up()
    page.until_saved(edits=2)
    edits = review.edits("film000")
    assert [[change["symbol"] for change in line["edit"]["changes"]] for line in edits] == [["A"], ["S"]]
    assert review.edits("film001") == []
