"""Writes a synthetic data set: films, labels, CVM stages and machine map in the Aariz layout."""

import json
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import repeat
from os import cpu_count
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.film import SPLITS, Points, Split
from cephkit.data.labels import landmarks_json
from cephkit.data.synthetic.render import render
from cephkit.data.synthetic.shapes import JUNIOR_FACTOR, annotate, draw_face, table
from cephkit.errors import DataError
from cephkit.files import csv_bytes
from cephkit.notice import Notify

USUAL_HEIGHT_PX = 2220
"""Height of a film of the most common machine: 222 mm at 0.1 mm per pixel."""
MARK = "Synthetic cephalograms made by cephkit"
MAP_NAME, README_NAME = "cephalogram_machine_mappings.csv", "Readme.txt"
MAP_COLUMNS = ("cephalogram_id", "machine", "pixel_size", "image_format", "mode")
PIXEL_SIZE_DIGITS = 6
FEW_FILMS = 8
"""This many are drawn in the time that other processes take to start."""
Mode = Literal["RGB", "L", "I;16"]

# Twenty films: 14 train, 3 valid, 3 test, as in Aariz; the first three cover all splits, so that a small set has each.
SPLIT_OF: tuple[Split, ...] = tuple(
    {1: "valid", 8: "valid", 15: "valid", 2: "test", 9: "test", 16: "test"}.get(place, "train")  # type: ignore[misc]
    for place in range(20)
)
# Shares in Aariz: 820 RGB, 178 of 8-bit grey, 2 of 16-bit grey, which only PNG supports.
MODES: tuple[tuple[Mode, float], ...] = (("RGB", 0.82), ("L", 0.178), ("I;16", 0.002))


@dataclass(frozen=True)
class Written:
    """One film's row in the machine map."""

    film_id: str
    machine: str
    pixel_size_mm: float
    ending: str
    split: Split


def synthesize(
    out: Path, films: int, seed: int = 0, height: int = 1024, workers: int | None = None, overwrite: bool = False,
    notify: Notify = print,
) -> None:  # fmt: skip
    """Write ``films`` synthetic films to ``out``. Film ``i`` depends on ``seed``, ``height`` and ``i`` only.

    Args:
        out: a new or empty folder.
        films: how many.
        seed: seed of everything random.
        height: pixels to which the most common film, 222 mm at 0.1 mm per pixel, is scaled down; other machines' films
            are scaled likewise, and pixel sizes grow accordingly, so that mm stay true. 0: the machines' own sizes.
        workers: number of processes; None for one per core if there are enough films.
        overwrite: replace an earlier synthetic data set at ``out``.
        notify: takes lines for the user.

    Raises:
        DataError: ``out`` contains something else, or cannot be written.
    """
    out = Path(out).absolute()
    if films < 1 or (height and height < 128):
        raise DataError(f"cannot make {films} films of height {height}", "make at least 1, of 128 pixels or more, or 0")
    _make_room(out, overwrite)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as beside:
            unfinished = Path(beside) / out.name
            written = _write_films(unfinished, films, seed, height, workers)
            _write_map(unfinished, written)
            _write_readme(unfinished, films, seed)
            if out.exists():
                shutil.rmtree(out)
            unfinished.replace(out)
    except OSError as error:
        raise DataError(f"cannot be written ({error})", "free disk space or choose another --out", out) from error
    splits = ", ".join(
        f"{sum(film.split == split for film in written)} {split}" for split in ("train", "valid", "test")
    )
    notify(f"{films} synthetic films ({splits}) in {out}")


def _write_films(root: Path, films: int, seed: int, height: int, workers: int | None) -> list[Written]:
    """Write all films below ``root``, in order, with ``workers`` processes."""
    if workers is None:
        workers = 1 if films <= FEW_FILMS else cpu_count() or 1
    arguments = (repeat(root), range(films), repeat(seed), repeat(height))
    if min(workers, films) <= 1:
        return list(map(write_film, *arguments))
    try:
        with ProcessPoolExecutor(min(workers, films)) as pool:
            return list(pool.map(write_film, *arguments, chunksize=4))
    except BrokenProcessPool as error:
        raise DataError(
            "a process that draws films ended early: memory ran out, or a script called synthesize() outside "
            "`if __name__ == '__main__':`",
            "draw with one process (workers=1)",
        ) from error


def write_film(root: Path, index: int, seed: int, height: int) -> Written:
    """Draw and write film ``index`` and its labels below ``root``."""
    face_rng, film_rng, label_rng = (
        np.random.default_rng(sequence) for sequence in np.random.SeedSequence([seed, index]).spawn(3)
    )
    face = draw_face(face_rng)
    height_mm, width_mm = face.machine.film_mm
    reduction = USUAL_HEIGHT_PX / height if height else 1.0
    pixel_mm = round(face.machine.pixel_size_mm * reduction, PIXEL_SIZE_DIGITS)
    size = (round(height_mm / pixel_mm), round(width_mm / pixel_mm))
    points = face.points(pixel_mm)
    film = render(points, pixel_mm, size, face.cvm_stage, film_rng)
    film_id, split = f"synthetic{index:05d}", SPLIT_OF[index % len(SPLIT_OF)]
    folder = root / split
    path = folder / "Cephalograms" / f"{film_id}.{face.machine.ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(film, path, film_rng)
    for annotator, factor in (("Senior Orthodontists", 1.0), ("Junior Orthodontists", JUNIOR_FACTOR)):
        marks = annotate(points, pixel_mm, size, factor, label_rng)
        _write_json(folder / "Annotations" / "Cephalometric Landmarks" / annotator / f"{film_id}.json", film_id, marks)
    stage = {"ceph_id": film_id, "cvm_stage": {"title": f"CVM-S{face.cvm_stage}", "value": face.cvm_stage}}
    _dump(folder / "Annotations" / "CVM Stages" / f"{film_id}.json", stage)
    return Written(film_id, face.machine.name, pixel_mm, face.machine.ending, split)


def _save(film: NDArray[np.uint8], path: Path, rng: np.random.Generator) -> None:
    modes, shares = zip(*MODES, strict=True)
    mode = modes[int(rng.choice(len(modes), p=shares))]
    if mode == "I;16" and path.suffix == ".png":
        # 12 bits of grey in 16, as from digital sensors.
        Image.fromarray((film.astype(np.uint16) << 4) + 8).save(path)
        return
    image = Image.fromarray(film)
    picture = image.convert("RGB") if mode == "RGB" else image
    if path.suffix in (".jpg", ".jpeg"):
        picture.save(path, quality=92)
    elif path.suffix == ".png":
        picture.save(path, compress_level=1)  # grain hardly compresses, and trying harder takes longer than drawing
    else:
        picture.save(path)


def _write_json(path: Path, film_id: str, marks: Points) -> None:
    _dump(path, landmarks_json(film_id, marks))


def _dump(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")


def _write_map(root: Path, written: list[Written]) -> None:
    rows = [
        {
            "cephalogram_id": film.film_id,
            "machine": film.machine,
            "pixel_size": f"{film.pixel_size_mm:.{PIXEL_SIZE_DIGITS}f}".rstrip("0"),
            "image_format": film.ending,
            "mode": film.split.capitalize(),
        }
        for film in written
    ]
    (root / MAP_NAME).write_bytes(csv_bytes(MAP_COLUMNS, rows))


def _write_readme(root: Path, films: int, seed: int) -> None:
    text = (
        f"{MARK}: {films} films, seed {seed}.\n\nNo patient is shown. Each film is drawn by a program "
        "around landmarks that are drawn at random\nfrom the mean and the principal components of real annotations.\n\n"
        f"{table()['source']}.\n\nFor trying software, not for research results, and not a medical device.\n"
    )
    (root / README_NAME).write_bytes(text.encode())


def _make_room(out: Path, overwrite: bool) -> None:
    """Refuse a folder that contains something else.

    Raises:
        DataError: see ``synthesize``.
    """
    if out.is_file():
        raise DataError("is a file", "choose a folder with --out", out)
    if not out.is_dir() or not any(out.iterdir()):
        return
    readme = out / README_NAME
    ours = readme.is_file() and readme.read_text(encoding="utf-8", errors="replace").startswith(MARK)
    visible = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    strange = sorted(visible - {*SPLITS, MAP_NAME, README_NAME, "Thumbs.db"})
    if ours and strange:
        raise DataError(
            f"contains {strange[0]} beside a synthetic data set", "move it away or choose another --out", out
        )
    if not ours:
        raise DataError("is not empty and was not made by cephkit synthesize", "choose another --out", out)
    if not overwrite:
        raise DataError("contains a synthetic data set", "choose another --out or replace it with --overwrite", out)
