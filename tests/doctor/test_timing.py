from pathlib import Path

import pytest
import torch

from cephkit.config import TrainConfig
from cephkit.doctor import timing
from cephkit.doctor.timing import Rehearsal, rehearsal, time_check
from cephkit.memory.recover import Packing

GUIDE = Packing(2, 3)


def check(monkeypatch: pytest.MonkeyPatch, tried: Rehearsal, epochs: int = 100) -> tuple[str, str]:
    monkeypatch.setattr(timing, "rehearsal", lambda config, packing, landmarks: tried)
    found = time_check(TrainConfig(epochs=epochs), GUIDE, 700, 150, 29)
    return found.status, found.found


def test_the_time_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # 0.5 s x (700 + 150 / 3) films x 100 epochs
    status, found = check(monkeypatch, Rehearsal((1024, 1024), 0.5, 5 * 2**30))
    assert status == "ok"
    assert found.startswith("about 10 h 25 min for 100 epochs of 700 films (0.50 s a film")
    assert "a pass took 5.0 GiB of video memory" in found


def test_a_small_pass_is_scaled_by_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    status, found = check(monkeypatch, Rehearsal((256, 256), 0.5, None))
    assert status == "warning"
    assert found.startswith("about 7 days for")
    assert "8.00 s a film, judged by 256 x 256 pixels" in found
    assert check(monkeypatch, Rehearsal((256, 256), 0.5, None), epochs=10)[0] == "ok"


def test_a_pass_that_does_not_fit_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> Rehearsal:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(timing, "rehearsal", full)
    found = time_check(TrainConfig(), GUIDE, 700, 150, 29)
    assert found.status == "warning"
    assert "does not fit" in found.found


def test_a_pass_is_rehearsed_on_the_cpu_and_leaves_the_random_state_alone() -> None:
    config = TrainConfig(model="resnet18", image_size=(512, 1024), device="cpu", save_dir=Path("nowhere"))
    before = torch.get_rng_state()
    tried = rehearsal(config, GUIDE, 4)
    assert tried.size == (256, 512)
    assert 0 < tried.film_seconds < 20
    assert tried.peak is None
    assert torch.equal(torch.get_rng_state(), before)
    assert not Path("nowhere").exists()
