from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lightning_fabric import Fabric

from cephkit.config import TrainConfig
from cephkit.screen import ProgressBar
from cephkit.training.launch import start_fabric

Settings = Callable[..., TrainConfig]


class Lines(ProgressBar):
    """A screen that keeps its lines."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def notify(self, line: str) -> None:
        self.lines.append(line)


def cpu() -> Fabric:
    """The CPU in float32."""
    return start_fabric("cpu", False, lambda line: None)


@pytest.fixture
def settings(tiny_aariz: Path, tmp_path: Path) -> Settings:
    """Settings of a run of seconds; ``run`` names its folders, keyword arguments override."""

    def make(run: str = "run", **changes: Any) -> TrainConfig:
        quick: dict[str, Any] = {
            "dataset_path": (tiny_aariz,), "cache_dir": tmp_path / "cache", "model": "test_resnet",
            "image_size": (64, 64),
            "pretrained": False, "device": "cpu", "epochs": 2, "warmup_epochs": 0.5, "num_workers": 0, "lr": 2e-3,
            "save_dir": tmp_path / run, "log_dir": tmp_path / f"{run}_logs", "annotation_type": "mean",
            "refine": False,
        }  # fmt: skip
        return TrainConfig(**{**quick, **changes})

    return make
