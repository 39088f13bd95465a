"""All that a run needs to continue: what is saved is exactly what is restored."""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from timm.utils.model_ema import ModelEmaV3
from torch import nn
from torch.optim import Optimizer

from cephkit.training.schedule import Schedule, patience_is_over


@dataclass
class Progress:
    """Where a run stands. Plain numbers only."""

    epoch: int = 0
    """Epochs completed."""
    epoch_steps: int = 0
    """Optimiser steps done in the epoch under way."""
    step: int = 0
    """Optimiser steps done in all, skipped ones included."""
    skipped: int = 0
    """Steps skipped because loss or gradients were not finite."""
    skipped_in_a_row: int = 0
    epoch_loss: float = 0.0
    """Sum of the loss over the films of the epoch under way."""
    epoch_films: int = 0
    """Films that ``epoch_loss`` sums over."""
    best: float | None = None
    """Best validation error so far, in mm, or pixels where no film has a pixel size."""
    best_epoch: int = 0
    figures: dict[str, float | None] = field(default_factory=dict)
    """Those of the last epoch, as ``epochs.csv`` has them: a run killed before writing them does so on resume."""

    @classmethod
    def from_dict(cls, plain: dict[str, Any], steps_per_epoch: int | None = None) -> "Progress":
        """The progress of a checkpoint.

        Args:
            plain: its fields.
            steps_per_epoch: optimiser steps of an epoch of that run, to hold the counts against; None: not known.

        Raises:
            TypeError, ValueError: it is damaged.
        """
        made = cls(**plain)
        counts = {name: getattr(made, name) for name in _COUNTS}
        best, figures = made.best, made.figures
        if any(type(count) is not int or count < 0 for count in counts.values()):
            raise ValueError(f"progress: counts {counts!r:.200}")
        if type(made.epoch_loss) not in (int, float) or type(best) not in (int, float, type(None)):
            raise TypeError(f"progress: loss {made.epoch_loss!r:.40}, best {best!r:.40}")
        if not isinstance(figures, dict) or not all(
            isinstance(value, float | int | None) for value in figures.values()
        ):
            raise TypeError(f"progress: figures {figures!r:.100}")
        if made.best_epoch > made.epoch or made.skipped > made.step:
            raise ValueError(f"progress: counts {counts!r:.200}")
        if steps_per_epoch is not None and made.step != made.epoch * steps_per_epoch + made.epoch_steps:
            raise ValueError(f"progress: counts {counts!r:.200}, with {steps_per_epoch} steps an epoch")
        return made


_COUNTS = ("epoch", "epoch_steps", "step", "skipped", "skipped_in_a_row", "epoch_films", "best_epoch")


@dataclass
class TrainState:
    """Everything that changes while training."""

    model: nn.Module
    optimizer: Optimizer
    ema: ModelEmaV3 | None = None
    """The averaged network, where the run keeps one."""
    scaler: Any = None
    """The gradient scaler of float16, else None."""
    progress: Progress = field(default_factory=Progress)

    @property
    def averaged(self) -> nn.Module:
        """The network to validate and to predict with: the average where the run keeps one."""
        if self.ema is None:
            return self.model
        assert isinstance(self.ema.module, nn.Module)
        return self.ema.module

    def state_dict(self, random_states: list[dict[str, Any]]) -> dict[str, Any]:
        """Tensors and plain types: what a checkpoint holds beside the raw weights."""
        return {
            "optimizer": to_cpu(self.optimizer.state_dict()),
            "ema": None if self.ema is None else to_cpu(self.ema.module.state_dict()),
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
            "progress": {**vars(self.progress), "figures": dict(self.progress.figures)},
            "random": random_states,
        }

    def load_state_dict(self, model: Any, training: dict[str, Any], steps_per_epoch: int | None = None) -> None:
        """Restore what ``state_dict`` saved, and the raw weights ``model``; see ``Progress.from_dict`` for the rest.

        Raises:
            RuntimeError, KeyError, ValueError, TypeError: the saved state is of another network or format.
        """
        self.model.load_state_dict(model, strict=True)
        self.optimizer.load_state_dict(training["optimizer"])
        check_optimizer(self.optimizer)
        if self.ema is not None:
            self.ema.module.load_state_dict(training["ema"], strict=True)
        if self.scaler is not None and training["scaler"] is not None:
            self.scaler.load_state_dict(training["scaler"])
        self.progress = Progress.from_dict(training["progress"], steps_per_epoch)


def check_optimizer(optimizer: Optimizer) -> None:
    """Whether AdamW's averages and settings, as loaded, fit its parameters: torch accepts anything.

    Raises:
        TypeError, ValueError: they are not.
    """
    for group in optimizer.param_groups:
        numbers = [group.get("eps"), group.get("weight_decay"), *(group.get("betas") or ())]
        if len(numbers) != 4 or not all(isinstance(number, float | int) for number in numbers):
            raise TypeError(f"optimizer: eps, weight decay and betas are {numbers!r:.100}")
        for parameter in group["params"]:
            kept = optimizer.state.get(parameter)
            if not kept:  # before the first step
                continue
            averages = [kept.get(name) for name in ("exp_avg", "exp_avg_sq")]
            shapes = [average.shape if isinstance(average, torch.Tensor) else None for average in averages]
            if shapes != [parameter.shape] * 2 or not isinstance(kept.get("step"), torch.Tensor | float | int):
                raise ValueError(f"optimizer: averages of {shapes} for weights of {parameter.shape}")


def ended(schedule: Schedule, progress: Progress) -> Literal["finished", "stopped early"] | None:
    """How the epochs of a run have ended; None if some are left to train."""
    if progress.epoch >= schedule.epochs:
        return "finished"
    if schedule.patience is None or progress.epoch_steps:
        return None
    frequency = schedule.validation_frequency
    over = patience_is_over(progress.epoch, progress.best_epoch, schedule.patience, frequency)
    return "stopped early" if over else None


def random_state() -> dict[str, Any]:
    """The random generators that training draws from: torch's, on the CPU and on the cards."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def set_random_state(state: dict[str, Any]) -> None:
    """Restore ``random_state``; cards that are no longer there are skipped."""
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available():
        for index, one in enumerate(state["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(one, index)


def to_cpu(value: Any) -> Any:
    """A copy of nested containers with every tensor on the CPU."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {key: to_cpu(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_cpu(item) for item in value]
    return value
