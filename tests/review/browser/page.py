"""What a person can see and do on the page, in the words of the tests."""

import io
import re
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.review.browser.chromium import Watch
from tests.review.browser.server import ReviewServer

LONGEST_S = 20
"""What anything may take where other tests run beside."""
XY = tuple[float, float]

expect.set_options(timeout=1000 * LONGEST_S)


@dataclass
class ReviewPage:
    """The page in one tab."""

    tab: Page
    server: ReviewServer
    watch: Watch
    expected_errors: list[str] = field(default_factory=list)
    """Parts of the errors that the test provokes."""

    def open(self, film: int = 0) -> None:
        """Open the address that the server has printed, then film ``film``, and wait until it is drawn."""
        self.tab.goto(f"{self.server.address}#{film}")
        self.until_drawn(film)

    def reload(self, film: int = 0) -> None:
        """Load the page again."""
        self.tab.reload()
        self.until_drawn(film)

    def until_drawn(self, film: int) -> None:
        """Wait until the film is drawn as sharp as it can be, with its landmarks."""
        expect(self.stage).to_have_attribute("data-complete", self.state(film)["hash"])

    # What there is to see

    @property
    def stage(self) -> Locator:
        """The film with everything on it."""
        return self.tab.locator("#stage")

    def mark(self, symbol: str) -> Locator:
        """A landmark on the film."""
        return self.tab.locator(f'#stage [data-symbol="{symbol}"]')

    def center(self, symbol: str) -> XY:
        """Where a landmark is in the window."""
        x, y = self.mark(symbol).evaluate("mark => { const { e, f } = mark.getScreenCTM(); return [e, f]; }")
        return x, y

    def in_window(self, film: int, point: XY) -> XY:
        """Where a point of the film is in the window, going by two landmarks."""
        (ax, ay), (bx, by) = self.center("S"), self.center("Me")
        points = self.state(film)["state"]["points"]
        (fax, fay), (fbx, fby) = points["S"]["at"], points["Me"]["at"]
        scale = np.hypot(bx - ax, by - ay) / np.hypot(fbx - fax, fby - fay)
        return ax + (point[0] - fax) * scale, ay + (point[1] - fay) * scale

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """A button by its name."""
        return self.tab.get_by_role("button", name=name, exact=isinstance(name, str)).first

    @property
    def said(self) -> Locator:
        """What a screen reader is told."""
        return self.tab.get_by_role("status").last

    def picture(self) -> NDArray[np.uint8]:
        """Return what the stage looks like, (H, W) grey."""
        picture = Image.open(io.BytesIO(self.stage.screenshot()))
        return np.asarray(picture.convert("L"))

    # What the server knows

    def api(self, path: str) -> Any:
        """Ask the server, as the page does."""
        answer = self.tab.request.get(f"http://127.0.0.1:{self.server.port}/api/{path}")
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

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, on whatever has the focus."""
        for key in keys:
            self.tab.keyboard.press(key)

    def row(self, name: str) -> Locator:
        """A film in the list."""
        return self.tab.get_by_role("listbox").get_by_role("option", name=name)

    def side(self, name: str) -> None:
        """Choose what the panel beside the film shows."""
        self.tab.get_by_role("tab", name=name, exact=True).click()

    def click(self, point: XY) -> None:
        """Click at a point of the window."""
        self.tab.mouse.click(*point)

    def drag(self, symbol: str, dx: float, dy: float, steps: int = 8) -> None:
        """Drag a landmark by (dx, dy) pixels of the window."""
        x, y = self.center(symbol)
        mouse = self.tab.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + dx, y + dy, steps=steps)
        mouse.up()

    def until_saved(self, film: int = 0, edits: int | None = None) -> None:
        """Wait until the page says that all is saved, and until the server has as many ``edits`` of the film."""
        expect(self.tab.locator("[data-state]")).to_have_attribute("data-state", "saved")
        if edits is not None:
            end = time.monotonic() + LONGEST_S
            while (revision := self.state(film)["state"]["revision"]) < edits and time.monotonic() < end:
                self.tab.wait_for_timeout(50)
            assert revision == edits
