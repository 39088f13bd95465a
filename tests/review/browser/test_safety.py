"""The page asks nobody but its server, and shows what files say as text."""

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.review.browser.conftest import Films, Opener
from tests.review.browser.films import write_deep
from tests.review.browser.server import ReviewServer

NOTE_VIOLATIONS = """
    window.broken = [];
    document.addEventListener('securitypolicyviolation', event => broken.push(event.violatedDirective));
"""


def test_a_walk_through_everything_asks_no_other_host_and_breaks_no_policy(
    review: ReviewServer, opened: Opener
) -> None:
    page = opened(review)
    page.tab.add_init_script(NOTE_VIOLATIONS)
    page.reload()
    page.press(*"ncrilwmtoeu+-01k", "Escape")
    for name in ("Settings", "Output", "Help", "Brightness and contrast", "Layers"):
        page.button(name).click()
        opened_box = page.tab.locator("dialog[open], .popover .panel").first
        expect(opened_box).to_be_visible()
        page.press("Escape")
        expect(opened_box).to_be_hidden()
    for name in ("Landmarks", "Film", "Measurements"):
        page.side(name)
    for measurement in page.tab.get_by_role("region", name="Measurements").get_by_role("button").all()[:3]:
        measurement.click()
    page.drag("S", 20, 10)
    page.press("PageDown")
    page.until_drawn(1)

    # ``opened`` fails on any request to another host, and on any error in the console.
    assert page.tab.evaluate("window.broken") == []


def test_every_answer_has_the_policy(review: ReviewServer, opened: Opener) -> None:
    page = opened(review)
    headers: dict[str, dict[str, str]] = {}
    page.tab.on("response", lambda answer: headers.update({answer.url: answer.headers}))

    page.reload()

    assert len(headers) > 5
    for address, those in headers.items():
        assert "default-src 'self'" in those.get("content-security-policy", ""), address
        assert those.get("x-content-type-options") == "nosniff", address
        assert those.get("referrer-policy") == "no-referrer", address


def test_names_of_files_are_shown_as_text(films: Films, opened: Opener, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    name = "<img src=x onerror=alert(1)>&amp;"
    source = sorted(films.folder.iterdir())[0]
    (folder / f"{name}{source.suffix}").write_bytes(source.read_bytes())
    with ReviewServer("--films", folder, out=tmp_path / "out") as server:
        page = opened(server)
        expect(page.tab.get_by_role("listbox").get_by_role("option")).to_contain_text(name)
        expect(page.tab.locator("img[src=x]")).to_have_count(0)


def test_the_name_of_a_patient_is_nowhere(opened: Opener, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    write_deep(folder / "film.dcm")
    with ReviewServer("--films", folder, out=tmp_path / "out") as server:
        page = opened(server)
        page.press("k")
        box = page.stage.bounding_box()
        assert box is not None
        page.click((box["x"] + box["width"] / 2, box["y"] + 200))
        page.click((box["x"] + box["width"] / 2, box["y"] + 400))
        page.tab.get_by_label("Length between the marks, mm").fill("20")
        page.press("Enter")
        page.until_saved(edits=1)

        assert "Private" not in page.tab.content()
        assert "Private" not in json.dumps(page.state(0))
    written = [file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert written
    assert not any(b"Somebody" in content for content in written)
    assert "Somebody" not in server.printed
