import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cephkit.data.film import Film, Points
from cephkit.data.labels import landmarks_json
from cephkit.data.spacing import Spacing, square
from cephkit.errors import DataError, LabelError
from cephkit.evaluation.plots import annotator_distances_mm
from cephkit.evaluation.scoring import predictions_json, read_predictions
from tests.evaluation.predicted import points_of, scored


def film(film_id: str, points: Points, mm: float | None = 0.1, machine: str = "M1") -> Film:
    annotations = {"senior": points, "junior": {symbol: (x + 1, y) for symbol, (x, y) in points.items()}}
    return Film(film_id, Path(f"{film_id}.png"), "test", machine, mm and square(mm, ""), annotations=annotations)


FILMS = (film("f1", {"A": (10.0, 10.0), "S": (20.0, 20.0)}), film("f2", {"A": (30.0, 30.0)}, None, "M2"))


@pytest.mark.parametrize(("truth", "error"), [("senior", 0.0), ("junior", 1.0), ("mean", 0.5), ("official", 1.0)])
def test_the_truth_is_the_one_asked_for(truth: str, error: float) -> None:
    scores = scored(FILMS, {"f1": {"A": (10.0, 10.0)}, "f2": {"A": (30.0, 30.0)}}, truth)
    assert scores.errors_px[:, 0].tolist() == [error, error]


def test_pixels_that_are_not_square_count_by_both_sides() -> None:
    oblong = replace(FILMS[0], spacing=Spacing(0.2, 0.1, ""))
    scores = scored(
        [oblong, FILMS[1]],
        {"f1": {"A": (13.0, 12.0), "S": (20.0, 21.0)}, "f2": {"A": (33.0, 34.0)}},
        "senior",
    )
    assert scores.errors_mm[0] == pytest.approx([np.hypot(0.3, 0.4), 0.2])
    assert scores.errors_px[:, 0] == pytest.approx([5.0, 5.0])
    assert annotator_distances_mm(scores)[0] == pytest.approx([0.1, 0.1])


def test_landmarks_of_one_side_only_are_named_and_not_scored() -> None:
    scores = scored(FILMS, {"f1": {"A": (10.0, 13.0), "N": (1.0, 1.0)}, "f2": {"A": (34.0, 30.0)}}, "senior")
    assert scores.landmarks_not_predicted == ["S"]
    assert scores.landmarks_without_truth == ["N"]
    metrics = scores.metrics()
    assert metrics.mre_pixels == pytest.approx(3.5)
    assert metrics.mre_mm == pytest.approx(0.3)
    assert (metrics.landmarks, metrics.points, metrics.missing) == (1, 2, 0)
    assert scores.films_without_pixel_size == ["f2"]


def test_a_missing_film_or_landmark_is_an_error_that_lists_it() -> None:
    with pytest.raises(DataError, match="film f1: S") as caught:
        scored(FILMS, {"f1": {"A": (1.0, 1.0)}, "x": {"S": (1.0, 1.0)}}, "senior")
    assert "film f2: no prediction at all" in str(caught.value)


def test_allowed_to_be_missing_it_counts_as_a_miss() -> None:
    scores = scored(FILMS, {"f1": {"A": (10.0, 10.0), "S": None}}, "senior", allow_missing=True)
    metrics = scores.metrics()
    assert scores.not_found == [{"film": "f1", "landmark": "S"}, {"film": "f2", "landmark": "A"}]
    assert (metrics.points, metrics.missing) == (1, 2)
    assert metrics.sdr["2"] == 50.0  # of the two truths on the film that has a pixel size


def test_null_says_that_nothing_was_found_and_needs_no_leave() -> None:
    scores = scored(FILMS, {"f1": {"A": (10.0, 10.0), "S": None}, "f2": {"A": None}}, "senior")
    assert scores.metrics().missing == 2


def test_nothing_in_common_is_an_error() -> None:
    with pytest.raises(DataError, match="nothing to score"):
        scored(FILMS, {"f1": {"Go": (1.0, 1.0)}, "f2": {"Go": (1.0, 1.0)}}, "senior")


def test_predictions_come_back_as_they_went_in() -> None:
    given = {"f1": {"A": (0.1 + 0.2, 1 / 3), "S": None}, "f2": {"A": (30.0, 30.0), "S": (np.pi, 2.0)}}
    assert predictions_json(scored(FILMS, given, "senior").records()) == given


def written(folder: Path, content: object) -> Path:
    path = folder / "p.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_symbols_become_canonical_and_numbers_floats(tmp_path: Path) -> None:
    path = written(tmp_path, {"f1": {"Pog'": [1, 2.5], "N′": [3, 4], "A": None}, "f2": {}})
    assert points_of(read_predictions(path)) == {"f1": {"Pog`": (1.0, 2.5), "N`": (3.0, 4.0), "A": None}, "f2": {}}


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"f": {"S": [1, 2]}}')
    assert points_of(read_predictions(path)) == {"f": {"S": (1.0, 2.0)}}


def test_a_file_in_the_schema_of_aariz_is_one_film(tmp_path: Path) -> None:
    content = {**landmarks_json("f1", {"A": (1.5, 2.0), "N`": (3.0, 4.0)}), "missing": ["S"]}
    assert points_of(read_predictions(written(tmp_path, content))) == {
        "f1": {"S": None, "A": (1.5, 2.0), "N`": (3.0, 4.0)}
    }


def test_a_folder_is_all_its_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(landmarks_json(name, {"A": (1.0, 2.0)})), encoding="utf-8")
    assert points_of(read_predictions(tmp_path)) == {"a": {"A": (1.0, 2.0)}, "b": {"A": (1.0, 2.0)}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("{", "not JSON"),
        ("[1, 2]", "holds a list"),
        ("{}", "holds no film"),
        ("[" * 200_000, "not JSON"),
        ('{"f": {"A": [NaN, 1]}}', "'f', A: expected .* got .nan, 1"),
        ('{"f": {"A": [1e999, 1]}}', "two finite numbers"),
        ('{"f": {"A": [1' + "0" * 400 + ", 1]}}", "two finite numbers"),
        ('{"f": {"A": [1, 2], "A": [3, 4]}}', "names 'A' twice"),
        ({"f": {"Pog`": [1, 2], "Pog'": [1, 2]}}, "Pog` appears twice"),
        ({"f": {"A": [1e308, 1]}}, "two finite numbers"),
        ({"f": {"A": [1, -1e7]}}, "two finite numbers"),
        ({"ceph_id": ["f"], "landmarks": []}, '"ceph_id" is .* expected a text'),
        ({"ceph_id": "f", "landmarks": [], "missing": 5}, '"missing" is 5, expected a list of texts'),
        ({"ceph_id": "f", "landmarks": [], "missing": [["A"]]}, '"missing" is .* expected a list of texts'),
        ({"ceph_id": "f", "landmarks": [], "missing": ["XYZ"]}, "'XYZ'.*, expected symbols of landmarks"),
        ({"f": {"A": ["1", "2"]}}, "two finite numbers"),
        ({"f": {"A": [True, 2]}}, "two finite numbers"),
        ({"f": {"A": [1, 2, 3]}}, "two finite numbers"),
        ({"f": {"A": {"x": 1, "y": 2}}}, "two finite numbers"),
        ({"f": [[1, 2]]}, "expected {symbol: "),
        ({"f": {"XYZ": [1, 2]}}, "'XYZ' is not the symbol of a landmark"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(LabelError, match=said) as caught:
        read_predictions(written(tmp_path, content))
    assert "p.json" in str(caught.value)


def test_all_faults_come_in_one_go_and_a_long_list_is_cut(tmp_path: Path) -> None:
    content = {f"f{index}": {"A": "x", "B": [1, None]} for index in range(30)}
    with pytest.raises(LabelError, match="and 40 more") as caught:
        read_predictions(written(tmp_path, content))
    assert "'f0', A" in str(caught.value)
    assert "'f0', B" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="there is no such file"):
        read_predictions(tmp_path / "none.json")
    with pytest.raises(LabelError, match=r"holds no \.json file"):
        read_predictions(tmp_path)


def test_measurements_in_the_folder_are_no_predictions(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"a": {"A": [1, 2]}}), encoding="utf-8")
    for name in ("a_measurements.json", ".a.json"):
        (tmp_path / name).write_text('{"not_possible": {}}', encoding="utf-8")
    assert points_of(read_predictions(tmp_path)) == {"a": {"A": (1.0, 2.0)}}
