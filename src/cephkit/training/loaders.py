"""Loaders of a run: they leave the random state of the augmentation alone, so that a resume is exact."""

from typing import Any

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from cephkit.config import TrainConfig
from cephkit.data.dataset import Batch, FilmDataset
from cephkit.interrupt import ignore_stop_signals
from cephkit.shortage import check_shared_memory


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
