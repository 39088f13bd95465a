"""Every reader of others' landmarks meets odd files: it reads them or refuses them with a message, and nothing else."""

import contextlib
import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cephkit.commands.export import main as export
from cephkit.errors import LabelError
from cephkit.evaluation.scoring import read_predictions
from cephkit.interchange.aariz import imported_files
from cephkit.interchange.coco import FILE, read_coco
from cephkit.interchange.cvat import ANNOTATIONS, read_cvat
from cephkit.interchange.films import read_records
from cephkit.interchange.imported import Imported
from cephkit.interchange.label_studio import TASKS
from cephkit.interchange.label_studio_reader import read_label_studio
from cephkit.landmarks.shipped import AARIZ
from cephkit.records.reader import read_record
from cephkit.records.record import LandmarkRecord
from tests.interchange.films import face, write_prediction
from tests.interchange.test_label_studio_reader import annotation, minimal, region

ODD: tuple[Any, ...] = (
    *(None, True, 0, 3, -1, 1.5, 1e308, -1e308, 10**400, float("nan"), float("inf"), 2**63, "1e5", "\u0661\u0662"),
    *("", "A", "N`", "\ud800", "\x00", "data:image/png;base64,AAA", "../../x", "C:\\x", "x" * 300, "x" * 5000),
    *("2026-13-45", "9999-12-31T23:59:59+23:59", "/data/local-files/?d=", "http://[x", "%ff", [], {}, [[]], [1]),
    *(["A"], {"A": 1}, {"x": 1, "y": 2}, [1, 2, 3], [None] * 29, {"": {}}),
)
REMOVED = object()
XML_HEADS = tuple(
    f'<?xml version="1.0" encoding="{encoding}"?>'
    for encoding in ("foo", "base64", "undefined", "utf-16", "shift_jis", "idna", "zlib", "utf-7", "\u00e9", "")
)


def places(
    content: Any, place: tuple[Any, ...] = (), kind: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Where something stands in ``content``, and of which kind that place is: all landmarks and entries are alike."""
    yield kind, place
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in parts:
        alike = "*" if isinstance(key, int) or key in AARIZ.symbols else key
        yield from places(value, (*place, key), (*kind, alike))


def changed(content: Any) -> Iterator[bytes]:
    """``content`` with one place of each kind removed, or holding something odd."""
    for place in dict(reversed(list(places(content)))).values():
        for odd in (*ODD, REMOVED):
            other = copy.deepcopy(content)
            if not place:
                other = None if odd is REMOVED else odd
            else:
                *way, last = place
                holder = other
                for key in way:
                    holder = holder[key]
                if odd is REMOVED:
                    del holder[last]
                else:
                    holder[last] = odd
            yield json.dumps(other).encode()


def damaged(data: bytes, rng: random.Random, number: int) -> Iterator[bytes]:
    """``data`` cut, overwritten, repeated, nested, or in another encoding."""
    for _ in range(number):
        start, length = rng.randrange(len(data)), rng.randrange(1, 60)
        yield data[:start]
        yield data[:start] + data[start + length :]
        yield data[:start] + rng.randbytes(3) + data[start + 3 :]
        yield data[:start] + data[start : start + length] * 20 + data[start:]
        yield data[:start] + rng.choice((b"[" * 5000, b'{"a":' * 5000, b"9" * 5000, b"<a>" * 500, b"&lol;", b"1e999"))
    for encoding in ("utf-16", "utf-32", "utf-16-le", "cp037"):
        yield data.decode().encode(encoding)


def exported_records(path: Path) -> list[LandmarkRecord]:
    return read_records([path])


def read_by(reader: Callable[[Path], Any], path: Path, contents: Iterator[bytes]) -> int:
    """How many contents were met; what is read is written again, or becomes label files."""
    number = 0
    for content in contents:
        number += 1
        path.write_bytes(content)
        with contextlib.suppress(LabelError):
            read = reader(path)
            if isinstance(read, LandmarkRecord):
                read.reviewed().to_json()
                read.to_csv()
            if isinstance(read, Imported):
                for make in imported_files(read.records).values():
                    make()
    return number


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What cephkit writes, and what tools write back."""
    folder = tmp_path_factory.mktemp("seeds")
    points = {symbol: point for symbol, point in face(7).items() if symbol in ("A", "N", "Pog`")}
    regions = {symbol: [[4.0, 1.0], [1.0, 2.0]] for symbol in points}
    file = write_prediction(
        folder / "in" / "f.json", points, missing=["Co"], regions_90=regions, look=["A"], notes=["n"]
    )
    for tool in ("coco", "cvat", "label_studio"):
        export([str(file), "--format", tool, "--out", str(folder)])
    (task,) = json.loads((folder / TASKS).read_text(encoding="utf-8"))
    (prediction,) = task.pop("predictions")
    task |= {"id": 1, "annotations": [annotation(*prediction["result"])]}
    return {
        "prediction": file.read_bytes(),
        "points": json.dumps({"f": {symbol: list(point) for symbol, point in points.items()} | {"Co": None}}).encode(),
        "coco": (folder / FILE).read_bytes(),
        "tasks": json.dumps([task]).encode(),
        "minimal": json.dumps([minimal(region())]).encode(),
        "cvat": (folder / ANNOTATIONS).read_bytes(),
    }


@pytest.mark.parametrize(
    ("seed", "reader"),
    [
        ("prediction", read_record),
        ("prediction", exported_records),
        ("prediction", read_predictions),
        ("points", read_predictions),
        ("coco", read_coco),
        ("tasks", read_label_studio),
        ("minimal", read_label_studio),
    ],
)
def test_odd_values_in_every_place(
    tmp_path: Path, seeds: dict[str, bytes], seed: str, reader: Callable[[Path], Any]
) -> None:
    assert read_by(reader, tmp_path / "f.json", changed(json.loads(seeds[seed]))) > 150


@pytest.mark.parametrize(
    ("seed", "reader"),
    [
        ("prediction", read_record),
        ("prediction", read_predictions),
        ("coco", read_coco),
        ("tasks", read_label_studio),
        ("cvat", read_cvat),
    ],
)
def test_damaged_bytes(tmp_path: Path, seeds: dict[str, bytes], seed: str, reader: Callable[[Path], Any]) -> None:
    assert read_by(reader, tmp_path / "f", damaged(seeds[seed], random.Random(seed), 20)) == 104


def test_odd_attributes_and_encodings_of_xml(tmp_path: Path, seeds: dict[str, bytes]) -> None:
    text = seeds["cvat"].decode()
    odd = [str(value).replace('"', "").replace("<", "").replace("\x00", "").replace("\ud800", "") for value in ODD]
    contents = [
        text.replace(f'{name}="{old}"', f'{name}="{value}"', 1).encode()
        for name in ("points", "label", "width", "height", "name", "outside")
        for old in [text.partition(f' {name}="')[2].partition('"')[0]]
        for value in odd
    ]
    body = text.partition("?>")[2]
    contents += [(head + body.replace("face", "fac\u00e9")).encode() for head in XML_HEADS]
    assert read_by(read_cvat, tmp_path / "f.xml", iter(contents)) == len(contents) > 200
