import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit.cephalometry.source import label_files, read_marked
from cephkit.data.labels import landmarks_json
from cephkit.errors import LabelError, SettingsError
from cephkit.geometry import covariance_of_error
from tests.cephalometry.faces import ROUND


def write(path: Path, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**landmarks_json(path.stem, ROUND), **more}), encoding="utf-8")
    return path


def test_an_annotation_has_points_and_nothing_more(tmp_path: Path) -> None:
    marked = read_marked(write(tmp_path / "f.json"))
    assert marked.points == ROUND
    assert (marked.facing, marked.covariances_px) == (None, None)


def test_a_prediction_says_where_the_face_looks_and_how_unsure_it_is(tmp_path: Path) -> None:
    region = [[4.0, 1.0], [1.0, 2.0]]
    path = write(
        tmp_path / "f.json", facing="left", expected_errors_px={"A": 3.0, "N": 2.0, "X": 1.0}, regions_90={"A": region}
    )
    marked = read_marked(path)
    assert marked.facing == "left"
    assert marked.covariances_px is not None
    assert set(marked.covariances_px) == {"A", "N"}
    np.testing.assert_allclose(marked.covariances_px["N"], covariance_of_error(2.0))
    np.testing.assert_allclose(marked.covariances_px["A"] * 4.60517, region, rtol=1e-5)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"facing": "up"}, "\"facing\" is 'up', expected right or left"),
        ({"expected_errors_px": [1]}, '"expected_errors_px" is a list, expected an object'),
        ({"expected_errors_px": {"A": "much"}}, "expected_errors_px of A is 'much'"),
        ({"expected_errors_px": {"A": -1}}, "expected_errors_px of A is -1"),
        ({"regions_90": {"A": [1, 2]}}, r"regions_90 of A is \[1, 2\]"),
        ({"regions_90": {"A": [[1, 2], [2, 1]]}}, "of an ellipse"),
        ({"regions_90": {"A": [[1, 2], [2]]}}, "of an ellipse"),
    ],
)
def test_what_predict_would_not_write_is_refused(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(LabelError, match=said):
        read_marked(write(tmp_path / "f.json", **more))


def test_files_and_folders_each_once_without_results_of_our_own(tmp_path: Path) -> None:
    b, a = write(tmp_path / "x" / "b.json"), write(tmp_path / "x" / "a.json")
    write(tmp_path / "x" / "a_measurements.json")
    write(tmp_path / "x" / ".a.json")
    assert label_files([b, tmp_path / "x"]) == [b, a]


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        label_files([tmp_path / "none.json"])
    with pytest.raises(SettingsError, match=r"holds no \.json file"):
        label_files([tmp_path])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"look": 5}, '"look" is 5, expected a list of texts'),
        ({"notes": [1]}, '"notes" is'),
        ({"doubt": 5}, '"doubt" is 5, expected a text'),
        ({"film": {"file": 5}}, '"file" is 5, expected a text'),
    ],
)
def test_texts_are_texts(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(LabelError, match=said):
        read_marked(write(tmp_path / "f.json", **more))
    assert read_marked(write(tmp_path / "f.json", film={"file": None})).film_file == ""
