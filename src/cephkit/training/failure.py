"""A run that fails in the middle: what happened, what to do, and the state of before it saved."""

import contextlib

import torch

from cephkit.errors import CephkitError, FilmError
from cephkit.memory.recover import smaller
from cephkit.shortage import shortage
from cephkit.training.context import Run
from cephkit.training.loop import save_latest, undo_step
from cephkit.training.state import ended


def failure(run: Run, error: Exception) -> str:
    """The message for an ``error`` in the middle of a run, whose state is saved.

    Raises:
        Exception: ``error`` itself, where it is none of the user's or of the machine's.
    """
    if isinstance(error, FilmError):
        message = str(error)
    elif isinstance(error, torch.OutOfMemoryError):
        message = out_of_memory(run)
    elif (short := shortage(error)) is not None:
        message = str(short)
    else:
        raise error
    latest = run.config.save_dir / "checkpoint_latest.pth"
    step = saved_step(run)
    if step is not None:
        return f"{message}. The state is saved: add --resume {latest} to go on from step {step}."
    return f"{message}. Go on from the last saved state: --resume {latest}." if latest.exists() else f"{message}."


def saved_step(run: Run) -> int | None:
    """Save the state as it was before the step that failed; how many steps are done in it, None if it cannot be.

    Saving takes all processes, and of several the others wait in the step that failed here.
    """
    in_epochs = run.state.progress.step and ended(run.config, run.state.progress) is None
    if run.log is None or not in_epochs or run.updating or run.fabric.world_size > 1:
        return None
    for _ in range(2):  # a second loader worker that ends may disturb the first try
        with contextlib.suppress(CephkitError, RuntimeError, OSError, MemoryError):
            undo_step(run)
            save_latest(run)
            return run.state.progress.step
    return None


def out_of_memory(run: Run) -> str:
    """What to do about it."""
    packing = smaller(run.packing)
    if packing is not None:  # several processes cannot repack in the middle of a step
        remedy = (
            f"Use --batch_size {packing.batch_size} --gradient_accumulation_steps {packing.accumulation} "
            f"--recompute {packing.recompute}: the effective batch stays the same"
        )
    else:
        remedy = f"It was packed as {run.packing}, there is no smaller way: use a smaller --image_size or --model"
    half = "" if run.config.mixed_precision else ", and --mixed_precision"
    return f"{run.fabric.device} ran out of memory. {remedy}{half}; close what else uses the card"
