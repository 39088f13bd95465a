"""Every layout meets odd files: it reads them or refuses them with a message, and nothing else."""

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cephkit.data.film import SPLITS
from cephkit.datasets.find import find_dataset
from cephkit.errors import DataError
from cephkit.settings.options import DataSet
from tests.datasets.published import cl_labels, face, write_coco, write_csv, write_films
from tests.datasets.test_marked import write_cvat, write_tasks
from tests.datasets.test_reviewed import write_label
from tests.interchange.test_hostile import changed, damaged

POINTS = {symbol: point for symbol, point in face().items() if symbol in ("S", "N", "Me")}


def write_gt(folder: Path) -> Path:
    content = cl_labels(1)
    content["points"] = content["points"][:2]
    path = folder / "train-gt.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


WRITERS: dict[str, Callable[[Path], Path]] = {
    "coco": lambda folder: write_coco(folder / "x.json", {"1.png": POINTS}, list(POINTS), spacing=0.1),
    "label_studio": lambda folder: write_tasks(folder, {"1.png": POINTS}),
    "cvat": lambda folder: write_cvat(folder, {"1.png": POINTS}),
    "label": lambda folder: write_label(folder / "1.json", POINTS, {"confirmed": True}),
    "cl_detection": write_gt,
    "table": lambda folder: write_csv(
        folder / "x.csv", ["film", "symbol", "x", "y", "pixel_size_mm", "split"], [["1.png", "S", 1, 2, 0.1, "train"]]
    ),
}


def read(folder: Path, path: Path, contents: Iterator[bytes]) -> int:
    """How many contents were met; of what is read, films lie in the folder."""
    number = 0
    for content in contents:
        number += 1
        path.write_bytes(content)
        with contextlib.suppress(DataError):
            found = find_dataset(DataSet(dataset_path=(folder,)))
            films = found.read([split for split in SPLITS if found.has(split)] or ["train"]).films
            assert all(film.path.parent == folder for film in films)
    return number


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_films(tmp_path / "set", ["1.png"])
    write_films(tmp_path, ["2.png"])
    return tmp_path / "set"


@pytest.mark.parametrize("kind", ["coco", "label_studio", "label", "cl_detection"])
def test_odd_values_in_every_place(folder: Path, kind: str) -> None:
    path = WRITERS[kind](folder)
    assert read(folder, path, changed(json.loads(path.read_bytes()))) > 150


@pytest.mark.parametrize("kind", list(WRITERS))
def test_damaged_bytes(folder: Path, kind: str) -> None:
    path = WRITERS[kind](folder)
    assert read(folder, path, damaged(path.read_bytes(), random.Random(kind), 8)) == 44
