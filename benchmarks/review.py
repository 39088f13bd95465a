"""How fast the page of ``cephkit review`` is in Chromium: ``python -m benchmarks.review [--card]``.

Without ``--card``, Chromium draws on the CPU, WebGL too, as on a machine without a graphics card. Films are synthetic,
of 2400 x 2000 pixels; the list of many is links to small ones.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from cephkit.data.aariz import read_aariz
from cephkit.data.opened import open_film, to_uint8
from tests.review.browser.chromium import FLAGS, WINDOW, Watch, find_chromium
from tests.review.browser.films import dataset, folder_with_predictions, predicted
from tests.review.browser.page import ReviewPage
from tests.review.browser.server import ReviewServer

SIZE = (2400, 2000)
"""(height, width) of the films that are switched."""
FILMS, SWITCHES, MANY = 12, 30, 10_000
DRAG_S = 5

# Times of the page's own clock, from the key to the frame after the film was drawn sharp.
SWITCH = """key => new Promise(resolve => {
    const stage = document.getElementById('stage');
    const before = stage.dataset.complete;
    const start = performance.now();
    window.dispatchEvent(new KeyboardEvent('keydown', { key, code: key, bubbles: true }));
    const look = () => {
        const now = stage.dataset.complete;
        if (now && now !== before) requestAnimationFrame(() => resolve(performance.now() - start));
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})"""
# Drags with one move a frame, as browsers pass them on; a frame counts if the landmark stands elsewhere than before.
DRAG = """async ([symbol, seconds]) => {
    const stage = document.getElementById('stage');
    const mark = stage.querySelector(`[data-symbol="${symbol}"]`);
    const { e, f } = mark.getScreenCTM();
    const send = (type, x, y) => stage.dispatchEvent(new PointerEvent(type, {
        pointerId: 1, pointerType: 'mouse', button: 0, buttons: 1, clientX: x, clientY: y, bubbles: true,
    }));
    stage.setPointerCapture = () => {};
    send('pointerdown', e, f);
    const start = performance.now(), frames = [];
    let last = '';
    await new Promise(resolve => {
        const frame = now => {
            const turn = (now - start) / 160;
            send('pointermove', e + 30 * Math.sin(turn), f + 30 * Math.cos(turn) - 30);
            const place = mark.getAttribute('transform');
            if (place !== last) frames.push(now);
            last = place;
            if (now - start < 1000 * seconds) requestAnimationFrame(frame);
            else resolve();
        };
        requestAnimationFrame(frame);
    });
    send('pointerup', e, f);
    return frames;
}"""
SCROLL = """async seconds => {
    const list = document.querySelector('[role=listbox]');
    const start = performance.now(), frames = [];
    await new Promise(resolve => {
        const frame = now => {
            frames.push(now);
            list.scrollTop += 120;
            if (now - start < 1000 * seconds) requestAnimationFrame(frame);
            else resolve();
        };
        requestAnimationFrame(frame);
    });
    return frames;
}"""
# From the release of an arrow key's move to the table's next change.
NUMBERS = """() => new Promise((resolve, reject) => {
    const table = document.querySelector('.measurements');
    const start = performance.now();
    const observer = new MutationObserver(() => { observer.disconnect(); resolve(performance.now() - start); });
    observer.observe(table, { subtree: true, childList: true, characterData: true });
    const stage = document.getElementById('stage');
    stage.focus();
    const key = { key: 'ArrowRight', code: 'ArrowRight', shiftKey: true, bubbles: true };
    stage.dispatchEvent(new KeyboardEvent('keydown', key));
    setTimeout(() => reject(new Error('no new numbers')), 10000);
})"""


def large_films(folder: Path) -> tuple[Path, Path]:
    """Write films of ``SIZE`` with predictions; drawn once, and each a little different."""
    films, predictions = folder / "films", folder / "predictions"
    films.mkdir()
    predictions.mkdir()
    drawn = read_aariz(dataset(folder / "drawn", 3, height=0)).films[0]
    grey = Image.fromarray(to_uint8(open_film(drawn.path).grey))
    scale = (SIZE[1] / grey.width, SIZE[0] / grey.height)
    pixels = np.asarray(grey.resize(SIZE[::-1]))
    truth = next(iter(drawn.annotations.values()))
    points = {symbol: (x * scale[0], y * scale[1]) for symbol, (x, y) in truth.items()}
    for index in range(FILMS):
        path = films / f"film{index:02d}.png"
        Image.fromarray(np.roll(pixels, 7 * index, axis=1)).save(path, compress_level=1)
        predicted(path, points, drawn.spacing, seed=index).to_json(predictions / f"{path.stem}.json")
    return films, predictions


def many_films(folder: Path, count: int) -> Path:
    """Write ``count`` films that are links to a few small ones."""
    some, _ = folder_with_predictions(folder / "some", 6, height=200)
    films = folder / "films"
    films.mkdir()
    files = sorted(some.iterdir())
    for index in range(count):
        file = files[index % len(files)]
        os.link(file, films / f"film{index:05d}{file.suffix}")
    return films


def page_of(browser: Browser, server: ReviewServer) -> ReviewPage:
    """Open the first film."""
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(60_000)
    page = ReviewPage(context.new_page(), server, Watch())
    page.open(0)
    return page


def switches(page: Page) -> list[float]:
    """Return the ms of film switches at the pace of a person who looks a second at each."""
    found = []
    for index in range(SWITCHES):
        page.wait_for_timeout(1000)
        found.append(page.evaluate(SWITCH, "PageDown" if index // (FILMS - 1) % 2 == 0 else "PageUp"))
    return found


def drag(page: Page) -> tuple[list[float], float]:
    """Return the ms between the frames of a drag, and the CPU ms that the page's main thread spent on each.

    The second counts script, style, layout and paint, and depends neither on a graphics card nor on what else runs.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy_s() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))

    start = busy_s()
    frames = page.evaluate(DRAG, ["S", DRAG_S])
    return np.diff(frames).tolist(), 1000 * (busy_s() - start) / len(frames)


def numbers(page: ReviewPage) -> list[float]:
    """Return the ms from a move to the next change of the table."""
    found = []
    page.press("n")
    for _ in range(20):
        page.tab.wait_for_timeout(600)
        found.append(page.tab.evaluate(NUMBERS))
    return found


def row(what: str, unit: str, values: Sequence[float]) -> None:
    """Print a line of the table."""
    low, high = np.quantile(values, [0.05, 0.95])
    print(f"| {what} | {statistics.median(values):.3g} {unit} | {low:.3g} to {high:.3g} {unit} | {len(values)} |")


def main() -> None:
    """Measure and print."""
    path = find_chromium()
    assert path is not None, "install Chromium"
    flags = () if "--card" in sys.argv else FLAGS
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(flags))
        films, predictions = large_films(Path(folder))
        print(f"Chromium {browser.version}, {os.cpu_count()} cores, window {WINDOW['width']} x {WINDOW['height']}\n")
        print("| what | median | 5 % to 95 % | times |\n| --- | --- | --- | --- |")
        with ReviewServer("--films", films, "--predictions", predictions, out=Path(folder, "out")) as server:
            page = page_of(browser, server)
            page.tab.wait_for_timeout(2000)
            row(f"film switch, {SIZE[0]} x {SIZE[1]}", "ms", switches(page.tab))
            frames, work = drag(page.tab)
            row("frame of a drag", "ms", frames)
            row("work of the main thread in such a frame", "ms", [work])
            row("move to new numbers", "ms", numbers(page))
        listed = many_films(Path(folder, "many"), MANY)
        with ReviewServer("--films", listed, out=Path(folder, "out-many")) as server:
            page = page_of(browser, server)
            page.tab.wait_for_timeout(1000)
            row(f"frame of scrolling through {MANY} films", "ms", np.diff(page.tab.evaluate(SCROLL, DRAG_S)))


if __name__ == "__main__":
    main()
