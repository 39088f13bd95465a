"""A browser, films and a server for the tests of the page; ``CEPHKIT_BROWSER_TESTS=required`` lets none be skipped."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

import cephkit.review
from tests.review.browser.chromium import WINDOW, Watch, find_chromium, launch
from tests.review.browser.films import folder_with_predictions
from tests.review.browser.page import LONGEST_S, ReviewPage
from tests.review.browser.server import ReviewServer


def unavailable(what: str) -> NoReturn:
    """Skip the test, or fail it where browser tests are required."""
    if os.environ.get("CEPHKIT_BROWSER_TESTS") == "required":
        pytest.fail(f"browser tests are required: {what}", pytrace=False)
    pytest.skip(f"NO BROWSER: {what}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        unavailable("no Chromium or Chrome is installed")
    if not (Path(cephkit.review.__file__).parent / "static" / "index.html").is_file():
        unavailable("the page was not built; run python hatch_build.py")
    with sync_playwright() as playwright:
        started = launch(playwright, path)
        yield started
        started.close()


@dataclass(frozen=True)
class Films:
    """A folder of films, and what a model found on them."""

    folder: Path
    predictions: Path

    @property
    def options(self) -> tuple[object, ...]:
        """Of ``cephkit review``, to review them."""
        return "--films", self.folder, "--predictions", self.predictions


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    """Six synthetic films with predictions. Read only."""
    return Films(*folder_with_predictions(tmp_path_factory.mktemp("few"), films=6))


@pytest.fixture
def review(films: Films, tmp_path: Path) -> Iterator[ReviewServer]:
    """A server of its own for the six films."""
    with ReviewServer(*films.options, out=tmp_path / "out") as server:
        yield server
    assert "Traceback" not in server.printed


Opener = Callable[..., ReviewPage]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Opens the page of a server, each time as another person would: ``opened(server, film=0, language="en")``.

    At the end, no page may have asked another host for anything, or logged an error that the test did not expect.
    """
    contexts, pages = [], []

    def opened(server: ReviewServer, film: int = 0, language: str = "en-GB", **options: object) -> ReviewPage:
        context = browser.new_context(**{"viewport": WINDOW, "locale": language, **options})  # type: ignore[arg-type]
        context.set_default_timeout(1000 * LONGEST_S)
        watch = Watch()
        watch.follow(context)
        contexts.append(context)
        page = ReviewPage(context.new_page(), server, watch)
        pages.append(page)
        page.open(film)
        return page

    yield opened
    found = [(page.watch.elsewhere, page.watch.without(*page.expected_errors)) for page in pages]
    for context in contexts:
        context.close()
    assert found == [([], [])] * len(pages)


@pytest.fixture
def page(review: ReviewServer, opened: Opener) -> ReviewPage:
    """The page on the first film."""
    return opened(review)
