import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cephkit.commands.export import main
from cephkit.errors import LabelError
from cephkit.interchange.coco import FILE, read_coco
from cephkit.landmarks.shipped import AARIZ
from tests.interchange.films import HEIGHT, WIDTH, face, write_prediction


def exported(tmp_path: Path) -> Path:
    """Three films: all landmarks, some, none."""
    for name, points in films().items():
        missing = [symbol for symbol in AARIZ.symbols if symbol not in points]
        write_prediction(tmp_path / "in" / f"{name}.json", points, missing=missing)
    assert main([str(tmp_path / "in"), "--format", "coco", "--out", str(tmp_path / "out")]) == 0
    return tmp_path / "out" / FILE


def films() -> dict[str, dict[str, tuple[float, float]]]:
    some = {symbol: point for symbol, point in face(4).items() if symbol not in ("A", "Sn")}
    return {"all": face(3), "some": some, "none": {}}


def test_pycocotools_reads_points_sizes_and_names(tmp_path: Path) -> None:
    coco = COCO(str(exported(tmp_path)))
    (category,) = coco.loadCats(coco.getCatIds())
    assert (category["name"], tuple(category["keypoints"])) == ("face", AARIZ.symbols)
    assert min(min(edge) for edge in category["skeleton"]) >= 1
    assert max(max(edge) for edge in category["skeleton"]) <= 29
    images = {image["file_name"]: image for image in coco.loadImgs(coco.getImgIds())}
    assert set(images) == {"all.png", "some.png", "none.png"}
    for name, points in films().items():
        image = images[f"{name}.png"]
        assert (image["width"], image["height"]) == (WIDTH, HEIGHT)
        found = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        assert len(found) == bool(points)
        for annotation in found:
            read = np.array(annotation["keypoints"]).reshape(29, 3)
            assert annotation["num_keypoints"] == len(points) == (read[:, 2] == 2).sum()
            for symbol, (x, y, visible) in zip(AARIZ.symbols, read.tolist(), strict=True):
                assert (x, y, visible) == ((*points[symbol], 2) if symbol in points else (0, 0, 0))
            xy = read[read[:, 2] == 2, :2]
            left, top, width, height = annotation["bbox"]
            assert (left, top) == tuple(xy.min(axis=0))
            assert (left + width, top + height) == pytest.approx(tuple(xy.max(axis=0) + 1))
            assert annotation["area"] == pytest.approx(width * height)
            assert annotation["score"] == 0.75


def test_pycocotools_takes_the_annotations_as_results(tmp_path: Path) -> None:
    path = exported(tmp_path)
    truth = COCO(str(path))
    results = truth.loadRes(json.loads(path.read_text(encoding="utf-8"))["annotations"])
    judge = COCOeval(truth, results, "keypoints")
    judge.params.kpt_oks_sigmas = np.full(29, 0.05)
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert judge.stats[0] == pytest.approx(1.0)


def test_it_comes_back_as_it_went(tmp_path: Path) -> None:
    read = read_coco(exported(tmp_path))
    assert {film.file: film.points for film in read.records} == {
        f"{name}.png": points for name, points in films().items() if points
    }
    assert (read.without, read.ignored) == (1, {})


def changed(tmp_path: Path, change: dict[str, Any], part: str = "annotations") -> Path:
    path = exported(tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    content[part][0].update(change)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "part", "said"),
    [
        ({"image_id": 99}, "annotations", "annotation 1: its image_id or category_id is not in the file"),
        ({"image_id": [1]}, "annotations", "annotation 1: its image_id or category_id is not in the file"),
        ({"id": 3}, "images", 'two of "images" have one id'),
        ({"image_id": 3}, "annotations", "its film has a face already"),
        ({"keypoints": [1, 2]}, "annotations", "keypoints do not fit"),
        ({"keypoints": ["x", 1, 2] * 29}, "annotations", "x of A is 'x', expected a number"),
        ({"keypoints": ["X"] * 29}, "categories", "'X' is not a landmark"),
        ({"keypoints": ["A"] * 29}, "categories", "landmark A appears twice"),
        ({"width": 0}, "images", "width of its image is 0"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, change: dict[str, Any], part: str, said: str) -> None:
    with pytest.raises(LabelError, match=said):
        read_coco(changed(tmp_path, change, part))


@pytest.mark.parametrize("visible", [0.93, 3, -1, True, "2", None, float("nan"), [2]])
def test_a_visibility_that_is_none_is_refused(tmp_path: Path, visible: object) -> None:
    keypoints = [10.0, 20.0, 2] * 28 + [30.0, 40.0, visible]
    with pytest.raises(LabelError, match=r"annotation 1: visibility of .Sn. is .* expected 0 \(not labelled\), 1 or 2"):
        read_coco(changed(tmp_path, {"keypoints": keypoints}))


def test_a_hidden_landmark_counts_and_an_unlabelled_one_does_not(tmp_path: Path) -> None:
    keypoints = [10.0, 20.0, 1] + [10.0, 20.0, 2.0] * 27 + [30.0, 40.0, 0]
    records = read_coco(changed(tmp_path, {"keypoints": keypoints})).records
    film = next(record for record in records if record.file == "all.png")
    assert len(film.points) == 28
    assert film.points["A"] == (10.0, 20.0)


def test_readers_that_ask_for_an_outline_get_the_boxs(tmp_path: Path) -> None:
    for annotation in json.loads(exported(tmp_path).read_text(encoding="utf-8"))["annotations"]:
        left, top, width, height = annotation["bbox"]
        (outline,) = np.array(annotation["segmentation"]).reshape(-1, 4, 2)
        assert outline.min(axis=0) == pytest.approx([left, top])
        assert outline.max(axis=0) == pytest.approx([left + width, top + height])


def test_label_studios_coco_counts_from_the_corner_and_names_films_by_address(tmp_path: Path) -> None:
    """As its converter writes it: whole pixels from the corner, one category of all keypoints, addresses of films."""
    symbols = ["A", "Pog`"]
    content = {
        "info": {"contributor": "Label Studio"},
        "categories": [{"id": 0, "name": "face"}, {"id": 1, "name": "default", "keypoints": symbols}],
        "images": [
            {"id": 0, "width": 60, "height": 80, "file_name": "/data/local-files/?d=films/a%20b.png"},
            {"id": 1, "width": None, "height": None, "file_name": "images/1a2b3c4d__none.png"},
        ],
        "annotations": [{"id": 0, "image_id": 0, "category_id": 1, "keypoints": [11, 21, 2, 0, 0, 0]}],
    }
    (tmp_path / "result.json").write_text(json.dumps(content), encoding="utf-8")
    read = read_coco(tmp_path / "result.json")
    (film,) = read.records
    assert (film.file, film.points, read.without) == ("a b.png", {"A": (10.5, 20.5)}, 1)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"images": 1}', b"\xff"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(LabelError, match=r"x\.json"):
        read_coco(tmp_path / "x.json")
    with pytest.raises(LabelError, match="cannot be read"):
        read_coco(tmp_path / "none.json")
