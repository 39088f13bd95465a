"""What a screen reader hears, and where the keyboard is after each step."""

from playwright.sync_api import expect

from tests.review.browser.conftest import Opener
from tests.review.browser.page import ReviewPage
from tests.review.browser.server import ReviewServer

HEAR = """() => {
    const read = node => node.nodeType === Node.TEXT_NODE ? node.data
        : node.nodeType !== Node.ELEMENT_NODE || node.getAttribute('aria-hidden') === 'true' ? ''
        : [...node.childNodes].map(read).join('');
    const last = new Map();
    const listen = () => document.querySelectorAll('[aria-live], [role=status], [role=alert]').forEach(region => {
        const text = read(region).replace(/\\s+/g, ' ').trim();
        if (text && text !== last.get(region)) window.heard.push(text);
        last.set(region, text);
    });
    window.heard = [];
    listen();
    window.heard = [];
    new MutationObserver(listen).observe(document.body,
        { subtree: true, childList: true, characterData: true, attributes: true });
}"""
"""Collects what the live regions of the page say, as often as they change."""


def heard(page: ReviewPage) -> list[str]:
    """Return what was said since the last call."""
    said: list[str] = page.tab.evaluate("window.heard.splice(0)")
    return said


def test_each_step_is_said_once(review: ReviewServer, opened: Opener) -> None:
    page = opened(review, film=1)  # it lacks a landmark
    (missing,) = page.state(1)["predicted"]["missing"]
    page.tab.evaluate(HEAR)

    page.press("n", "ArrowRight", "ArrowRight")
    page.until_saved(1, edits=1)
    selected, moved, saved = heard(page)
    symbol = selected.split(",")[0]
    assert ": predicted" in selected
    assert moved.startswith(f"{symbol} moved to ")
    assert saved == "Saved"

    page.press("Escape", "g")
    expect(page.said).to_contain_text(f"To place: {missing}, ")
    page.press("Enter")
    page.until_saved(1, edits=2)
    assert heard(page)[1:] == [f"{missing} placed · All landmarks are placed", "Saved"]

    page.press("PageDown")
    page.until_drawn(2)
    assert heard(page) == ["film002 opened"]


def test_what_was_typed_wrong_is_said_and_stays_with_its_film(page: ReviewPage) -> None:
    page.side("Film")
    page.tab.evaluate(HEAR)
    age = page.tab.get_by_label("Age, years")
    age.fill("121")
    page.press("Tab")

    problem = "Expected an age of 0 to 120 years"
    expect(page.tab.get_by_text(problem)).to_be_visible()
    assert heard(page) == [problem]
    expect(age).to_have_value("121")
    expect(age).to_have_attribute("aria-invalid", "true")

    page.stage.focus()
    page.press("PageDown")
    page.until_drawn(1)
    expect(age).to_have_value("")
    expect(page.tab.get_by_text(problem)).to_have_count(0)


def test_a_model_at_work_does_not_interrupt_and_a_server_that_cannot_save_does(page: ReviewPage) -> None:
    full = {"status": 507, "json": {"error": "no space left on device"}}
    page.expected_errors.append("507")
    page.tab.route("**/edits", lambda route: route.fulfill(**full))
    page.press("n", "ArrowRight")

    alarm = page.tab.locator("[aria-live=assertive]")
    expect(alarm).to_contain_text("The server cannot save: no space left on device. Unsaved edits (1) are kept here")
    page.tab.unroute("**/edits")
    expect(alarm).to_be_empty()
    page.until_saved(edits=1)


def test_escape_closes_a_panel_wherever_the_focus_is_and_tab_leaves_it(page: ReviewPage) -> None:
    panel = page.tab.get_by_role("group", name="Brightness and contrast")
    page.button("Brightness and contrast").click()
    page.stage.focus()
    expect(panel).to_have_count(0)

    page.button("Brightness and contrast").click()
    page.tab.evaluate("document.activeElement.blur()")  # as browsers do that give a clicked button no focus
    page.press("Escape")
    expect(panel).to_have_count(0)
    expect(page.button("Brightness and contrast")).to_be_focused()


def test_the_focus_stays_with_a_button_that_has_nothing_more_to_do(page: ReviewPage) -> None:
    page.press("n", "c")
    page.until_saved(edits=1)
    undo = page.button("Undo")
    undo.focus()
    page.press("Enter")
    page.until_saved(edits=2)

    expect(undo).to_be_disabled()
    expect(undo).to_be_focused()
    page.press("Enter")
    page.until_saved(edits=2)


def test_the_focus_returns_to_the_film_from_the_ruler_and_to_the_button_from_a_dialog(page: ReviewPage) -> None:
    page.press("k")
    page.button("Cancel").focus()
    page.press("Enter")
    expect(page.stage).to_be_focused()

    page.button("Settings").focus()
    page.press("Enter")
    expect(page.tab.get_by_role("dialog", name="Settings")).to_be_visible()
    page.press("Escape")
    expect(page.button("Settings")).to_be_focused()


def test_a_search_says_how_many_films_match(page: ReviewPage) -> None:
    page.tab.evaluate(HEAR)
    page.tab.get_by_label("Search by name").fill("nothing like it")

    expect(page.tab.get_by_text("No film matches.")).to_be_visible()
    assert heard(page) == ["0 of 6"]
    expect(page.tab.get_by_role("listbox").get_by_text("No film matches.")).to_have_count(0)
