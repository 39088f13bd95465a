"""A small synthetic data set, and faults put into copies of it, one at a time."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from cephkit.cli import main as cephkit

Marks = dict[str, dict[str, Any]]
SENIOR, JUNIOR = "Senior Orthodontists", "Junior Orthodontists"


def film_file(root: Path, split: str, film_id: str) -> Path:
    """The film of that id, whatever its ending."""
    (path,) = (root / split / "Cephalograms").glob(f"{film_id}.*")
    return path


def label_file(root: Path, split: str, film_id: str, annotator: str = SENIOR) -> Path:
    """Where its label is."""
    return root / split / "Annotations" / "Cephalometric Landmarks" / annotator / f"{film_id}.json"


def spoil(root: Path, film_id: str, change: Callable[[Marks], object], split: str = "train") -> None:
    """Change the places ``{symbol: {"x", "y"}}`` of the senior's label."""
    path = label_file(root, split, film_id)
    label = json.loads(path.read_text(encoding="utf-8"))
    marks = {entry["symbol"]: entry["value"] for entry in label["landmarks"]}
    change(marks)
    for entry in label["landmarks"]:
        entry["value"] = marks[entry["symbol"]]
    path.write_text(json.dumps(label), encoding="utf-8")


def swap(one: str, other: str) -> Callable[[Marks], object]:
    """Exchange two landmarks."""
    return lambda marks: marks.update({one: marks[other], other: marks[one]})


def shift(symbol: str, x: float, y: float) -> Callable[[Marks], object]:
    """Move a landmark, pixels."""
    return lambda marks: marks.update(
        {symbol: {"x": round(marks[symbol]["x"] + x), "y": round(marks[symbol]["y"] + y)}}
    )


def put_copy(root: Path, film_id: str, split: str, name: str, *, scale: float = 1.0) -> None:
    """Add a copy of a train film and its labels, reduced by ``scale``; the same file for 1."""
    film = film_file(root, "train", film_id)
    copy = root / split / "Cephalograms" / f"{name}{film.suffix if scale == 1 else '.jpg'}"
    if scale == 1:
        shutil.copy(film, copy)
    else:
        image = Image.open(film).convert("L")
        image.resize((round(image.width * scale), round(image.height * scale))).save(copy, quality=80)
    for annotator in (SENIOR, JUNIOR):
        label = json.loads(label_file(root, "train", film_id, annotator).read_text(encoding="utf-8"))
        label["ceph_id"] = name
        for entry in label["landmarks"]:
            entry["value"] = {axis: round(value * scale) for axis, value in entry["value"].items()}
        label_file(root, split, name, annotator).write_text(json.dumps(label), encoding="utf-8")


def check(*arguments: object) -> int:
    """Run ``cephkit check``."""
    return cephkit(["check", *map(str, arguments)])
