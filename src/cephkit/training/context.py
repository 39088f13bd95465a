"""What a run works with, gathered in one place."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch import nn
from torch.utils.data import DataLoader

from cephkit.config import TrainConfig
from cephkit.data.dataset import Batch
from cephkit.data.labelled import Source
from cephkit.data.prepare import PreparedData
from cephkit.datasets.find import find_dataset
from cephkit.datasets.folds import FoldSource
from cephkit.memory.recover import Packing, SpillWatch
from cephkit.screen import ProgressBar
from cephkit.task.task import Task
from cephkit.training.batches import PlanSampler
from cephkit.training.keep import CheckpointFolder, Keeper
from cephkit.training.log import RunLog
from cephkit.training.schedule import Schedule
from cephkit.training.state import TrainState, random_state
from cephkit.training.validate import MEAN, ValidFilms


def data_of(config: TrainConfig) -> Source:
    """The data set of ``config``; of a fold dealt anew, of the final run with all films of train and valid in train.

    Raises:
        SettingsError: there is no such data set.
    """
    source = find_dataset(config)
    if config.folds is None or (config.fold is None and not config.is_final):
        return source
    return FoldSource(source, config.folds, config.fold, config.split_seed)


@dataclass
class BeforeStep:
    """What a step that fails in the middle has to be undone to; weights change at its very end only."""

    buffers: list[torch.Tensor]
    """Copies of running statistics, and of how many batches went into them."""
    random: dict[str, Any]

    @classmethod
    def of(cls, model: nn.Module) -> "BeforeStep":
        """As things are now."""
        return cls([buffer.clone() for buffer in model.buffers()], random_state())


@dataclass
class LastFigures:
    """What the progress line carries over from step to step."""

    films_per_s: float = 0.0
    ram_gib: float = 0.0
    ram_at: float = -float("inf")


@dataclass(kw_only=True)
class Run:
    """Everything that the training loop works with; what changes while training lives in ``state``."""

    task: Task
    schedule: Schedule
    packing: Packing
    """The passes of a step: those of the settings, until memory runs out."""
    fabric: Fabric
    model: _FabricModule
    """The network as Fabric wraps it, for forward and backward; ``state.model`` is the bare one."""
    optimizer: Any
    """The optimiser as Fabric wraps it; ``state.optimizer`` is the bare one."""
    state: TrainState
    loader: DataLoader[Batch]
    sampler: PlanSampler
    weights: tuple[float, ...]
    """How often each train film is seen, relative to the others; see ``epoch_order``."""
    keeper: Keeper
    valid: ValidFilms | None = None
    """None: nothing is validated between the epochs, and the last one counts."""
    screen: ProgressBar
    log: RunLog | None = None
    """None in all processes but the first, and where nothing is logged."""
    best_by: str = MEAN
    """See ``Validation.error``."""
    validated: Callable[[int, int, float], None] = lambda epoch, epochs, error: None
    """See ``run.train``."""
    name: str = ""
    """Stands before the lines for the user."""
    remedy: str = "use a smaller --image_size or --model"
    """What helps when memory runs out in the smallest packing."""
    before_step: BeforeStep = field(init=False)
    updating: bool = False
    """Whether weights, average and progress are just being changed: not a state to save."""
    started: float = field(default_factory=time.monotonic)
    steps_here: int = 0
    """Optimiser steps since this start, for the time left."""
    last_figures: LastFigures = field(default_factory=LastFigures)
    spills: SpillWatch = field(default_factory=SpillWatch)

    @property
    def films(self) -> int:
        """Train films."""
        return len(self.weights)

    def __post_init__(self) -> None:
        self.before_step = BeforeStep.of(self.state.model)


@dataclass(kw_only=True)
class NetworkRun(Run):
    """A run of ``cephkit train``: the loop's part, and what comes before and after its epochs."""

    config: TrainConfig
    data: PreparedData
    keeper: CheckpointFolder
