"""A run that fails in the middle: saves the state before the failure and explains what happened and what to do."""

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
        Exception: ``error`` itself, if neither the user nor the machine caused it.
    """
    if isinstance(error, FilmError):
        message = str(error)
    elif isinstance(error, torch.OutOfMemoryError):
        message = out_of_memory(run)
    elif (short := shortage(error)) is not None:
        message = str(short)
    else:
        raise error
    keeper, step = run.keeper, saved_step(run)
    if step is not None:
        return f"{message}. The state is saved: {keeper.how_to_resume} to resume from step {step}."
    if keeper.latest is not None and keeper.latest.exists():
        return f"{message}. To resume from the last saved state: {keeper.how_to_resume}."
    return f"{message}."


def saved_step(run: Run) -> int | None:
    """Save the state as it was before the step that failed; how many steps are done in it, None if it cannot be.

    Saving takes all processes, and if there are several the others wait in the step that failed here.
    """
    in_epochs = run.state.progress.step and ended(run.schedule, run.state.progress) is None
    if not in_epochs or run.updating or run.fabric.world_size > 1 or run.keeper.latest is None:
        return None
    for _ in range(2):  # a second loader worker that ends may disturb the first try
        with contextlib.suppress(CephkitError, RuntimeError, OSError, MemoryError):
            undo_step(run)
            save_latest(run)
            return run.state.progress.step
    return None


def out_of_memory(run: Run) -> str:
    """What to do about it."""
    packing = smaller(run.packing) if run.task.recomputes else None
    if packing is not None:  # several processes cannot repack in the middle of a step
        remedy = (
            f"Use --batch_size {packing.batch_size} --gradient_accumulation_steps {packing.accumulation} "
            f"--recompute {packing.recompute}: the effective batch stays the same"
        )
    else:
        remedy = f"It was packed as {run.packing}: {run.remedy}"
    half = ", and --mixed_precision" if run.fabric._precision.precision == "32-true" else ""
    return f"{run.fabric.device} ran out of memory. {remedy}{half}; close what else uses the card"
