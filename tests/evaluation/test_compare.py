import csv
import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit import cli
from cephkit.commands.compare import LANDMARK_COLUMNS, CompareOptions, compare, verdict
from cephkit.commands.evaluate import EvaluateOptions, evaluate
from cephkit.errors import CephkitError, DataError, LabelError, SettingsError
from cephkit.evaluation.compare import Comparison, Difference, compare_errors, holm
from cephkit.evaluation.metrics import summarise
from tests.commands.test_evaluate import truth_of, write_json
from tests.inference.test_predictor import tiny_checkpoint

REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"
Points = dict[str, dict[str, list[float] | None]]


def moved(points: dict[str, dict[str, list[float]]], x: float, y: float = 0.0) -> Points:
    return {film: {s: [px + x, py + y] for s, (px, py) in marks.items()} for film, marks in points.items()}


def correlated(films: int = 40, landmarks: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Errors in mm of two models that find the same films hard."""
    rng = np.random.default_rng(1)
    hard = rng.gamma(4, 0.4, (films, 1))
    return hard * rng.uniform(0.8, 1.2, (films, landmarks)), hard * rng.uniform(0.75, 1.2, (films, landmarks))


def run(root: Path, tmp_path: Path, a: object, b: object, *more: str) -> dict[str, Any]:
    """``cephkit compare`` on two contents, or paths; returns comparison.json."""
    paths = [x if isinstance(x, Path) else write_json(tmp_path / f"{n}.json", x) for n, x in (("a", a), ("b", b))]
    out = tmp_path / "out"
    arguments = [*map(str, paths), "--dataset_path", str(root), "--out", str(out), "--bootstrap_draws", "500", *more]
    assert cli.main(["compare", *arguments]) == 0
    content: dict[str, Any] = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    return content


# The maths


def test_two_films_by_hand() -> None:
    # B - A is +1 and -0.5 mm. The draws: first film twice (1/4), both (1/2), second twice (1/4).
    total, (landmark,) = compare_errors([[1.0], [3.0]], [[2.0], [2.5]], draws=20_000)
    assert (total.mre.a, total.mre.b, total.mre.difference) == (2.0, 2.25, 0.25)
    assert total.mre.ci95 == (-0.5, 1.0)
    assert total.mre.p == pytest.approx(0.5, abs=0.02)  # 2 x the 1/4 that is <= 0
    assert (total.sdr["1"].a, total.sdr["1"].b, total.sdr["1"].difference) == (50.0, 0.0, -50.0)
    assert total.sdr["1"].ci95 == (-100.0, 0.0)
    assert total.sdr["1"].p == pytest.approx(0.5, abs=0.02)  # 2 x the 1/4 that is >= 0
    assert (total.sdr["2"].difference, total.sdr["2"].ci95, total.sdr["2"].p) == (0.0, (0.0, 0.0), 1.0)
    assert (total.sdr["2.5"].a, total.sdr["2.5"].b) == (50.0, 100.0)
    assert (total.films, total.points, total.points_both, total.better) == (2, 2, 2, None)
    assert landmark.mre == Difference(2.0, 2.25, 0.25, (-0.5, 1.0), total.mre.p, p_holm=total.mre.p)


def test_the_same_errors_twice_differ_by_exactly_nothing() -> None:
    errors, _ = correlated()
    errors[3, 1], errors[4, 2] = np.nan, np.inf
    total, landmarks = compare_errors(errors, errors, draws=500)
    for one in (total, *landmarks):
        for figure in (one.mre, *one.sdr.values()):
            assert (figure.difference, figure.ci95, figure.p) == (0.0, (0.0, 0.0), 1.0)
        assert one.better is None


def test_rounding_is_no_difference() -> None:
    errors, _ = correlated()
    total, _ = compare_errors(errors, errors * (1 + 1e-15), draws=500)
    assert total.mre.p == 1.0


def test_a_known_difference_is_found_and_has_the_smallest_p() -> None:
    errors, _ = correlated()
    total, landmarks = compare_errors(errors, errors + 0.25, draws=1000)
    for one in (total, *landmarks):
        assert one.mre.difference == pytest.approx(0.25)
        assert one.mre.ci95 == pytest.approx((0.25, 0.25))
        assert (one.mre.p, one.better) == (1 / 1000, "A")
        assert one.mre.p_holm == (None if one is total else pytest.approx(5 / 1000))


def test_exchanging_a_and_b_turns_every_sign() -> None:
    a, b = correlated()
    a[0, 0], b[1, 1] = np.inf, np.inf
    there, back = compare_errors(a, b, 1000, seed=3), compare_errors(b, a, 1000, seed=3)
    for one, other in zip((there[0], *there[1]), (back[0], *back[1]), strict=True):
        for x, y in zip((one.mre, *one.sdr.values()), (other.mre, *other.sdr.values()), strict=True):
            assert (x.a, x.b, x.p, x.p_holm) == (y.b, y.a, y.p, y.p_holm)
            assert x.difference is not None
            assert x.difference == -(y.difference or 0.0)
            assert x.ci95 is not None
            assert y.ci95 is not None
            assert x.ci95 == pytest.approx((-y.ci95[1], -y.ci95[0]), abs=1e-12)
        assert (one.missing_a, one.missing_b) == (other.missing_b, other.missing_a)
    assert {there[0].better, back[0].better} in ({None}, {"A", "B"})


def test_a_difference_is_that_of_the_two_evaluations() -> None:
    a, b = correlated()
    total, _ = compare_errors(a, b, 100)
    first, second = (summarise(errors, np.ones(len(errors))) for errors in (a, b))
    assert (total.mre.a, total.mre.b) == (pytest.approx(first.mre_mm), pytest.approx(second.mre_mm))
    assert total.mre.difference == pytest.approx((second.mre_mm or 0) - (first.mre_mm or 0))
    assert {key: rate.a for key, rate in total.sdr.items()} == pytest.approx(first.sdr)
    assert {key: rate.b for key, rate in total.sdr.items()} == pytest.approx(second.sdr)


def test_the_paired_interval_is_narrower_than_that_of_independent_films() -> None:
    a, b = correlated()
    total, _ = compare_errors(a, b, 2000)
    apart = [summarise(errors, np.ones(len(errors)), draws=2000, seed=n).mre_mm_ci95 for n, errors in enumerate((a, b))]
    assert all(apart)
    unpaired = math.hypot(*(interval[1] - interval[0] for interval in apart if interval))
    assert total.mre.ci95 is not None
    assert total.mre.ci95[1] - total.mre.ci95[0] < unpaired / 3


def test_what_one_did_not_find_is_a_miss_and_in_no_mre() -> None:
    total, (first, second) = compare_errors(
        [[1.0, np.inf], [2.0, 1.0], [1.0, np.nan]], [[1.5, 1.0], [np.inf, 1.0], [1.5, np.nan]], draws=200
    )
    assert (total.points, total.points_both, total.missing_a, total.missing_b) == (5, 3, 1, 1)
    assert total.mre.a == pytest.approx(3 / 3)
    assert total.mre.b == pytest.approx(4 / 3)
    assert (total.sdr["4"].a, total.sdr["4"].b) == (80.0, 80.0)
    assert (first.mre.difference, first.films, second.films) == (0.5, 3, 2)
    # One film alone says nothing of another: a figure, but neither interval nor p.
    assert (second.mre.difference, second.mre.ci95, second.mre.p, second.mre.p_holm) == (0.0, None, None, None)


def test_errors_in_pixels_have_no_sdr() -> None:
    a, b = correlated()
    assert compare_errors(a, b, 100, unit="px")[0].sdr == {}


def test_nothing_in_common_is_no_figure() -> None:
    total, _ = compare_errors([[np.inf], [1.0]], [[1.0], [np.inf]], draws=100)
    assert total.mre == Difference(None, None, None)
    assert verdict(total, "mm").startswith("no difference shown: no point")
    alone, _ = compare_errors([[1.0]], [[2.0]], draws=100)
    assert (alone.mre.difference, alone.mre.p, alone.better) == (1.0, None, None)
    assert "too few films" in verdict(alone, "mm")


def test_errors_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"errors of A \(1, 2\) and of B \(2, 1\)"):
        compare_errors([[1.0, 2.0]], [[1.0], [2.0]])
    with pytest.raises(ValueError, match="same truths"):
        compare_errors([[1.0, np.nan]], [[1.0, 2.0]])


def test_an_sdr_that_says_the_opposite_leaves_the_verdict_open() -> None:
    surely, doubtful = (-0.5, -0.1), 0.3
    mre, worse = Difference(2.0, 1.7, -0.3, surely, 0.001), Difference(80.0, 70.0, -10.0, (-15.0, -5.0), 0.002)
    one = Comparison(40, 400, 400, 0, 0, mre, {"2": worse})
    assert (one.better, one.contradicting) == (None, ["2"])
    assert verdict(one, "mm").startswith("no difference shown: MRE and SDR@2 contradict each other")
    unsure = Difference(80.0, 79.0, -1.0, (-3.0, 1.0), doubtful)
    assert verdict(Comparison(40, 400, 400, 0, 0, mre, {"2": unsure}), "mm").startswith("B is better: MRE B - A -0.300")


def test_holm_by_hand() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([None]) == [None]


def test_a_landmark_is_corrected_by_the_number_of_landmarks() -> None:
    a, b = correlated()
    _, landmarks = compare_errors(a, b, 1000)
    assert [one.mre.p_holm for one in landmarks] == holm([one.mre.p for one in landmarks])


# The command


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
    assert content["verdict"].startswith("no difference shown")
    for figure in (content["mre"], *content["sdr"].values()):
        assert (figure["difference"], figure["ci95"], figure["p"]) == (0.0, [0.0, 0.0], 1.0)


def test_a_checkpoint_and_the_folder_of_its_evaluation_are_the_same(tiny_aariz: Path, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tmp_path / "c.pth", ("A", "N", "Me"))
    common = {"dataset_path": tiny_aariz, "device": "cpu", "cache_dir": tmp_path / "cache", "num_workers": 0}
    evaluate(EvaluateOptions(checkpoint=(checkpoint,), out=tmp_path / "evaluation", **common))
    options = CompareOptions(checkpoint, tmp_path / "evaluation", out=tmp_path / "out", bootstrap_draws=100, **common)
    content = compare(options)
    assert (content["mre"]["difference"], content["mre"]["p"]) == (0.0, 1.0)
    assert content["a"]["checkpoint"]["path"] == checkpoint.as_posix()
    assert content["b"]["predictions"]["path"].endswith("evaluation/predictions.json")
    assert content["left_out"]["landmarks_in_neither"] == ["S"]


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
                write_json(tmp_path / "1.json", {film: {"A": points["A"]} for film, points in truth.items()}),
                write_json(tmp_path / "2.json", {film: {"Me": points["Me"]} for film, points in truth.items()}),
                dataset_path=tiny_aariz,
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
        compare(CompareOptions(path, path, dataset_path=tiny_aariz, out=tmp_path / "out"))
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
            compare(CompareOptions(there, absent, dataset_path=tmp_path / "nowhere", out=tmp_path / "out"))


def test_what_is_no_prediction_is_named(tiny_aariz: Path, tmp_path: Path) -> None:
    there = write_json(tmp_path / "a.json", truth_of(tiny_aariz, "test"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(LabelError, match=r"holds no \.json file"):
        compare(CompareOptions(there, empty, dataset_path=tiny_aariz, out=tmp_path / "out"))
    torn = tmp_path / "torn.pth"
    torn.write_bytes(b"no checkpoint")
    with pytest.raises(CephkitError, match=r"torn\.pth"):
        compare(CompareOptions(there, torn, dataset_path=tiny_aariz, out=tmp_path / "out", device="cpu"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bootstrap_draws": 99}, "--bootstrap_draws must be 100 or more, got 99"),
        ({"seed": -1}, "--seed must be 0 or more"),
        ({"split": ()}, "--split needs train, valid or test"),
        ({"out": Path("x/../b")}, "would be written over"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        CompareOptions(Path("a"), Path("b"), **options)


def test_the_reference_names_every_key(tiny_aariz: Path, tmp_path: Path) -> None:
    truth = truth_of(tiny_aariz, "test")
    content = run(tiny_aariz, tmp_path, truth, truth)
    part = REFERENCE.read_text(encoding="utf-8").split("## What compare writes")[1].split("\n## ")[0]
    named = set(re.findall(r"`([^`]+)`", part))
    assert {*content, *content["left_out"]} - named == set()
    assert {re.sub(r"^(mre|sdr_.*_percent)_.*", r"\1", column) for column in LANDMARK_COLUMNS} - named == set()
