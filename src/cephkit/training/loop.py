"""The training loop: accumulate, unscale, clip, step, average, validate, save - in this order, for every task.

A run that fails in the middle saves the state before the failure and explains what happened and what to do.
"""

import contextlib
import gc
import math
import time
from collections.abc import Callable
from typing import Any, Literal

import torch
from lightning_fabric import Fabric

from cephkit.errors import CephkitError, FilmError
from cephkit.memory.recompute import apply_recompute
from cephkit.memory.recover import smaller
from cephkit.models.build import LandmarkModel
from cephkit.shortage import SHORTAGES, shortage
from cephkit.task.heatmaps import HeatmapTask
from cephkit.training.batches import MicroBatch, epoch_plan
from cephkit.training.context import BeforeStep, Run
from cephkit.training.keep import LATEST
from cephkit.training.launch import average_statistics
from cephkit.training.report import (
    check_learned,
    check_skipped,
    epoch_figures,
    report_epoch,
    report_step,
    watch_for_spills,
)
from cephkit.training.state import ended, random_state, set_random_state
from cephkit.training.validate import Validation, ValidFilms, validate

Outcome = Literal["finished", "stopped", "stopped early"]


def fit(run: Run, stop: Callable[[], bool]) -> Outcome:
    """Train until the epochs are done, until ``stop()`` is true after a step, or until it no longer improves.

    Raises:
        DivergedError: too many steps in a row, or all, were not finite.
        CheckpointError: a checkpoint could not be written.
    """
    schedule, progress = run.schedule, run.state.progress
    while (outcome := ended(schedule, progress)) is None:
        stopped = train_epoch(run, stop)
        if progress.epoch_steps < schedule.steps_per_epoch:
            save_latest(run)
            return "stopped"
        epoch_loss = progress.epoch_loss / progress.epoch_films if progress.epoch_films else None
        epoch = progress.epoch + 1
        due = epoch % schedule.validation_frequency == 0 or epoch == schedule.epochs
        validation = validate_now(run, run.valid) if due and run.valid is not None else None
        progress.epoch = epoch  # after the validation: a state saved before repeats that
        progress.epoch_steps = progress.epoch_films = 0
        progress.epoch_loss = 0.0
        error = None if validation is None else validation.error(run.best_by)
        learned = progress.step > progress.skipped  # an untrained network is never the best
        improved = learned and error is not None and (progress.best is None or error < progress.best)
        is_last = learned and run.valid is None and epoch == schedule.epochs
        if improved or is_last:
            progress.best, progress.best_epoch = error, progress.epoch
        progress.figures = epoch_figures(epoch_loss, validation, progress.skipped)
        # First: what follows can be made from it, and is if the run is killed in between.
        save_latest(run, validation)
        if improved or is_last:
            save_best(run, None if validation is None else validation.metrics.to_dict())
        if schedule.save_frequency and progress.epoch % schedule.save_frequency == 0:
            save_latest(run, validation, f"checkpoint_epoch_{progress.epoch}.pth")
        report_epoch(run, epoch_loss, validation, improved)
        if error is not None:
            run.validated(epoch, schedule.epochs, error)
        if stopped and ended(schedule, progress) is None:
            return "stopped"
    check_learned(run)
    return outcome


def train_epoch(run: Run, stop: Callable[[], bool]) -> bool:
    """The rest of the epoch under way, step by step; True if ``stop()`` was true after the last step taken."""
    while True:
        try:
            return train_steps(run, stop)
        except torch.OutOfMemoryError:
            if run.fabric.world_size > 1 or smaller(run.packing, run.task.recomputes) is None:
                raise
        # Outside the handler: the error keeps every tensor of the step that failed alive.
        repack(run)


def train_steps(run: Run, stop: Callable[[], bool]) -> bool:
    """As ``train_epoch``, with the packing of the moment.

    Raises:
        torch.OutOfMemoryError: in a step; ``repack`` puts the run back to where it was before that step.
    """
    schedule, fabric, progress = run.schedule, run.fabric, run.state.progress
    plan = epoch_plan(
        run.weights, run.packing.batch_size, run.packing.accumulation, progress.epoch, schedule.seed,
        fabric.world_size, fabric.global_rank,
    )  # fmt: skip
    run.sampler.plan = remaining(plan, progress.epoch_steps, schedule.steps_per_epoch)
    run.before_step = BeforeStep.of(run.state.model)
    last_finite = run.before_step.buffers
    step_loss, learns = torch.zeros((), device=fabric.device), False
    step_started = time.perf_counter()
    for micro, batch in zip(run.sampler.plan, run.loader, strict=True):
        with fabric.no_backward_sync(run.model, enabled=not micro.ends_step):
            # Every film of the step weighs the same, however the step is cut into passes and processes; the
            # processes' gradients are averaged, hence the factor.
            loss = run.task(run.model, batch).loss * (micro.weight * fabric.world_size / micro.step_films)
            if loss.requires_grad:
                fabric.backward(loss)
                learns = True
        step_loss += loss.detach()
        if not micro.ends_step:
            continue

        rate = schedule.rate(progress.step)
        for group in run.state.optimizer.param_groups:
            group["lr"] = rate
        value = float(fabric.all_reduce(step_loss, reduce_op="mean"))  # type: ignore[arg-type]
        finite = math.isfinite(value)
        if learns:
            largest = schedule.clip_grad_norm or float("inf")
            norm = fabric.clip_gradients(run.model, run.optimizer, max_norm=largest, error_if_nonfinite=False)
            finite = finite and norm is not None and math.isfinite(norm)
        run.updating = True
        if learns and (finite or run.state.scaler is not None):
            run.optimizer.step()  # the scaler skips a step that is not finite, and lowers its scale
        run.optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.epoch_steps += 1
        average_statistics(fabric, run.state.model)
        buffers = list(run.state.model.buffers())
        if finite:
            progress.skipped_in_a_row = 0
            progress.epoch_loss += value * micro.step_films
            progress.epoch_films += micro.step_films
            torch._foreach_copy_(last_finite, buffers)
            if run.state.ema is not None and learns:
                run.state.ema.update(run.state.model, step=progress.step)
        else:
            progress.skipped += 1
            progress.skipped_in_a_row += 1
            torch._foreach_copy_(buffers, last_finite)  # a forward pass that overflowed spoils running statistics
        run.before_step.random = random_state()
        run.updating = False
        if not finite:
            check_skipped(run)

        run.steps_here += 1
        seconds = time.perf_counter() - step_started
        step_started = time.perf_counter()
        report_step(run, value if finite else None, rate, micro.step_films / seconds)
        watch_for_spills(run, seconds / micro.step_films)
        step_loss.zero_()
        learns = False
        if stopping(fabric, stop):
            return True
    return False


def undo_step(run: Run) -> None:
    """Put the run back to where it was before the step that failed."""
    run.optimizer.zero_grad(set_to_none=True)
    torch._foreach_copy_(list(run.state.model.buffers()), run.before_step.buffers)
    set_random_state(run.before_step.random)


def repack(run: Run) -> None:
    """After running out of memory: undo the step, pack it smaller, report it."""
    packing = smaller(run.packing, run.task.recomputes)
    assert packing is not None
    undo_step(run)
    if packing.recompute != run.packing.recompute:
        assert isinstance(run.state.model, LandmarkModel)
        apply_recompute(run.state.model, packing.recompute)
    gc.collect()
    if run.fabric.device.type == "cuda":
        torch.cuda.empty_cache()
    step = run.state.progress.step
    change = f"out of memory with {run.packing}; continuing with {packing}, the same effective batch"
    line = f"{run.name}step {step + 1}: {change}"
    run.packing = packing
    run.screen.notify(line)
    if run.log is not None:
        run.log.text("OutOfMemory", line, step)


def validate_now(run: Run, valid: ValidFilms) -> Validation:
    """Validate the averaged network where the run keeps one, else the network."""
    assert isinstance(run.task, HeatmapTask)
    model = run.state.averaged
    while True:
        try:
            return validate(run.fabric, model, run.task, valid)
        except torch.OutOfMemoryError:
            model.train(run.state.ema is None)
            if run.fabric.world_size > 1 or valid.batch_size == 1:
                raise
        valid.halve()
        run.screen.notify(f"validation: out of memory; continuing with {valid.batch_size} films a pass")


def save_best(run: Run, metrics: dict[str, Any] | None) -> None:
    """The weights that were validated, with the ``metrics`` found then."""
    if run.fabric.is_global_zero:
        run.keeper.write_best(run.state, metrics)


def save_latest(run: Run, validation: Validation | None = None, name: str = LATEST) -> None:
    """The complete state, to resume from."""
    states: list[Any] = [random_state()]
    if run.fabric.world_size > 1:
        states = [None] * run.fabric.world_size
        torch.distributed.all_gather_object(states, random_state())
    if run.fabric.is_global_zero:
        run.keeper.write(run.state, states, None if validation is None else validation.metrics.to_dict(), name)


def remaining(plan: list[MicroBatch], steps_done: int, steps: int) -> list[MicroBatch]:
    """The passes of the optimiser steps from ``steps_done`` to ``steps``."""
    ends = [0, *(index + 1 for index, micro in enumerate(plan) if micro.ends_step)]
    return plan[ends[steps_done] : ends[steps]]


def stopping(fabric: Fabric, stop: Callable[[], bool]) -> bool:
    """Whether any process was asked to stop: all must leave the loop after the same step."""
    wanted = stop()
    if fabric.world_size == 1:
        return wanted
    return bool(fabric.all_reduce(torch.tensor(float(wanted), device=fabric.device), reduce_op="sum"))


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
        with contextlib.suppress(CephkitError, *SHORTAGES):
            undo_step(run)
            save_latest(run)
            return run.state.progress.step
    return None


def out_of_memory(run: Run) -> str:
    """What to do about it."""
    packing = smaller(run.packing) if run.task.recomputes else None
    if packing is not None:  # several processes cannot repack in the middle of a step
        remedy = f"Use {packing.flags}: the effective batch stays the same"
    else:
        remedy = f"It was packed as {run.packing}: {run.remedy}"
    half = ", and --mixed_precision" if run.fabric._precision.precision == "32-true" else ""
    return f"{run.fabric.device} ran out of memory. {remedy}{half}; close what else uses the card"
