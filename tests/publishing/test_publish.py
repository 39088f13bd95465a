"""A model published and read back: the same points, the card, and what is not to be handed on."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard
from PIL import Image

from cephkit.checkpoint import load_model, read_checkpoint, write_checkpoint
from cephkit.config import TrainConfig
from cephkit.errors import CephkitError, CheckpointError, SettingsError
from cephkit.inference.predictor import Predictor
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.published import fingerprint, is_published
from cephkit.publishing import publish as module
from cephkit.publishing.publish import publish
from cephkit.settings.reading import to_plain
from tests.training.test_finish import random_checkpoint, random_refiner

PAGE = Path(__file__).parents[2] / "docs" / "onnx.md"
FREE = {
    "data_sets": [
        {"name": "drawn", "layout": "synthetic films of cephkit", "machines": {"ART Plus": 9}, "films": {"train": 9}}
    ]
}


def quiet(line: str) -> None:
    pass


def model_at(path: Path, config: dict[str, Any] | None = None, **extras: Any) -> Path:
    random_checkpoint(path, **extras)
    checkpoint = read_checkpoint(path)
    write_checkpoint(path, replace(checkpoint, config={**checkpoint.config, **(FREE if config is None else config)}))
    return path


def card_of(path: Path, out: Path, **given: Any) -> str:
    publish(path, out, onnx=False, notify=quiet, **given)
    return (out / "README.md").read_text(encoding="utf-8")


def film(seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 255, (200, 160)).astype(np.uint8)


def test_file_and_folder_find_the_same_points_alone_and_in_an_ensemble(tmp_path: Path) -> None:
    one = model_at(tmp_path / "one.pth", refiner=random_refiner())
    other = random_checkpoint(tmp_path / "other.pth", seed=3)
    publish(one, tmp_path / "out", onnx=False, notify=quiet)
    assert is_published(tmp_path / "out")
    for rest in ([], [load_model(other)]):
        a, b = (Predictor([load_model(path), *rest]) for path in (one, tmp_path / "out"))
        assert a.mode == b.mode
        assert np.array_equal(a.run_film(film()).points, b.run_film(film()).points)
    assert a.loaded[0].meta["sha256"] != b.loaded[0].meta["sha256"] == fingerprint(tmp_path / "out")


def test_a_folder_published_again_is_the_same_model(tmp_path: Path) -> None:
    publish(model_at(tmp_path / "c.pth"), tmp_path / "one", onnx=False, notify=quiet)
    publish(tmp_path / "one", tmp_path / "two", onnx=False, notify=quiet)
    assert (tmp_path / "one" / "model.safetensors").read_bytes() == (
        tmp_path / "two" / "model.safetensors"
    ).read_bytes()


@pytest.fixture(scope="module")
def with_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript")
    root = tmp_path_factory.mktemp("home_of_ann")
    config = to_plain(
        TrainConfig(dataset_path=(root / "Aariz",), save_dir=root, log_dir=root, cache_dir=root / "cache")
    )
    path = model_at(root / "c.pth", {**config, **FREE}, refiner=random_refiner())
    publish(path, root / "ceph", notify=quiet)
    return root / "ceph"


def test_the_onnx_file_finds_them_too_without_torch_and_cephkit(with_onnx: Path, tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(import json.*?)^```$", (with_onnx / "README.md").read_text(), re.M | re.S)
    (on_page,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert example == on_page
    (tmp_path / "landmarks.py").write_text(example, encoding="utf-8")
    Image.fromarray(film()).save(tmp_path / "film.png")
    blocked = "import sys; sys.modules.update(torch=None, cephkit=None)\n"
    (tmp_path / "sitecustomize.py").write_text(blocked, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "landmarks.py", str(with_onnx / "model.onnx"), "film.png"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines()]
    folder, file = (Predictor(load_model(path)) for path in (with_onnx, with_onnx.parent / "c.pth"))
    wanted = folder.run_film(film()).points[0]
    assert np.array_equal(wanted, file.run_film(film()).points[0])
    assert tuple(row[0] for row in rows) == folder.spec.symbols
    assert np.abs(np.array([row[1:3] for row in rows], dtype=float) - wanted).max() < 0.05


def test_no_file_tells_of_the_machine_it_was_made_on(with_onnx: Path) -> None:
    assert sorted(path.name for path in with_onnx.iterdir()) == [
        "README.md", "config.json", "model.onnx", "model.safetensors",
    ]  # fmt: skip
    traces = ("home_of_ann", str(with_onnx.parent.parent), str(Path.home()) + os.sep, sys.prefix, str(Path.cwd()))
    for path in with_onnx.iterdir():
        assert [trace for trace in traces if trace.encode() in path.read_bytes()] == [], path.name


def test_the_hub_reads_the_head_of_the_card(with_onnx: Path) -> None:
    data = ModelCard.load(with_onnx / "README.md").data.to_dict()
    assert (data["license"], data["library_name"], data["pipeline_tag"]) == ("unknown", "cephkit", "keypoint-detection")
    assert "onnx" in data["tags"]


def test_the_card_says_what_the_model_is_and_from_what(tmp_path: Path) -> None:
    config = {
        "truth": "mean", "annotation_type": "Senior Orthodontists", "epochs": 50, "pretrained": True,
        "data_sets": [
            {"name": "Aariz", "layout": "Aariz layout", "machines": {"ART Plus": 9}, "films": {"train": 7, "valid": 2}}
        ],
        "started_from": FREE["data_sets"],
    }  # fmt: skip
    text = card_of(model_at(tmp_path / "c.pth", config), tmp_path / "ceph", licence="cc-by-4.0")
    for wanted in (
        "# ceph\n", "Finds 4 landmarks", "Research use only; not a medical device.",
        "licence of the weights | cc-by-4.0",
        "| Aariz | Aariz | 7 | 2 | ART Plus | CC BY 4.0 |", "| drawn | synthetic films of cephkit | 9 | not recorded |",
        "started from an earlier model, whose data are listed too: drawn", "Khalid et al.",
        "Learnt from: the senior annotator. Validated against: the mean of both annotators.", "MRE 3.00 mm",
        "| epochs | 50 |", "| A | A-point | bone |", fingerprint(tmp_path / "ceph"), "It has no calibration",
        "It does not recognise films that face left", "weights trained on ImageNet",
    ):  # fmt: skip
        assert wanted in text, wanted
    assert "handed on" not in text
    assert yaml.safe_load(text.split("---")[1])["license"] == "cc-by-4.0"


@pytest.mark.parametrize(
    "config",
    [
        {"data_sets": [{"name": "isbi2015", "layout": "ISBI 2015"}]},
        {"data_sets": FREE["data_sets"], "started_from": [{"name": "films", "machines": {"ISBI2015": 3}}]},
        {"dataset_path": ["/data/isbi2015", "/data/drawn"]},
    ],
    ids=["itself", "what it started from", "an older checkpoint"],
)
def test_restricted_data_stand_at_the_head_of_the_card(tmp_path: Path, config: dict[str, Any]) -> None:
    path = model_at(tmp_path / "c.pth", config)
    text = card_of(path, tmp_path / "out")
    assert text.index("These weights are not to be handed on") < text.index("## Use")
    assert yaml.safe_load(text.split("---")[1])["license_name"] == "not-to-be-handed-on"
    with pytest.raises(SettingsError, match=r"--licence mit: weights trained on ISBI 2015 are not to be handed on"):
        publish(path, tmp_path / "new", licence="mit", onnx=False, notify=quiet)


def test_a_second_stage_and_a_calibration_on_restricted_data_count_too(tmp_path: Path) -> None:
    stage = {**random_refiner(), "data_sets": [{"name": "cl-detection", "layout": "CL-Detection 2023"}]}
    facts = publish(model_at(tmp_path / "a.pth", refiner=stage), tmp_path / "a", onnx=False, notify=quiet)
    assert [terms.title for terms in facts.held_back_by] == ["CL-Detection 2023"]
    checkpoint = read_checkpoint(model_at(tmp_path / "b.pth"))
    said = {"calibrations": {"tta": {"films_said": "20 films of valid (machines: ISBI2015)"}}}
    facts = module.data_facts(replace(checkpoint, extras=said), {})
    assert [terms.title for terms in facts.held_back_by] == ["ISBI 2015"]


def test_the_card_of_a_final_model_says_that_nothing_validated_it(tmp_path: Path) -> None:
    model = model_at(tmp_path / "model.pth", {"annotation_type": "mean", "truth": "mean", "folds": 5, "final": True})
    text = card_of(model, tmp_path / "out")
    assert "learnt from the films of all folds" in text
    assert "Validated against" not in text


def test_an_unknown_licence_is_said_until_it_is_stated(tmp_path: Path) -> None:
    path = model_at(tmp_path / "c.pth", {"data_sets": [{"name": "clinic", "layout": "COCO keypoints"}]})
    text = card_of(path, tmp_path / "one")
    assert "The licence of some of the data is not known:** clinic." in text
    text = card_of(path, tmp_path / "two", stated={"clinic": "CC BY 4.0, by the clinic"})
    assert "not known:" not in text
    assert "CC BY 4.0, by the clinic (as the publisher states)" in text


def test_landmarks_of_one_s_own_and_hostile_names_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "c.pth"
    checkpoint = read_checkpoint(random_checkpoint(path, ("A", "N")))
    own = LandmarkSchema("mine", (Landmark("A", "A-point", "bone"), Landmark("Own`", "<b>Own</b> | point", "bone")))
    spec = replace(checkpoint.spec, symbols=("A", "Own`"), schema=own)
    config = {"data_sets": [{"name": "# <script>\n[x](http://y)", "layout": ""}]}
    write_checkpoint(path, replace(checkpoint, spec=spec, config=config))
    text = card_of(path, tmp_path / "out")
    assert r"| Own\` | &lt;b&gt;Own&lt;/b&gt; \| point | bone |" in text
    assert r"\# &lt;script&gt; \[x\](http://y)" in text
    assert "<script>" not in text
    assert read_checkpoint(tmp_path / "out").spec.schema["Own`"].title == "<b>Own</b> | point"


def test_the_figures_of_an_evaluation_of_this_checkpoint_are_in_the_card(tmp_path: Path) -> None:
    path, result = model_at(tmp_path / "c.pth"), tmp_path / "result"
    result.mkdir()
    metrics = {
        "checkpoint": {"sha256": load_model(path).meta["sha256"]}, "films": 3, "mre_mm": 1.5, "splits": ["test"],
        "truth": "senior", "mode": "tta+refiner", "written_at": "2026-11-27T10:00:00+00:00",
        "uncertainty": {"coverage_90_percent": 91.23, "judged": "by calibrations made without the film"},
        "command": "cephkit evaluate --dataset_path /home/ann",
    }  # fmt: skip
    (result / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    (result / "machines.csv").write_text("machine,films,mre_mm\nART Plus,3,1.5\n", encoding="utf-8")
    text = card_of(path, tmp_path / "out", evaluation=result)
    assert (
        "on test (several views of each film, with the second stage; truth: the senior annotator; 2026-11-27)" in text
    )
    assert "contain 91.2 % of the true points (by calibrations made without the film)." in text
    assert "| ART Plus | 3 | 1.50 | - |" in text
    assert "/home" not in text


def test_a_folder_is_replaced_only_if_asked_and_only_if_it_holds_nothing_else(tmp_path: Path) -> None:
    path, out = model_at(tmp_path / "c.pth"), tmp_path / "out"
    out.mkdir()
    publish(path, out, onnx=False, notify=quiet)
    with pytest.raises(SettingsError, match="holds a model; choose another folder, or use --overwrite"):
        publish(path, out, onnx=False, notify=quiet)
    publish(path, out, onnx=False, notify=quiet, name="new", overwrite=True)
    assert "# new\n" in (out / "README.md").read_text(encoding="utf-8")
    (out / "notes.txt").touch()
    with pytest.raises(SettingsError, match=r"holds notes\.txt; choose a new folder"):
        publish(path, out, onnx=False, notify=quiet, overwrite=True)
    with pytest.raises(SettingsError, match=r"holds c\.pth"):
        publish(path, path, onnx=False, notify=quiet, overwrite=True)


@pytest.mark.parametrize("step", ["write_published", "load_model", "_export", "card", "write_whole"])
def test_a_publish_that_ends_early_leaves_nothing_and_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path, out = model_at(tmp_path / "c.pth"), tmp_path / "out"
    monkeypatch.setattr(module, "_require_onnx", lambda: None)
    monkeypatch.setattr(module, "_export", lambda folder: (folder / "model.onnx").touch())
    publish(path, out, notify=quiet)
    before = (out / "README.md").read_bytes()
    calls, real = iter([False, True] if step == "load_model" else [True]), getattr(module, step)

    def killed(*given: Any, **more: Any) -> Any:
        if next(calls):
            raise KeyboardInterrupt
        return real(*given, **more)

    monkeypatch.setattr(module, step, killed)
    with pytest.raises(KeyboardInterrupt):
        publish(path, out, notify=quiet, overwrite=True, name="new")
    assert (out / "README.md").read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c.pth", "out"]


def test_a_damaged_calibration_and_a_full_disk_are_clear_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = model_at(tmp_path / "c.pth", calibrations={"tta": {"films": 3}})
    with pytest.raises(CheckpointError, match=r"calibration in it is damaged.*; calibrate it again"):
        publish(damaged, tmp_path / "out", onnx=False, notify=quiet)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_published", full)
    with pytest.raises(CephkitError, match=r"out: cannot be written \(No space left on device\); free disk space"):
        publish(model_at(tmp_path / "d.pth"), tmp_path / "out", onnx=False, notify=quiet)
    assert not (tmp_path / "out").exists()


def test_without_the_packages_for_onnx_the_error_names_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cephkit.onnx.export.importlib.util.find_spec", lambda name: None)
    with pytest.raises(CephkitError, match=r'pip install "cephkit\[onnx\]"; or leave .* --no_onnx'):
        publish(model_at(tmp_path / "c.pth"), tmp_path / "out", notify=quiet)
