import json
from pathlib import Path
from typing import Any

import pytest

from cephkit.errors import LabelError
from cephkit.interchange.films import on_films, read_records
from cephkit.interchange.label_studio import task
from cephkit.interchange.label_studio_reader import read_label_studio
from tests.interchange.films import face, write_prediction

Json = dict[str, Any]


def region(label: str = "A", x: float = 50.0, y: float = 25.0, **more: Any) -> Json:
    return {
        "type": "keypointlabels",
        "original_width": 2000,
        "original_height": 1000,
        "image_rotation": 0,
        "value": {"x": x, "y": y, "width": 0.3, "keypointlabels": [label]},
        **more,
    }


def annotation(*regions: Json, by: Any = 1, day: int = 1, **more: Any) -> Json:
    return {
        "completed_by": by,
        "was_cancelled": False,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": f"2026-01-{day:02d}T10:00:00.123456Z",
        "result": list(regions),
        **more,
    }


def whole(*annotations: Json, image: str = "/data/local-files/?d=films%2Ff.png", **more: Any) -> Json:
    return {"id": 17, "data": {"image": image}, "annotations": list(annotations), **more}


def write(path: Path, *tasks: Any) -> Path:
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def test_what_was_exported_comes_back(tmp_path: Path) -> None:
    points = face(6)
    records = read_records([write_prediction(tmp_path / "f.json", points)])
    exported = task(on_films(records)[0])
    exported |= {"id": 1, "annotations": [annotation(*exported["predictions"][0]["result"])]}
    read = read_label_studio(write(tmp_path / "x.json", exported))
    (film,) = read.records
    assert (film.file, read.without) == ("f.png", 0)
    for symbol, point in points.items():
        assert film.points[symbol] == pytest.approx(point, abs=1e-5)


def test_percents_are_of_the_picture_from_its_corner(tmp_path: Path) -> None:
    (film,) = read_label_studio(write(tmp_path / "x.json", whole(annotation(region(x=50, y=25))))).records
    assert film.points == {"A": (999.5, 249.5)}
    assert film.size == (1000, 2000)


@pytest.mark.parametrize(
    ("image", "file"),
    [
        ("/data/local-files/?d=films%2Ff%201.png", "f 1.png"),
        ("/data/local-files/?d=films\\f.png", "f.png"),
        ("/data/upload/3/0a1b2c3d-f.png", "f.png"),
        ("https://example.org/films/0a1b2c3d-f.png", "0a1b2c3d-f.png"),
    ],
)
def test_the_film_by_the_pictures_address(tmp_path: Path, image: str, file: str) -> None:
    (film,) = read_label_studio(write(tmp_path / "x.json", whole(annotation(region()), image=image))).records
    assert film.file == file


def test_the_newest_that_was_not_cancelled_counts_and_an_annotator_can_be_chosen(tmp_path: Path) -> None:
    user = {"id": 2, "email": "two@example.org", "first_name": "Two"}
    path = write(
        tmp_path / "x.json",
        whole(
            annotation(region(x=10), by=1, day=3),
            annotation(region(x=20), by=user, day=2),
            annotation(region(x=30), by=1, day=1),
            annotation(region(x=40), by=user, day=9, was_cancelled=True),
            drafts=[annotation(region(x=60), day=10)],
            predictions=[{"result": [region(x=70)]}],
        ),
    )
    for annotator, x in ((None, 10), ("1", 10), ("2", 20), ("two@example.org", 20)):
        (film,) = read_label_studio(path, annotator).records
        assert film.points["A"][0] == 20 * x - 0.5, annotator
    with pytest.raises(LabelError, match="nobody with the id or email '3' annotated; check --annotator"):
        read_label_studio(path, "3")


def test_tasks_without_landmarks_are_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.json",
        whole(id=1),
        {"id": 2, "data": {"image": "g.png"}},
        whole(annotation(), id=3),
        whole(annotation({"type": "choices", "value": {"choices": ["good"]}}), id=4),
        whole(annotation(region()), id=5),
    )
    read = read_label_studio(path)
    assert (len(read.records), read.without) == (1, 4)


def minimal(region: Json, by: int = 1, day: int = 1, task: int = 17, image: str = "f.png") -> Json:
    """An entry as Label Studio's JSON-MIN has it."""
    value = {**region["value"], "original_width": 2000, "original_height": 1000}
    when = f"2026-01-{day:02d}T10:00:00Z"
    return {
        **{"id": task, "image": image, "landmark": [value], "annotator": by, "annotation_id": 10 * task + day},
        **{"created_at": when, "updated_at": when, "lead_time": 3.2},
    }


def test_json_min_has_an_entry_per_annotation(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", minimal(region(x=10), by=1, day=1), minimal(region(x=20), by=2, day=2))
    for annotator, x in ((None, 20), ("1", 10)):
        (film,) = read_label_studio(path, annotator).records
        assert (film.file, film.points["A"][0]) == ("f.png", 20 * x - 0.5)
    mixed = write(tmp_path / "y.json", minimal(region()), minimal(region(), image="g.png"))
    with pytest.raises(LabelError, match="task 17: appears twice"):
        read_label_studio(mixed)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (whole(annotation(region("Nasal"))), "task 17: 'Nasal' is not a landmark"),
        (whole(annotation(region(), region(x=60))), "task 17: landmark A appears twice"),
        (whole(annotation(region(), region("B", original_width=1000))), "pictures of different sizes"),
        (whole(annotation(region(original_width=None))), "task 17: original_width is None"),
        (whole(annotation(region(original_height=0))), "task 17: original_height is 0"),
        (whole(annotation(region(image_rotation=90))), "task 17: its picture was turned"),
        (whole(annotation(region(value={"x": 1, "y": 1, "keypointlabels": ["A", "B"]}))), "expected one"),
        (whole(annotation(region(value=None))), "expected one"),
        (whole(annotation(region(x=float("nan")))), "x of 'A' is nan"),
        (whole(annotation(region(), updated_at="yesterday")), "its time is 'yesterday'"),
        (whole(annotation(region()), data={"picture": "f.png"}), 'its data has no "image"'),
        (whole(annotation(result="none")), '"result" is not a list of objects'),
        ({"id": 17}, "task 17: neither data nor annotation_id"),
        ({"id": 17, "data": []}, "task 17: data is not an object"),
    ],
)
def test_what_cannot_be_used_names_the_task(tmp_path: Path, task: Json, said: str) -> None:
    with pytest.raises(LabelError, match=said):
        read_label_studio(write(tmp_path / "x.json", task))


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    with pytest.raises(LabelError, match="not a list of tasks"):
        read_label_studio(tmp_path / "x.json")
    with pytest.raises(LabelError, match="task 17: appears twice"):
        read_label_studio(write(tmp_path / "y.json", whole(annotation(region())), whole(annotation(region()))))
