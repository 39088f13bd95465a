"""What a screen reader gets, by the rules of axe."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.review.browser.conftest import Opener
from tests.review.browser.page import ReviewPage
from tests.review.browser.server import ReviewServer

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults(page: ReviewPage) -> list[str]:
    """Return what axe finds wrong: rule, and where."""
    answer = Axe().run(page.tab, options={"runOnly": {"type": "tag", "values": RULES}}).response
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary'].splitlines()[1:2]}"
        for rule in answer["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("language", ["en-GB", "fa-IR"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_keeps_the_rules(review: ReviewServer, opened: Opener, language: str, scheme: str) -> None:
    page = opened(review, language=language, color_scheme=scheme)

    assert faults(page) == []


@pytest.mark.parametrize("key", ["?", "k", "n"])
def test_so_do_help_the_ruler_and_a_selected_landmark(review: ReviewServer, opened: Opener, key: str) -> None:
    page = opened(review)
    page.press(key)

    assert faults(page) == []


def test_so_does_the_guide(review: ReviewServer, opened: Opener) -> None:
    page = opened(review, film=1)
    page.press("g")

    assert faults(page) == []
