"""What a person can do on the page, in the words of the tests."""

import re
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.review.browser.chromium import Watch
from tests.review.browser.server import ReviewServer

XY = tuple[float, float]


@dataclass
class ReviewPage:
    """The page in one tab."""

    page: Page
    server: ReviewServer
    watch: Watch
    number: int = 0
    expected_errors: list[str] = field(default_factory=list)
    """Parts of the errors that the test provokes."""

    def open(self, film: int | None = 0) -> None:
        """Open the address that the server has printed, then a film, and wait until it is drawn."""
        self.page.goto(self.server.address)
        if film is not None:
            self.go_to(film)

    def go_to(self, film: int) -> None:
        """Open film ``film`` by its address, and wait until it is drawn."""
        self.page.goto(f"http://127.0.0.1:{self.server.port}/#{film}")
        self.page.reload()
        self.until_drawn()

    def until_drawn(self) -> None:
        """Wait until the film and its landmarks are there."""
        expect(self.stage).to_have_attribute("data-drawn", "true")

    # Where things are

    @property
    def stage(self) -> Locator:
        return self.page.locator("[data-drawn]")

    def mark(self, symbol: str) -> Locator:
        """The landmark's mark on the film."""
        return self.page.locator(f'[data-symbol="{symbol}"]').first

    def center(self, symbol: str) -> XY:
        """Where the landmark's mark is in the window."""
        box = self.mark(symbol).bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("button", name=name, exact=isinstance(name, str)).first

    # What the server knows

    def api(self, path: str) -> Any:
        """Ask the server, as the page does."""
        answer = self.page.request.get(f"http://127.0.0.1:{self.server.port}/api/{path}")
        assert answer.ok, answer.text()
        return answer.json()

    def state(self, film: int) -> dict[str, Any]:
        """The film as the server has it."""
        return dict(self.api(f"films/{film}"))

    def at(self, film: int, symbol: str) -> XY:
        """Where the server has a landmark, in film pixels."""
        x, y = self.state(film)["state"]["points"][symbol]["at"]
        return x, y

    # What a person does

    def drag(self, symbol: str, dx: float, dy: float, steps: int = 8) -> None:
        """Drag a landmark by (dx, dy) pixels of the window."""
        x, y = self.center(symbol)
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + dx, y + dy, steps=steps)
        mouse.up()

    def until_saved(self) -> None:
        """Wait until the page says that all is saved."""
        expect(self.page.get_by_text("Saved", exact=True).first).to_be_visible()
