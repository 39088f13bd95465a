"""Kills the server or the browser of ``cephkit review`` again and again during edits, and checks that nothing is lost:

    python -m benchmarks.review_kills [KILLS]

A landmark is moved over and over in a real page. What the server acknowledged must be in the journal, in order and
whole; the label file must be whole and as the journal says; and the film as the server shows it after a start must be
the one that the journal describes.
"""

import contextlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, Page, Playwright, Response, sync_playwright

from cephkit.data.labels import read_landmarks
from tests.review.browser.chromium import FLAGS, Watch, find_chromium
from tests.review.browser.films import folder_with_predictions
from tests.review.browser.page import ReviewPage
from tests.review.browser.server import ReviewServer

FILMS = 4
SYMBOLS = ("S", "N", "Me", "Go")
DELAY_S = (0.05, 1.5)
"""From a page that is ready to the kill."""
# Drags one landmark after the other to and fro, as fast as the page lets it.
EDIT = """async ([symbols, seconds]) => {
    const stage = document.getElementById('stage');
    stage.setPointerCapture = () => {};
    const send = (type, x, y) => stage.dispatchEvent(new PointerEvent(type, {
        pointerId: 1, pointerType: 'mouse', button: 0, buttons: 1, clientX: x, clientY: y, bubbles: true,
    }));
    const end = performance.now() + 1000 * seconds;
    for (let turn = 0; performance.now() < end; turn++) {
        const mark = stage.querySelector(`[data-symbol="${symbols[turn % symbols.length]}"]`);
        const { e, f } = mark.getScreenCTM();
        const [dx, dy] = [3 - Math.floor(Math.random() * 7), 3 - Math.floor(Math.random() * 7)];
        send('pointerdown', e, f);
        send('pointermove', e + dx, f + dy);
        send('pointerup', e + dx, f + dy);
        await new Promise(resolve => setTimeout(resolve, 10));
    }
}"""
DEBUG_PORT = "DevToolsActivePort"


class Chromium:
    """A browser as a process that can be killed, as ``playwright.launch`` does not allow."""

    def __init__(self, playwright: Playwright, profile: Path) -> None:
        self.playwright, self.profile, self.browser = playwright, profile, None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Browser:
        """Start it with the profile it had, so that what the page kept in the browser is there again."""
        path = find_chromium()
        assert path is not None, "install Chromium"
        (self.profile / DEBUG_PORT).unlink(missing_ok=True)
        command = [
            path, "--headless", "--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={self.profile}",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", *FLAGS,
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while not (port := _first_line(self.profile / DEBUG_PORT)):
            time.sleep(0.05)
        return self.playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")

    def kill(self) -> None:
        """End it at once, with all its processes."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _first_line(path: Path) -> str:
    try:
        return path.read_text().split("\n")[0]
    except OSError:
        return ""


class Acknowledged:
    """The edits that the server said are saved: film -> revision -> edit."""

    def __init__(self) -> None:
        self.edits: dict[str, dict[int, Any]] = {}

    def listen(self, page: Page) -> None:
        """Note what the server answers to ``page``."""
        page.on("response", self._response)

    def _response(self, response: Response) -> None:
        request = response.request
        if request.method != "POST" or not request.url.endswith("/edits") or response.status != 200:
            return
        try:
            revision = response.json()["revision"]
        except Error:  # killed while it told us: then it told nobody
            return
        film = request.url.split("/films/")[1].split("/")[0]
        self.edits.setdefault(film, {})[revision] = json.loads(request.post_data or "")["edit"]

    @property
    def count(self) -> int:
        """Of all edits."""
        return sum(len(edits) for edits in self.edits.values())


def problems(out: Path, names: list[str], acknowledged: Acknowledged) -> list[str]:
    """Return what is lost or torn on disk, before a server mends anything but a last line without an end."""
    found = []
    for n, name in enumerate(names):
        known = acknowledged.edits.get(str(n), {})
        path = out / "journal" / f"{name}.jsonl"
        if not path.exists():
            found += [f"{name}: no journal, {len(known)} edits lost"] if known else []
            continue
        *lines, rest = path.read_bytes().split(b"\n")
        entries = [json.loads(line) for line in lines]
        if [entry["revision"] for entry in entries] != list(range(len(entries))):
            found.append(f"{name}: revisions are not in order")
        for revision, edit in known.items():
            if revision >= len(entries):
                found.append(f"{name}: edit {revision} was acknowledged and is lost")
            elif entries[revision]["edit"] != edit:
                found.append(f"{name}: edit {revision} is another one than was acknowledged")
        if rest:
            found.append(f"torn: {name}: {rest[:40]!r}")
        label = out / "labels" / f"{name}.json"
        if label.exists():
            try:
                read_landmarks(label)
            except Exception as error:
                found.append(f"{name}: the label file is damaged: {error}")
    return found


def as_journal_says(server: ReviewServer, page: ReviewPage, names: list[str]) -> list[str]:
    """Return where the server shows a film otherwise than its journal tells, or the label file does."""
    found = []
    for n, name in enumerate(names):
        edits = server.edits(name)
        if not edits:
            continue
        state = page.state(n)["state"]
        for symbol, point in last_points(edits).items():
            if state["points"].get(symbol) != point:
                found.append(f"{name}: the server has {symbol} elsewhere than the journal")
            labelled, _ = read_landmarks(server.out / "labels" / f"{name}.json")
            if math.dist(labelled[symbol], point["at"]) > 1e-3:
                found.append(f"{name}: the label file has {symbol} elsewhere than the journal")
        if state["revision"] != len(edits):
            found.append(f"{name}: revision {state['revision']} with {len(edits)} edits")
    return found


def last_points(edits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the last point of each landmark that was edited."""
    return {change["symbol"]: change["after"] for line in edits for change in line["edit"].get("changes", [])}


def main() -> None:
    """Kill, check and print."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    chance, acknowledged, found = random.Random(13), Acknowledged(), []
    count: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        films, predictions = folder_with_predictions(Path(folder), FILMS)
        names = [path.stem for path in sorted(films.iterdir())]
        out = Path(folder, "out")
        chromium = Chromium(playwright, Path(folder, "profile"))
        with ReviewServer("--films", films, "--predictions", predictions, out=out) as server:
            browser = chromium.start()
            page = fresh_page(browser, server, acknowledged, film=0)
            for kill in range(kills):
                victim = ("server", "browser")[kill % 2]
                delay = chance.uniform(*DELAY_S)
                timer = threading.Timer(delay, server.kill if victim == "server" else chromium.kill)
                timer.start()
                with contextlib.suppress(Error):  # the browser is gone
                    page.tab.evaluate(EDIT, [SYMBOLS, delay + 0.3])
                timer.join()
                count[victim] += 1
                found += problems(out, names, acknowledged)
                film = chance.randrange(FILMS)
                if victim == "server":
                    server.start()
                    # The tab with the edits that wait sends them once another has opened the new address.
                    other = fresh_page(browser, server, acknowledged, film)
                    page.until_saved()
                    page.tab.close()
                    page = other
                else:
                    browser = chromium.start()
                    page = fresh_page(browser, server, acknowledged, film)
                found += as_journal_says(server, page, names)
                print(
                    f"\r{kill + 1} kills, {acknowledged.count} edits acknowledged, {len(found)} faults",
                    end="",
                    flush=True,
                )
            chromium.kill()
    torn = [line for line in found if line.startswith("torn")]
    lost = [line for line in found if not line.startswith("torn")]
    print()
    print(
        "| kills of the server | of the browser | edits acknowledged | lost or torn | unacknowledged lines set aside |"
    )
    print("| --- | --- | --- | --- | --- |")
    print(f"| {count['server']} | {count['browser']} | {acknowledged.count} | {len(lost)} | {len(torn)} |")
    for line in lost:
        print(line)
    sys.exit(bool(lost))


def fresh_page(browser: Browser, server: ReviewServer, acknowledged: Acknowledged, film: int) -> ReviewPage:
    """Open a film in a new tab, with what the browser kept for the page."""
    page = ReviewPage(browser.contexts[0].new_page(), server, Watch())
    acknowledged.listen(page.tab)
    page.tab.set_default_timeout(60_000)
    page.open(film)
    return page


if __name__ == "__main__":
    main()
