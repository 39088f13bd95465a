"""The page as it opens."""

import os
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, expect

from cephkit.data.opened import open_film, to_uint8
from tests.review.browser.conftest import Films, Opener
from tests.review.browser.page import ReviewPage
from tests.review.browser.server import ReviewServer


def test_the_film_is_drawn_with_its_landmarks_on_it(page: ReviewPage, films: Films) -> None:
    state = page.state(0)
    film = to_uint8(open_film(sorted(films.folder.iterdir())[0]).grey)
    (left, top), (right, bottom) = page.in_window(0, (-0.5, -0.5)), page.in_window(0, film.shape[::-1])
    box = page.stage.bounding_box()
    assert box is not None

    shown = page.picture()
    area = [round(value) for value in (left - box["x"], top - box["y"], right - box["x"], bottom - box["y"])]
    drawn = shown[area[1] : area[3], area[0] : area[2]]
    expected = np.asarray(Image.fromarray(film).resize(drawn.shape[::-1], Image.Resampling.BILINEAR))

    # The landmarks, their names and lines cover a part of the film.
    assert np.corrcoef(drawn.ravel(), expected.ravel())[0, 1] > 0.9
    for symbol, point in state["state"]["points"].items():
        assert np.allclose(page.center(symbol), page.in_window(0, point["at"]), atol=1.0)


def test_the_first_film_is_open_and_all_are_in_the_list(review: ReviewServer, opened: Opener) -> None:
    page = opened(review)

    rows = page.tab.get_by_role("listbox", name="List of films").get_by_role("option")
    expect(rows).to_have_count(6)
    expect(rows.first).to_have_attribute("aria-selected", "true")
    expect(rows.first).to_contain_text("film000")
    expect(rows.first).to_contain_text("unreviewed")
    expect(page.tab.get_by_text("Research use only; not a medical device.").first).to_be_visible()
    expect(page.tab).to_have_title("cephkit review")


def test_thumbnails_are_drawn(page: ReviewPage) -> None:
    pictures = page.tab.locator("img.thumbnail")
    expect(pictures).to_have_count(6)
    page.tab.wait_for_function(
        "[...document.querySelectorAll('img.thumbnail')].every(i => i.complete && i.naturalWidth)"
    )


def test_a_click_in_the_list_opens_a_film(page: ReviewPage) -> None:
    page.row("film003").click()

    page.until_drawn(3)
    assert page.tab.url.endswith("#3")


def test_a_film_that_cannot_be_read_shows_nothing_of_the_one_before(
    films: Films, opened: Opener, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    whole = sorted(films.folder.iterdir())[0]
    os.link(whole, folder / whole.name)
    (folder / f"film001{whole.suffix}").write_bytes(whole.read_bytes()[:5000])
    with ReviewServer("--films", folder, "--predictions", films.predictions, out=tmp_path / "out") as server:
        page = opened(server)
        page.expected_errors.append("422")
        page.press("n", "ArrowRight", "Shift+C")
        page.until_saved(edits=2)

        page.row("film001").click()

        expect(page.tab.get_by_role("alert")).to_contain_text("damaged or truncated")
        expect(page.button("Undo")).to_be_disabled()
        expect(page.button("Confirm film")).to_be_disabled()
        expect(page.tab.get_by_role("rowheader")).to_have_count(0)
        page.press("Control+z")
        page.row("film000").click()
        page.until_drawn(0)
        assert page.state(0)["state"]["revision"] == 2


def test_without_the_token_nothing_is_shown(review: ReviewServer, browser: Browser) -> None:
    with browser.new_context() as stranger:
        tab = stranger.new_page()
        answer = tab.goto(f"http://127.0.0.1:{review.port}/")
        assert answer is not None
        assert answer.status == 403
        expect(tab.get_by_text("the whole address")).to_be_visible()
        answer = tab.goto(review.address[:-1] + ("a" if review.address[-1] != "a" else "b"))
        assert answer is not None
        assert answer.status == 403
        assert tab.request.get(f"http://127.0.0.1:{review.port}/api/films").status == 403
