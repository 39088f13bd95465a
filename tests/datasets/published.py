"""Small folders in the layouts of publishers and tools, for the tests of their readers."""

import csv
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cephkit.data.film import Points
from cephkit.datasets.find import find_dataset
from cephkit.datasets.layout import LayoutSource
from cephkit.landmarks.shipped import shipped
from cephkit.settings.options import DataSet

SIZE = (240, 194)
"""(height, width) of the films: those of the face below lie on them."""
ISBI = shipped("isbi2015").symbols
CL = shipped("cl_detection2023").symbols


def picture(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A film of noise, another for each seed."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8))


def face(seed: int = 0, symbols: tuple[str, ...] = ISBI) -> Points:
    """A face that looks right, a little different for each seed; pixels of such a film."""
    from cephkit.data.synthetic.shapes import table

    mean = table()["mean_mm"].reshape(-1, 2)
    placed = 20 + (mean - mean.min(axis=0)) + np.random.default_rng(seed).normal(0, 0.4, 2)
    points = dict(zip(table()["symbols"], placed.round().tolist(), strict=True))
    for number, symbol in enumerate(symbol for symbol in symbols if symbol not in points):
        points[symbol] = [30.0 + 7 * number, 60.0 + 3 * number]
    return {symbol: (float(points[symbol][0]), float(points[symbol][1])) for symbol in symbols}


def isbi_text(points: Points, classes: bool = True, newline: str = "\r\n") -> str:
    """One annotator's file of one film."""
    lines = [f"{points[symbol][0]:.0f},{points[symbol][1]:.0f}" for symbol in ISBI]
    return newline.join([*lines, *(["1", "2", "3", "1", "2", "3", "1", "4"] if classes else []), ""])


def write_isbi(root: Path, numbers: tuple[int, ...] = (1, 2, 151, 301), labels: str = "AnnotationsByMD") -> Path:
    """The published folders, with small films."""
    for number in numbers:
        folder = "TrainingData" if number < 151 else "Test1Data" if number < 301 else "Test2Data"
        films = root / "RawImage" / folder
        films.mkdir(parents=True, exist_ok=True)
        picture(number).convert("RGB").save(films / f"{number:03d}.bmp")
        for annotator, seed in (("senior", number), ("junior", number + 1000)):
            place = root / labels / f"400_{annotator}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number:03d}.txt").write_text(isbi_text(face(seed)), encoding="utf-8", newline="")
    return root


def source(root: Path, **options: object) -> LayoutSource:
    """The data set in ``root``, recognised as one that is not in Aariz's layout."""
    found = find_dataset(DataSet(dataset_path=(root,), **options))  # type: ignore[arg-type]
    assert isinstance(found, LayoutSource)
    return found


def write_films(folder: Path, names: Sequence[str]) -> list[Path]:
    """Films called ``names``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        picture(sum(name.encode())).save(folder / name)
    return [folder / name for name in names]


def write_coco(path: Path, films: Mapping[str, Points], names: Sequence[str] | None = ISBI, **image: Any) -> Path:
    """A COCO file about ``films``; ``image`` is added to the entry of each image."""
    height, width = SIZE
    symbols = names or CL
    keypoints = {"keypoints": list(names)} if names else {}
    content = {
        "images": [
            {"id": number, "file_name": name, "height": height, "width": width, **image}
            for number, name in enumerate(films)
        ],
        "annotations": [
            {"id": number, "image_id": number, "category_id": 1,
             "keypoints": [value for symbol in symbols for value in (*points[symbol], 1)]}
            for number, points in enumerate(films.values())
        ],
        "categories": [
            {"id": 0, "name": "heads", "supercategory": "none"},
            {"id": 1, "name": "face" if names else "cephalometric", **keypoints},
        ],
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """A table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


CANVAS = (260, 220)
"""(height, width) of the films in a stack, padded."""


def cl_film(number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Film ``number``, from 1, of a stack: (H, W) uint8, without a black edge."""
    height, width = SIZE[0] + number, SIZE[1] - number
    return np.random.default_rng(number).integers(1, 255, (height, width), dtype=np.uint8)


def stack_bytes(films: int = 3, channels: int = 3, compressed: bool = True, **keys: object) -> bytes:
    """A stack as SimpleITK writes it; ``keys`` replace those of its header."""
    pixels = np.zeros((films, *CANVAS, channels), np.uint8)
    for number in range(1, films + 1):
        film = cl_film(number)
        pixels[number - 1, : film.shape[0], : film.shape[1]] = film[..., None]
    data = zlib.compress(pixels.tobytes()) if compressed else pixels.tobytes()
    header = {
        "ObjectType": "Image", "NDims": 3, "BinaryData": True, "BinaryDataByteOrderMSB": False,
        "CompressedData": compressed, **({"CompressedDataSize": len(data)} if compressed else {}),
        "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "0 0 0", "ElementSpacing": "1 1 1",
        "DimSize": f"{CANVAS[1]} {CANVAS[0]} {films}", "ElementNumberOfChannels": channels,
        "ElementType": "MET_UCHAR", "ElementDataFile": "LOCAL", **keys,
    }  # fmt: skip
    header["ElementDataFile"] = header.pop("ElementDataFile")  # the last one
    if channels == 1:
        del header["ElementNumberOfChannels"]
    return "".join(f"{key} = {value}\n" for key, value in header.items()).encode() + data


SCALES = ("0.1", "0.096", "0.1273")


def cl_labels(films: int = 3, as_text: bool = False) -> dict[str, Any]:
    """The labels of a stack."""
    points = [
        {"name": str(name) if as_text else name, "point": [*map(int, face(film, CL)[symbol]), film],
         "scale": SCALES[film % 3 - 1]}
        for film in range(1, films + 1)
        for name, symbol in enumerate(CL, start=1)
    ]  # fmt: skip
    return {"name": "Orthodontic landmarks", "type": "Multiple points", "points": points}


def write_cl(root: Path, films: int = 3, **stack: Any) -> Path:
    """The published folders of CL-Detection 2023, with small films."""
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    (root / "images" / "train_stack.mha").write_bytes(stack_bytes(films, **stack))
    (root / "labels" / "train-gt.json").write_text(json.dumps(cl_labels(films)), encoding="utf-8")
    return root
