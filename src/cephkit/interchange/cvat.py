"""CVAT: annotations as ``CVAT for images 1.1`` with one skeleton per face, and the labels for creating the task.

CVAT counts from the picture's corner, so the centre of the first pixel is at 0.5. A landmark that was not found is an
``outside`` element of the skeleton, without a place: CVAT wants every element of a skeleton. Sources: CVAT's
documentation of its XML format, and its reader, cvat/apps/dataset_manager/formats/cvat.py.
"""

import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from cephkit.data.film import Points
from cephkit.data.json_values import count, number, read_bytes
from cephkit.errors import LabelError
from cephkit.files import json_bytes
from cephkit.interchange.address import film_files
from cephkit.interchange.films import LABEL, Files, colour, edges, layout, schema_of_all, size_of
from cephkit.interchange.imported import Imported, Kind, Reading, put, record_of_file
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.notice import NOTICE
from cephkit.records.record import LandmarkRecord

ANNOTATIONS, LABELS = "cvat_annotations.xml", "cvat_labels.json"
CENTRE = 0.5
"""Of the first pixel, in CVAT's coordinates."""


def cvat_files(films: Sequence[LandmarkRecord]) -> Files:
    """Make the annotations of all films, and the labels."""
    return {ANNOTATIONS: lambda: annotations(films), LABELS: lambda: json_bytes(labels(schema_of_all(films)))}


def annotations(films: Sequence[LandmarkRecord]) -> bytes:
    """Return all films as one XML; a film without landmarks is an image without skeleton."""
    schema = schema_of_all(films)
    root = ElementTree.Element("annotations")
    root.append(ElementTree.Comment(f" {NOTICE} "))
    ElementTree.SubElement(root, "version").text = "1.1"
    root.append(_meta(len(films), schema))
    for index, film in enumerate(films):
        height, width = size_of(film)
        size = {"width": str(width), "height": str(height)}
        image = ElementTree.SubElement(root, "image", {"id": str(index), "name": film.file, **size})
        if film.points:
            _put_skeleton(image, film.points, schema)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _meta(images: int, schema: LandmarkSchema) -> ElementTree.Element:
    """Describe the task as CVAT does, without owner and times: readers take the labels from here."""
    meta = ElementTree.Element("meta")
    task = ElementTree.SubElement(meta, "task")
    for tag, text in (("name", LABEL), ("size", str(images)), ("mode", "annotation")):
        ElementTree.SubElement(task, tag).text = text
    listed = ElementTree.SubElement(task, "labels")
    (face,) = labels(schema)
    for label in (face, *face["sublabels"]):
        entry = ElementTree.SubElement(listed, "label")
        for tag in ("name", "color", "type"):
            ElementTree.SubElement(entry, tag).text = label[tag]
        ElementTree.SubElement(entry, "attributes")
        if label is face:
            ElementTree.SubElement(entry, "svg").text = face["svg"]
        else:
            ElementTree.SubElement(entry, "parent").text = LABEL
    return meta


def _put_skeleton(image: ElementTree.Element, points: Points, schema: LandmarkSchema) -> None:
    skeleton = ElementTree.SubElement(image, "skeleton", {"label": LABEL, "source": "file", "z_order": "0"})
    for symbol in schema.symbols:
        x, y = points.get(symbol, (-CENTRE, -CENTRE))
        ElementTree.SubElement(
            skeleton,
            "points",
            {
                "label": symbol,
                "source": "file",
                "occluded": "0",
                "outside": "0" if symbol in points else "1",
                "points": f"{x + CENTRE:.4f},{y + CENTRE:.4f}",
            },
        )


def labels(schema: LandmarkSchema) -> list[dict[str, Any]]:
    """Return what CVAT's label constructor takes under Raw: the skeleton, its points, and its drawing."""
    return [
        {
            "name": LABEL,
            "color": "#56b4e9",
            "type": "skeleton",
            "attributes": [],
            "sublabels": [
                {"name": landmark.symbol, "color": colour(landmark), "type": "points", "attributes": []}
                for landmark in schema
            ],
            "svg": _drawing(schema),
        }
    ]


def _drawing(schema: LandmarkSchema) -> str:
    place = layout(schema)
    lines = [
        f'<line x1="{place[start][0]}" y1="{place[start][1]}" x2="{place[end][0]}" y2="{place[end][1]}" '
        f'stroke="black" stroke-width="0.5" data-type="edge" data-node-from="{schema.symbols.index(start) + 1}" '
        f'data-node-to="{schema.symbols.index(end) + 1}"></line>'
        for start, end in edges(schema)
    ]
    circles = [
        f'<circle r="1.5" cx="{place[symbol][0]}" cy="{place[symbol][1]}" stroke="black" '
        f'fill="{colour(schema[symbol])}" stroke-width="0.1" data-type="element node" data-element-id="{index}" '
        f'data-node-id="{index}" data-label-name={quoteattr(symbol)}></circle>'
        for index, symbol in enumerate(schema.symbols, start=1)
    ]
    return "".join([*lines, *circles])


class _PlainTree(ElementTree.TreeBuilder):
    """Refuses a document type, and with it every entity that could expand, in any encoding."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise _TypedError


class _TypedError(Exception):
    """An XML has a document type."""


def read_cvat(path: Path, reading: Reading | None = None) -> Imported:
    """Read a ``CVAT for images 1.1`` file.

    Points may be elements of a skeleton or stand alone; those that are outside are missing.

    Raises:
        LabelError: another kind of XML, an unknown label, a label twice, a bad point, or two faces on one image.
    """
    reading = reading or Reading()
    root = _root(path)
    found = []
    ignored: Counter[Kind] = Counter()
    images = root.findall("image")
    for image in images:
        where = f"{path}: image {image.get('name', '')!r:.80}"
        ignored.update(_kind(element.tag) for element in image if element.tag not in ("points", "skeleton"))
        with reading.film(image.get("name", "")):
            skeletons = image.findall("skeleton")
            if len(skeletons) > 1:
                raise LabelError(f"{len(skeletons)} faces", "keep one of them", where)
            points: Points = {}
            for element in (*image.findall("points"), *image.findall("skeleton/points")):
                if element.get("outside") == "1":
                    ignored[_OUTSIDE] += 1
                    continue
                x, y = _numbers(element.get("points", ""), where)
                put(points, element.get("label"), x - CENTRE, y - CENTRE, where, reading)
            if points:
                width, height = (count(image.get(side), side, where, digits=True) for side in ("width", "height"))
                names = film_files(image.get("name", ""), where)
                found.append(record_of_file(names, points, (height, width), where, reading.schema))
    return Imported(found, len(images) - len(found), ignored)


_OUTSIDE = Kind("point is marked outside", "points are marked outside")


def _kind(tag: str) -> Kind:
    name = f"{tag:.40}"
    return Kind(f"{name} is not a point", f"{name}{'es' if name.endswith('x') else 's'} are not points")


def _root(path: Path) -> ElementTree.Element:
    data = read_bytes(path)
    try:
        root: ElementTree.Element = ElementTree.fromstring(data, ElementTree.XMLParser(target=_PlainTree()))
    except _TypedError:
        raise LabelError("has a document type, which CVAT never writes", "export it again", path) from None
    except ElementTree.ParseError as error:
        raise LabelError(f"not XML: {error}", "unpack CVAT's archive and give annotations.xml", path) from error
    except (LookupError, ValueError, RecursionError) as error:
        raise LabelError(f"XML in an encoding that cannot be read: {error!s:.80}", "save it as UTF-8", path) from error
    if root.tag != "annotations" or root.find("track") is not None:
        raise LabelError("holds no annotations of images", "export as CVAT for images 1.1", path)
    return root


def _numbers(written: str, where: str) -> tuple[float, float]:
    parts = written.split(",")
    if len(parts) != 2 or ";" in written:
        raise LabelError(f"a point is {written!r:.60}, expected x,y", "correct it", where)
    x, y = (number(part, "a coordinate", where, digits=True) for part in parts)
    return x, y
