"""Space files of runs of a second, and training replaced by given errors."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cephkit.config import TrainConfig
from cephkit.training.run import Result
from cephkit.tuning import search as search_module
from cephkit.tuning.search import search
from cephkit.tuning.study import Study

Spaces = Callable[..., Path]


@pytest.fixture
def space(tiny_aariz: Path, tmp_path: Path) -> Spaces:
    """A space file of runs of a second."""

    def make(search: dict[str, Any] | None = None, first: list[Any] | None = None, **settings: Any) -> Path:
        quick = {
            "dataset_path": tiny_aariz.as_posix(), "cache_dir": (tmp_path / "cache").as_posix(), "model": "test_resnet",
            "image_size": [64, 64], "pretrained": False, "device": "cpu", "epochs": 2, "warmup_epochs": 0.5,
            "num_workers": 0, "annotation_type": "mean", "save_frequency": 0, "refine": False,
        }  # fmt: skip
        content = {
            "settings": {**quick, **settings},
            "search": search or {"lr": {"from": 5e-4, "to": 8e-3, "log": True}},
            "first": [{"lr": 2e-3}] if first is None else first,
        }
        path = tmp_path / "space.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return make


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


Losses = Callable[[int], list[float]]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[[Losses], None]:
    """Replaces training by given validation errors of each epoch, by the number of the trial."""

    def use(errors: Losses) -> None:
        def train(config: TrainConfig, stop: Any, validated: Any) -> Result:
            number = int(config.save_dir.name.removeprefix("trial_"))
            mine = errors(number)
            for epoch, error in enumerate(mine, 1):
                validated(epoch, len(mine), error)
                if stop():
                    return Result("stopped", error, epoch, config.save_dir)
            return Result("finished", min(mine), len(mine), config.save_dir)

        monkeypatch.setattr(search_module, "train", train)
        monkeypatch.setattr(search_module, "judged", lambda config, result: (result.best, {"unit": "mm"}))

    return use


def carry_out(study: Study, trials: int, prune: bool = True) -> None:
    search(study, trials, prune, False, None, lambda line: None)
