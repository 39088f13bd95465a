import csv
import json
import math
import os
import shutil
from pathlib import Path

import pytest

import cephkit
from cephkit.commands.evaluate import EvaluateOptions, evaluate, main
from cephkit.errors import DataError, SettingsError
from cephkit.evaluation.metrics import Metrics
from cephkit.evaluation.scoring import Scores
from tests.inference.test_predictor import tiny_checkpoint

FIGURES = (
    "mre_mm",
    "sd_mm",
    "median_mm",
    "p95_mm",
    "sdr",
    "mre_pixels",
    "films",
    "landmarks",
    "points",
    "missing",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "c.pth", ("A", "N", "Me", "Pn"))


def truth_of(root: Path, split: str) -> dict[str, dict[str, list[float]]]:
    folder = root / split / "Annotations" / "Cephalometric Landmarks" / "Senior Orthodontists"
    films = {}
    for path in folder.glob("*.json"):
        marks = json.loads(path.read_text(encoding="utf-8"))["landmarks"]
        films[path.stem] = {mark["symbol"]: [mark["value"]["x"], mark["value"]["y"]] for mark in marks}
    return films


def write_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def judge(root: Path, tmp_path: Path, content: object, *more: str) -> dict[str, object]:
    """``cephkit evaluate --predictions`` on ``content``; returns metrics.json."""
    path = write_json(tmp_path / "p.json", content)
    out = tmp_path / "out"
    assert main(["--predictions", str(path), "--dataset_path", str(root), "--out", str(out), *more]) == 0
    metrics: dict[str, object] = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    return metrics


def test_a_checkpoint_and_its_own_predictions_give_the_same_figures(
    tiny_aariz: Path, checkpoint: Path, tmp_path: Path
) -> None:
    common = {"dataset_path": (tiny_aariz,), "split": ("valid", "test"), "device": "cpu"}
    first = evaluate(
        EvaluateOptions(
            checkpoint=(checkpoint,), out=tmp_path / "1", cache_dir=tmp_path / "cache", num_workers=0, **common
        )
    )
    second = evaluate(EvaluateOptions(predictions=tmp_path / "1" / "predictions.json", out=tmp_path / "2", **common))
    for key in (
        *FIGURES,
        "mre_mm_ci95",
        "sdr_ci95",
        "landmarks_scored",
        "landmarks_not_predicted",
        "not_found",
    ):
        assert first[key] == second[key], key
    for name in ("errors.csv", "landmarks.csv", "machines.csv", "splits.csv", "predictions.json"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    assert first["landmarks_not_predicted"] == ["S"]
    assert first["landmarks_without_truth"] == ["Pn"]
    assert (first["films"], first["landmarks"], first["points"]) == (5, 3, 15)
    assert len(first["checkpoint"]["sha256"]) == 64


def test_figures_are_those_of_the_moved_truth(
    tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = {
        f: {s: [x + 3, y - 4] for s, (x, y) in points.items()} for f, points in truth_of(tiny_aariz, "test").items()
    }
    metrics = judge(tiny_aariz, tmp_path, moved)
    assert metrics["mre_pixels"] == pytest.approx(5.0)
    assert metrics["mre_mm"] == pytest.approx(2.5)  # 0.5 mm a pixel
    assert metrics["sd_mm"] == pytest.approx(0.0, abs=1e-9)
    assert (metrics["sdr"]["2"], metrics["sdr"]["3"], metrics["sdr"]["4"]) == (0.0, 100.0, 100.0)
    assert (metrics["truth"], metrics["splits"], metrics["films"], metrics["missing"]) == (
        "mean",
        ["test"],
        2,
        0,
    )
    screen = capsys.readouterr().out
    assert "truth: mean" in screen
    assert "split: test" in screen
    assert "films: 2" in screen
    assert "Research use only; not a medical device." in screen
    with (tmp_path / "out" / "errors.csv").open(encoding="utf-8", newline="") as file:
        errors = [float(row["error_mm"]) for row in csv.DictReader(file)]
    assert len(errors) == 8
    assert math.fsum(errors) / 8 == pytest.approx(metrics["mre_mm"])


def test_python_takes_keywords_with_plain_paths(tiny_aariz: Path, tmp_path: Path) -> None:
    path = write_json(tmp_path / "p.json", truth_of(tiny_aariz, "test"))
    metrics = cephkit.evaluate(
        predictions=str(path), dataset_path=(str(tiny_aariz),), out=tmp_path / "out", report=False, bootstrap_draws=0
    )
    assert (metrics["films"], metrics["mre_mm"]) == (2, pytest.approx(0.0, abs=1e-9))
    assert metrics["truth"] == "mean"
    with pytest.raises(SettingsError, match=r"cephkit\.evaluate: there is no setting 'prediction'"):
        cephkit.evaluate(prediction=path)


def test_the_results_are_there_before_anything_is_drawn(
    tiny_aariz: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def there() -> set[str]:
        return {path.name for path in (tmp_path / "out").iterdir()}

    seen: dict[str, set[str]] = {}

    def metrics(self: Scores, *more: int) -> Metrics:
        seen.setdefault("metrics", there())
        return counted(self, *more)

    def report(*_: object) -> None:
        seen["report"] = there()
        raise RuntimeError("the report fails")

    counted = Scores.metrics
    monkeypatch.setattr(Scores, "metrics", metrics)
    monkeypatch.setattr("cephkit.evaluation.html.write_report", report)
    options = EvaluateOptions(
        checkpoint=(checkpoint,), dataset_path=(tiny_aariz,), device="cpu", out=tmp_path / "out", num_workers=0,
        cache_dir=tmp_path / "cache",
    )  # fmt: skip
    with pytest.raises(RuntimeError):
        evaluate(options)
    assert seen["metrics"] == {"predictions.json"}
    assert seen["report"] > {"metrics.json", "errors.csv", "landmarks.csv", "predictions.json"}


def test_films_with_names_of_any_bytes_are_judged(tiny_aariz: Path, checkpoint: Path, tmp_path: Path) -> None:
    root = tmp_path / "Aariz"
    shutil.copytree(tiny_aariz, root)
    odd = os.fsdecode(b"caf\xe9")
    try:
        for path in [*root.glob("test/Cephalograms/e0.png"), *root.glob("test/Annotations/*/*/e0.json")]:
            path.rename(path.with_stem(odd))
    except OSError:
        pytest.skip("this file system takes names of text only")
    common = ["--dataset_path", str(root), "--device", "cpu", "--num_workers", "0"]
    out = tmp_path / "out"
    assert main([*common, "--checkpoint", str(checkpoint), "--out", str(out), "--cache_dir", str(tmp_path / "c")]) == 0
    assert odd in json.loads((out / "predictions.json").read_text(encoding="utf-8"))
    assert "caf\\udce9" in (out / "report.html").read_text(encoding="utf-8")


def test_films_that_are_not_in_the_split_are_passed_over_with_a_line(
    tiny_aariz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = truth_of(tiny_aariz, "test") | truth_of(tiny_aariz, "train")
    assert judge(tiny_aariz, tmp_path, everything)["films"] == 2
    assert "not judged, not in test: 7 films" in capsys.readouterr().out
    assert judge(tiny_aariz, tmp_path, everything | {"stranger": {"A": [1, 2]}})["films"] == 2
    assert "not judged, not in test: 8 films" in capsys.readouterr().out


def test_a_missing_film_is_an_error_unless_allowed(tiny_aariz: Path, tmp_path: Path) -> None:
    content = truth_of(tiny_aariz, "test")
    del content["e1"]
    with pytest.raises(DataError, match="film e1: no prediction at all"):
        judge(tiny_aariz, tmp_path, content)
    metrics = judge(tiny_aariz, tmp_path, content, "--allow_missing")
    assert (metrics["missing"], metrics["points"], metrics["sdr"]["4"]) == (4, 4, 50.0)


def test_films_without_a_pixel_size_are_listed(tiny_aariz: Path, tmp_path: Path) -> None:
    root = tmp_path / "Aariz"
    shutil.copytree(tiny_aariz, root)
    table = root / "cephalogram_machine_mappings.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("e0,Tiny,0.5", "e0,Tiny,"), encoding="utf-8")
    truth = truth_of(root, "test")
    moved = {f: {s: [x + (90 if f == "e0" else 2), y] for s, (x, y) in points.items()} for f, points in truth.items()}
    metrics = judge(root, tmp_path, moved)
    assert metrics["films_without_pixel_size"] == ["e0"]
    assert metrics["mre_mm"] == pytest.approx(1.0)
    assert metrics["mre_pixels"] == pytest.approx(46.0)


def test_broken_labels_are_reported_together_or_skipped(tiny_aariz: Path, tmp_path: Path) -> None:
    root = tmp_path / "Aariz"
    shutil.copytree(tiny_aariz, root)
    truth = truth_of(root, "valid")
    labels = root / "valid" / "Annotations" / "Cephalometric Landmarks"
    (labels / "Senior Orthodontists" / "v0.json").write_text("{", encoding="utf-8")
    (labels / "Junior Orthodontists" / "v1.json").write_bytes(b"")
    with pytest.raises(DataError, match="--skip_bad_films") as caught:
        judge(root, tmp_path, truth, "--split", "valid")
    assert "v0.json" in str(caught.value)
    assert "v1.json" in str(caught.value)
    assert judge(root, tmp_path, truth, "--split", "valid", "--skip_bad_films")["films"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "either --checkpoint or --predictions"),
        ({"checkpoint": (Path("a"),), "predictions": Path("b")}, "either --checkpoint or --predictions"),
        ({"checkpoint": (Path("a"),), "allow_missing": True}, "--allow_missing needs --predictions"),
        ({"checkpoint": (Path("a"),), "batch_size": 0}, "--batch_size must be 1 or more"),
    ],
)
def test_contradictions_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        EvaluateOptions(**options)  # type: ignore[arg-type]


def test_a_checkpoint_without_a_landmark_of_the_films_is_refused(tiny_aariz: Path, tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path / "c.pth", ("Pn", "Go"))
    options = EvaluateOptions(
        checkpoint=(path,), dataset_path=(tiny_aariz,), device="cpu", out=tmp_path / "out", cache_dir=tmp_path / "cache"
    )
    with pytest.raises(DataError, match="nothing to score"):
        evaluate(options)
    assert not (tmp_path / "out").exists()
