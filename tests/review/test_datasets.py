"""Data sets in the list of films: any layout, and the landmarks that their films can have."""

import json
from pathlib import Path

import pytest

from cephkit.data.film import Split
from cephkit.data.labels import landmarks_json
from cephkit.datasets.find import find_parts
from cephkit.errors import DataError
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.landmarks.shipped import AARIZ, KNOWN, in_known_order, shipped
from cephkit.review.datasets import ListedDataset, listed_dataset
from cephkit.review.films import films_of_datasets
from cephkit.review.schema import USUAL
from cephkit.settings.options import DataSet
from tests.conftest import write_tiny_aariz
from tests.datasets.published import CL, SIZE, face, write_cl, write_coco, write_csv, write_films, write_isbi


def listed(*roots: Path, splits: tuple[Split, ...] = (), **options: object) -> list[ListedDataset]:
    parts = find_parts(DataSet(dataset_path=roots, cache_dir=roots[0].parent / "cache", **options))  # type: ignore[arg-type]
    return [listed_dataset(name, part.source, splits) for name, part in parts.items()]


def test_the_published_films_of_isbi_2015_have_their_19_landmarks_and_both_annotators(tmp_path: Path) -> None:
    datasets = listed(write_isbi(tmp_path / "isbi"))
    (dataset,) = datasets
    assert set(dataset.schema.symbols) == set(shipped("isbi2015").symbols)
    films = films_of_datasets(datasets, dataset.schema, {})
    assert [(film.film_id, film.split) for film in films] == [
        ("001", "train"), ("002", "train"), ("151", "valid"), ("301", "test")
    ]  # fmt: skip
    assert films[0].file == "RawImage/TrainingData/001.bmp"
    assert list(films[0].truth) == ["senior", "junior"]
    assert films[0].truth["senior"] == {symbol: (round(x), round(y)) for symbol, (x, y) in face(1).items()}
    assert films[0].mean_truth["S"] == pytest.approx(
        [(a + b) / 2 for a, b in zip(films[0].truth["senior"]["S"], films[0].truth["junior"]["S"], strict=True)]
    )
    assert [film.film_id for film in listed(tmp_path / "isbi", splits=("valid",))[0].films] == ["151"]


def test_a_stack_of_cl_detection_is_unpacked_and_has_38_landmarks(tmp_path: Path) -> None:
    (dataset,) = listed(write_cl(tmp_path / "cl"))
    assert set(dataset.schema.symbols) == set(CL)
    film = dataset.films[0]
    assert film.path.is_file()
    assert film.spacing is not None
    (first, *_) = films_of_datasets([dataset], dataset.schema, {})
    assert first.file == film.path.name  # it lies in the cache, not in the data set


def test_other_layouts_have_the_landmarks_of_their_labels(tmp_path: Path) -> None:
    write_films(tmp_path / "coco", ["a.png", "b.png"])
    write_coco(tmp_path / "coco" / "labels.json", {name: face(symbols=CL) for name in ("a.png", "b.png")}, CL)
    (coco,) = listed(tmp_path / "coco")
    assert set(coco.schema.symbols) == set(CL)
    write_films(tmp_path / "table", ["a.png"])
    write_csv(tmp_path / "table" / "t.csv", ["film", "S_x", "S_y", "Ba_x", "Ba_y"], [["a.png", 30, 40, 50, 60]])
    (table,) = listed(tmp_path / "table")
    assert table.schema.symbols == ("S", "Ba")
    (chosen,) = listed(tmp_path / "table", landmarks="cl_detection2023")
    assert set(chosen.schema.symbols) == set(CL)


def test_faults_belong_to_their_films_and_what_has_no_film_is_noted(tmp_path: Path) -> None:
    write_films(tmp_path / "table", ["a.png", "b.png"])
    rows = [["a.png", "S", 30, 40], ["a.png", "N", "x", 9], ["b.png", "S", 1, 2], ["c.png", "S", 1, 2]]
    write_csv(tmp_path / "table" / "t.csv", ["film", "symbol", "x", "y"], rows)
    (dataset,) = listed(tmp_path / "table")
    films = {film.film_id: film for film in films_of_datasets([dataset], AARIZ, {})}
    a, b = films["a"], films["b"]
    assert a.faults == ("t.csv, line 3: N: expected x and y, found 'x' and '9'",)
    assert (b.faults, dict(b.truth)) == ((), {"senior": {"S": (1.0, 2.0)}})
    assert any("c.png" in note and "cannot be used: 1" in note for note in dataset.notes)


def test_the_size_of_the_picture_that_was_marked_is_known(tmp_path: Path) -> None:
    write_films(tmp_path / "coco", ["a.png"])
    write_coco(tmp_path / "coco" / "labels.json", {"a.png": face()}, height=100, width=90)
    (film,) = films_of_datasets(listed(tmp_path / "coco"), AARIZ, {})
    assert film.marked_size == (100, 90) != SIZE


def add(label: Path, symbols: dict[str, tuple[float, float]], schema: LandmarkSchema = KNOWN) -> None:
    content = json.loads(label.read_text(encoding="utf-8"))
    more = landmarks_json(label.stem, symbols, schema)
    described = {"schema": more["schema"]} if "schema" in more else {}
    label.write_text(json.dumps({**content, "landmarks": [*content["landmarks"], *more["landmarks"]], **described}))


def test_the_aariz_layout_has_the_29_unless_its_labels_hold_others(tmp_path: Path) -> None:
    root = write_tiny_aariz(tmp_path / "set", train=2, valid=1)
    (dataset,) = listed(root)
    assert dataset.schema is USUAL  # though these films have four of them
    for label in root.rglob("Annotations/*Landmarks/*/*.json"):
        add(label, {"Ba": (10.0, 11.0)})
    (dataset,) = listed(root)
    assert "Ba" in dataset.schema
    films = films_of_datasets([dataset], dataset.schema, {})
    assert films[0].truth["senior"]["Ba"] == (10.0, 11.0)
    assert "Ba" not in films_of_datasets([dataset], AARIZ, {})[0].truth["senior"]


def test_labels_that_describe_their_landmarks_and_a_schema_beside_them_count(tmp_path: Path) -> None:
    own = LandmarkSchema("ours", (Landmark("X1", "Ours", "tooth"),))
    root = write_tiny_aariz(tmp_path / "set", train=1, valid=1)
    for label in root.rglob("Annotations/*Landmarks/*/*.json"):
        add(label, {"X1": (10.0, 11.0)}, in_known_order(KNOWN, own))
    (dataset,) = listed(root)
    assert dataset.schema["X1"].title == "Ours"
    (root / "landmarks.yaml").write_text(
        "landmarks: [A, {symbol: X1, title: Theirs, tissue: bone}, {symbol: X2, title: Two, tissue: soft}]"
    )
    (dataset,) = listed(root)
    assert dataset.schema.symbols == ("A", "X1", "X2")


def test_films_of_several_data_sets_carry_their_names(tmp_path: Path) -> None:
    one, two = (write_tiny_aariz(tmp_path / name, train=1, valid=1) for name in ("one", "two"))
    datasets = listed(one, two, write_isbi(tmp_path / "isbi", (1,)))
    films = films_of_datasets(datasets, AARIZ, {})
    assert [film.film_id for film in films] == ["one_t0", "one_v0", "two_t0", "two_v0", "isbi_001"]
    assert films[-1].file == "isbi/RawImage/TrainingData/001.bmp"
    # Named in another order, each keeps its name, and with it its journal.
    again = films_of_datasets(listed(two, one), AARIZ, {})
    assert {film.film_id for film in again} == {"one_t0", "one_v0", "two_t0", "two_v0"}


def test_a_folder_in_no_layout_is_refused(tmp_path: Path) -> None:
    write_films(tmp_path / "films", ["a.png"])
    with pytest.raises(DataError, match="not in a layout that can be read"):
        listed(tmp_path / "films")
    with pytest.raises(DataError, match="no film in test"):
        listed(write_isbi(tmp_path / "isbi", (1,)), splits=("test",))
