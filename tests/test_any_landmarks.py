"""Landmarks that cephkit does not know, from training to another tool and back."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cephkit.cli import main as cephkit
from cephkit.data.labels import landmarks_json
from cephkit.datasets.find import find_dataset
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.landmarks.schema_file import read_schema
from cephkit.landmarks.shipped import AARIZ, KNOWN, in_known_order
from cephkit.settings.options import DataSet
from tests.datasets.published import face
from tests.review.served import Served
from tests.review.sessions import body, confirmed, placed

COUNT = 45
SIZE = (96, 96)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films of 45 made-up landmarks on a lattice, five of them known ones; the schema lies beside the films."""
    root = tmp_path_factory.mktemp("made") / "up"
    names = [*("S", "N", "A", "B", "Me"), *(f"X{n}" for n in range(COUNT - 5))]
    entries = [
        name
        if name in KNOWN
        else {"symbol": name, "title": f"Point {name}", "tissue": ("bone", "tooth", "soft")[k % 3]}
        for k, name in enumerate(names)
    ]
    root.mkdir()
    (root / "landmarks.yaml").write_text(json.dumps({"name": "Made up", "landmarks": entries}), encoding="utf-8")
    schema = read_schema(root / "landmarks.yaml", KNOWN)
    rows = [["cephalogram_id", "machine", "pixel_size", "image_format", "mode"]]
    for split, count in (("train", 8), ("valid", 3), ("test", 3)):
        for index in range(count):
            film_id = f"{split}{index}"
            shift = np.random.default_rng(len(rows)).uniform(-4, 4, 2)
            points = {
                name: (12.0 + 10 * (k % 7) + shift[0], 12.0 + 10 * (k // 7) + shift[1]) for k, name in enumerate(names)
            }
            folder = root / split / "Cephalograms"
            folder.mkdir(parents=True, exist_ok=True)
            _draw(points).save(folder / f"{film_id}.png")
            labels = root / split / "Annotations" / "Cephalometric Landmarks" / "Senior Orthodontists"
            labels.mkdir(parents=True, exist_ok=True)
            content = {key: value for key, value in landmarks_json(film_id, points, schema).items() if key != "schema"}
            (labels / f"{film_id}.json").write_text(json.dumps(content), encoding="utf-8")
            rows.append([film_id, "Made", "0.5", "png", split])
    with (root / "cephalogram_machine_mappings.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return root


def _draw(points: dict[str, tuple[float, float]]) -> Image.Image:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    film = np.full(SIZE, 20.0)
    for k, (px, py) in enumerate(points.values()):
        film += (60 + 3 * k) * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8)
    return Image.fromarray(film.clip(0, 255).astype(np.uint8))


def run(*arguments: object) -> int:
    return cephkit([str(argument) for argument in arguments])


def test_45_landmarks_go_all_the_way(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = tmp_path / "run" / "checkpoint_best.pth"
    assert not run(
        "train", "--dataset_path", dataset, "--model", "test_resnet", "--no_pretrained", "--image_size", 96, 96,
        "--epochs", 30, "--lr", "5e-3", "--device", "cpu", "--num_workers", 0, "--batch_size", 4,
        "--gradient_accumulation_steps", 1, "--save_dir", tmp_path / "run", "--log_dir", tmp_path / "logs",
        "--cache_dir", tmp_path / "cache", "--no_augment", "--refine_size", 96, 96, "--refine_epochs", 1,
    )  # fmt: skip
    assert f"{COUNT} landmarks" in capsys.readouterr().out

    judged = tmp_path / "judged"
    assert not run(
        "evaluate", "--checkpoint", checkpoint, "--dataset_path", dataset, "--device", "cpu", "--num_workers", 0,
        "--out", judged, "--cache_dir", tmp_path / "cache",
    )  # fmt: skip
    figures = json.loads((judged / "metrics.json").read_text(encoding="utf-8"))
    assert figures["landmarks"] == COUNT
    with (judged / "landmarks.csv").open(encoding="utf-8") as file:
        rows = {row["symbol"]: row for row in csv.DictReader(file)}
    assert (rows["X3"]["title"], rows["X3"]["tissue"]) == ("Point X3", "soft")
    assert "X39" in (judged / "report.html").read_text(encoding="utf-8")

    # The checkpoint knows its landmarks: no schema is named any more.
    found = tmp_path / "found"
    assert not run("predict", dataset / "test" / "Cephalograms", "--checkpoint", checkpoint, "--out", found,
                   "--device", "cpu", "--keep_doubtful")  # fmt: skip
    (first, *_) = sorted(found.glob("*.json"))
    record = json.loads(first.read_text(encoding="utf-8"))
    assert len(record["landmarks"]) + len(record["missing"]) == COUNT
    points = {mark["symbol"]: (mark["value"]["x"], mark["value"]["y"]) for mark in record["landmarks"]}
    assert {"S", "X3"} <= points.keys()

    for format_name, back in (("coco", "coco_keypoints.json"), ("cvat", "cvat_annotations.xml"), ("aariz", ""),
                              ("csv", ""), ("label_studio", "")):  # fmt: skip
        out = tmp_path / format_name
        assert not run("export", found, "--format", format_name, "--out", out)
        if back:
            again = tmp_path / f"{format_name}_again"
            assert not run("import", out / back, "--format", format_name, "--out", again, "--landmarks",
                           dataset / "landmarks.yaml")  # fmt: skip
            label = json.loads((again / first.name).read_text(encoding="utf-8"))
            places = {mark["symbol"]: (mark["value"]["x"], mark["value"]["y"]) for mark in label["landmarks"]}
            assert places.keys() == points.keys()
            assert all(np.allclose(places[name], points[name], atol=0.01) for name in points)
    assert "X3_x_px" in (tmp_path / "csv" / "landmarks_wide.csv").read_text(encoding="utf-8").splitlines()[0]
    exported = json.loads((tmp_path / "aariz" / first.name).read_text(encoding="utf-8"))
    assert {mark["symbol"] for mark in exported["landmarks"]} == points.keys()
    if sys.platform != "win32":  # signals, which end the server, are POSIX's
        corrected_and_trained_on(dataset / "test" / "Cephalograms", found, checkpoint, tmp_path / "corrected")


def corrected_and_trained_on(films: Path, found: Path, checkpoint: Path, folder: Path) -> None:
    """Correct and confirm predictions over HTTP, read what comes of them, and ask the model in a second session."""
    folder.mkdir()
    out = folder / "review"
    server = Served(folder / "page", "--films", films, "--predictions", found, "--out", out)
    told = server.ask("/api/session")[1]["landmarks"]
    assert len(told) == COUNT
    assert {"symbol": "X3", "title": "Point X3", "tissue": "soft"}.items() <= told[8].items()
    film = server.ask("/api/films/0")[1]
    assert len(film["sought"]) == COUNT
    moved = placed("X3", (20, 21), film["state"]["points"]["X3"], origin="corrected")
    moved["changes"] += placed("X7", (30, 31), film["state"]["points"].get("X7"))["changes"]
    assert server.ask("/api/films/0/edits", body(0, moved))[1] == {"revision": 1}
    for n, revision in ((0, 1), (1, 0), (2, 0)):
        assert server.ask(f"/api/films/{n}/edits", body(revision, confirmed()))[0] == 200
    server.end()

    learnt = find_dataset(DataSet(dataset_path=(out,))).read(["train", "valid"])
    assert not learnt.problems
    assert learnt.schema["X3"].title == "Point X3"
    first = next(film for film in learnt.films if film.film_id == "test0")
    assert len(first.annotations["senior"]) >= len(film["state"]["points"])
    assert (first.annotations["senior"]["X3"], first.annotations["senior"]["X7"]) == ((20.0, 21.0), (30.0, 31.0))

    server = Served(folder / "page", "--films", films, "--checkpoint", checkpoint, "--device", "cpu", "--out", out)
    status, again = server.ask("/api/films/1/find", {"held": {"X3": [20, 21]}})
    assert status == 200
    assert "X3" not in again["points"]
    assert {"S", "X4"} <= again["points"].keys()
    server.end()

    # Started again with nothing but the films, the page still has the 45: they are described beside the journals.
    server = Served(folder / "page", "--films", films, "--out", out)
    assert len(server.ask("/api/session")[1]["landmarks"]) == COUNT
    assert server.ask("/api/films/0")[1]["state"]["points"]["X7"]["at"] == [30, 31]
    server.end()


def test_faces_with_further_landmarks_are_measured_by_those_that_measurements_know(tmp_path: Path) -> None:
    schema = in_known_order(AARIZ, LandmarkSchema("ours", (Landmark("X1", "Ours", "bone"),)))
    points = face(symbols=AARIZ.symbols)
    for name, more in (("plain", {}), ("further", {"X1": (50.0, 60.0), "Ba": (40.0, 90.0)})):
        named = in_known_order(schema, KNOWN)
        label = landmarks_json(name, {**points, **more}, named if more else AARIZ)
        (tmp_path / f"{name}.json").write_text(json.dumps(label), encoding="utf-8")
    assert not run("measure", tmp_path / "plain.json", tmp_path / "further.json", "--out", tmp_path / "out",
                   "--pixel_size_mm", 1)  # fmt: skip
    plain, further = (
        json.loads((tmp_path / "out" / f"{name}_measurements.json").read_text(encoding="utf-8"))["measurements"]
        for name in ("plain", "further")
    )
    assert sum(row["value"] is not None for row in plain) > 50
    assert plain == further


def test_a_name_that_no_schema_has_is_told_with_the_remedy(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "landmarks.yaml").rename(tmp_path / "aside.yaml")
    try:
        assert run("train", "--dataset_path", dataset, "--device", "cpu", "--save_dir", tmp_path / "run",
                   "--log_dir", tmp_path / "logs", "--cache_dir", tmp_path / "cache") == 2  # fmt: skip
    finally:
        (tmp_path / "aside.yaml").rename(dataset / "landmarks.yaml")
    said = capsys.readouterr().err
    assert "is unknown" in said
    assert "--landmarks" in said
