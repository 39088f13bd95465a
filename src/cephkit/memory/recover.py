"""What to give up, in which order, when the device runs out of memory: never a film, never the effective batch."""

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
