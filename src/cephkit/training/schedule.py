"""The learning rate of every optimiser step, and when to stop: pure functions, a resume has nothing to restore."""

import math


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

    Epochs without a validation say nothing, and nothing is over before the first best (``best_epoch`` 0).
    """
    last_validated = epoch - epoch % validation_frequency
    return best_epoch > 0 and last_validated - best_epoch >= patience
