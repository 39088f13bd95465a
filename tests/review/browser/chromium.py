"""The browser that tests and benchmarks drive: Debian's Chromium or another that is installed; none is downloaded."""

import shutil
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, ViewportSize

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# WebGL is drawn on the CPU where there is no graphics card; without a pretended card all else is drawn faster.
FLAGS = (
    *(
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--disable-gpu-compositing",
        "--disable-gpu-rasterization",
    ),
    "--disable-quic",
)
WINDOW: ViewportSize = {"width": 1400, "height": 900}
AFTER_A_KILL = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "ERR_SOCKET_NOT_CONNECTED")


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome."""
    return next((path for path in map(shutil.which, NAMES) if path is not None), None)


def launch(playwright: Playwright, path: str, *more: str) -> Browser:
    """Start the browser at ``path`` without a window."""
    return playwright.chromium.launch(executable_path=path, args=[*FLAGS, *more])


@dataclass
class Watch:
    """What went wrong in the pages of a browser context: whatever is in its lists should not have happened."""

    elsewhere: list[str] = field(default_factory=list)
    """Requests to anything but the server."""
    errors: list[str] = field(default_factory=list)
    """Errors that no code caught, and what the console shows as an error."""

    def follow(self, context: BrowserContext) -> None:
        """Watch all pages of ``context``, those that open later too."""
        context.on("request", self._request)
        context.on("page", self._page)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def without(self, *expected: str) -> list[str]:
        """Return the errors that contain none of the ``expected`` words."""
        return [error for error in self.errors if not any(word in error for word in expected)]

    def _page(self, page: Page) -> None:
        page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data") and parts.hostname != "127.0.0.1":
            self.elsewhere.append(request.url)
