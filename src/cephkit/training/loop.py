"""The training loop: accumulate, unscale, clip, step, average, validate, save - in this order, top to bottom."""

import gc
import math
import time
from collections.abc import Callable
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import nn

from cephkit.checkpoint import Checkpoint, write_checkpoint
from cephkit.memory.recompute import apply_recompute
from cephkit.memory.recover import smaller
from cephkit.training.batches import MicroBatch, epoch_plan
from cephkit.training.context import BeforeStep, Run
from cephkit.training.loaders import valid_loader
from cephkit.training.report import (
    check_learnt,
    check_skipped,
    epoch_figures,
    report_epoch,
    report_step,
    watch_for_spills,
)
from cephkit.training.schedule import learning_rate
from cephkit.training.state import ended, random_state, set_random_state
from cephkit.training.statistics import average_statistics
from cephkit.training.validate import Validation, targets_on_grid, to_network, validate

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
Outcome = Literal["finished", "stopped", "stopped early"]


def fit(run: Run, stop: Callable[[], bool]) -> Outcome:
    """Train until the epochs are done, until ``stop()`` is true after a step, or until it no longer improves.

    Raises:
        CephkitError: too many steps in a row, or all, were not finite, or a checkpoint could not be written.
    """
    config, progress = run.config, run.state.progress
    while (outcome := ended(config, progress)) is None:
        stopped = train_epoch(run, stop)
        if progress.epoch_steps < run.steps_per_epoch:
            save_latest(run)
            return "stopped"
        epoch_loss = progress.epoch_loss / progress.epoch_films if progress.epoch_films else None
        epoch = progress.epoch + 1
        due = epoch % config.validation_frequency == 0 or epoch == config.epochs
        validation = validate_now(run) if due else None
        progress.epoch = epoch  # not before it is validated: a state saved then goes on with the validation
        progress.epoch_steps = progress.epoch_films = 0
        progress.epoch_loss = 0.0
        error = None if validation is None else validation.error
        learnt = progress.step > progress.skipped  # an untrained network is nobody's best
        improved = learnt and error is not None and (progress.best is None or error < progress.best)
        if validation is not None and improved:
            progress.best, progress.best_epoch = error, progress.epoch
        progress.figures = epoch_figures(epoch_loss, validation, progress.skipped)
        # This one first: what follows can be made from it, and is, where the run is killed in between.
        save_latest(run, validation)
        if validation is not None and improved:
            save_best(run, validation.metrics.to_dict())
        if config.save_frequency and progress.epoch % config.save_frequency == 0:
            save_latest(run, validation, f"checkpoint_epoch_{progress.epoch}.pth")
        report_epoch(run, epoch_loss, validation, improved)
        if stopped and ended(config, progress) is None:
            return "stopped"
    check_learnt(run)
    return outcome


def train_epoch(run: Run, stop: Callable[[], bool]) -> bool:
    """The rest of the epoch under way, step by step; True if ``stop()`` was true after the last step taken."""
    while True:
        try:
            return train_steps(run, stop)
        except torch.OutOfMemoryError:
            if run.fabric.world_size > 1 or smaller(run.packing) is None:
                raise
        # Outside the handler: the error keeps every tensor of the step that failed alive.
        repack(run)


def train_steps(run: Run, stop: Callable[[], bool]) -> bool:
    """As ``train_epoch``, with the packing of the moment.

    Raises:
        torch.OutOfMemoryError: in a step; ``repack`` puts the run back to where it was before that step.
    """
    config, fabric, progress = run.config, run.fabric, run.state.progress
    plan = epoch_plan(
        run.train_films, run.packing.batch_size, run.packing.accumulation, progress.epoch, config.seed,
        fabric.world_size, fabric.global_rank,
    )  # fmt: skip
    run.sampler.plan = remaining(plan, progress.epoch_steps)
    run.before_step = before_step(run.state.model)
    last_finite = run.before_step.buffers
    step_loss = torch.zeros((), device=fabric.device)
    step_started = time.perf_counter()
    for micro, batch in zip(run.sampler.plan, run.train_loader, strict=True):
        with fabric.no_backward_sync(run.model, enabled=not micro.ends_step):
            # Every film of the step weighs the same, however the step is cut into passes and processes; the
            # processes' gradients are averaged, hence the factor.
            loss = batch_loss(run, batch, run.model) * (micro.weight * fabric.world_size / micro.step_films)
            fabric.backward(loss)
        step_loss += loss.detach()
        if not micro.ends_step:
            continue

        rate = learning_rate(
            progress.step, run.total_steps, round(config.warmup_epochs * run.steps_per_epoch), config.lr
        )
        for group in run.state.optimizer.param_groups:
            group["lr"] = rate
        largest = config.clip_grad_norm or float("inf")
        norm = fabric.clip_gradients(run.model, run.optimizer, max_norm=largest, error_if_nonfinite=False)
        value = float(fabric.all_reduce(step_loss, reduce_op="mean"))  # type: ignore[arg-type]
        finite = norm is not None and math.isfinite(norm) and math.isfinite(value)
        run.updating = True
        if finite or run.state.scaler is not None:
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
            if run.state.ema is not None:
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
        if stopping(fabric, stop):
            return True
    return False


def before_step(model: nn.Module) -> BeforeStep:
    """What ``repack`` needs to undo a step of ``model``."""
    return BeforeStep([buffer.clone() for buffer in model.buffers()], random_state())


def undo_step(run: Run) -> None:
    """Put the run back to where it was before the step that failed."""
    run.optimizer.zero_grad(set_to_none=True)
    torch._foreach_copy_(list(run.state.model.buffers()), run.before_step.buffers)
    set_random_state(run.before_step.random)


def repack(run: Run) -> None:
    """After running out of memory: undo the step, pack it smaller, say so."""
    packing = smaller(run.packing)
    assert packing is not None
    undo_step(run)
    if packing.recompute != run.packing.recompute:
        apply_recompute(run.state.model, packing.recompute)
    gc.collect()
    if run.fabric.device.type == "cuda":
        torch.cuda.empty_cache()
    step = run.state.progress.step
    line = f"step {step + 1}: out of memory with {run.packing}; going on with {packing}, the same effective batch"
    run.packing = packing
    run.screen.notify(line)
    if run.log is not None:
        run.log.text("OutOfMemory", line, step)


def batch_loss(run: Run, batch: Batch, model: nn.Module) -> torch.Tensor:
    """Sum of the loss over the films of ``batch``: augmentation, targets and loss on the device, in float32."""
    canvases, points, mask, _ = batch
    device = run.fabric.device
    images = to_network(canvases, device, channels_last=False)
    points, mask = points.to(device, non_blocking=True), mask.to(device, non_blocking=True)
    if run.augmentation is not None:
        images, points, mask = run.augmentation(images, points, mask)
    if run.config.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    return run.criterion(model(images).float(), targets_on_grid(points, mask, run.spec), mask).sum()


def validate_now(run: Run) -> Validation:
    """Validate the averaged network where the run keeps one, else the network."""
    ema = run.state.ema
    model = run.state.model if ema is None else ema.module
    assert isinstance(model, nn.Module)
    config = run.config
    while True:
        try:
            return validate(
                run.fabric, model, run.spec, run.valid_loader, run.criterion, config.truth, config.channels_last
            )
        except torch.OutOfMemoryError:
            model.train(ema is None)
            if run.fabric.world_size > 1 or run.valid_batch_size == 1:
                raise
        run.valid_batch_size = max(1, run.valid_batch_size // 2)
        run.valid_loader = valid_loader(config, run.valid_set, run.valid_batch_size, run.fabric)
        run.screen.notify(f"validation: out of memory; going on with {run.valid_batch_size} films a pass")


def save_best(run: Run, figures: dict[str, Any] | None) -> None:
    """``checkpoint_best.pth``: the weights that were validated, nothing else, with the ``figures`` found then."""
    if not run.fabric.is_global_zero:
        return
    ema, progress = run.state.ema, run.state.progress
    weights = run.state.model.state_dict() if ema is None else ema.module.state_dict()
    best = Checkpoint(run.spec, weights, run.settings, progress.epoch, figures, extras=run.extras)
    write_checkpoint(run.config.save_dir / "checkpoint_best.pth", best)


def save_latest(run: Run, validation: Validation | None = None, name: str = "checkpoint_latest.pth") -> None:
    """The complete state, to go on from."""
    states: list[Any] = [random_state()]
    if run.fabric.world_size > 1:
        states = [None] * run.fabric.world_size
        torch.distributed.all_gather_object(states, random_state())
    if not run.fabric.is_global_zero:
        return
    state = run.state
    metrics = None if validation is None else validation.metrics.to_dict()
    latest = Checkpoint(
        run.spec,
        state.model.state_dict(),
        run.settings,
        state.progress.epoch,
        metrics,
        state.state_dict(states),
        extras=run.extras,
    )
    write_checkpoint(run.config.save_dir / name, latest)


def remaining(plan: list[MicroBatch], steps_done: int) -> list[MicroBatch]:
    """The passes after the first ``steps_done`` optimiser steps."""
    ends = [index + 1 for index, micro in enumerate(plan) if micro.ends_step]
    return plan[ends[steps_done - 1] :] if steps_done else plan


def stopping(fabric: Fabric, stop: Callable[[], bool]) -> bool:
    """Whether any process was asked to stop: all must leave the loop after the same step."""
    wanted = stop()
    if fabric.world_size == 1:
        return wanted
    return bool(fabric.all_reduce(torch.tensor(float(wanted), device=fabric.device), reduce_op="sum"))
