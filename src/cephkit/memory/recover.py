"""What to give up, in which order, when the device runs out of memory: never a film, never the effective batch.

Not every driver says that memory runs out: some silently begin to use system memory, and steps take many times as long.
"""

import statistics
from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

Recompute = Literal["none", "block", "stage"]
STRONGER: dict[Recompute, Recompute] = {"none": "block", "block": "stage"}


@dataclass(frozen=True)
class Packing:
    """How an optimiser step is packed into passes; none of it changes the step's films or their weights."""

    batch_size: int
    """Films per pass."""
    accumulation: int
    """Passes per optimiser step."""
    recompute: Recompute = "none"
    """What the backward pass computes again instead of keeping it."""

    @property
    def flags(self) -> str:
        """The flags of ``cephkit train`` that ask for it."""
        return (
            f"--batch_size {self.batch_size} --gradient_accumulation_steps {self.accumulation} "
            f"--recompute {self.recompute}"
        )

    def __str__(self) -> str:
        extra = "" if self.recompute == "none" else f", recomputing by {self.recompute}"
        return f"{self.batch_size} x {self.accumulation}{extra}"


def smaller(packing: Packing, recomputes: bool = True) -> Packing | None:
    """The next packing that needs less memory for the same effective batch, or None when there is none left.

    First fewer films per pass, at most half; then, for a network that ``recomputes`` activations, more recomputation:
    that costs more time than fewer films per pass.
    """
    effective = packing.batch_size * packing.accumulation
    fewer = [size for size in range(1, packing.batch_size // 2 + 1) if effective % size == 0]
    if fewer:
        return replace(packing, batch_size=fewer[-1], accumulation=effective // fewer[-1])
    if recomputes and packing.recompute in STRONGER:
        return replace(packing, recompute=STRONGER[packing.recompute])
    return None


JUMP = 3.0
"""Times the usual step."""
FULL = 0.95
"""Share of the card in use from which memory can be the reason."""
FEWEST_STEPS = 5
"""Fewer do not show how long a step usually takes."""
REMEDY = (
    "the card's memory is full and steps take {times:.0f} times as long: the driver has begun to use system memory. "
    "On Windows set 'CUDA - Sysmem Fallback Policy' to 'Prefer No Sysmem Fallback' in the NVIDIA control panel, close "
    "what else uses the card, or use --recompute block or a smaller --batch_size"
)


class SpillWatch:
    """Compares every step with the ones before."""

    def __init__(self) -> None:
        self._usual: deque[float] = deque(maxlen=20)
        self._warned = False

    def step(self, seconds: float, used_share: float) -> str | None:
        """A warning about a step of this length with this share of the card in use; given once."""
        usual = statistics.median(self._usual) if len(self._usual) >= FEWEST_STEPS else None
        if usual is not None and seconds > JUMP * usual:
            if used_share >= FULL and not self._warned:
                self._warned = True
                return REMEDY.format(times=seconds / usual)
            return None  # a pause of another kind, which does not count as a usual step either
        self._usual.append(seconds)
        return None
