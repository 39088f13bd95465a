import json
from pathlib import Path

from cephkit.commands.export import main
from cephkit.data.labels import read_landmarks
from cephkit.landmarks.shipped import AARIZ
from tests.interchange.films import face, write_prediction


def test_a_prediction_becomes_a_plain_label_file(tmp_path: Path) -> None:
    points = face(1)
    del points["R"]
    write_prediction(tmp_path / "in" / "f.json", points, missing=["R"])
    assert main([str(tmp_path / "in"), "--format", "aariz", "--out", str(tmp_path / "out")]) == 0
    content = json.loads((tmp_path / "out" / "f.json").read_text(encoding="utf-8"))
    assert set(content) == {"ceph_id", "landmarks", "labeled_at", "dataset_name"}
    assert content["ceph_id"] == "f"
    read = {entry["landmark_id"]: (entry["value"]["x"], entry["value"]["y"]) for entry in content["landmarks"]}
    assert read == {AARIZ[symbol].landmark_id: point for symbol, point in points.items()}
    assert read_landmarks(tmp_path / "out" / "f.json") == (points, ())


def test_a_film_without_landmarks_has_an_empty_file(tmp_path: Path) -> None:
    write_prediction(tmp_path / "in" / "f.json", {}, missing=["A"])
    main([str(tmp_path / "in"), "--format", "aariz", "--out", str(tmp_path / "out")])
    assert read_landmarks(tmp_path / "out" / "f.json") == ({}, ())
