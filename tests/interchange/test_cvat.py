import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from cephkit.commands.export import main
from cephkit.errors import LabelError
from cephkit.interchange.cvat import ANNOTATIONS, LABELS, read_cvat
from cephkit.landmarks.shipped import AARIZ
from tests.interchange.films import HEIGHT, WIDTH, face, write_prediction


def exported(tmp_path: Path) -> Path:
    points = face(7)
    del points["Co"]
    write_prediction(tmp_path / "in" / "f.json", points, missing=["Co"])
    write_prediction(tmp_path / "in" / "none.json", {})
    assert main([str(tmp_path / "in"), "--format", "cvat", "--out", str(tmp_path / "out")]) == 0
    return tmp_path / "out" / ANNOTATIONS


def test_the_xml_follows_cvats_rules(tmp_path: Path) -> None:
    root = ElementTree.parse(exported(tmp_path)).getroot()
    assert (root.tag, root.findtext("version")) == ("annotations", "1.1")
    film, none = root.findall("image")
    assert [image.get("id") for image in (film, none)] == ["0", "1"]
    assert (film.get("name"), film.get("width"), film.get("height")) == ("f.png", str(WIDTH), str(HEIGHT))
    assert list(none) == []
    (skeleton,) = film
    assert (skeleton.tag, skeleton.get("label"), skeleton.get("z_order")) == ("skeleton", "face", "0")
    assert [element.get("label") for element in skeleton] == list(AARIZ.symbols)
    points = face(7)
    for element in skeleton:
        symbol = element.get("label", "")
        assert (element.tag, element.get("occluded")) == ("points", "0")
        assert element.get("outside") == ("1" if symbol == "Co" else "0")
        x, y = map(float, element.get("points", "").split(","))
        # From the picture's corner: the centre of the first pixel is at 0.5.
        expected = (0.0, 0.0) if symbol == "Co" else tuple(value + 0.5 for value in points[symbol])
        assert (x, y) == pytest.approx(expected, abs=1e-4)


def test_the_labels_are_a_skeleton_whose_drawing_names_them(tmp_path: Path) -> None:
    exported(tmp_path)
    (label,) = json.loads((tmp_path / "out" / LABELS).read_text(encoding="utf-8"))
    assert (label["name"], label["type"], label["attributes"]) == ("face", "skeleton", [])
    assert [part["name"] for part in label["sublabels"]] == list(AARIZ.symbols)
    assert {part["type"] for part in label["sublabels"]} == {"points"}
    drawing = ElementTree.fromstring(f"<svg>{label['svg']}</svg>")
    circles = drawing.findall("circle")
    assert [circle.get("data-label-name") for circle in circles] == list(AARIZ.symbols)
    assert [circle.get("data-node-id") for circle in circles] == [str(number) for number in range(1, 30)]
    assert {circle.get("data-type") for circle in circles} == {"element node"}
    nodes = {circle.get("data-node-id"): (circle.get("cx"), circle.get("cy")) for circle in circles}
    for line in drawing.findall("line"):
        assert line.get("data-type") == "edge"
        assert (line.get("x1"), line.get("y1")) == nodes[line.get("data-node-from")]
        assert (line.get("x2"), line.get("y2")) == nodes[line.get("data-node-to")]


def test_it_comes_back_as_it_went(tmp_path: Path) -> None:
    read = read_cvat(exported(tmp_path))
    (film,) = read.records
    points = face(7)
    del points["Co"]
    assert (film.file, film.size, read.without) == ("f.png", (HEIGHT, WIDTH), 1)
    assert set(film.points) == set(points)
    for symbol, point in points.items():
        assert film.points[symbol] == pytest.approx(point, abs=1e-4)


def test_the_meta_names_every_label_and_nobody(tmp_path: Path) -> None:
    meta = ElementTree.parse(exported(tmp_path)).getroot().find("meta")
    assert meta is not None
    assert [label.findtext("name") for label in meta.iter("label")] == ["face", *AARIZ.symbols]
    assert [label.findtext("parent") for label in meta.iter("label")] == [None, *["face"] * 29]
    assert (meta.findtext("task/size"), meta.findtext("task/mode")) == ("2", "annotation")
    assert not {"owner", "assignee", "created", "updated", "dumped"} & {element.tag for element in meta.iter()}


@pytest.mark.parametrize(
    "encoding", ["foo", "base64", "undefined", "shift_jis", "iso2022_jp", "idna", "punycode", "utf-7", "x\u00e9"]
)
def test_an_encoding_that_cannot_be_read_is_named(tmp_path: Path, encoding: str) -> None:
    data = exported(tmp_path).read_bytes()
    _, _, body = data.partition(b"?>")
    (tmp_path / "x.xml").write_bytes(f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + body + "\u00e9".encode())
    with pytest.raises(LabelError, match=r"x\.xml: (not XML|XML in an encoding that cannot be read)"):
        read_cvat(tmp_path / "x.xml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>'
    (tmp_path / "x.xml").write_bytes(text.encode(encoding))
    with pytest.raises(LabelError, match="has a document type"):
        read_cvat(tmp_path / "x.xml")


def test_points_without_a_skeleton_and_names_with_folders(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(
        '<annotations><image id="0" name="train/f.png" width="100" height="80">'
        '<points label="A" occluded="0" points="10.50,20.50"></points></image></annotations>',
        encoding="utf-8",
    )
    (film,) = read_cvat(tmp_path / "x.xml").records
    assert (film.file, film.points, film.size) == ("f.png", {"A": (10.0, 20.0)}, (80, 100))


IMAGE = '<image id="0" name="f.png" width="100" height="80">'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("<annotations>", "not XML"),
        ("PK", "unpack CVAT's archive"),
        ("<other/>", "no annotations of images"),
        ("<annotations><track/></annotations>", "export as CVAT for images"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', "document type"),
        (f'<annotations>{IMAGE}<points label="X" points="1,2"/></image></annotations>', "'X' is not a landmark"),
        (f'<annotations>{IMAGE}<points label="A" points="1"/></image></annotations>', "a point is '1'"),
        (f'<annotations>{IMAGE}<points label="A" points="1,2;3,4"/></image></annotations>', "expected x,y"),
        (f'<annotations>{IMAGE}<points label="A" points="1,nan"/></image></annotations>', "expected a number"),
        (f"<annotations>{IMAGE}<skeleton/><skeleton/></image></annotations>", "image 'f.png': 2 faces"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "x.xml").write_text(content, encoding="utf-8")
    with pytest.raises(LabelError, match=re.escape(said)):
        read_cvat(tmp_path / "x.xml")
