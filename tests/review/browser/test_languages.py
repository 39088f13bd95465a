"""English and Persian, light and dark, wide and narrow."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.review.browser.conftest import Opener
from tests.review.browser.server import ReviewServer

LATIN_WORD = re.compile(r"\b(?!III\b|film000\b)[A-Za-z]{3,}")
"""But for numbers of classes and the name of the film."""


def test_a_persian_browser_gets_a_persian_page_from_right_to_left(review: ReviewServer, opened: Opener) -> None:
    page = opened(review, language="fa-IR")

    root = page.tab.locator("html")
    expect(root).to_have_attribute("lang", "fa")
    expect(root).to_have_attribute("dir", "rtl")
    expect(page.tab.locator("body")).to_contain_text("۶")
    assert page.tab.evaluate("getComputedStyle(document.body).direction") == "rtl"
    # Films are not mirrored: a landmark to the right of another on the film is so on the screen.
    points = page.state(0)["state"]["points"]
    assert (points["N"]["at"][0] > points["Po"]["at"][0]) == (page.center("N")[0] > page.center("Po")[0])


def test_no_english_is_left_on_the_persian_page_but_what_is_marked_as_english(
    review: ReviewServer, opened: Opener
) -> None:
    page = opened(review, language="fa-IR")

    left = page.tab.evaluate(
        """() => {
            const found = [];
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const node = walker.currentNode, parent = node.parentElement;
                if (!parent || parent.closest('[lang=en], bdi, kbd, svg, noscript, script, [hidden]')) continue;
                found.push(node.data.trim());
            }
            return found.filter(Boolean);
        }"""
    )
    analyses = {analysis["title"] or analysis["name"] for analysis in page.api("session")["analyses"]}
    assert {text for text in left if LATIN_WORD.search(text)} - analyses - {"cephkit"} == set()


def test_the_language_can_be_changed_on_the_page(review: ReviewServer, opened: Opener) -> None:
    page = opened(review)
    page.button("Settings").click()
    page.tab.get_by_label("Language").select_option("fa")

    expect(page.tab.locator("html")).to_have_attribute("dir", "rtl")
    page.reload()
    expect(page.tab.locator("html")).to_have_attribute("lang", "fa")


def test_edits_are_the_same_in_persian(review: ReviewServer, opened: Opener) -> None:
    page = opened(review, language="fa-IR")
    x, _ = page.at(0, "S")

    page.drag("S", 20, 0)
    expect(page.tab.get_by_text("ذخیره شد").first).to_be_visible()

    assert page.at(0, "S")[0] > x


@pytest.mark.parametrize("width", [1000, 1400])
@pytest.mark.parametrize("language", ["en-GB", "fa-IR"])
def test_the_table_is_no_wider_than_its_panel(review: ReviewServer, opened: Opener, language: str, width: int) -> None:
    page = opened(review, language=language, viewport={"width": width, "height": 800})
    panel = page.tab.get_by_role("tabpanel")
    expect(panel.locator("td.deviation").first).to_be_visible()

    assert panel.evaluate("panel => panel.scrollWidth - panel.clientWidth") <= 0


@pytest.mark.parametrize(("scheme", "low", "high"), [("light", 140, 256), ("dark", 0, 90)])
def test_the_theme_of_the_system_is_used(
    review: ReviewServer, opened: Opener, scheme: str, low: int, high: int
) -> None:
    page = opened(review, color_scheme=scheme)

    background = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    values = [float(value) for value in re.findall(r"[\d.]+", background)[:3]]
    assert low <= np.mean(values) < high


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_nothing_is_cut_off_at_any_width(review: ReviewServer, opened: Opener, width: int) -> None:
    page = opened(review, viewport={"width": width, "height": 800})

    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    box = page.stage.bounding_box()
    assert box is not None
    assert box["width"] >= min(300, width - 40)
    expect(page.tab.get_by_text("Research use only; not a medical device.").first).to_be_visible()
