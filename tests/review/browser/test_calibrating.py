"""The pixel size, and the lengths that hang on it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.review.browser.conftest import Opener
from tests.review.browser.films import write_deep
from tests.review.browser.server import ReviewServer

MM = re.compile(r"\d\s*mm")
"""A length with its unit."""


def test_two_clicks_on_the_ruler_and_a_length_give_the_pixel_size(review: ReviewServer, opened: Opener) -> None:
    page = opened(review)
    page.press("k")
    page.click(page.in_window(0, (100, 50)))
    page.click(page.in_window(0, (100, 250)))
    page.tab.get_by_label("Length between the marks, mm").fill("50")
    page.press("Enter")
    page.until_saved(edits=1)

    spacing = page.state(0)["spacing"]
    assert spacing["row_mm"] == pytest.approx(50 / 200, rel=0.01)
    assert spacing["column_mm"] == spacing["row_mm"]
    assert "ruler" in spacing["origin"]
    (line,) = review.edits("film000")
    assert line["edit"]["kind"] == "spacing"


def test_lengths_are_hidden_until_the_pixel_size_is_typed(review: ReviewServer, opened: Opener) -> None:
    page = opened(review)
    table = page.tab.get_by_role("region", name="Measurements")
    expect(table.get_by_text(MM).first).to_be_visible()

    page.side("Film")
    page.button("Remove the pixel size").click()
    page.until_saved(edits=1)
    page.side("Measurements")
    expect(table.get_by_text(MM)).to_have_count(0)
    assert page.state(0)["spacing"] is None

    page.side("Film")
    page.tab.get_by_label("Pixel size, mm").fill("0.4")
    page.press("Enter")
    page.until_saved(edits=2)
    page.side("Measurements")
    expect(table.get_by_text(MM).first).to_be_visible()
    assert page.state(0)["spacing"]["row_mm"] == 0.4


def test_an_impossible_pixel_size_is_refused(review: ReviewServer, opened: Opener) -> None:
    page = opened(review)
    page.side("Film")
    page.tab.get_by_label("Pixel size, mm").fill("40")
    page.press("Enter")

    expect(page.tab.get_by_text(re.compile("Expected a pixel size of"))).to_be_visible()
    assert review.edits("film000") == []


def test_a_typed_size_is_the_width_of_oblong_pixels_and_the_page_says_so(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    write_deep(tmp_path / "films" / "oblong.dcm", pixel_mm=(0.2, 0.1))
    with ReviewServer("--films", tmp_path / "films", out=tmp_path / "out") as server:
        page = opened(server)
        page.side("Film")
        expect(page.tab.get_by_text("2 times as high as wide")).to_be_visible()
        page.button("Remove the pixel size").click()
        page.until_saved(edits=1)
        page.reload()
        page.side("Film")
        page.tab.get_by_label("Pixel width, mm").fill("0.15")
        page.press("Enter")
        page.until_saved(edits=2)

        spacing = page.state(0)["spacing"]
        assert (spacing["row_mm"], spacing["column_mm"]) == (0.3, 0.15)
        assert spacing["origin"] == "width of a pixel typed by the reviewer"


def test_marks_and_guide_do_not_go_along_to_the_next_film(review: ReviewServer, opened: Opener) -> None:
    page = opened(review, film=1)  # it lacks a landmark, and the next film lacks none
    page.press("g")
    guide = page.tab.get_by_text("1 of 1", exact=True)
    expect(guide).to_be_visible()
    page.press("PageDown")
    page.until_drawn(2)
    expect(guide).to_have_count(0)

    page.press("k")
    for y in (50, 250):
        page.click(page.in_window(2, (250, y)))
    length = page.tab.get_by_label("Length between the marks, mm")
    expect(length).to_be_visible()
    page.press("Escape", "PageDown")  # out of the field, then on
    page.until_drawn(3)
    expect(length).to_have_count(0)
