"""Reports of a run in progress: progress line, figures of a step, figures of an epoch, warnings."""

import time

import torch

from cephkit.drawing.validation import draw_errors
from cephkit.errors import DivergedError
from cephkit.evaluation.metrics import Metrics
from cephkit.notice import Notify
from cephkit.training.context import NetworkRun, Run
from cephkit.training.log import duration, gpu_gib, ram_gib, source_tag
from cephkit.training.validate import Validation

MOST_SKIPPED_IN_A_ROW = 50
RAM_INTERVAL_S = 5.0


def report_step(run: Run, loss: float | None, rate: float, films_per_s: float) -> None:
    """Progress line and the figures of a step."""
    if not run.fabric.is_global_zero:
        return
    schedule, progress, figures = run.schedule, run.state.progress, run.last_figures
    if time.monotonic() - figures.ram_at > RAM_INTERVAL_S:
        figures.ram_at, figures.ram_gib = time.monotonic(), ram_gib()
    # A mean over the last steps: a single one varies too much.
    figures.films_per_s += (films_per_s - figures.films_per_s) / min(run.steps_here, 20)
    gpu = gpu_gib(run.fabric.device)
    left = (time.monotonic() - run.started) / run.steps_here * (schedule.total_steps - progress.step)
    step_loss = "-" if loss is None else f"{loss:.4g}"
    on_gpu = "" if gpu is None else f"  GPU {gpu:.1f} GiB"
    run.screen.update(
        progress.step,
        f"{run.name}epoch {progress.epoch + 1}/{schedule.epochs}  loss {step_loss}  lr {rate:.2e}  "
        f"{figures.films_per_s:.1f} films/s{on_gpu}  RAM {figures.ram_gib:.1f} GiB  {duration(left)} left",
        schedule.total_steps,
    )
    if run.log is not None:
        tags = {
            "Train/BatchLoss": loss, "LR": rate, "System/FilmsPerSecond": films_per_s, "System/GPU_GiB": gpu,
            "System/RAM_GiB": figures.ram_gib,
        }  # fmt: skip
        run.log.step(progress.step, progress.epoch + 1, tags)


def watch_for_spills(run: Run, seconds_per_film: float) -> None:
    """Warn when the driver has begun to use system memory."""
    if run.fabric.device.type == "cuda":
        free, total = torch.cuda.mem_get_info(run.fabric.device)
        warning = run.spills.step(seconds_per_film, 1 - free / total)
        if warning is not None:
            run.screen.notify(f"WARNING: {warning}")


def epoch_figures(epoch_loss: float | None, validation: Validation | None, skipped: int) -> dict[str, float | None]:
    """The figures of an epoch under their tags; see ``report_epoch``."""
    figures: dict[str, float | None] = {"Train/EpochLoss": epoch_loss}
    if validation is not None:
        metrics = validation.metrics
        figures |= {
            "Val/Loss": validation.loss,
            "Val/MRE_pixels": metrics.mre_pixels,
            "Val/MRE_mm": metrics.mre_mm,
            **{f"Val/SDR_{key}mm": metrics.sdr[key] for key in ("2", "2.5", "3", "4")},
            **{source_tag(name): each.mre_mm for name, each in validation.by_source.items()},
        }
    return {**figures, "System/SkippedSteps": skipped}


def _mre(metrics: Metrics) -> str:
    if metrics.mre_pixels is None:
        return "-"
    return f"{metrics.mre_pixels:.1f} px" if metrics.mre_mm is None else f"{metrics.mre_mm:.3f} mm"


def report_epoch(run: Run, epoch_loss: float | None, validation: Validation | None, improved: bool) -> None:
    """One line, the figures of the epoch, and the first validation film with truth and prediction.

    ``validation`` is None after an epoch that was not validated, ``epoch_loss`` after one whose steps were all
    skipped.
    """
    if not run.fabric.is_global_zero:
        return
    progress, schedule = run.state.progress, run.schedule
    if run.log is not None:
        run.log.epoch(progress.epoch, progress.step, progress.figures)
    train_loss = "train loss -" if epoch_loss is None else f"train loss {epoch_loss:.4g}"
    skipped = f"  {progress.skipped} steps skipped so far" if progress.skipped else ""
    line = f"{run.name}epoch {progress.epoch}/{schedule.epochs}  {train_loss}"
    if validation is None or run.valid is None:
        run.screen.notify(f"{line}{skipped}")
        return
    metrics = validation.metrics
    if run.log is not None:
        picture = draw_errors(run.valid.dataset, 0, validation.points[0], run.valid.truth)
        run.log.picture("Val/Film", picture, progress.epoch)
    error = f"MRE {_mre(metrics)}"
    if validation.by_source:
        error += f" ({', '.join(f'{name} {_mre(each)}' for name, each in validation.by_source.items())})"
    error += f"  {metrics.missing} landmarks not found" if metrics.missing else ""
    rate = "" if metrics.sdr["2"] is None else f"  SDR@2 {metrics.sdr['2']:.1f} %"
    run.screen.notify(
        f"{line}  valid loss {validation.loss:.4g}  {error}{rate}{'  best so far' if improved else ''}{skipped}"
    )
    past_warmup = progress.epoch - max(3, round(schedule.warmup_steps / schedule.steps_per_epoch))
    if past_warmup > 0 and past_warmup % 5 == 1 and validation.loss > 0.9 * validation.empty_loss:
        run.screen.notify(
            f"WARNING: the validation loss {validation.loss:.4g} is no better than an empty map's "
            f"({validation.empty_loss:.4g}): the network finds nothing. "
            "Try another --lr, a longer --warmup_epochs, or --heatmap_stride 4"
        )


def check_skipped(run: Run) -> None:
    """Report that a step was skipped; give up when nothing else happens.

    Raises:
        DivergedError: the last ``MOST_SKIPPED_IN_A_ROW`` steps were all skipped.
    """
    progress = run.state.progress
    in_a_row = progress.skipped_in_a_row
    if in_a_row in (1, 10):
        run.screen.notify(
            f"{run.name}step {progress.step}: loss or gradients not finite, skipped ({progress.skipped} so far)"
        )
    if in_a_row >= MOST_SKIPPED_IN_A_ROW:
        raise DivergedError(
            f"{run.name}step {progress.step}: loss or gradients were not finite {in_a_row} times in a row, the network "
            "no longer learns",
            f"{run.keeper.fresh_start} with a lower --lr, or without --mixed_precision",
        )


def check_learned(run: Run) -> None:
    """Check that a finished run has learned anything.

    Raises:
        DivergedError: every step was skipped; the weights are those it started from.
    """
    progress = run.state.progress
    if progress.skipped == progress.step:
        raise DivergedError(
            f"{run.name}loss or gradients were not finite in any of the {progress.step} steps, nothing was learned",
            "start again with a lower --lr or without --mixed_precision; if that does not help, cephkit doctor checks "
            "the films and labels",
        )


def describe(run: NetworkRun, notify: Notify) -> None:
    """The run in a few lines, before it starts."""
    config, fabric, data = run.config, run.fabric, run.data
    parameters = sum(p.numel() for p in run.state.model.parameters()) / 1e6
    height, width = config.image_size
    spec = run.keeper.spec
    notify(
        ", ".join(f"{len(films)} {split} films" for split, films in data.films.items())
        + f", {len(spec.symbols)} landmarks"
    )
    for name, facts in data.sources().items():
        counted = ", ".join(f"{facts[split]} {split}" for split in data.films)
        notify(f"  {name}: {counted} films, {len(facts['landmarks'])} landmarks, weight {facts['weight']:g}")
    notify(
        f"{config.model} ({parameters:.1f} M parameters) at {height}x{width}, heatmaps {spec.grid_size[0]}x"
        f"{spec.grid_size[1]}, {fabric._precision.precision}, on {fabric.device}"
    )
    cards = f" x {fabric.world_size} processes" if fabric.world_size > 1 else ""
    effective_batch = run.packing.batch_size * run.packing.accumulation * fabric.world_size
    notify(
        f"effective batch {effective_batch} = {run.packing}{cards}, "
        f"{run.schedule.steps_per_epoch} steps an epoch, {config.epochs} epochs, peak learning rate {config.lr:g}"
    )
