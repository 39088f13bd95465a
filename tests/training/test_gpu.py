"""What only a CUDA card can show; skipped without one."""

import csv

import numpy as np
import pytest
import torch

from cephkit.training.run import train
from tests.training.conftest import Settings
from tests.training.test_resume import StopAfter

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA card"),
]


def test_a_run_in_half_precision_learns_and_logs_its_memory(settings: Settings) -> None:
    config = settings(
        device="cuda", mixed_precision=True, channels_last=True, use_ema=True, epochs=80, batch_size=4,
        gradient_accumulation_steps=1, lr=5e-3, augment=False, num_workers=2, use_ram_cache=True,
    )  # fmt: skip
    result = train(config)
    assert result.best is not None
    assert result.best < 5.0
    with (config.log_dir / "steps.csv").open(encoding="utf-8") as file:
        memory = [float(row["System/GPU_GiB"]) for row in csv.DictReader(file)]
    assert 0 < memory[-1] < 8


def test_stopping_and_resuming_on_a_card_goes_on_from_the_same_step(settings: Settings) -> None:
    common = {"device": "cuda", "mixed_precision": True, "use_ema": True, "epochs": 3}
    stopped = train(settings("broken", **common), stop=StopAfter(3))
    resumed = train(settings("broken", **common, resume=stopped.save_dir / "checkpoint_latest.pth"))
    straight = train(settings("straight", **common))
    assert resumed.outcome == "finished"
    assert resumed.best == pytest.approx(straight.best, rel=0.1)


def test_the_same_network_predicts_alike_on_card_and_cpu(settings: Settings) -> None:
    from cephkit.checkpoint import load_model
    from cephkit.inference.predictor import Predictor

    config = settings(epochs=1)
    best = train(config).save_dir / "checkpoint_best.pth"
    film = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    on_cpu = Predictor(load_model(best)).run_film(film).points[0]
    on_card = Predictor(load_model(best, "cuda"), "cuda").run_film(film).points[0]
    assert on_card == pytest.approx(on_cpu, abs=0.05)
