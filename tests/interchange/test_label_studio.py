import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from cephkit.commands.export import main
from cephkit.interchange.label_studio import CONFIGURATION, TASKS
from cephkit.landmarks.shipped import AARIZ
from tests.interchange.films import HEIGHT, WIDTH, face, write_label, write_picture, write_prediction


def run(tmp_path: Path, *more: str) -> Path:
    assert main([str(tmp_path / "in"), "--format", "label_studio", "--out", str(tmp_path / "out"), *more]) == 0
    return tmp_path / "out"


def test_a_reader_of_the_documented_formula_finds_the_points(tmp_path: Path) -> None:
    points = face(5)
    del points["Go"]
    write_prediction(tmp_path / "in" / "f.json", points, missing=["Go"])
    write_prediction(tmp_path / "in" / "none.json", {})
    task, empty = json.loads((run(tmp_path) / TASKS).read_text(encoding="utf-8"))
    (prediction,) = task["predictions"]
    assert prediction["score"] == 0.75
    assert prediction["model_version"].startswith("best.pth two stages 1234567890ab (cephkit ")
    found = {}
    for region in prediction["result"]:
        assert (region["type"], region["from_name"], region["to_name"]) == ("keypointlabels", "landmark", "film")
        assert (region["original_width"], region["original_height"], region["image_rotation"]) == (WIDTH, HEIGHT, 0)
        assert 0 <= region["value"]["x"] <= 100
        assert 0 <= region["value"]["y"] <= 100
        assert region["score"] == 0.75
        # labelstud.io: pixel = percent / 100 * original size, from the picture's corner.
        x, y = (region["value"][axis] / 100 * size for axis, size in (("x", WIDTH), ("y", HEIGHT)))
        (symbol,) = region["value"]["keypointlabels"]
        found[symbol] = (x - 0.5, y - 0.5)
    assert len({region["id"] for region in prediction["result"]}) == 28
    assert set(found) == set(points)
    for symbol, point in points.items():
        assert found[symbol] == pytest.approx(point, abs=1e-5)
    assert empty["predictions"] == []
    assert empty["data"]["file"] == "none.png"


def test_the_configuration_has_a_coloured_label_per_landmark_and_the_names_of_the_tasks(tmp_path: Path) -> None:
    write_prediction(tmp_path / "in" / "f.json")
    root = ElementTree.parse(run(tmp_path) / CONFIGURATION).getroot()
    (image,), (control,) = root.findall("Image"), root.findall("KeyPointLabels")
    assert (image.get("name"), image.get("value")) == ("film", "$image")
    assert (control.get("name"), control.get("toName")) == ("landmark", "film")
    assert [label.get("value") for label in control.findall("Label")] == list(AARIZ.symbols)
    colours = {label.get("background") for label in control.findall("Label")}
    assert len(colours) == 3
    assert all(re.fullmatch("#[0-9a-f]{6}", colour or "") for colour in colours)


@pytest.mark.parametrize("file", ["f 1.png", "a&b#c+d.png", "Müller.png"])
def test_the_address_leads_to_the_film(tmp_path: Path, file: str) -> None:
    write_prediction(tmp_path / "in" / "f.json", film={"file": file, "width": WIDTH, "height": HEIGHT})
    (task,) = json.loads((run(tmp_path) / TASKS).read_text(encoding="utf-8"))
    address = urlsplit(task["data"]["image"])
    assert (address.path, parse_qs(address.query)) == ("/data/local-files/", {"d": [file]})


def test_another_prefix_and_labels_by_people(tmp_path: Path) -> None:
    write_label(tmp_path / "in" / "f.json", {"A": (10.0, 20.0)})
    write_picture(tmp_path / "films" / "f.png")
    out = run(tmp_path, "--films", str(tmp_path / "films"), "--image_prefix", "/data/local-files/?d=study%2F")
    (task,) = json.loads((out / TASKS).read_text(encoding="utf-8"))
    assert task["data"]["image"] == "/data/local-files/?d=study%2Ff.png"
    (prediction,) = task["predictions"]
    assert "score" not in prediction
    assert prediction["model_version"].startswith("labels (cephkit ")


def test_the_landmarks_are_numbered_for_label_studios_own_coco(tmp_path: Path) -> None:
    write_prediction(tmp_path / "in" / "f.json")
    root = ElementTree.fromstring((run(tmp_path) / CONFIGURATION).read_text(encoding="utf-8"))
    labels = root.findall("KeyPointLabels/Label")
    assert [(label.get("value"), label.get("model_index")) for label in labels] == [
        (symbol, str(index)) for index, symbol in enumerate(AARIZ.symbols)
    ]
    # Without a rectangle Label Studio offers no COCO; it is not shown.
    (hidden,) = root.findall("View[@style='display: none']")
    assert [label.get("value") for label in hidden.findall("RectangleLabels/Label")] == ["face"]
