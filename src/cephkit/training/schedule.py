"""How long and how fast a task is trained: pure functions of the step, so that a resume has nothing to restore."""

import math
from dataclasses import dataclass

from cephkit.config import TrainConfig
from cephkit.training.batches import steps_per_epoch


@dataclass(frozen=True)
class Schedule:
    """What the training loop needs of the settings."""

    epochs: int
    steps_per_epoch: int
    lr: float
    """Peak learning rate."""
    warmup_steps: int
    clip_grad_norm: float
    """0: off."""
    seed: int
    validation_frequency: int = 1
    """Validate every so many epochs, and after the last."""
    save_frequency: int = 0
    """Keep a state every so many epochs; 0: never."""
    patience: int | None = None
    """Epochs without improvement that end the run early; None: it is never ended early."""

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the run."""
        return self.epochs * self.steps_per_epoch

    @classmethod
    def of(cls, config: TrainConfig, films: int, effective_batch: int) -> "Schedule":
        """The schedule of ``cephkit train``."""
        steps = steps_per_epoch(films, effective_batch)
        return cls(
            config.epochs, steps, config.lr, round(config.warmup_epochs * steps), config.clip_grad_norm, config.seed,
            config.validation_frequency, config.save_frequency, config.patience if config.early_stopping else None,
        )  # fmt: skip

    def rate(self, step: int) -> float:
        """The learning rate of optimiser step ``step``; see ``learning_rate``."""
        return learning_rate(step, self.total_steps, self.warmup_steps, self.lr)


def learning_rate(step: int, total_steps: int, warmup_steps: int, peak: float) -> float:
    """The rate of optimiser step ``step`` (from 0): linear from ``peak / warmup_steps`` to ``peak``, then cosine.

    The last step has the smallest rate of the cosine that is not zero. A warm-up longer than the run is cut to it.

    Raises:
        ValueError: ``step`` lies outside the run.
    """
    if not 0 <= step < total_steps:
        raise ValueError(f"step {step} lies outside a run of {total_steps} steps")
    warmup_steps = min(warmup_steps, total_steps)
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps + 1) / (total_steps - warmup_steps + 1)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


def patience_is_over(epoch: int, best_epoch: int, patience: int, validation_frequency: int) -> bool:
    """Whether, after ``epoch``, the last validation came ``patience`` epochs or more after the best one.

    Epochs without a validation do not count, and patience is never over before the first best (``best_epoch`` 0).
    """
    last_validated = epoch - epoch % validation_frequency
    return best_epoch > 0 and last_validated - best_epoch >= patience
