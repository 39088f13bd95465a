"""What a run tells while it goes on: progress line, figures of a step, figures of an epoch, warnings."""

import time

import torch

from cephkit.drawing.validation import draw_errors
from cephkit.errors import CephkitError
from cephkit.training.context import Run
from cephkit.training.log import duration, gpu_gib, ram_gib
from cephkit.training.validate import Validation

MOST_SKIPPED_IN_A_ROW = 50
RAM_INTERVAL_S = 5.0


def report_step(run: Run, loss: float | None, rate: float, films_per_s: float) -> None:
    """Progress line and the figures of a step."""
    if run.log is None:
        return
    progress, figures = run.state.progress, run.last_figures
    if time.monotonic() - figures.ram_at > RAM_INTERVAL_S:
        figures.ram_at, figures.ram_gib = time.monotonic(), ram_gib()
    # A mean over the last steps: one step says little.
    figures.films_per_s += (films_per_s - figures.films_per_s) / min(run.steps_here, 20)
    gpu = gpu_gib(run.fabric.device)
    left = (time.monotonic() - run.started) / run.steps_here * (run.total_steps - progress.step)
    step_loss = "-" if loss is None else f"{loss:.4g}"
    on_gpu = "" if gpu is None else f"  GPU {gpu:.1f} GiB"
    run.screen.update(
        progress.step,
        f"epoch {progress.epoch + 1}/{run.config.epochs}  loss {step_loss}  lr {rate:.2e}  "
        f"{figures.films_per_s:.1f} films/s{on_gpu}  RAM {figures.ram_gib:.1f} GiB  {duration(left)} left",
        run.total_steps,
    )
    tags = {
        "Train/BatchLoss": loss, "LR": rate, "System/FilmsPerSecond": films_per_s, "System/GPU_GiB": gpu,
        "System/RAM_GiB": figures.ram_gib,
    }  # fmt: skip
    run.log.step(progress.step, progress.epoch + 1, tags)


def watch_for_spills(run: Run, seconds_per_film: float) -> None:
    """Say when the driver has begun to use system memory."""
    if run.fabric.device.type == "cuda":
        free, total = torch.cuda.mem_get_info(run.fabric.device)
        told = run.spills.step(seconds_per_film, 1 - free / total)
        if told is not None:
            run.screen.notify(f"WARNING: {told}")


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
        }
    return {**figures, "System/SkippedSteps": skipped}


def report_epoch(run: Run, epoch_loss: float | None, validation: Validation | None, improved: bool) -> None:
    """One line, the figures of the epoch, and the first validation film with truth and prediction.

    ``validation`` is None after an epoch that was not validated, ``epoch_loss`` after one whose steps were all
    skipped.
    """
    if run.log is None:
        return
    progress = run.state.progress
    run.log.epoch(progress.epoch, progress.step, progress.figures)
    train_loss = "train loss -" if epoch_loss is None else f"train loss {epoch_loss:.4g}"
    skipped = f"  {progress.skipped} steps skipped so far" if progress.skipped else ""
    if validation is None:
        run.screen.notify(f"epoch {progress.epoch}/{run.config.epochs}  {train_loss}{skipped}")
        return
    metrics = validation.metrics
    run.log.picture("Val/Film", draw_errors(run.valid_set, 0, validation.points[0], run.config.truth), progress.epoch)
    error = "MRE -" if metrics.mre_pixels is None else f"MRE {metrics.mre_pixels:.1f} px"
    error = error if metrics.mre_mm is None else f"MRE {metrics.mre_mm:.3f} mm"
    error += f"  {metrics.missing} landmarks not found" if metrics.missing else ""
    rate = "" if metrics.sdr["2"] is None else f"  SDR@2 {metrics.sdr['2']:.1f} %"
    run.screen.notify(
        f"epoch {progress.epoch}/{run.config.epochs}  {train_loss}  "
        f"valid loss {validation.loss:.4g}  {error}{rate}{'  best so far' if improved else ''}{skipped}"
    )
    past_warmup = progress.epoch - max(3, round(run.config.warmup_epochs))
    if past_warmup > 0 and past_warmup % 5 == 1 and validation.loss > 0.9 * validation.trivial_loss:
        run.screen.notify(
            f"WARNING: the validation loss {validation.loss:.4g} is no better than an empty map's "
            f"({validation.trivial_loss:.4g}): the network finds nothing. "
            "Try another --lr, a longer --warmup_epochs, or --heatmap_stride 4"
        )


def check_skipped(run: Run) -> None:
    """Say that a step was skipped; give up when nothing else happens.

    Raises:
        CephkitError: the last ``MOST_SKIPPED_IN_A_ROW`` steps were all skipped.
    """
    progress = run.state.progress
    in_a_row = progress.skipped_in_a_row
    if in_a_row in (1, 10):
        run.screen.notify(f"step {progress.step}: loss or gradients not finite, skipped ({progress.skipped} so far)")
    if in_a_row >= MOST_SKIPPED_IN_A_ROW:
        raise CephkitError(
            f"step {progress.step}: loss or gradients were not finite {in_a_row} times in a row; nothing is learned "
            f"any more. Go on from {run.config.save_dir / 'checkpoint_best.pth'} with a lower --lr, or without "
            "--mixed_precision"
        )


def check_learnt(run: Run) -> None:
    """Whether a run that is over has learnt anything.

    Raises:
        CephkitError: every step was skipped; the weights are those it started from.
    """
    progress = run.state.progress
    if progress.skipped == progress.step:
        raise CephkitError(
            f"loss or gradients were not finite in any of the {progress.step} steps: nothing was learnt. "
            "Start again with a lower --lr or without --mixed_precision; where that does not help, "
            "cephkit doctor looks at the films and labels"
        )
