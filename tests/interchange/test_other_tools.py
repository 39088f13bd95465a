"""What the tools themselves make of our files: datumaro, which CVAT and others build on, and Label Studio's converter.

They want other versions of pandas and numpy than cephkit, so they stay out of the ``dev`` extra: docs/export.md says
how to run these tests. ``CEPHKIT_TOOLS_PYTHON`` is a Python that has them.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cephkit.commands.export import main as export
from cephkit.data.film import Points
from cephkit.interchange.coco import FILE, read_coco
from cephkit.interchange.label_studio import CONFIGURATION, TASKS
from cephkit.landmarks.shipped import AARIZ
from tests.interchange.films import HEIGHT, WIDTH, face, write_picture, write_prediction
from tests.interchange.test_label_studio_reader import annotation, write

TOOLS = os.environ.get("CEPHKIT_TOOLS_PYTHON")

pytestmark = pytest.mark.skipif(TOOLS is None, reason="CEPHKIT_TOOLS_PYTHON names no Python with the tools")

FILMS = ("1.2.840.1.png", "a b.png")


def points_of(file: str) -> Points:
    points = face(FILMS.index(file) + 3)
    del points["Co"]
    return points


def exported(tmp_path: Path, tool: str) -> Path:
    for file in FILMS:
        film = {"file": file, "width": WIDTH, "height": HEIGHT}
        write_prediction(tmp_path / "in" / f"{file}.json", points_of(file), missing=["Co"], film=film)
    export([str(tmp_path / "in"), "--format", tool, "--out", str(tmp_path / tool)])
    return tmp_path / tool


def told(script: str, *arguments: object) -> Any:
    """What ``script`` prints as its last line, JSON, in the tools' Python."""
    assert TOOLS is not None
    done = subprocess.run(
        [TOOLS, "-c", script, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


DATUMARO = """
import json, sys
from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset
found = Dataset.import_from(sys.argv[1], sys.argv[2])
labels = [label.name for label in found.categories()[AnnotationType.label]]
print(json.dumps([labels, {item.media.path.replace(chr(92), "/").rpartition("/")[2]: [
    [labels[one.label], one.points, [int(seen) for seen in one.visibility]]
    for one in item.annotations if one.type == AnnotationType.points] for item in found}]))
"""


def test_datumaro_reads_our_cvat(tmp_path: Path) -> None:
    folder = exported(tmp_path, "cvat")
    for file in FILMS:
        write_picture(folder / "images" / file, WIDTH, HEIGHT)
    labels, films = told(DATUMARO, folder, "cvat")
    assert labels == ["face", *AARIZ.symbols]
    assert set(films) == set(FILMS)
    for file, found in films.items():
        points = {symbol: (x - 0.5, y - 0.5) for symbol, (x, y), _ in found}
        # It rounds to 0.01 px, and knows no "outside" of images: a landmark that is missing stands at the corner.
        assert points.pop("Co") == (-0.5, -0.5)
        assert set(points) == set(points_of(file))
        for symbol, point in points_of(file).items():
            assert points[symbol] == pytest.approx(point, abs=0.006)


def test_datumaro_reads_our_coco(tmp_path: Path) -> None:
    folder = exported(tmp_path, "coco")
    (folder / "annotations").mkdir()
    shutil.move(folder / FILE, folder / "annotations" / "person_keypoints_all.json")
    for file in FILMS:
        write_picture(folder / "images" / "all" / file, WIDTH, HEIGHT)
    labels, films = told(DATUMARO, folder, "coco_person_keypoints")
    assert labels[0] == "face"
    assert set(films) == set(FILMS)
    for file, ((label, flat, visible),) in films.items():
        assert label == "face"
        pairs = zip(AARIZ.symbols, zip(flat[::2], flat[1::2], strict=True), visible, strict=True)
        points = {symbol: point for symbol, point, seen in pairs if seen}
        assert set(points) == set(points_of(file))
        for symbol, point in points_of(file).items():
            assert points[symbol] == pytest.approx(point, abs=0.006)


LABEL_STUDIO = """
import json, sys
from pathlib import Path
from label_studio_sdk.converter import Converter
converter = Converter(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[3], download_resources=False)
converter.convert_to_coco(sys.argv[2], sys.argv[3], is_dir=False)
print(json.dumps("COCO" in converter.supported_formats))
"""


def test_label_studio_makes_coco_of_our_project_and_we_read_it(tmp_path: Path) -> None:
    folder = exported(tmp_path, "label_studio")
    tasks = json.loads((folder / TASKS).read_text(encoding="utf-8"))
    for number, task in enumerate(tasks):
        (prediction,) = task.pop("predictions")
        task |= {"id": number, "annotations": [{"id": number, **annotation(*prediction["result"])}]}
    write(folder / "project.json", *tasks)
    assert told(LABEL_STUDIO, folder / CONFIGURATION, folder / "project.json", folder / "coco") is True
    read = read_coco(folder / "coco" / "result.json")
    assert {film.file for film in read.records} == set(FILMS)
    for film in read.records:
        assert set(film.points) == set(points_of(film.file))
        for symbol, point in points_of(film.file).items():
            # It rounds to whole pixels.
            assert film.points[symbol] == pytest.approx(point, abs=0.501)
