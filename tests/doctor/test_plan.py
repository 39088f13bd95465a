from types import SimpleNamespace

import pytest
import torch

from cephkit.config import TrainConfig
from cephkit.doctor import plan
from cephkit.doctor.card import Card
from cephkit.doctor.plan import Room, packing_of, peak_check, predicted_bytes, room_of
from cephkit.errors import SettingsError
from cephkit.memory.recover import Packing

GIB = 2**30
HALF = TrainConfig(mixed_precision=True)
SMALL = TrainConfig(model="resnet18", image_size=(64, 64))


@pytest.fixture
def films_cost_two_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 GiB, and per film 2 GiB, in float32 4, with recomputation half of that."""

    def predicted(config: TrainConfig, packing: Packing, landmarks: int, part: str) -> int:
        each = (2 if config.mixed_precision else 4) * (1 if packing.recompute == "none" else 0.5)
        return int((1 + each * packing.batch_size) * GIB)

    monkeypatch.setattr(plan, "predicted_bytes", predicted)


def room(size_gib: float) -> Room:
    return Room(int(size_gib * GIB), "a card", "process")


@pytest.mark.usefixtures("films_cost_two_gib")
def test_what_fits_is_well() -> None:
    check = peak_check(HALF, Packing(2, 3), room(8), 29)
    assert (check.status, check.found) == ("ok", "2 x 3 takes 5.0 GiB (predicted), for a card")


@pytest.mark.usefixtures("films_cost_two_gib")
@pytest.mark.parametrize(
    ("config", "size", "status", "remedy"),
    [
        (HALF, 5.1, "warning", "--batch_size 1 --gradient_accumulation_steps 6 --recompute none takes 3.0 GiB"),
        (HALF, 4.0, "failure", "--batch_size 1 --gradient_accumulation_steps 6 --recompute none takes 3.0 GiB"),
        (HALF, 2.5, "failure", "--batch_size 1 --gradient_accumulation_steps 6 --recompute block takes 2.0 GiB"),
        (HALF, 1.5, "failure", "a smaller --image_size or --model"),
        (TrainConfig(), 6.0, "failure", "--mixed_precision takes 5.0 GiB"),
        (TrainConfig(), 4.0, "failure", "--mixed_precision --batch_size 1 --gradient_accumulation_steps 6"),
    ],
)
def test_what_does_not_fit_comes_with_what_would(config: TrainConfig, size: float, status: str, remedy: str) -> None:
    check = peak_check(config, Packing(2, 3), room(size), 29)
    assert check.status == status
    assert remedy in check.remedy


@pytest.mark.usefixtures("films_cost_two_gib")
def test_the_largest_batch_that_fits_is_named() -> None:
    check = peak_check(HALF, Packing(3, 2), room(6), 29)
    assert "--batch_size 2 --gradient_accumulation_steps 3 --recompute none takes 5.0 GiB" in check.remedy


def test_the_room_is_what_was_named_before_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card("RTX", (8, 6), 8 * GIB, 7 * GIB)
    budget = TrainConfig(vram_budget=4)
    monkeypatch.setattr(plan.psutil, "virtual_memory", lambda: SimpleNamespace(available=20 * GIB))
    rooms = [
        room_of(budget, card, 6),
        room_of(budget, card, None),
        room_of(HALF, card, None),
        room_of(HALF, None, None),
    ]
    assert [(one.bytes // GIB, one.part) for one in rooms] == [
        (6, "card"),
        (4, "process"),
        (7, "process"),
        (20, "tensors"),
    ]


def test_automatic_settings_are_those_that_training_would_choose() -> None:
    auto = TrainConfig(model="resnet18", image_size=(64, 64), batch_size="auto", recompute="auto")
    packing = packing_of(auto, torch.device("cpu"), 8, 4)
    assert packing.batch_size * packing.accumulation == 6
    with pytest.raises(SettingsError, match="there is none here"):
        packing_of(auto, torch.device("cpu"), None, 4)


def test_the_prediction_grows_with_the_batch_and_with_what_is_counted() -> None:
    tensors, process, card = (predicted_bytes(SMALL, Packing(2, 3), 4, part) for part in ("tensors", "process", "card"))
    assert 0 < tensors < process < card
    assert predicted_bytes(SMALL, Packing(256, 3), 4, "tensors") > tensors
