"""Does it fit? The predicted peak of the run against the memory of the card or of the machine."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import psutil
import torch

from cephkit.config import TrainConfig
from cephkit.doctor.card import Card
from cephkit.doctor.checks import Check, failure, gib, ok, warning
from cephkit.memory import GIB
from cephkit.memory.recover import Packing, smaller

TIGHT_BYTES = GIB // 4
"""Less than this to spare is a warning: what a video in a browser takes."""
USUAL_DESKTOP_GIB = 0.8
"""What desktop and browser take of a card that is only named, for --batch_size auto."""


@dataclass(frozen=True)
class Room:
    """Memory that a run may take."""

    bytes: int
    name: str
    part: str
    """What must fit: ``card`` with a usual desktop, the ``process`` alone, or its ``tensors`` (on the CPU)."""


def packing_of(config: TrainConfig, device: torch.device, vram: float | None, landmarks: int) -> Packing:
    """Choose the passes of an optimiser step as training would, for a card of ``vram`` GiB if one is named.

    Raises:
        SettingsError: --batch_size auto or --recompute auto, and nothing fits or there is no card.
    """
    from cephkit.training.packing import choose_packing

    if vram is not None and config.vram_budget is None:
        config = replace(config, vram_budget=max(0.1, vram - USUAL_DESKTOP_GIB))
    return choose_packing(config, max(1, landmarks), device, lambda line: None)


def room_of(config: TrainConfig, card: Card | None, vram: float | None) -> Room:
    """Return --vram, else --vram_budget, else the card's free memory, else the machine's."""
    if vram is not None:
        return Room(int(vram * GIB), f"a card of {vram:g} GiB with a desktop on it", "card")
    if config.vram_budget is not None:
        return Room(int(config.vram_budget * GIB), f"--vram_budget {config.vram_budget:g}", "process")
    if card is not None:
        return Room(card.free, f"{gib(card.free)} of free video memory", "process")
    free = psutil.virtual_memory().available
    return Room(free, f"{gib(free)} of free memory, on the CPU", "tensors")


def peak_check(config: TrainConfig, packing: Packing, room: Room, landmarks: int) -> Check:
    """Check the predicted peak against ``room``; if it does not fit, find what would."""
    need = predicted_bytes(config, packing, landmarks, room.part)
    found = f"{packing} takes {gib(need)} (predicted), for {room.name}"
    if need <= room.bytes - TIGHT_BYTES:
        return ok("peak memory", found)
    level = warning if need <= room.bytes else failure
    for lighter, fewer, flags in _lighter(config, packing):
        least = predicted_bytes(lighter, fewer, landmarks, room.part)
        if least <= room.bytes - TIGHT_BYTES:
            return level("peak memory", found, f"{flags} takes {gib(least)}, with the same effective batch")
    return level("peak memory", found, "close what else uses this memory, or use a smaller --image_size or --model")


def predicted_bytes(config: TrainConfig, packing: Packing, landmarks: int, part: str) -> int:
    """Predict a run's peak: of its ``tensors``, its ``process`` on a card, or the ``card`` with a usual desktop."""
    from cephkit.memory.trace import Workload

    estimator = _estimator(Workload.of(config, max(1, landmarks)))
    peak = estimator.memory(packing.batch_size, packing.accumulation, packing.recompute)
    if part == "tensors":
        return int(max(peak.training_peak, peak.update_peak, peak.validation_peak))
    return int(peak.card if part == "card" else peak.process)


@cache
def _estimator(workload: Any) -> Any:
    """Return one estimator per workload: it remembers its traces, which take seconds."""
    from cephkit.memory.estimate import Estimator

    return Estimator(workload)


def _lighter(config: TrainConfig, packing: Packing) -> Iterator[tuple[TrainConfig, Packing, str]]:
    """Yield what needs less for the same effective batch, the gentlest first, with its flags."""
    prefix = ""
    if not config.mixed_precision:
        config, prefix = replace(config, mixed_precision=True), "--mixed_precision "
        yield config, packing, "--mixed_precision"
    effective = packing.batch_size * packing.accumulation
    fewer = [size for size in range(packing.batch_size - 1, 0, -1) if effective % size == 0]
    ways = [Packing(size, effective // size, packing.recompute) for size in fewer]
    while (following := smaller(ways[-1] if ways else packing)) is not None:  # with one film a pass, more recomputation
        ways.append(following)
    for way in ways:
        yield config, way, prefix + way.flags
