"""What a run works with, gathered in one place."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch.utils.data import DataLoader

from cephkit.augment import Augmentation
from cephkit.config import TrainConfig
from cephkit.data.dataset import FilmDataset
from cephkit.data.prepare import PreparedData
from cephkit.memory.recover import Packing
from cephkit.memory.spill import SpillWatch
from cephkit.models.spec import ModelSpec
from cephkit.progress import ProgressBar
from cephkit.training.batches import PlanSampler, steps_per_epoch
from cephkit.training.log import RunLog
from cephkit.training.state import TrainState

Criterion = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass
class BeforeStep:
    """What a step that fails in the middle has to be undone to; weights change at its very end only."""

    buffers: list[torch.Tensor]
    """Copies of running statistics, and of how many batches they have seen."""
    random: dict[str, Any]


@dataclass
class LastFigures:
    """What the progress line carries over from step to step."""

    films_per_s: float = 0.0
    ram_gib: float = 0.0
    ram_at: float = -float("inf")


@dataclass
class Run:
    """Everything that a run works with; what changes while training lives in ``state``."""

    config: TrainConfig
    settings: dict[str, Any]
    """The settings as a checkpoint keeps them."""
    packing: Packing
    """The passes of a step: those of the settings, until memory runs out."""
    data: PreparedData
    spec: ModelSpec
    fabric: Fabric
    model: _FabricModule
    """The network as Fabric wraps it, for forward and backward; ``state.model`` is the bare one."""
    optimizer: Any
    """The optimiser as Fabric wraps it; ``state.optimizer`` is the bare one."""
    state: TrainState
    criterion: Criterion
    augmentation: Augmentation | None
    train_loader: DataLoader[Any]
    sampler: PlanSampler
    valid_set: FilmDataset
    valid_loader: DataLoader[Any]
    valid_batch_size: int
    screen: ProgressBar
    log: RunLog | None
    """None in all processes but the first."""
    train_films: int
    before_step: BeforeStep
    updating: bool = False
    """Whether weights, average and progress are just being changed: not a state to save."""
    extras: dict[str, Any] = field(default_factory=dict)
    """What every checkpoint carries beyond the network, known from the labels before the first step."""
    started: float = field(default_factory=time.monotonic)
    steps_here: int = 0
    """Optimiser steps since this start, for the time left."""
    last_figures: LastFigures = field(default_factory=LastFigures)
    spills: SpillWatch = field(default_factory=SpillWatch)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch."""
        return steps_per_epoch(self.train_films, self.effective_batch)

    @property
    def effective_batch(self) -> int:
        """Films of an optimiser step, over all passes and processes."""
        return self.packing.batch_size * self.packing.accumulation * self.fabric.world_size

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the run."""
        return self.steps_per_epoch * self.config.epochs
