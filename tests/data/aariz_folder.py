"""Small Aariz folders, made film by film, so that each test can spoil exactly one thing."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.film import Points
from cephkit.data.labels import landmarks_json

POINTS: Points = {"A": (20.0, 30.0), "N": (40.5, 12.25), "S": (10.0, 10.0)}
SENIOR, JUNIOR = "Senior Orthodontists", "Junior Orthodontists"


def noise(seed: int, height: int = 60, width: int = 50) -> NDArray[np.uint8]:
    """A film that no other seed gives."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


class AarizMaker:
    """Writes films and labels under ``root``; every film gets 0.1 mm a pixel unless told otherwise."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows: list[list[str]] = []
        self.count = 0

    def film_path(self, split: str, name: str) -> Path:
        return self.root / split / "Cephalograms" / name

    def label_path(self, split: str, film_id: str, annotator: str = SENIOR) -> Path:
        return self.root / split / "Annotations" / "Cephalometric Landmarks" / annotator / f"{film_id}.json"

    def add(
        self,
        split: str,
        film_id: str,
        *,
        grey: NDArray[Any] | None = None,
        suffix: str = ".png",
        senior: Points | None = POINTS,
        junior: Points | None = POINTS,
        pixel_size: str | None = "0.1",
    ) -> Path:
        self.count += 1
        path = self.film_path(split, film_id + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(self.count) if grey is None else grey).save(path)
        for annotator, points in ((SENIOR, senior), (JUNIOR, junior)):
            if points is not None:
                self.write_label(split, film_id, landmarks_json(film_id, points), annotator)
        if pixel_size is not None:
            self.rows.append([film_id, "ART Plus", pixel_size, suffix[1:], split.capitalize()])
            self.write_map()
        return path

    def write_label(self, split: str, film_id: str, label: Any, annotator: str = SENIOR) -> Path:
        path = self.label_path(split, film_id, annotator)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(label if isinstance(label, str) else json.dumps(label), encoding="utf-8")
        return path

    def write_map(self) -> None:
        path = self.root / "cephalogram_machine_mappings.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            head = ["cephalogram_id", "machine", "pixel_size", "image_format", "mode"]
            csv.writer(file).writerows([head, *self.rows])
