"""Which films go into which forward pass of which optimiser step: known before the epoch starts.

That the plan is a pure function of seed and epoch is what makes a resume in the middle of an epoch exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler


@dataclass(frozen=True)
class MicroBatch:
    """One forward pass of one process."""

    films: tuple[int, ...]
    """Indices into the data set."""
    weight: float
    """0 for a pass that only keeps this process in step with others that still have films, else 1."""
    step_films: int
    """Films of the whole optimiser step, over all passes and processes: what its loss is divided by."""
    ends_step: bool
    """The optimiser steps after this pass."""


def epoch_plan(
    films: int, batch_size: int, accumulation: int, epoch: int, seed: int, world_size: int = 1, rank: int = 0
) -> list[MicroBatch]:
    """The passes of ``rank`` in ``epoch``: every film once, in an order drawn from seed and epoch.

    The films left over at the end make their own, smaller step. Every process has the same number of passes.
    """
    order = np.random.default_rng([seed, epoch]).permutation(films).tolist()
    at_once = batch_size * world_size
    plan = []
    for start in range(0, films, at_once * accumulation):
        step = order[start : start + at_once * accumulation]
        passes = range(0, len(step), at_once)
        for first in passes:
            mine = step[first : first + at_once][rank * batch_size : (rank + 1) * batch_size]
            plan.append(
                MicroBatch(
                    films=tuple(mine) or (step[0],),
                    weight=1.0 if mine else 0.0,
                    step_films=len(step),
                    ends_step=first == passes[-1],
                )
            )
    return plan


def steps_per_epoch(films: int, effective_batch: int) -> int:
    """Optimiser steps of an epoch, the smaller last one included."""
    return -(-films // effective_batch)


class PlanSampler(Sampler[list[int]]):
    """Hands the films of a plan to a loader; the plan is replaced between epochs, the loader's workers stay."""

    def __init__(self) -> None:
        self.plan: list[MicroBatch] = []

    def __iter__(self) -> Iterator[list[int]]:
        return iter([list(micro.films) for micro in self.plan])

    def __len__(self) -> int:
        return len(self.plan)
