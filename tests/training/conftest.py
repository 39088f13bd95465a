from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cephkit.config import TrainConfig

Settings = Callable[..., TrainConfig]


@pytest.fixture
def settings(tiny_aariz: Path, tmp_path: Path) -> Settings:
    """Settings of a run of seconds; ``run`` names its folders, keyword arguments override."""

    def make(run: str = "run", **changes: Any) -> TrainConfig:
        quick: dict[str, Any] = {
            "dataset_path": tiny_aariz, "cache_dir": tmp_path / "cache", "model": "test_resnet", "image_size": (64, 64),
            "pretrained": False, "device": "cpu", "epochs": 2, "warmup_epochs": 0.5, "num_workers": 0, "lr": 2e-3,
            "save_dir": tmp_path / run, "log_dir": tmp_path / f"{run}_logs", "annotation_type": "mean",
        }  # fmt: skip
        return TrainConfig(**{**quick, **changes})

    return make
