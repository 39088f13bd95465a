"""English and Persian, light and dark, wide and narrow."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from cephkit.cephalometry.norms import norm_rows
from tests.review.browser.conftest import Films, Opener
from tests.review.browser.server import ReviewServer

LATIN_WORD = re.compile(r"\b(?!III\b|film000\b)[A-Za-z]{3,}")
"""But for numbers of classes and the name of the film."""
ISOLATED = re.compile("\u2068[A-Za-z0-9`-]+\u2069")
"""A symbol in a Persian text."""
LATIN_SENTENCE = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
NOTES = [
    "lengths apply at the detector, where the head is enlarged; the file gives no magnification",
    "unusual face: 1.4 times as far from the training's faces as these usually are; check its landmarks",
    "no calibration for plain predictions: the size of their errors is unknown",
]
DOUBT = (
    "the landmarks' shape is not a face's (distance 3.2 from films); mirroring, turning or cropping it does not help"
)


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
    english = {text for text in left if LATIN_WORD.search(ISOLATED.sub("", text)) or LATIN_SENTENCE.search(text)}
    assert english - {"cephkit", "ISBI"} == set()


def test_what_the_server_says_of_a_film_and_its_measurements_is_persian(
    films: Films, tmp_path: Path, opened: Opener
) -> None:
    predictions = shutil.copytree(films.predictions, tmp_path / "predictions")
    first = predictions / "film000.json"
    doubtful = {**json.loads(first.read_text(encoding="utf-8")), "notes": NOTES, "doubt": DOUBT}
    doubtful["landmarks"] = [entry for entry in doubtful["landmarks"] if entry["symbol"] != "UMT"]
    first.write_text(json.dumps(doubtful), encoding="utf-8")
    with ReviewServer("--films", films.folder, "--predictions", predictions, out=tmp_path / "out") as server:
        page = opened(server, language="fa-IR")
        side = page.tab.locator("#side")
        side.locator("button.link").click()  # measurements without a value, too
        rows = side.locator(".numbers .row button")
        told = [side.inner_text()]
        for n in range(rows.count()):
            rows.nth(n).click()
            told.append(side.locator(".details").inner_text())
        side.get_by_role("combobox").select_option("ISBI")
        expect(side.locator(".rule").filter(has_text="۲۰۱۵").first).to_be_visible()
        told.append(side.inner_text())
        page.tab.locator("#tab-film").click()
        told.append(side.inner_text())

    text = "\n".join(told).replace("\u2068", "").replace("\u2069", "")
    assert all(words in text for words in ("لندمارک ناموجود: UMT", "صورت نامعمول", "کالیبراسیونی", "قرینه کردن"))
    for source in {*(row.norm.source for row in norm_rows()), "Obamiyi et al."}:
        text = text.replace(source, "")
    assert LATIN_SENTENCE.findall(text) == []


def test_persian_text_has_its_font(review: ReviewServer, opened: Opener) -> None:
    page = opened(review, language="fa-IR")

    page.tab.wait_for_function("document.fonts.status === 'loaded'")
    assert page.tab.evaluate("document.fonts.check('13px Vazirmatn', 'سفالوگرام')")
    loaded = page.tab.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert any(address.endswith("/fonts/Vazirmatn-Regular.ttf") for address in loaded)


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
