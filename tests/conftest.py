"""What several rooms' tests need: a data set small enough to train on in seconds."""

import csv
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Set before torch is imported anywhere: tests run side by side, and one thread makes sums repeatable.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from cephkit.data.labels import landmarks_json

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

TINY_SYMBOLS = ("A", "N", "S", "Me")
TINY_PIXEL_MM = 0.5


def write_tiny_film(root: Path, split: str, film_id: str, seed: int, size: tuple[int, int] = (90, 80)) -> None:
    """A film of soft blobs, one per landmark and each of its own width; both annotators agree."""
    height, width = size
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    film = np.full((height, width), 20.0)
    points = {}
    for index, symbol in enumerate(TINY_SYMBOLS):
        cx = width * (0.3 + 0.4 * (index % 2)) + rng.uniform(-6, 6)
        cy = height * (0.3 + 0.4 * (index // 2)) + rng.uniform(-6, 6)
        film += (90 + 40 * index) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * (2 + index) ** 2))
        points[symbol] = (round(cx, 2), round(cy, 2))
    film += rng.normal(0, 2, film.shape)
    folder = root / split / "Cephalograms"
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(film.clip(0, 255).astype(np.uint8)).save(folder / f"{film_id}.png")
    for annotator in ("Senior Orthodontists", "Junior Orthodontists"):
        labels = root / split / "Annotations" / "Cephalometric Landmarks" / annotator
        labels.mkdir(parents=True, exist_ok=True)
        (labels / f"{film_id}.json").write_text(json.dumps(landmarks_json(film_id, points)), encoding="utf-8")


def write_tiny_aariz(root: Path, train: int, valid: int, test: int = 0) -> Path:
    """An Aariz folder of tiny films; ids are t0, t1, ..., v0, ..., e0, ..."""
    rows = []
    for split, letter, count in (("train", "t", train), ("valid", "v", valid), ("test", "e", test)):
        for index in range(count):
            write_tiny_film(root, split, f"{letter}{index}", seed=1000 * ord(letter) + index)
            rows.append([f"{letter}{index}", "Tiny", TINY_PIXEL_MM, "png", split])
    with (root / "cephalogram_machine_mappings.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["cephalogram_id", "machine", "pixel_size", "image_format", "mode"], *rows])
    return root


@pytest.fixture(scope="session")
def tiny_aariz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """7 train, 3 valid and 2 test films of 4 landmarks, 0.5 mm a pixel. Read only."""
    return write_tiny_aariz(tmp_path_factory.mktemp("tiny") / "Aariz", train=7, valid=3, test=2)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why tests of the page were skipped, which "4 skipped" would hide."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", []) if report.longrepr}
    for reason in sorted(reason for reason in reasons if "NO BROWSER" in reason):
        terminalreporter.write_line(f"the page of cephkit review was not tested in a browser: {reason}", yellow=True)
