"""Which films go into which forward pass of which optimiser step: known before the epoch starts.

That the plan is a pure function of seed and epoch is what makes a resume in the middle of an epoch exact.

The loaders leave the random state of the augmentation alone for the same reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Sampler

from cephkit.config import TrainConfig
from cephkit.data.dataset import Batch, FilmDataset
from cephkit.interrupt import ignore_stop_signals
from cephkit.shortage import check_shared_memory


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
    weights: Sequence[float], batch_size: int, accumulation: int, epoch: int, seed: int, world_size: int = 1,
    rank: int = 0,
) -> list[MicroBatch]:  # fmt: skip
    """The passes of ``rank`` in ``epoch``, over as many films as there are ``weights``: see ``epoch_order``.

    The films left over at the end make their own, smaller step. Every process has the same number of passes.
    """
    order, films = epoch_order(weights, epoch, seed), len(weights)
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


def epoch_order(weights: Sequence[float], epoch: int, seed: int) -> list[int]:
    """The films of an epoch, as many as there are, in an order drawn from seed and epoch.

    With equal weights every film comes once; otherwise film k comes ``N weight_k / sum(weights)`` times on average, and
    in each epoch that number rounded up or down (systematic sampling, Madow, Ann. Math. Stat. 20:333, 1949).
    """
    draws = np.random.default_rng([seed, epoch])
    order = draws.permutation(len(weights))
    if len(set(weights)) <= 1:
        return [int(film) for film in order]
    shares = np.asarray(weights, dtype=np.float64)[order]
    ends = np.cumsum(shares * (len(weights) / shares.sum()))
    marks = np.arange(len(weights)) + draws.random()
    drawn = order[np.searchsorted(ends, np.minimum(marks, np.nextafter(ends[-1], 0)), side="right")]
    return [int(film) for film in draws.permutation(drawn)]


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


def make_loader(
    dataset: FilmDataset, batches: Any, fabric: Fabric, workers: int, seed: int, prefetch: int = 2, pin: bool = True
) -> DataLoader[Batch]:
    """A loader over ``batches`` of indices. Its seed comes from a generator of its own."""
    workers = min(workers, len(dataset))
    check_shared_memory(workers)
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        persistent_workers=workers > 0,
        prefetch_factor=prefetch if workers else None,
        pin_memory=pin and fabric.device.type == "cuda",
        generator=torch.Generator().manual_seed(seed),
        worker_init_fn=ignore_stop_signals,
    )


def run_loader(config: TrainConfig, dataset: FilmDataset, batches: Any, fabric: Fabric) -> DataLoader[Batch]:
    """A loader with the settings of ``cephkit train``."""
    return make_loader(
        dataset, batches, fabric, config.num_workers, config.seed, config.prefetch_factor, config.pin_memory
    )


def valid_loader(config: TrainConfig, dataset: FilmDataset, fabric: Fabric, batch_size: int) -> DataLoader[Batch]:
    """A loader over this process's share of the validation films."""
    mine = list(range(len(dataset)))[fabric.global_rank :: fabric.world_size]
    batches = [mine[start : start + batch_size] for start in range(0, len(mine), batch_size)]
    return run_loader(config, dataset, batches, fabric)
