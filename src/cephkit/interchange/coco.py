"""COCO keypoints: one category ``face`` with the landmarks as keypoints in canonical order, read by pycocotools.

COCO counts keypoints from the centre of the first pixel, as cephkit does, so they stay as they are. Boxes count from
the corner of the first pixel: a face's box covers the pixels of its landmarks, from the first one's left edge to the
last one's right edge. Source: the data format of cocodataset.org, and its readers, which add half a pixel to keypoints
(Detectron2, ``transform_keypoint_annotations``) and none to boxes.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cephkit.data.film import Points
from cephkit.data.json_values import count, number, object_list, read_json
from cephkit.data.spacing import Spacing
from cephkit.errors import LabelError, SettingsError
from cephkit.files import json_bytes
from cephkit.interchange.address import film_files
from cephkit.interchange.films import LABEL, Files, edges, mean_score, schema_of_all, size_of
from cephkit.interchange.imported import Imported, Kind, Reading, put, record_of_file
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.notice import NOTICE, VERSION
from cephkit.records.record import LandmarkRecord

FILE = "coco_keypoints.json"
ABSENT, HIDDEN, VISIBLE = 0, 1, 2
"""COCO's visibility: not labelled, labelled though hidden, labelled; an X-ray hides nothing, so 1 is never written."""


CORNER = 0.5
"""Where the centre of the first pixel lies in Label Studio's COCO, which counts from the corner, in whole pixels."""


def coco_files(films: Sequence[LandmarkRecord]) -> Files:
    """Make one file for all films."""
    return {FILE: lambda: json_bytes(coco_json(films))}


def coco_json(films: Sequence[LandmarkRecord]) -> dict[str, Any]:
    """Return all films as a COCO data set; a film without landmarks is an image without annotation.

    ``area`` and ``segmentation`` are those of the box, for want of an outline, since readers ask for both; ``score`` is
    the mean of the scores of a prediction.
    """
    schema = schema_of_all(films)
    return {
        "info": {
            "description": f"Landmarks on lateral cephalograms. {NOTICE}",
            "version": f"cephkit {VERSION}",
            "notice": NOTICE,
        },
        "licenses": [],
        "categories": [
            {
                "id": 1,
                "name": LABEL,
                "supercategory": LABEL,
                "keypoints": list(schema.symbols),
                "skeleton": [
                    [schema.symbols.index(start) + 1, schema.symbols.index(end) + 1] for start, end in edges(schema)
                ],
            }
        ],
        "images": [_image(number, film) for number, film in enumerate(films, start=1)],
        "annotations": [_annotation(number, film, schema) for number, film in enumerate(films, start=1) if film.points],
    }


def _image(number: int, film: LandmarkRecord) -> dict[str, Any]:
    height, width = size_of(film)
    hashed = {"hash": film.film_hash} if film.film_hash else {}
    spacing = film.spacing
    sides = {} if spacing is None else {"row_mm": spacing.row_mm, "column_mm": spacing.column_mm}
    return {"id": number, "file_name": film.file, "width": width, "height": height, **sides, **hashed}


def _annotation(number: int, film: LandmarkRecord, schema: LandmarkSchema) -> dict[str, Any]:
    points = film.points
    keypoints: list[float] = []
    for symbol in schema.symbols:
        keypoints += (*points[symbol], VISIBLE) if symbol in points else (0, 0, ABSENT)
    left, top = (min(point[axis] for point in points.values()) for axis in (0, 1))
    width, height = (max(point[axis] for point in points.values()) + 1 - low for axis, low in ((0, left), (1, top)))
    right, bottom = left + width, top + height
    return {
        "id": number,
        "image_id": number,
        "category_id": 1,
        "iscrowd": 0,
        "keypoints": keypoints,
        "num_keypoints": len(points),
        "bbox": [left, top, width, height],
        "area": width * height,
        "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
        **mean_score(film),
    }


def read_coco(path: Path, reading: Reading | None = None) -> Imported:
    """Read a COCO file. Keypoints have the names that the category gives them.

    An image may say how large its pixels are: ``spacing`` in mm, or ``row_mm`` and ``column_mm``.

    Raises:
        LabelError: not COCO keypoints, an unknown keypoint, a category or image that is not there, a number or a
            visibility that cannot be one, or two faces on one film.
    """
    reading = reading or Reading()
    content = read_json(path)
    if not isinstance(content, dict):
        raise LabelError("not an object with images, annotations and categories", "export COCO keypoints", path)
    categories, images = _by_id(content, "categories", path), _by_id(content, "images", path)
    info = content.get("info")
    by_label_studio = isinstance(info, dict) and info.get("contributor") == "Label Studio"
    first = CORNER if by_label_studio else 0.0
    found: dict[str, LandmarkRecord] = {}
    ignored: Counter[Kind] = Counter()
    for entry in object_list(content, "annotations", path):
        where = f"{path}: annotation {json.dumps(entry.get('id')):.40}"
        if "keypoints" not in entry:
            ignored[_SHAPE] += 1
            continue
        image_id = repr(entry.get("image_id"))
        image, category = images.get(image_id), categories.get(repr(entry.get("category_id")))
        with reading.film((image or {}).get("file_name")):
            if image is None or category is None:
                raise LabelError("its image_id or category_id is not in the file", "correct it", where)
            names = category.get("keypoints", list(reading.unnamed) or None)
            points = _points(entry["keypoints"], names, where, first, reading)
            if not points:
                ignored[_UNMARKED] += 1
                continue
            if image_id in found:
                raise LabelError("its film has a face already", "keep one of them", where)
            width, height = (
                count(image.get(side), f"{side} of its image", where, digits=True) for side in ("width", "height")
            )
            files = film_files(str(image.get("file_name") or ""), where, by_label_studio=by_label_studio)
            record = record_of_file(files, points, (height, width), where, reading.schema)
            found[image_id] = replace(record, spacing=_spacing(image, where))
    return Imported(list(found.values()), len(images) - len(found), ignored)


_SHAPE = Kind("annotation has no keypoints", "annotations have no keypoints")
_UNMARKED = Kind("annotation has no keypoint that is labelled", "annotations have no keypoint that is labelled")


def _by_id(content: dict[str, Any], key: str, path: Path) -> dict[str, dict[str, Any]]:
    """Return the objects under ``key`` by their id, which may be anything."""
    entries = object_list(content, key, path)
    found = {repr(entry.get("id")): entry for entry in entries}
    if len(found) != len(entries):
        raise LabelError(f'two of "{key}" have one id', "correct it", path)
    return found


def _spacing(image: Mapping[str, Any], where: str) -> Spacing | None:
    """Return the pixel size that an image's entry gives, if any."""
    given = image.get("spacing")
    sides = (given, given) if given is not None else (image.get("row_mm"), image.get("column_mm"))
    if sides == (None, None):
        return None
    row, column = (number(side, "pixel size of its image", where, digits=True) for side in sides)
    try:
        return Spacing(row, column, "COCO")
    except SettingsError as error:
        raise LabelError(f"no film has its pixel size ({error!s:.80})", "correct it", where) from error


def _points(keypoints: Any, names: Any, where: str, first: float, reading: Reading) -> Points:
    """Return the labelled points; ``first`` is where the centre of the first pixel lies in the file's coordinates."""
    if not isinstance(names, list) or not isinstance(keypoints, list) or len(keypoints) != 3 * len(names):
        raise LabelError("keypoints do not fit the names of its category", "correct it", where)
    points: Points = {}
    for name, (x, y, visible) in zip(names, zip(*[iter(keypoints)] * 3, strict=True), strict=True):
        if isinstance(visible, bool) or visible not in (ABSENT, HIDDEN, VISIBLE):
            raise LabelError(
                f"visibility of {name!r:.40} is {visible!r:.40}, expected 0 (not labelled), 1 or 2",
                "scores have no place there: give labels, not a detector's results",
                where,
            )
        if visible != ABSENT:
            put(points, name, x, y, where, reading)
    return {symbol: (x - first, y - first) for symbol, (x, y) in points.items()}
