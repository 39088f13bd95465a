"""The whole round on the review page: ``python -m benchmarks.review_round CHECKPOINT DATASET [FILMS]``.

Valid films of the data set are predicted; of each, the three landmarks that lie farthest from the senior's are dragged
in Chromium to where the senior put them, and the film is confirmed; what was confirmed is read as a data set.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from cephkit.cli import main as cephkit
from cephkit.data.aariz import read_aariz
from cephkit.data.film import Film, Points
from cephkit.records.reader import read_record
from tests.review.browser.chromium import WINDOW, Watch, find_chromium, launch
from tests.review.browser.page import ReviewPage
from tests.review.browser.server import ReviewServer

DRAGGED = 3


def main() -> None:
    """Print how far the landmarks lie from the senior's, before and after, and what there is to train on."""
    films = read_aariz(Path(sys.argv[2]), ("valid",)).films[: int(sys.argv[3]) if len(sys.argv) > 3 else 20]
    spacing = films[0].spacing
    assert spacing is not None
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "films").mkdir()
        for film in films:
            (root / "films" / film.path.name).symlink_to(film.path.resolve())
        size = ["--pixel_size_mm", str(spacing.mean_mm)]
        cephkit(
            ["predict", "--checkpoint", sys.argv[1], str(root / "films"), "--out", str(root / "found"), *size,
             "--device", "cpu", "--no_overlay"]
        )  # fmt: skip
        started = time.monotonic()
        review(root, films, size)
        seconds = time.monotonic() - started
        found = {film.film_id: read_record(root / "found" / f"{film.film_id}.json").points for film in films}
        corrected = read_aariz(root / "corrected", ("train", "valid")).films
        print(f"{len(films)} films, {DRAGGED} landmarks of each dragged, in {seconds:.0f} s")
        senior = {film.film_id: film.points("senior") for film in films}
        pairs = (found, {film.film_id: film.points("senior") for film in corrected})
        before, after = (np.mean([gap for f in senior for gap in gaps(points[f], senior[f])]) for points in pairs)
        print(f"mean distance from the senior: {before * spacing.mean_mm:.2f}, then {after * spacing.mean_mm:.2f} mm")
        print("to train on:", {split: sum(film.split == split for film in corrected) for split in ("train", "valid")})


def review(root: Path, films: tuple[Film, ...], size: list[str]) -> None:
    """Correct and confirm all films, and export them as COCO."""
    path = find_chromium()
    assert path is not None, "there is no Chromium"
    server = ReviewServer("--films", root / "films", "--predictions", root / "found", *size, out=root / "corrected")
    with server, sync_playwright() as playwright:
        context = launch(playwright, path).new_context(viewport=WINDOW)
        watch = Watch()
        watch.follow(context)
        page = ReviewPage(context.new_page(), server, watch)
        page.open()
        for n, film in enumerate(films):
            page.until_drawn(n)
            points = {s: tuple(point["at"]) for s, point in page.state(n)["state"]["points"].items()}
            truth = film.points("senior")
            worst = sorted(points.keys() & truth.keys(), key=lambda s: np.hypot(*np.subtract(points[s], truth[s])))
            for symbol in worst[-DRAGGED:]:
                (x, y), (to_x, to_y) = page.center(symbol), page.in_window(n, truth[symbol])
                page.drag(symbol, to_x - x, to_y - y)
            page.button("Confirm film").click()
            page.until_saved(n, DRAGGED + 1)
            if n + 1 < len(films):
                page.press("Escape", "PageDown")


def gaps(points: Points, truth: Points) -> list[float]:
    """Distances in film pixels of the landmarks that both have."""
    return [float(np.hypot(*np.subtract(points[s], truth[s]))) for s in points.keys() & truth.keys()]


if __name__ == "__main__":
    main()
