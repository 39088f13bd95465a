"""Training on real films, where they are at hand: set CEPHKIT_REAL_FILMS to a folder in the Aariz layout."""

import os
from pathlib import Path

import pytest

from cephkit.config import TrainConfig
from cephkit.training.run import train

REAL_FILMS = os.environ.get("CEPHKIT_REAL_FILMS", "")


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(not REAL_FILMS, reason="CEPHKIT_REAL_FILMS names no folder of real films")
def test_real_films_are_learned_in_minutes(tmp_path: Path) -> None:
    # 14 epochs took 80 s on two cores and came to 2.3 mm; the full run of docs/results.md goes on to 1.5 mm.
    result = train(
        TrainConfig(
            dataset_path=(Path(REAL_FILMS),), annotation_type="mean", model="hrnet_w18_small", pretrained=False,
            image_size=(256, 256), batch_size=8, gradient_accumulation_steps=1, lr=1e-3, warmup_epochs=2, epochs=14,
            mixed_precision=True, channels_last=True, use_ema=True, num_workers=0, use_ram_cache=True, device="cpu",
            save_dir=tmp_path, log_dir=tmp_path, cache_dir=tmp_path / "cache",
        )
    )  # fmt: skip
    assert result.best is not None
    assert result.best < 3.0
