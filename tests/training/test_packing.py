from types import SimpleNamespace

import pytest
import torch

from cephkit.config import TrainConfig
from cephkit.errors import SettingsError
from cephkit.memory import GIB
from cephkit.memory.recover import Packing
from cephkit.training.packing import cap_memory, choose_packing, memory_budget
from cephkit.training.run import train
from tests.training.conftest import Settings

CPU, CARD = torch.device("cpu"), torch.device("cuda")


def silent(line: str) -> None:
    pass


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A card of 8 GiB with 6 GiB free; what is allowed to the process is noted."""
    allowed: list[float] = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (6 * GIB, 8 * GIB))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=8 * GIB))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, device: allowed.append(share))
    return allowed


def test_the_process_is_capped_at_what_is_free_or_at_its_budget(card: list[float]) -> None:
    said: list[str] = []
    cap_memory(TrainConfig(), CARD, said.append)
    cap_memory(TrainConfig(vram_budget=2), CARD, said.append)
    cap_memory(TrainConfig(vram_budget=80), CARD, said.append)
    assert card == [0.75, 0.25, 1.0]
    assert said[0] == "GPU memory of this process is capped at 6.00 GiB (free now) of 8.00 GiB"
    assert "2.00 GiB (--vram_budget)" in said[1]


def test_without_a_card_nothing_is_capped() -> None:
    cap_memory(TrainConfig(vram_budget=2), CPU, pytest.fail)
    assert memory_budget(TrainConfig(), CPU) is None


def test_given_numbers_are_taken_as_they_are() -> None:
    config = TrainConfig(batch_size=2, gradient_accumulation_steps=5, recompute="block")
    assert choose_packing(config, 29, CPU, pytest.fail) == Packing(2, 5, "block")


def test_auto_needs_something_to_fit_into() -> None:
    with pytest.raises(SettingsError, match=r"--vram_budget GIB"):
        choose_packing(TrainConfig(batch_size="auto"), 29, CPU, silent)


@pytest.mark.slow
def test_a_small_budget_brings_smaller_passes_and_recomputation_for_the_same_effective_batch() -> None:
    settings = {"model": "hrnet_w18_small", "image_size": (512, 512), "batch_size": "auto", "recompute": "auto"}
    roomy = choose_packing(TrainConfig(**settings, effective_batch=8, vram_budget=80), 29, CPU, silent)  # type: ignore[arg-type]
    assert roomy == Packing(8, 1, "none")
    said: list[str] = []
    tight = choose_packing(TrainConfig(**settings, effective_batch=8, vram_budget=2.0), 29, CPU, said.append)  # type: ignore[arg-type]
    assert tight.batch_size * tight.accumulation == 8
    assert tight != roomy
    assert "planned for 2.00 GiB: " in said[0]
    with pytest.raises(SettingsError, match="does not fit into"):
        choose_packing(TrainConfig(**settings, vram_budget=0.1), 29, CPU, silent)  # type: ignore[arg-type]


def test_a_run_with_auto_trains_with_what_was_chosen(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    train(settings(epochs=1, batch_size="auto", effective_batch=3, recompute="auto", vram_budget=8))
    said = capsys.readouterr().out
    assert "planned for 8.00 GiB: 3 x 1" in said
    assert "effective batch 3 = 3 x 1, 3 steps an epoch" in said


def test_an_effective_batch_is_for_auto_only() -> None:
    with pytest.raises(SettingsError, match="--effective_batch needs --batch_size auto"):
        TrainConfig(effective_batch=6)
