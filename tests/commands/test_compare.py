import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from cephkit import cli
from cephkit.commands.compare import CompareOptions, compare
from cephkit.commands.evaluate import EvaluateOptions, evaluate
from cephkit.errors import CephkitError, DataError, LabelError, SettingsError
from cephkit.evaluation.verdict import LANDMARK_COLUMNS
from cephkit.published import fingerprint
from cephkit.publishing.publish import publish
from tests.commands.test_evaluate import truth_of, write_json
from tests.inference.test_predictor import tiny_checkpoint

REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"
Points = dict[str, dict[str, list[float] | None]]


def moved(points: dict[str, dict[str, list[float]]], x: float, y: float = 0.0) -> Points:
    return {film: {s: [px + x, py + y] for s, (px, py) in marks.items()} for film, marks in points.items()}


def run(root: Path, tmp_path: Path, a: object, b: object, *more: str) -> dict[str, Any]:
    """``cephkit compare`` on two contents, or paths; returns comparison.json."""
    paths = [x if isinstance(x, Path) else write_json(tmp_path / f"{n}.json", x) for n, x in (("a", a), ("b", b))]
    out = tmp_path / "out"
    arguments = [*map(str, paths), "--dataset_path", str(root), "--out", str(out), "--bootstrap_draws", "500", *more]
    assert cli.main(["compare", *arguments]) == 0
    content: dict[str, Any] = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    return content


# The maths


def test_a_shift_of_known_millimetres(tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = truth_of(tiny_aariz, "valid")
    content = run(tiny_aariz, tmp_path, moved(truth, 2), moved(truth, 3, 4), "--split", "valid")
    assert content["mre"]["a"] == pytest.approx(1.0)  # 0.5 mm a pixel
    assert content["mre"]["b"] == pytest.approx(2.5)
    assert content["mre"]["difference"] == pytest.approx(1.5)
    assert content["mre"]["p"] == 1 / 500
    assert (content["sdr"]["2"]["difference"], content["sdr"]["3"]["difference"]) == (-100.0, 0.0)
    assert (content["unit"], content["better"], content["truth"], content["splits"]) == ("mm", "A", "mean", ["valid"])
    assert (content["films"], content["points"], len(content["by_landmark"])) == (3, 12, 4)
    assert len(content["a"]["predictions"]["sha256"]) == 64
    assert not any(content["left_out"].values())
    screen = capsys.readouterr().out
    assert "A is better: MRE B - A +1.500 mm" in screen
    assert "films: 3   landmarks: 4   points: 12" in screen
    assert "only 3 films" in screen
    assert "Research use only; not a medical device." in screen
    with (tmp_path / "out" / "landmarks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["symbol"] for row in rows] == ["A", "Me", "N", "S"]
    assert tuple(rows[0]) == LANDMARK_COLUMNS
    assert float(rows[0]["mre_difference"]) == pytest.approx(1.5)
    assert float(rows[0]["mre_p_holm"]) == pytest.approx(4 / 500)


def test_the_same_file_twice(tiny_aariz: Path, tmp_path: Path) -> None:
    same = moved(truth_of(tiny_aariz, "test"), 1)
    content = run(tiny_aariz, tmp_path, same, same)
    assert content["verdict"].startswith("no significant difference")
    for figure in (content["mre"], *content["sdr"].values()):
        assert (figure["difference"], figure["ci95"], figure["p"]) == (0.0, [0.0, 0.0], 1.0)


def test_a_checkpoint_and_the_folder_of_its_evaluation_are_the_same(tiny_aariz: Path, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tmp_path / "c.pth", ("A", "N", "Me"))
    common = {"dataset_path": (tiny_aariz,), "device": "cpu", "cache_dir": tmp_path / "cache", "num_workers": 0}
    evaluate(EvaluateOptions(checkpoint=(checkpoint,), out=tmp_path / "evaluation", **common))
    options = CompareOptions(
        a=checkpoint, b=tmp_path / "evaluation", out=tmp_path / "out", bootstrap_draws=100, **common
    )
    content = compare(options)
    assert (content["mre"]["difference"], content["mre"]["p"]) == (0.0, 1.0)
    assert content["a"]["checkpoint"]["path"] == checkpoint.as_posix()
    assert content["b"]["predictions"]["path"].endswith("evaluation/predictions.json")
    assert content["left_out"]["landmarks_in_neither"] == ["S"]


def test_a_checkpoint_and_its_published_folder_are_the_same(tiny_aariz: Path, tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path / "c.pth", ("A", "Me", "N", "S"))
    publish(path, tmp_path / "ceph", onnx=False, notify=lambda line: None)
    more = ("--split", "valid", "--device", "cpu", "--num_workers", "0", "--cache_dir", str(tmp_path / "cache"))
    content = run(tiny_aariz, tmp_path, path, tmp_path / "ceph", *more)
    assert (content["mre"]["difference"], content["better"]) == (0.0, None)
    assert content["b"]["checkpoint"]["sha256"] == fingerprint(tmp_path / "ceph")


def test_only_landmarks_of_both_are_compared(
    tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = truth_of(tiny_aariz, "test")
    a = {film: {s: points[s] for s in ("A", "N")} for film, points in truth.items()}
    b = {film: {s: points[s] for s in ("N", "Me")} | {"Pn": [1.0, 1.0]} for film, points in truth.items()}
    content = run(tiny_aariz, tmp_path, a, b)
    assert list(content["by_landmark"]) == ["N"]
    assert content["left_out"]["landmarks_only_in_a"] == ["A"]
    assert content["left_out"]["landmarks_only_in_b"] == ["Me"]
    assert content["left_out"]["landmarks_in_neither"] == ["S"]
    screen = capsys.readouterr().out
    assert "landmarks that only A has, not compared: A" in screen
    with pytest.raises(DataError, match=r"no landmark is scored for both\. A has A; B has Me"):
        compare(
            CompareOptions(
                a=write_json(tmp_path / "1.json", {film: {"A": points["A"]} for film, points in truth.items()}),
                b=write_json(tmp_path / "2.json", {film: {"Me": points["Me"]} for film, points in truth.items()}),
                dataset_path=(tiny_aariz,),
                out=tmp_path / "none",
            )
        )
    assert not (tmp_path / "none").exists()


def test_points_that_were_not_found_are_counted(
    tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = moved(truth_of(tiny_aariz, "test"), 2)
    b = moved(truth_of(tiny_aariz, "test"), 2)
    b["e0"]["A"] = None
    content = run(tiny_aariz, tmp_path, a, b)
    assert (content["missing_a"], content["missing_b"], content["points"], content["points_both"]) == (0, 1, 8, 7)
    assert content["mre"]["difference"] == 0.0
    assert content["sdr"]["4"]["difference"] == -12.5
    assert "A 0, B 1 points; left out of the MRE of both: 1 points" in capsys.readouterr().out
    del b["e1"]
    path = write_json(tmp_path / "lacking.json", b)
    with pytest.raises(DataError, match="film e1: no prediction at all"):
        compare(CompareOptions(a=path, b=path, dataset_path=(tiny_aariz,), out=tmp_path / "out"))
    assert run(tiny_aariz, tmp_path, a, b, "--allow_missing")["missing_b"] == 5


def test_films_without_a_pixel_size_count_only_where_none_has_one(
    tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "Aariz"
    shutil.copytree(tiny_aariz, root)
    table = root / "cephalogram_machine_mappings.csv"
    truth = truth_of(root, "test")
    table.write_text(table.read_text(encoding="utf-8").replace("e0,Tiny,0.5", "e0,Tiny,"), encoding="utf-8")
    content = run(root, tmp_path, moved(truth, 2), moved(truth, 3))
    assert (content["unit"], content["films"], content["mre"]["difference"]) == ("mm", 1, pytest.approx(0.5))
    assert content["left_out"]["films_without_pixel_size"] == ["e0"]
    assert "too few films" in content["verdict"]
    table.write_text(table.read_text(encoding="utf-8").replace("e1,Tiny,0.5", "e1,Tiny,"), encoding="utf-8")
    content = run(root, tmp_path, moved(truth, 2), moved(truth, 3))
    assert (content["unit"], content["films"], content["mre"]["difference"]) == ("px", 2, pytest.approx(1.0))
    assert (content["sdr"], content["better"]) == ({}, "A")
    assert "compared in film pixels, without SDR" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_named_before_any_work(tiny_aariz: Path, tmp_path: Path) -> None:
    there = write_json(tmp_path / "a.json", truth_of(tiny_aariz, "test"))
    for absent in (tmp_path / "absent.json", tmp_path / "absent.pth"):
        with pytest.raises(SettingsError, match=rf"B: {re.escape(str(absent))}: there is no such file"):
            compare(CompareOptions(a=there, b=absent, dataset_path=(tmp_path / "nowhere",), out=tmp_path / "out"))


def test_what_is_no_prediction_is_named(tiny_aariz: Path, tmp_path: Path) -> None:
    there = write_json(tmp_path / "a.json", truth_of(tiny_aariz, "test"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(LabelError, match=r"holds no \.json file"):
        compare(CompareOptions(a=there, b=empty, dataset_path=(tiny_aariz,), out=tmp_path / "out"))
    torn = tmp_path / "torn.pth"
    torn.write_bytes(b"no checkpoint")
    with pytest.raises(CephkitError, match=r"torn\.pth"):
        compare(CompareOptions(a=there, b=torn, dataset_path=(tiny_aariz,), out=tmp_path / "out", device="cpu"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bootstrap_draws": 99}, "--bootstrap_draws must be 100 or more, got 99"),
        ({"seed": -1}, "--seed must be 0 or more"),
        ({"split": ()}, "--split must be train, valid, test"),
        ({"out": Path("x/../b")}, "would overwrite what is compared"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        CompareOptions(a=Path("a"), b=Path("b"), **options)


def test_the_reference_names_every_key(tiny_aariz: Path, tmp_path: Path) -> None:
    truth = truth_of(tiny_aariz, "test")
    content = run(tiny_aariz, tmp_path, truth, truth)
    part = REFERENCE.read_text(encoding="utf-8").split("## What compare writes")[1].split("\n## ")[0]
    named = set(re.findall(r"`([^`]+)`", part))
    assert {*content, *content["left_out"]} - named == set()
    assert {re.sub(r"^(mre|sdr_.*_percent)_.*", r"\1", column) for column in LANDMARK_COLUMNS} - named == set()
