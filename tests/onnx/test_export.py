"""Exported files against PyTorch, on networks too small to know anything."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image

from cephkit import NOTICE
from cephkit.checkpoint import Checkpoint, load_model, write_checkpoint
from cephkit.errors import CephkitError, SettingsError
from cephkit.geometry import Size
from cephkit.inference.predictor import Found, Predictor
from cephkit.inference.preprocess import preprocess
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec
from cephkit.onnx import export
from cephkit.onnx.export import export_onnx, feed, synthetic_film, to_onnx
from tests.onnx.spots import CANVAS, DETAIL, LYING, SYMBOLS, WAYS, framed, spots_model, spotted

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

REAL_FILMS, REAL_MODEL = os.environ.get("CEPHKIT_REAL_FILMS", ""), os.environ.get("CEPHKIT_REAL_MODEL", "")
SIZES = ((500, 430), (451, 300), (384, 320), (611, 433))
FILMS = [synthetic_film(size) for size in ((200, 160), (151, 160), (313, 160))]
PAGE = Path(__file__).parents[2] / "docs" / "onnx.md"


def checkpoint(path: Path, loss: str = "softmax", stride: int = 2, canvas: Size = (96, 64)) -> Path:
    """A network that draws clear maps of nothing in particular; no second stage, pose model or calibration."""
    torch.manual_seed(1)
    spec = ModelSpec("test_resnet", SYMBOLS, canvas, heatmap_stride=stride, loss=loss)
    model = build_model(spec, pretrained=False, notify=lambda line: None)
    with torch.no_grad():
        model.head.final.weight *= 1000
    write_checkpoint(path, Checkpoint(spec, model.state_dict()))
    return path


def run(content: bytes | str, predictor: Predictor, films: list[NDArray[np.uint8]]) -> dict[str, NDArray[Any]]:
    """The outputs for a batch of films."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    sizes = predictor.stages[0].sizes
    single = [feed(preprocess(film, sizes), sizes) for film in films]
    names = [output.name for output in session.get_outputs()]
    batch = {key: np.concatenate([each[key] for each in single]) for key in single[0]}
    return dict(zip(names, session.run(names, batch), strict=True))


def assert_same(found: dict[str, NDArray[Any]], predictor: Predictor, wanted: list[Found], gap: float = 0.01) -> None:
    """All outputs are those of PyTorch; points to ``gap`` film pixels."""
    assert np.allclose(found["points"], [each.points[0] for each in wanted], rtol=0, atol=gap, equal_nan=True)
    assert np.allclose(found["scores"], [each.scores[0] for each in wanted], rtol=0, atol=1e-4, equal_nan=True)
    errors = [predictor.errors(each) for each in wanted]
    if predictor.calibration is None:
        assert "expected_errors" not in found
    else:
        expected, regions = zip(*((each.expected[0], each.regions[0]) for each in errors), strict=True)
        assert np.allclose(found["expected_errors"], expected, rtol=1e-3, equal_nan=True)
        assert np.allclose(found["regions"], regions, rtol=2e-3, atol=1e-3, equal_nan=True)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of ``spots_model``, which has all that a checkpoint can have."""
    path = tmp_path_factory.mktemp("written") / "model.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "load_model", lambda path: spots_model())
        exported = export_onnx("spots.pth", path)
    assert exported.outputs == ("points", "scores", "expected_errors", "regions", "plausible", "faces_left")
    assert exported.gap_px < 0.01
    assert exported.size_bytes == path.stat().st_size
    return path


def test_a_batch_is_as_with_pytorch_however_the_films_are_held(written: Path) -> None:
    predictor = Predictor(spots_model())
    films = [spotted(way, size=size) for way, size in zip(WAYS, SIZES, strict=True)]
    films += [spotted(WAYS[0], ()), spotted(WAYS[0], SYMBOLS[:2])]
    films += [*(spotted(way, size=size) for way, size in zip(LYING, SIZES[1:], strict=True)), framed()[0]]
    wanted = [predictor.run_film(film) for film in films]
    found = run(str(written), predictor, films)
    assert_same(found, predictor, wanted)
    assert np.isnan(found["points"][4]).all()  # a black film
    assert found["plausible"].tolist() == [not each.poses[0].doubt for each in wanted]
    assert found["plausible"].tolist() == [True] * 4 + [False] * 2 + [True] * 4
    assert found["faces_left"].tolist() == [each.poses[0].facing == "left" for each in wanted]
    assert found["faces_left"].tolist()[:2] == [False, True]
    # One by one they go through the loop as often as they need.
    for row, film in enumerate(films):
        alone = run(str(written), predictor, [film])["points"][0]
        assert alone == pytest.approx(found["points"][row], abs=1e-3, nan_ok=True)


def test_the_file_says_what_it_is_and_nothing_of_the_machine(written: Path) -> None:
    session = onnxruntime.InferenceSession(str(written), providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["landmarks"]) == list(SYMBOLS)
    assert (json.loads(about["canvas_size"]), json.loads(about["detail_size"])) == (list(CANVAS), list(DETAIL))
    assert "of" in json.loads(about["normalisation"])
    assert list(json.loads(about["units"])) == [output.name for output in session.get_outputs()]
    assert (about["mode"], about["loss"], about["variant"]) == ("plain+refiner", "adaptive_wing", "float32")
    assert (about["calibrated"], about["pose_model"]) == ("true", "true")
    assert about["checkpoint_sha256"] == "0" * 64
    assert about["notice"] == NOTICE
    assert NOTICE in session.get_modelmeta().description
    content = written.read_bytes()
    for trace in (str(written.parent), str(Path(export.__file__).parents[2]), sys.prefix, "spots.pth", ".py"):
        assert trace.encode() not in content


@pytest.mark.slow
def test_one_stage_alone_with_logits_on_a_fine_grid(tmp_path: Path) -> None:
    predictor = Predictor(load_model(checkpoint(tmp_path / "c.pth")))
    found = run(to_onnx(predictor).SerializeToString(), predictor, FILMS)
    assert list(found) == ["points", "scores"]
    assert_same(found, predictor, [predictor.run_film(film) for film in FILMS])


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["float32", "float16", "int8"])
@pytest.mark.parametrize("refine", [True, False])
def test_each_variant_with_and_without_the_second_stage(variant: Any, refine: bool) -> None:
    predictor, films = Predictor(spots_model(), refine=refine), [spotted(way) for way in WAYS]
    fed = [preprocess(film, predictor.canvas_sizes) for film in films]
    found = run(to_onnx(predictor, variant, fed).SerializeToString(), predictor, films)
    wanted = [predictor.run_film(film) for film in films]
    assert np.abs(found["points"] - [each.points[0] for each in wanted]).mean() < 0.5
    assert found["faces_left"].tolist() == [False, True, False, False]


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["float16", "int8"])
def test_variants_of_a_backbone_are_smaller(variant: Any, tmp_path: Path) -> None:
    predictor = Predictor(load_model(checkpoint(tmp_path / "c.pth")))
    fed = [preprocess(film, predictor.canvas_sizes) for film in FILMS]
    content = to_onnx(predictor, variant, fed).SerializeToString()
    assert len(content) < 0.8 * sum(weight.numel() * 4 for weight in predictor.stages[0].model.parameters())
    gap = run(content, predictor, FILMS)["points"] - [predictor.run_film(film).points[0] for film in FILMS]
    assert 0 < np.median(np.abs(gap)) < 3.0


def test_nothing_is_written_when_points_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "load_model", lambda path: spots_model())
    monkeypatch.setattr(export, "to_onnx", lambda *_: onnx.ModelProto())
    monkeypatch.setattr(export, "gaps", lambda *_: np.array([0.0, 0.06]))
    with pytest.raises(CephkitError, match=r"0\.06 film pixels"):
        export_onnx("spots.pth", tmp_path / "c.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_and_int8_without_films_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="int8 needs films"):
        export_onnx(tmp_path / "c.pth", tmp_path / "c.onnx", variant="int8")
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(CephkitError, match=r'onnxscript: pip install "cephkit\[onnx\]"'):
        export_onnx(tmp_path / "c.pth", tmp_path / "c.onnx")


def test_the_example_of_the_page_gives_pytorchs_points_without_torch(written: Path, tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "landmarks.py").write_text(example, encoding="utf-8")
    film = spotted(WAYS[3], size=(523, 431))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned clockwise: the program that labels and predicts does so
    Image.fromarray(np.rot90(film)).save(tmp_path / "film.png", exif=exif)
    blocked = "import sys; sys.modules.update(torch=None, cephkit=None)\n"
    (tmp_path / "sitecustomize.py").write_text(blocked, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "landmarks.py", str(written), "film.png"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines()]
    assert tuple(row[0] for row in rows) == SYMBOLS
    wanted = Predictor(spots_model()).run_film(film)
    assert np.abs(np.array([row[1:3] for row in rows], dtype=float) - wanted.points[0]).max() < 0.01
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(not (REAL_FILMS and REAL_MODEL), reason="CEPHKIT_REAL_FILMS and CEPHKIT_REAL_MODEL name nothing")
def test_real_films_to_a_twentieth_of_a_pixel(tmp_path: Path) -> None:
    films = sorted((Path(REAL_FILMS) / "valid" / "Cephalograms").iterdir())
    assert export_onnx(REAL_MODEL, tmp_path / "model.onnx", films=films[: export.MOST_FILMS]).gap_px < 0.05
