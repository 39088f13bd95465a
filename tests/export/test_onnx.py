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
from PIL import Image
from torch import nn

from cephkit import NOTICE
from cephkit.errors import CephkitError, SettingsError
from cephkit.export import onnx as export
from cephkit.export.onnx import export_onnx, to_onnx
from cephkit.export.parity import feed, synthetic_film
from cephkit.inference.predictor import Prediction, Predictor
from cephkit.inference.uncertainty import Calibration
from cephkit.models.build import build_model
from cephkit.models.refiner import Refiner, RefinerSpec
from cephkit.models.spec import ModelSpec
from cephkit.training.checkpoint import Checkpoint, load_model, write_checkpoint

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

SYMBOLS = ("A", "Pog`", "S")
CANVAS, DETAIL = (96, 64), (192, 160)
REAL_FILMS, REAL_MODEL = os.environ.get("CEPHKIT_REAL_FILMS", ""), os.environ.get("CEPHKIT_REAL_MODEL", "")
PAGE = Path(__file__).parents[2] / "docs" / "onnx.md"


def checkpoint(path: Path, loss: str = "adaptive_wing", stride: int = 4, refined: bool = False) -> Path:
    """A network that draws clear maps of nothing in particular."""
    torch.manual_seed(1)
    spec = ModelSpec("test_resnet", SYMBOLS, CANVAS, heatmap_stride=stride, loss=loss)
    model = build_model(spec, pretrained=False, say=lambda line: None)
    with torch.no_grad():
        model.head.final.weight *= 1000
    extras: dict[str, Any] = {}
    if refined:
        # Another order than the first stage's.
        refiner_spec = RefinerSpec(SYMBOLS[::-1], DETAIL, width=8)
        refiner = Refiner(refiner_spec)
        with torch.no_grad():
            refiner.final.weight *= 30
        calibration = Calibration(np.array([0.1, -0.2, 0.3]), np.array([-0.4, 0.3, 0.2, 0.1]), SHAPES, 1.7)
        extras["refiner"] = {"spec": refiner_spec.to_dict(), "model": refiner.state_dict()}
        extras["calibrations"] = {"plain+refiner": calibration.to_dict()}
    write_checkpoint(path, Checkpoint(spec, model.state_dict(), extras=extras))
    return path


SHAPES = np.array([[[1.0, 0.2], [0.2, 1.04]], [[2.0, 0.0], [0.0, 0.5]], [[1.0, 0.0], [0.0, 1.0]]])
FILMS = [synthetic_film(size) for size in ((200, 160), (151, 160), (313, 160))]


def run(content: bytes | str, predictor: Predictor, films: list[NDArray[np.uint8]]) -> dict[str, NDArray[Any]]:
    """The outputs for a batch of films."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    single = [feed(film, predictor.stages[0].sizes) for film in films]
    names = [output.name for output in session.get_outputs()]
    batch = {key: np.concatenate([each[key] for each in single]) for key in single[0]}
    return dict(zip(names, session.run(names, batch), strict=True))


def assert_same(found: dict[str, NDArray[Any]], wanted: list[Prediction], gap: float = 0.01) -> None:
    """All outputs are those of PyTorch; points to ``gap`` film pixels."""
    assert np.allclose(found["points"], [each.points for each in wanted], rtol=0, atol=gap, equal_nan=True)
    assert np.allclose(found["scores"], [each.scores for each in wanted], rtol=0, atol=1e-4, equal_nan=True)
    if wanted[0].expected_errors is None:
        assert "expected_errors" not in found
    else:
        assert np.allclose(found["expected_errors"], [each.expected_errors for each in wanted], rtol=1e-3)
        assert np.allclose(found["regions"], [each.regions for each in wanted], rtol=2e-3)


@pytest.fixture(scope="module")
def refined(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint with both stages and a calibration, and its file."""
    folder = tmp_path_factory.mktemp("refined")
    path = checkpoint(folder / "model.pth", refined=True)
    exported = export_onnx(path, folder / "model.onnx")
    assert exported.outputs == ("points", "scores", "expected_errors", "regions")
    assert exported.gap_px < 0.01
    assert exported.size_bytes == exported.path.stat().st_size
    return path, exported.path


def test_a_batch_of_films_of_several_sizes_is_as_with_pytorch(refined: tuple[Path, Path]) -> None:
    predictor = Predictor(load_model(refined[0]))
    wanted = [predictor.predict_film(film) for film in FILMS]
    assert_same(run(str(refined[1]), predictor, FILMS), wanted)


def test_the_file_says_what_it_is_and_nothing_of_the_machine(refined: tuple[Path, Path]) -> None:
    session = onnxruntime.InferenceSession(str(refined[1]), providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["landmarks"]) == list(SYMBOLS)
    assert (json.loads(about["canvas_size"]), json.loads(about["detail_size"])) == (list(CANVAS), list(DETAIL))
    assert json.loads(about["normalisation"])["std"] > 0
    assert list(json.loads(about["units"])) == [output.name for output in session.get_outputs()]
    assert (about["mode"], about["loss"], about["calibrated"]) == ("plain+refiner", "adaptive_wing", "true")
    assert about["notice"] == NOTICE
    assert NOTICE in session.get_modelmeta().description
    assert about["checkpoint_sha256"] == load_model(refined[0]).meta["sha256"]
    content = refined[1].read_bytes()
    for trace in (str(refined[0].parent), str(Path(export.__file__).parents[2]), sys.prefix, ".py"):
        assert trace.encode() not in content


@pytest.mark.parametrize(("loss", "stride"), [("adaptive_wing", 4), ("softmax", 2)])
def test_one_stage_alone(loss: str, stride: int, tmp_path: Path) -> None:
    predictor = Predictor(load_model(checkpoint(tmp_path / "c.pth", loss, stride, refined=stride == 4)), refine=False)
    found = run(to_onnx(predictor).SerializeToString(), predictor, FILMS)
    assert list(found) == ["points", "scores"]
    assert_same(found, [predictor.predict_film(film) for film in FILMS])


class Constant(nn.Module):
    """Maps that say nothing: equal, or not finite; and the film's brightness."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        cells = nn.functional.avg_pool2d(images, 4)
        return torch.cat((cells * 0, cells / 0 * 0, cells), dim=1)


def test_maps_that_say_nothing_give_nan(tmp_path: Path) -> None:
    loaded = load_model(checkpoint(tmp_path / "c.pth"))
    predictor = Predictor(type(loaded)(Constant(), loaded.spec, loaded.path, loaded.meta))
    found = run(to_onnx(predictor).SerializeToString(), predictor, FILMS[:1])
    assert np.isnan(found["points"][0, :2]).all()
    assert np.isnan(found["scores"][0, :2]).all()
    assert_same(found, [predictor.predict_film(FILMS[0])])


@pytest.mark.parametrize(("variant", "most_px"), [("float16", 0.3), ("int8", 3.0)])
def test_smaller_variants_are_smaller_and_near(variant: Any, most_px: float, tmp_path: Path) -> None:
    predictor = Predictor(load_model(checkpoint(tmp_path / "c.pth", "softmax")))
    content = to_onnx(predictor, variant, FILMS).SerializeToString()
    assert len(content) < 0.8 * sum(weight.numel() * 4 for weight in predictor.stages[0].model.parameters())
    gap = run(content, predictor, FILMS)["points"] - [predictor.predict_film(film).points for film in FILMS]
    assert 0 < np.median(np.abs(gap)) < most_px


def test_nothing_is_written_when_points_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoint(tmp_path / "c.pth")
    monkeypatch.setattr(export, "gaps", lambda *_: np.array([0.0, 0.06]))
    with pytest.raises(CephkitError, match=r"0\.06 film pixels"):
        export_onnx(path, tmp_path / "c.onnx")
    assert [each.name for each in tmp_path.iterdir()] == ["c.pth"]


def test_a_missing_package_and_int8_without_films_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="int8 needs films"):
        export_onnx(tmp_path / "c.pth", tmp_path / "c.onnx", variant="int8")
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(CephkitError, match=r'onnxscript: pip install "cephkit\[onnx\]"'):
        export_onnx(tmp_path / "c.pth", tmp_path / "c.onnx")


def test_the_example_of_the_page_gives_pytorchs_points_without_torch(refined: tuple[Path, Path], tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "landmarks.py").write_text(example, encoding="utf-8")
    Image.fromarray(FILMS[0]).save(tmp_path / "film.png")
    blocked = "import sys; sys.modules.update(torch=None, cephkit=None)\n"
    (tmp_path / "sitecustomize.py").write_text(blocked, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "landmarks.py", str(refined[1]), "film.png"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines()]
    assert tuple(row[0] for row in rows) == SYMBOLS
    wanted = Predictor(load_model(refined[0])).predict_film(FILMS[0])
    assert np.abs(np.array([row[1:3] for row in rows], dtype=float) - wanted.points).max() < 0.01


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(not (REAL_FILMS and REAL_MODEL), reason="CEPHKIT_REAL_FILMS and CEPHKIT_REAL_MODEL name nothing")
def test_real_films_to_a_twentieth_of_a_pixel(tmp_path: Path) -> None:
    films = sorted((Path(REAL_FILMS) / "valid" / "Cephalograms").iterdir())
    assert export_onnx(REAL_MODEL, tmp_path / "model.onnx", films=films[: export.MOST_FILMS]).gap_px < 0.05
