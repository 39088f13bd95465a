"""The page without a mouse."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.review.browser.conftest import Opener
from tests.review.browser.page import ReviewPage
from tests.review.browser.server import ReviewServer

LONGEST_WAY = 60
"""Presses of Tab that lead anywhere on the page."""


def tab_to(page: ReviewPage, selector: str) -> None:
    """Press Tab until what matches ``selector`` has the focus.

    Raises:
        AssertionError: it is not on the way.
    """
    for _ in range(LONGEST_WAY):
        page.press("Tab")
        if page.tab.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def test_a_film_is_chosen_corrected_and_confirmed(review: ReviewServer, opened: Opener) -> None:
    page = opened(review)
    tab_to(page, "[role=listbox]")
    page.press("ArrowDown", "ArrowDown", "Enter")
    page.until_drawn(2)
    tab_to(page, "#stage")
    page.press("n")
    symbol = page.said.inner_text().split(",")[0]
    (x, y), confirmed = page.at(2, symbol), page.state(2)["state"]["confirmed"]
    assert confirmed is False

    page.press("ArrowRight", "ArrowRight", "Shift+ArrowDown", "c", "Shift+C")
    page.until_saved(2, edits=3)

    state = page.state(2)["state"]
    assert state["points"][symbol]["at"] == pytest.approx([x + 2, y + 10], abs=0.01)
    assert state["points"][symbol]["confirmed"] is True
    assert state["confirmed"] is True


def test_the_page_does_not_say_saved_while_the_keys_are_moving_a_landmark(page: ReviewPage) -> None:
    page.press("n")
    state = page.tab.evaluate("""() => new Promise(resolve => {
        const arrow = { key: 'ArrowRight', code: 'ArrowRight', bubbles: true };
        document.getElementById('stage').dispatchEvent(new KeyboardEvent('keydown', arrow));
        setTimeout(() => resolve(document.querySelector('.save-state').dataset.state), 60);
    })""")
    assert (state, page.state(0)["state"]["revision"]) == ("saving", 0)
    page.until_saved(edits=1)
    expect(page.tab.locator(".save-state")).to_have_attribute("data-state", "saved")


def test_review_goes_from_doubt_to_doubt(page: ReviewPage) -> None:
    doubtful = page.state(0)["predicted"]["needs_review"]
    page.press("r")
    first = page.said.inner_text().split(",")[0]
    page.press("c", "r")
    second = page.said.inner_text().split(",")[0]
    page.until_saved(edits=1)

    assert first in doubtful
    assert second in doubtful
    assert first != second
    expect(page.button(f"{len(doubtful) - 1} to review")).to_be_visible()


def test_a_missing_landmark_is_placed(review: ReviewServer, opened: Opener) -> None:
    page = opened(review, film=1)
    (missing,) = page.state(1)["predicted"]["missing"]

    page.press("g", "ArrowRight", "ArrowDown", "Enter")
    page.until_saved(1, edits=1)

    assert page.state(1)["state"]["points"][missing]["origin"] == "placed"


def test_page_down_and_page_up_go_through_the_films(page: ReviewPage) -> None:
    page.press("PageDown")
    page.until_drawn(1)
    page.press("PageDown")
    page.until_drawn(2)
    page.press("PageUp")
    page.until_drawn(1)


def test_the_focus_is_always_visible(page: ReviewPage) -> None:
    for _ in range(LONGEST_WAY):
        page.press("Tab")
        unmarked = page.tab.evaluate(
            """() => {
                const element = document.activeElement;
                if (!element || element === document.body) return '';
                const isMarked = [null, '::after'].some(part => {
                    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element, part);
                    return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1) || boxShadow !== 'none';
                });
                return isMarked ? '' : element.outerHTML.slice(0, 120);
            }"""
        )
        assert unmarked == ""


def test_the_ring_of_the_focused_film_is_not_hidden_by_it(page: ReviewPage) -> None:
    before = page.picture()[:2, 9:-9]
    page.press("n")
    expect(page.stage).to_be_focused()
    ring = page.picture()[:2, 9:-9]
    assert np.ptp(ring) == 0
    assert (ring != before).all()


def test_help_lists_the_keys_and_escape_closes_it(page: ReviewPage) -> None:
    page.press("?")
    dialog = page.tab.get_by_role("dialog")
    expect(dialog).to_contain_text("next landmark that needs review")
    page.press("Escape")
    expect(dialog).to_have_count(0)
