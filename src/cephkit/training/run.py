"""From settings to a finished run."""

import functools
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from timm.optim import param_groups_weight_decay
from timm.utils.model_ema import ModelEmaV3
from torch.utils.data import default_collate

from cephkit.checkpoint import Checkpoint, check_room, read_checkpoint
from cephkit.config import TrainConfig
from cephkit.data.dataset import Batch, FilmDataset
from cephkit.data.film import Film
from cephkit.data.prepare import PreparedData, prepare
from cephkit.errors import CephkitError, FilmError, SettingsError, some
from cephkit.files import replacing_out
from cephkit.interrupt import Stopped, ending_after_the_step, is_first_process
from cephkit.memory import GIB
from cephkit.memory.recompute import apply_recompute
from cephkit.memory.recover import smaller
from cephkit.model_paths import local
from cephkit.models.adapt import adapt_state
from cephkit.models.build import LandmarkModel, build_model
from cephkit.models.spec import ModelSpec
from cephkit.notice import Notify
from cephkit.screen import ProgressBar
from cephkit.settings.options import SOURCES
from cephkit.shortage import SHORTAGES
from cephkit.task.heatmaps import HeatmapTask
from cephkit.task.task import Network
from cephkit.training.batches import PlanSampler, run_loader, valid_loader
from cephkit.training.context import NetworkRun, data_of
from cephkit.training.finish import add_pose, check_finish, complete
from cephkit.training.keep import CheckpointFolder
from cephkit.training.launch import start_fabric, wrap
from cephkit.training.left_out import judge_left_out
from cephkit.training.lock import owning
from cephkit.training.log import RunLog, duration, last_epoch, open_log
from cephkit.training.loop import Outcome, failure, fit, out_of_memory, repack, save_best
from cephkit.training.origins import origins
from cephkit.training.packing import cap_memory, choose_packing
from cephkit.training.refine import state_path
from cephkit.training.rehearsal import compile_or_stay_eager, in_precision, rehearse
from cephkit.training.report import describe
from cephkit.training.resume import Decision, decide, does_not_fit, run_settings, set_aside
from cephkit.training.schedule import Schedule
from cephkit.training.state import TrainState, ended, set_random_state
from cephkit.training.validate import MEAN, ValidFilms

LEFT_BY_A_RUN = ("checkpoint_*.pth", "events.out.tfevents.*", "epochs.csv", "steps.csv")


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    outcome: Outcome
    best: float | None
    """Best validation error, mm, or pixels where no film has a pixel size."""
    best_epoch: int
    save_dir: Path
    status: int = 0
    """Exit status: 130 where Ctrl-C ended it, 143 where SIGTERM did; 0 where the caller did."""


def train(
    config: TrainConfig,
    stop: Callable[[], bool] = lambda: False,
    validated: Callable[[int, int, float], None] = lambda epoch, epochs, error: None,
) -> Result:
    """Train as ``config`` says.

    Args:
        config: the settings.
        stop: asked after every optimiser step; true ends the run with a saved state, as Ctrl-C and SIGTERM do.
        validated: told of every validation: the epoch, of how many, and the error that chooses the best one.

    Raises:
        CephkitError: settings, data set or checkpoint cannot be used, or another run holds a folder, all found before
            training starts; or the machine ran short of memory, or nothing but steps that are not finite came.
    """
    folders = {"--save_dir": config.save_dir, "--log_dir": config.log_dir} if is_first_process() else {}
    with (
        ProgressBar(quiet=not is_first_process(), estimate=False, plain_every_s=30) as screen,
        owning(folders, screen.notify),
    ):
        run = set_up(config, screen)
        run.validated = validated
        with ending_after_the_step() as asked:
            try:
                outcome = carry_out(run, lambda: asked() or stop())
            except (FilmError, *SHORTAGES) as error:
                raise CephkitError(failure(run, error)) from error
            finally:
                if run.log is not None:
                    run.log.close()
        progress = run.state.progress
        status = asked.status if outcome == "stopped" and asked() else 0
        return Result(outcome, progress.best, progress.best_epoch, config.save_dir, status)


def carry_out(run: NetworkRun, stop: Callable[[], bool]) -> Outcome:
    """The epochs that are left, and what comes after them."""
    notify, first_step = run.screen.notify, run.state.progress.step
    outcome = fit(run, stop)
    report_end(run, outcome, notify)
    if outcome == "stopped":
        return outcome
    try:
        if not complete(run, stop) and run.state.progress.step == first_step:
            notify(
                "nothing was missing and nothing has changed; to train further from these weights: "
                "--resume_as fine_tune, or more --epochs with --resume_as continue"
            )
    except Stopped as stopped:
        notify(str(stopped))
        return "stopped"
    if run.fabric.is_global_zero and not run.config.folds:  # folds are calibrated together first
        judge_left_out(run.config, run.keeper.best, notify)
    return outcome


def set_up(config: TrainConfig, screen: ProgressBar) -> NetworkRun:
    """Everything up to the first step; anything that can be wrong is found here."""
    notify = screen.notify
    fabric = start_fabric(config.device, config.mixed_precision, notify, config.use_ddp)
    cap_memory(config, fabric.device, notify)
    checkpoint = None if config.resume is None else read_checkpoint(local(config.resume, notify))
    with fabric.rank_zero_first():  # the first process decodes, the others find its film store
        data = prepare(
            data_of(config),
            splits=("train",) if config.is_final else ("train", "valid"), annotation=SOURCES[config.annotation_type],
            canvas_size=config.image_size, hold=config.hold, cache_dir=config.cache_dir,
            skip_bad_films=config.skip_bad_films, keep_twins=config.keep_twins, notify=notify,
        )  # fmt: skip
    films = data.films["train"]
    if not config.is_final:
        check_valid(config, data.films["valid"])
    check_finish(config, data, notify)
    spec = ModelSpec(
        config.model, data.symbols, config.image_size, config.heatmap_stride, config.sigma, config.loss,
        data.schema.of(data.symbols),
    )  # fmt: skip
    packing = choose_packing(config, len(data.symbols), fabric.device, notify)
    effective_batch = packing.batch_size * packing.accumulation * fabric.world_size
    decision, continues = None, False
    if checkpoint is not None:
        decision = decide(config, checkpoint, spec, films, effective_batch)
        continues = decision.mode == "continue"
        verb = "continuing" if continues else "fine-tuning from"
        notify(f"--resume: {verb} {config.resume} ({decision.reason})")

    torch.manual_seed(config.seed)
    state = build_state(config, spec, checkpoint, decision, fabric, notify)
    if fabric.is_global_zero:
        parameters = sum(weights.numel() for weights in state.model.parameters())
        check_room(config.save_dir, parameters, config.use_ema, continues)
    assert isinstance(state.model, LandmarkModel)
    apply_recompute(state.model, packing.recompute)
    model, optimizer = wrap(fabric, state)
    torch.manual_seed(config.seed + fabric.global_rank)  # augmentation differs between processes
    if checkpoint is not None and continues:
        restore(state, checkpoint, config, fabric.global_rank)

    extras: dict[str, Any] = {}
    add_pose(extras, data, None, spec, notify)
    sampler = PlanSampler()
    train_set = data.dataset("train")
    run = NetworkRun(
        task=HeatmapTask(spec, fabric.device, config.augment, config.channels_last),
        schedule=Schedule.of(config, len(films), effective_batch), packing=packing, fabric=fabric, model=model,
        optimizer=optimizer, state=state, loader=run_loader(config, train_set, sampler, fabric), sampler=sampler,
        weights=train_set.weights,
        keeper=CheckpointFolder(
            config.save_dir, spec,
            {**run_settings(config, films, effective_batch, data.sources()), **origins(data, checkpoint, continues)},
            extras,
        ),
        valid=valid_films(config, data, fabric, packing.batch_size),
        screen=screen, config=config, data=data, best_by=config.best_by,
    )  # fmt: skip
    describe(run, notify)
    while ended(run.schedule, state.progress) is None:
        try:
            run_rehearsal(run, train_set, notify)
            break
        except torch.OutOfMemoryError as error:
            if fabric.world_size > 1 or smaller(run.packing, run.task.recomputes) is None:
                raise CephkitError(f"{out_of_memory(run)}.") from error
        repack(run)
    if fabric.is_global_zero:
        run.log = open_folders(run, decision, notify)
    fabric.barrier()
    run.started = time.monotonic()
    return run


def check_valid(config: TrainConfig, films: Sequence[Film]) -> None:
    """Check that the valid ``films`` can choose the best epoch.

    Raises:
        SettingsError: they cannot.
    """
    if not any(film.points(config.truth) for film in films):
        raise SettingsError(f"--truth {config.truth}: no valid film has such landmarks; validation could not score")
    sources = list(dict.fromkeys(film.source for film in films if film.source))
    if config.best_by not in (MEAN, *sources):
        raise SettingsError(f"--best_by {config.best_by}: the data sets with valid films are {some(sources) or 'one'}")


def valid_films(config: TrainConfig, data: PreparedData, fabric: Fabric, batch_size: int) -> ValidFilms | None:
    """The films that validate, and how; None for a run that validates on none."""
    if config.is_final:
        return None
    films = data.dataset("valid")
    return ValidFilms(films, config.truth, functools.partial(valid_loader, config, films, fabric), batch_size)


def build_state(
    config: TrainConfig,
    spec: ModelSpec,
    checkpoint: Checkpoint | None,
    decision: Decision | None,
    fabric: Fabric,
    notify: Notify,
) -> TrainState:
    """Network with its first weights, optimiser, moving average."""
    from_imagenet = config.pretrained and checkpoint is None
    network = build_model(spec, pretrained=from_imagenet, notify=notify, weights=None if checkpoint else config.weights)
    if checkpoint is not None and decision is not None and decision.mode == "fine_tune":
        weights, fresh = adapt_state(dict(checkpoint.weights), checkpoint.spec, spec, network.state_dict())
        network.load_state_dict(weights, strict=True)
        if fresh:
            notify(f"not in the checkpoint, starting from random weights: {' '.join(fresh)}")
    if config.channels_last:
        network = network.to(memory_format=torch.channels_last)
    network = network.to(fabric.device)
    groups = param_groups_weight_decay(network, config.weight_decay)
    optimizer = torch.optim.AdamW(groups, lr=config.lr)
    # The warm-up of the average keeps the first, random weights out of it.
    ema = ModelEmaV3(network, decay=config.ema_decay, use_warmup=True, warmup_power=0.75) if config.use_ema else None
    return TrainState(network.train(), optimizer, ema)


def restore(state: TrainState, checkpoint: Checkpoint, config: TrainConfig, rank: int) -> None:
    """Put ``state`` where the checkpoint stood, random generators included."""
    assert checkpoint.training is not None
    try:
        state.load_state_dict(checkpoint.model, checkpoint.training)
        random_states = checkpoint.training["random"]
        set_random_state(random_states[min(rank, len(random_states) - 1)])
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise does_not_fit(config.resume, error) from error


def run_rehearsal(run: NetworkRun, dataset: FilmDataset, notify: Notify) -> None:
    """Compile where asked, and report how long the run will take."""
    config, network = run.config, run.state.model
    size = run.packing.batch_size
    batch: Batch = default_collate([dataset[index % len(dataset)] for index in range(size)])

    def one_pass(network: Network) -> torch.Tensor:
        return run.task(network, batch).loss

    if config.use_compile and compile_or_stay_eager(run.fabric, network, one_pass, notify):
        notify("torch.compile works; the first steps of a new size take longer")
    seconds = rehearse(run.fabric, network, one_pass)
    if run.valid is not None:
        rehearse_validation(run, run.valid, batch)
    epochs_left = config.epochs - run.state.progress.epoch
    films_an_epoch = -(-run.films // run.fabric.world_size)
    films = 0 if run.valid is None else len(run.valid.dataset)
    valid = films / run.fabric.world_size / 3  # forward only: about a third of a training pass
    estimate = seconds / size * (films_an_epoch + valid) * epochs_left
    notify(f"one pass takes {seconds:.2f} s: about {duration(estimate)} for {epochs_left} epochs")
    if run.fabric.device.type == "cuda":
        notify(f"GPU memory of one training pass: {torch.cuda.max_memory_reserved(run.fabric.device) / GIB:.2f} GiB")


def rehearse_validation(run: NetworkRun, valid: ValidFilms, batch: Batch) -> None:
    """The largest batch of the validation, so that too little memory for it is found before the first epoch."""
    assert isinstance(run.task, HeatmapTask)
    largest = Batch(*(part[: valid.batch_size] for part in batch))
    network = run.state.model.eval()
    try:
        run.task.validate(in_precision(run.fabric, network), largest)
    finally:
        network.train()


def open_folders(run: NetworkRun, decision: Decision | None, notify: Notify) -> RunLog | None:
    """Folders for checkpoints and logs; a new run overwrites nothing of an earlier one.

    None where there is nothing to log: all epochs were done, and are in the log.
    """
    config, progress = run.config, run.state.progress
    if decision is None or decision.mode == "fine_tune":
        # Two folders that are one, as with --save_dir X --log_dir X, are set aside together.
        for folder in dict.fromkeys((config.save_dir, config.log_dir)):
            aside = set_aside(folder, LEFT_BY_A_RUN)
            if aside is not None:
                notify(f"{folder} holds an earlier run: moved to {aside}")
    elif config.resume is not None:
        restore_files(run, config.resume)
        if ended(run.schedule, progress) and last_epoch(config.log_dir) >= progress.epoch:
            return None
    log = open_log(config.log_dir, progress, notify, list(run.data.sources()))
    settings = "\n".join(f"    {name}: {value}" for name, value in run.keeper.settings.items())
    log.text("Settings", settings, progress.step)
    return log


def restore_files(run: NetworkRun, source: Path) -> None:
    """Checkpoints that belong to the state in ``source`` and are not in ``--save_dir``.

    They are in the folder that the run resumes from; or it was killed after saving the state and before these.
    """
    config, progress = run.config, run.state.progress
    best = run.keeper.best
    copy_missing(source, run.keeper.latest)
    copy_missing(source.with_name(best.name), best)
    copy_missing(state_path(source.with_name(best.name)), state_path(best))
    if progress.epoch_steps or not progress.epoch:
        return
    if progress.best_epoch == progress.epoch and (not best.exists() or read_checkpoint(best).epoch < progress.epoch):
        save_best(run, read_checkpoint(source).metrics)
    if config.save_frequency and progress.epoch % config.save_frequency == 0:
        copy_missing(source, config.save_dir / f"checkpoint_epoch_{progress.epoch}.pth")


def copy_missing(source: Path, goal: Path) -> None:
    """Copy the file ``source``, where it exists, to ``goal``, where that does not.

    Raises:
        CephkitError: it cannot be written.
    """
    if source.is_file() and not goal.exists():
        with replacing_out(goal) as file, source.open("rb") as opened:
            shutil.copyfileobj(opened, file)


def report_end(run: NetworkRun, outcome: Outcome, notify: Notify) -> None:
    """How it ended, where the result lies, and how to resume."""
    progress = run.state.progress
    in_mm = run.valid is not None and any(film.spacing for film in run.valid.dataset.films)
    if outcome == "stopped":
        notify(
            f"stopped after step {progress.step} of {run.schedule.total_steps}; the state is saved. "
            f"To resume, {run.config.resuming(run.keeper.latest)}"
        )
    else:
        why = "" if outcome == "finished" else f" early: no improvement for {run.config.patience} epochs"
        notify(f"{outcome.split()[0]}{why}, {progress.epoch} epochs")
    if progress.best is not None:
        unit = "mm" if in_mm else "px"
        notify(f"best: {progress.best:.3f} {unit} in epoch {progress.best_epoch}, {run.keeper.best}")
    elif progress.best_epoch:
        notify(f"the last epoch counts: {run.keeper.best}")
    elif outcome != "stopped":
        notify(
            "no validation found every landmark, so there is no checkpoint_best.pth: train longer or with another --lr"
        )
