"""Nothing that the page calls saved is ever lost, and people on one film are told of each other."""

import re

from playwright.sync_api import expect

from cephkit.interrupt import INTERRUPTED
from tests.review.browser.chromium import AFTER_A_KILL
from tests.review.browser.conftest import Opener
from tests.review.browser.page import ReviewPage
from tests.review.browser.server import ReviewServer


def test_a_reload_shows_the_film_as_it_was_left(page: ReviewPage) -> None:
    page.drag("S", 25, 25)
    page.until_saved(edits=1)
    left_at, shown_at = page.at(0, "S"), page.center("S")

    page.reload()

    assert page.at(0, "S") == left_at
    assert max(abs(a - b) for a, b in zip(page.center("S"), shown_at, strict=True)) < 0.5


def test_edits_made_while_the_server_is_dead_are_saved_when_it_is_back(page: ReviewPage, review: ReviewServer) -> None:
    page.expected_errors += [*AFTER_A_KILL, "403"]
    page.drag("S", 20, 0)
    page.until_saved(edits=1)
    saved = page.at(0, "S")
    review.kill()
    page.drag("N", 15, 0)
    # The line that says so moves the film: the next drag starts where it lies then.
    expect(page.tab.get_by_text(re.compile(r"The server does not answer.*\b1\b.*kept here"))).to_be_visible()
    page.drag("Me", 15, 0)

    expect(page.tab.get_by_text(re.compile(r"The server does not answer.*\b2\b.*kept here"))).to_be_visible()
    review.start()
    # The page says: open the address that the terminal shows in another tab.
    page.tab.context.new_page().goto(review.address)
    page.until_saved(edits=3)

    assert page.at(0, "S") == saved
    symbols = [line["edit"]["changes"][0]["symbol"] for line in review.edits("film000")]
    assert symbols == ["S", "N", "Me"]


def test_edits_wait_while_the_server_does_not_answer(page: ReviewPage, review: ReviewServer) -> None:
    review.pause()
    try:
        page.drag("S", 20, 0)
        expect(page.tab.locator("[data-state]")).to_have_attribute("data-state", "saving")
        assert review.edits("film000") == []
    finally:
        review.resume()
    page.until_saved(edits=1)


def test_two_tabs_on_one_film_are_told_of_each_other(review: ReviewServer, opened: Opener) -> None:
    first, second = opened(review), opened(review)
    first.drag("S", 20, 0)
    first.until_saved(edits=1)

    expect(second.said).to_contain_text("This film was changed elsewhere", timeout=10_000)
    assert second.center("S") == first.center("S")


def test_an_edit_of_an_outdated_view_is_not_saved_in_silence(review: ReviewServer, opened: Opener) -> None:
    first, second = opened(review), opened(review)
    second.expected_errors.append("409")
    # The second tab learns nothing of the first, as on a network that has just come back.
    second.tab.route("**/api/films/changes*", lambda route: route.abort())
    second.expected_errors.append("ERR_FAILED")
    first.drag("S", 20, 0)
    first.until_saved(edits=1)
    second.drag("S", 0, 20)

    dialog = second.tab.get_by_role("dialog")
    expect(dialog).to_contain_text("Someone else changed this film")
    assert len(review.edits("film000")) == 1
    dialog.get_by_role("button", name="Apply my edits on top").click()
    second.until_saved(edits=2)

    (_, mine) = review.edits("film000")
    (_, theirs_y) = first.at(0, "S")
    assert mine["edit"]["changes"][0]["after"]["at"][1] == theirs_y


def test_a_killed_browser_loses_nothing_that_was_saved(review: ReviewServer, opened: Opener) -> None:
    page = opened(review)
    page.drag("S", 20, 0)
    page.until_saved(edits=1)
    saved = page.at(0, "S")
    page.tab.context.close()

    assert opened(review).at(0, "S") == saved


def test_ctrl_c_ends_the_server_while_a_page_is_open(page: ReviewPage, review: ReviewServer) -> None:
    page.expected_errors += AFTER_A_KILL
    page.drag("S", 20, 0)
    page.until_saved(edits=1)

    assert review.stop() == INTERRUPTED

    assert len(review.edits("film000")) == 1
