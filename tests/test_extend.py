"""docs/extend.md: its code adds a loss, a backbone, a measurement and a layout that work."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from timm.models import _registry

from cephkit.cephalometry.analyses import measure
from cephkit.cephalometry.measures import MEASUREMENTS
from cephkit.checkpoint import LoadedModel
from cephkit.data.dataset import Batch
from cephkit.datasets.recognise import LAYOUTS
from cephkit.inference.predictor import Predictor
from cephkit.losses import LOSSES, build_loss
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec
from cephkit.task.heatmaps import HeatmapTask
from tests.datasets.published import face, source, write_films

PAGE = Path(__file__).parents[1] / "docs" / "extend.md"


@pytest.fixture
def added(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The code of one section of the page as a module; what it adds is gone after the test."""
    for table in (LOSSES, *(part for part in vars(_registry).values() if isinstance(part, dict))):
        for key, value in table.items():
            monkeypatch.setitem(table, key, value)
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {request.param}\n")[1].split("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    path = tmp_path / "extension.py"
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("extension", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "extension", module)
    layouts = LAYOUTS.copy()
    spec.loader.exec_module(module)
    yield module
    LAYOUTS[:] = layouts
    LOSSES.pop("squared", None)


def learn(spec: ModelSpec, steps: int) -> tuple[Batch, HeatmapTask, torch.nn.Module, list[float]]:
    """A network that is trained on one batch of films with a bright square at each landmark."""
    torch.manual_seed(0)
    model = build_model(spec, pretrained=False, notify=lambda line: None).train()
    points = torch.tensor([[[20.0, 30.0]], [[44.0, 25.0]]])
    canvas = torch.zeros(2, 1, *spec.canvas_size, dtype=torch.uint8)
    for film, (x, y) in zip(canvas, points[:, 0].int().tolist(), strict=True):
        film[0, y - 2 : y + 3, x - 2 : x + 3] = 255
    batch = Batch(canvas, points, torch.ones(2, 1, dtype=torch.bool), torch.arange(2))
    task = HeatmapTask(spec, torch.device("cpu"), augment=False, channels_last=False)
    optimizer, losses = torch.optim.AdamW(model.parameters(), lr=5e-3), []
    for _ in range(steps):
        loss = task(model, batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return batch, task, model, losses


@pytest.mark.parametrize("added", ["A loss"], indirect=True)
@pytest.mark.usefixtures("added")
def test_a_loss_trains_and_predicts() -> None:
    spec = ModelSpec("test_resnet", ("S",), (64, 64), loss="squared")
    batch, task, model, losses = learn(spec, 20)
    assert losses[-1] < losses[0] / 4
    found = task.validate(model.train(), batch).points * 4 + 1.5  # cells of 4 pixels
    assert torch.allclose(found, batch.points, atol=2.0)
    loaded = LoadedModel(model, spec, Path("c.pth"), {})
    prediction = Predictor(loaded).run_film(batch.canvas[0, 0].numpy())
    assert np.isfinite(prediction.points).all()
    assert build_loss("squared").spread(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2)).item() == pytest.approx(
        (4 / 3) ** 0.5
    )


@pytest.mark.parametrize("added", ["A backbone"], indirect=True)
@pytest.mark.usefixtures("added")
def test_a_backbone_trains() -> None:
    _, _, model, losses = learn(ModelSpec("two_layers", ("S",), (64, 64)), 30)
    assert losses[-1] < losses[0] / 2
    assert float(model.mean) == 0.5
    with torch.no_grad():
        assert model(torch.zeros(1, 1, 96, 64)).shape == (1, 1, 24, 16)


@pytest.mark.parametrize("added", ["A measurement"], indirect=True)
def test_a_measurement_is_measured(added: ModuleType) -> None:
    points = {"N": (50.0, 10.0), "ANS": (52.0, 55.0), "Me": (48.0, 110.0), "S": (10.0, 15.0)}
    results = measure(points, measurements=(*MEASUREMENTS, added.UPPER_FACE), facing="right")
    (result,) = [result for result in results if result.analysis == "My clinic"]
    share = np.hypot(2, 45) / np.hypot(2, 100)
    assert result.value == pytest.approx(100 * share)


@pytest.mark.parametrize("added", ["A data set layout"], indirect=True)
@pytest.mark.usefixtures("added")
def test_a_layout_is_read(tmp_path: Path) -> None:
    names = ["a.png", "b.png", "c.png"]
    write_films(tmp_path / "films", names)
    (tmp_path / "points").mkdir()
    for seed, name in enumerate(names):
        lines = [f"{symbol} {x} {y}" for symbol, (x, y) in face(seed).items()]
        (tmp_path / "points" / name).with_suffix(".pts").write_text("\n".join(lines), encoding="utf-8")
    found = source(tmp_path)
    assert found.layout.title == "point files"
    for film in found.read(("train",)).films:
        assert film.points("senior") == face(names.index(film.path.name))
    (tmp_path / "points" / "b.pts").write_text("S 1 2\nFoo 1 2\nN 1\nMe nan 1\n", encoding="utf-8")
    (tmp_path / "points" / "x.pts").write_text("S 1 2", encoding="utf-8")
    problems = [str(problem) for problem in source(tmp_path).read(("train",)).problems]
    assert [problem.partition("line ")[2][:1] for problem in problems] == ["2", "3", "4", ""]
    assert "there is no film 'x' in" in problems[-1]
