"""From settings to a finished run."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from timm.optim import param_groups_weight_decay
from timm.utils.model_ema import ModelEmaV3

from cephkit.augment import Augmentation
from cephkit.config import SOURCES, TrainConfig
from cephkit.data.dataset import FilmDataset
from cephkit.data.prepare import PreparedData, prepare
from cephkit.errors import CephkitError, CheckpointError, SettingsError
from cephkit.losses import build_loss
from cephkit.memory.recompute import apply_recompute
from cephkit.memory.recover import smaller
from cephkit.models.adapt import adapt_state
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec
from cephkit.training.batches import PlanSampler
from cephkit.training.checkpoint import Checkpoint, load_model, read_checkpoint
from cephkit.training.context import Run
from cephkit.training.finish import add_pose, add_refiner, detail_data, detail_size, finish
from cephkit.training.interrupt import interrupted_by_ctrl_c
from cephkit.training.launch import start_fabric
from cephkit.training.loaders import make_loader, valid_loader
from cephkit.training.log import GIB, RunLog, Screen, duration
from cephkit.training.loop import Outcome, batch_loss, before_step, fit, repack, save_latest, undo_step
from cephkit.training.packing import cap_memory, choose_packing
from cephkit.training.refine import RefinerTraining
from cephkit.training.rehearsal import compile_or_stay_eager, rehearse
from cephkit.training.resume import Decision, decide, run_settings, set_aside
from cephkit.training.state import TrainState, set_random_state

Say = Callable[[str], None]

LEFT_BY_A_RUN = ("checkpoint_*.pth", "events.out.tfevents.*", "epochs.csv", "steps.csv")


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    outcome: Outcome
    best: float | None
    """Best validation error, mm, or pixels where no film has a pixel size."""
    best_epoch: int
    save_dir: Path


def train(config: TrainConfig, stop: Callable[[], bool] | None = None) -> Result:
    """Train as ``config`` says.

    Args:
        config: the settings.
        stop: asked after every optimiser step; true ends the run with a saved state. Default: Ctrl-C.

    Raises:
        CephkitError: settings, data set or checkpoint cannot be used, all found before training starts; or the
            device ran out of memory, or nothing but steps that are not finite came.
    """
    with interrupted_by_ctrl_c() as pressed, Screen(shown=int(os.environ.get("RANK", "0")) == 0) as screen:
        run = set_up(config, screen)
        try:
            outcome = fit(run, stop or pressed)
        except torch.OutOfMemoryError as error:
            raise CephkitError(out_of_memory(run)) from error
        finally:
            if run.log is not None:
                run.log.close()
        progress = run.state.progress
        result = Result(outcome, progress.best, progress.best_epoch, config.save_dir)
        report_end(run, outcome, screen.say)
        if outcome != "stopped" and run.fabric.is_global_zero:
            complete(run, stop or pressed)
        return result


def complete(run: Run, stop: Callable[[], bool]) -> None:
    """Give the best checkpoint a second stage, where asked, and what it can say of its own errors."""
    config, device, say = run.config, run.fabric.device, run.screen.say
    path = config.save_dir / "checkpoint_best.pth"
    if not path.is_file():
        return
    refiner = None
    if config.refine:
        detail = detail_data(
            run.data, config.dataset_path, detail_size(run.data.films["train"], config.refine_size), config.hold,
            config.cache_dir,
        )  # fmt: skip
        settings = RefinerTraining(
            epochs=config.refine_epochs, seed=config.seed, num_workers=config.num_workers,
            mixed_precision=config.mixed_precision,
        )  # fmt: skip
        refiner = add_refiner(
            load_model(path, device), detail, settings, config.truth, device, say, stop, run.valid_batch_size
        )
    finish(path, run.data, config.truth, device, say, config.mixed_precision, run.valid_batch_size, refiner)


def set_up(config: TrainConfig, screen: Screen) -> Run:
    """Everything up to the first step; whatever can be wrong is found here."""
    say = screen.say
    fabric = start_fabric(config, say)
    cap_memory(config, fabric.device, say)
    checkpoint = None if config.resume is None else read_checkpoint(config.resume)
    with fabric.rank_zero_first():  # the first process decodes, the others find its film store
        data = prepare(
            config.dataset_path, splits=("train", "valid"), annotation=SOURCES[config.annotation_type],
            canvas_size=config.image_size, hold=config.hold, cache_dir=config.cache_dir,
            skip_bad_films=config.skip_bad_films, say=say,
        )  # fmt: skip
    films = data.films["train"]
    if not any(film.points(config.truth) for film in data.films["valid"]):
        raise SettingsError(f"--truth {config.truth}: no valid film has such landmarks; validation could not score")
    spec = ModelSpec(
        config.model, data.symbols, config.image_size, config.heatmap_stride, config.sigma, config.loss
    )  # fmt: skip
    packing = choose_packing(config, len(data.symbols), fabric.device, say)
    effective_batch = packing.batch_size * packing.accumulation * fabric.world_size
    decision = None
    if checkpoint is not None:
        decision = decide(config, checkpoint, spec, films, effective_batch)
        verb = "continuing" if decision.mode == "continue" else "fine-tuning from"
        say(f"--resume: {verb} {config.resume} ({decision.reason})")

    torch.manual_seed(config.seed)
    state, criterion = build_state(config, spec, checkpoint, decision, fabric, say)
    apply_recompute(state.model, packing.recompute)
    model, optimizer = fabric.setup(state.model, state.optimizer)
    state.scaler = getattr(fabric._precision, "scaler", None)
    torch.manual_seed(config.seed + fabric.global_rank)  # augmentation differs between processes
    if decision is not None and decision.mode == "continue":
        assert checkpoint is not None
        restore(state, checkpoint, config, fabric.global_rank)

    sampler = PlanSampler()
    train_set = data.dataset("train", symbols=data.symbols)
    valid_set = data.dataset("valid", symbols=data.symbols)
    run = Run(
        config=config, settings=run_settings(config, films, effective_batch), spec=spec, fabric=fabric, model=model,
        optimizer=optimizer, state=state, criterion=criterion,
        augmentation=Augmentation().to(fabric.device) if config.augment else None,
        train_loader=make_loader(config, train_set, sampler, fabric), sampler=sampler,
        valid_set=valid_set, valid_loader=valid_loader(config, valid_set, packing.batch_size, fabric),
        valid_batch_size=packing.batch_size,
        screen=screen, log=None, train_films=len(films), before_step=before_step(state.model),
        packing=packing, data=data,
    )  # fmt: skip
    add_pose(run.extras, data, None, spec, say)
    describe(run, data, say)
    while True:
        try:
            run_rehearsal(run, train_set, say)
            break
        except torch.OutOfMemoryError as error:
            if fabric.world_size > 1 or smaller(run.packing) is None:
                raise CephkitError(out_of_memory(run)) from error
        repack(run)
    if fabric.is_global_zero:
        run.log = open_folders(run, decision, say)
    fabric.barrier()
    run.started = time.monotonic()
    return run


def build_state(
    config: TrainConfig,
    spec: ModelSpec,
    checkpoint: Checkpoint | None,
    decision: Decision | None,
    fabric: Fabric,
    say: Say,
) -> tuple[TrainState, Any]:
    """Network with its first weights, optimiser, moving average, loss."""
    from_imagenet = config.pretrained and checkpoint is None
    network = build_model(spec, pretrained=from_imagenet, say=say, weights=None if checkpoint else config.weights)
    if checkpoint is not None and decision is not None and decision.mode == "fine_tune":
        weights, fresh = adapt_state(dict(checkpoint.weights), checkpoint.spec, spec, network.state_dict())
        network.load_state_dict(weights, strict=True)
        if fresh:
            say(f"not in the checkpoint, starting from random weights: {' '.join(fresh)}")
    if config.channels_last:
        network = network.to(memory_format=torch.channels_last)
    network = network.to(fabric.device)
    groups = param_groups_weight_decay(network, config.weight_decay)
    optimizer = torch.optim.AdamW(groups, lr=config.lr)
    # The warm-up of the average keeps the first, random weights out of it.
    ema = ModelEmaV3(network, decay=config.ema_decay, use_warmup=True, warmup_power=0.75) if config.use_ema else None
    return TrainState(network.train(), optimizer, ema), build_loss(config.loss)


def restore(state: TrainState, checkpoint: Checkpoint, config: TrainConfig, rank: int) -> None:
    """Put ``state`` where the checkpoint stood, random generators included."""
    assert checkpoint.training is not None
    try:
        state.load_state_dict(checkpoint.model, checkpoint.training)
        random_states = checkpoint.training["random"]
        set_random_state(random_states[min(rank, len(random_states) - 1)])
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{config.resume}: its state does not fit this run: {error}") from error


def describe(run: Run, data: PreparedData, say: Say) -> None:
    """The run in a few lines, before it starts."""
    config, fabric = run.config, run.fabric
    parameters = sum(p.numel() for p in run.state.model.parameters()) / 1e6
    height, width = config.image_size
    train, valid = len(data.films["train"]), len(data.films["valid"])
    say(f"{train} train films, {valid} valid films, {len(run.spec.symbols)} landmarks")
    say(
        f"{config.model} ({parameters:.1f} M parameters) at {height}x{width}, heatmaps {run.spec.grid_size[0]}x"
        f"{run.spec.grid_size[1]}, {fabric._precision.precision}, on {fabric.device}"
    )
    cards = f" x {fabric.world_size} processes" if fabric.world_size > 1 else ""
    say(
        f"effective batch {run.effective_batch} = {run.packing}{cards}, "
        f"{run.steps_per_epoch} steps an epoch, {config.epochs} epochs, peak learning rate {config.lr:g}"
    )


def run_rehearsal(run: Run, dataset: FilmDataset, say: Say) -> None:
    """Compile where asked, and say how long the run will take."""
    config, network = run.config, run.state.model
    size = run.packing.batch_size
    films = [dataset[index % len(dataset)] for index in range(size)]
    batch: Any = tuple(torch.stack([torch.as_tensor(film[part]) for film in films]) for part in range(4))

    def one_pass() -> torch.Tensor:
        with run.fabric.autocast():
            return batch_loss(run, batch, network)

    if config.use_compile and compile_or_stay_eager(run.fabric, network, one_pass, say):
        say("torch.compile works; the first steps of a new size take longer")
    seconds = rehearse(run.fabric, network, one_pass)
    rehearse_validation(run, batch)
    epochs_left = config.epochs - run.state.progress.epoch
    films_an_epoch = -(-run.train_films // run.fabric.world_size)
    valid = len(run.valid_set) / run.fabric.world_size / 3  # forward only: about a third of a training pass
    estimate = seconds / size * (films_an_epoch + valid) * epochs_left
    say(f"one pass takes {seconds:.2f} s: about {duration(estimate)} for {epochs_left} epochs")
    if run.fabric.device.type == "cuda":
        say(f"GPU memory of one training pass: {torch.cuda.max_memory_reserved(run.fabric.device) / GIB:.2f} GiB")


def rehearse_validation(run: Run, batch: Any) -> None:
    """The largest batch of the validation, so that memory that is too small for it shows before the first epoch."""
    largest = tuple(part[: run.valid_batch_size] for part in batch)
    network = run.state.model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]), run.fabric.autocast():
            batch_loss(run, largest, network)
    finally:
        network.train()


def open_folders(run: Run, decision: Decision | None, say: Say) -> RunLog:
    """Folders for checkpoints and logs; a new run overwrites nothing of an earlier one."""
    config, progress = run.config, run.state.progress
    config.save_dir.mkdir(parents=True, exist_ok=True)
    if decision is None or decision.mode == "fine_tune":
        stamp = datetime.now().strftime("%Y%m%d_%H%M%S")
        # Two folders that are one, as with --save_dir X --log_dir X, are set aside together.
        for folder in dict.fromkeys((config.save_dir, config.log_dir)):
            aside = set_aside(folder, LEFT_BY_A_RUN, stamp)
            if aside is not None:
                say(f"{folder} holds an earlier run: moved to {aside}")
    elif config.resume is not None:
        best, here = config.resume.with_name("checkpoint_best.pth"), config.save_dir / "checkpoint_best.pth"
        if best.is_file() and not here.exists():
            shutil.copyfile(best, here)  # the best so far belongs to the run, wherever it goes on
    log = RunLog(config.log_dir, progress.epoch, progress.step)
    log.text("Settings", "\n".join(f"    {name}: {value}" for name, value in run.settings.items()), progress.step)
    return log


def out_of_memory(run: Run) -> str:
    """What to do about it; a run that had started is saved first."""
    config = run.config
    undo_step(run)
    saved = ""
    # Saving takes all processes, and of several the others wait in the step that failed here.
    if run.log is not None and run.state.progress.step and run.fabric.world_size == 1:
        save_latest(run)
        latest = config.save_dir / "checkpoint_latest.pth"
        saved = f" The state is saved: add --resume {latest} to go on from step {run.state.progress.step}."
    packing = smaller(run.packing)
    if packing is not None:  # several processes cannot repack in the middle of a step
        remedy = (
            f"Use --batch_size {packing.batch_size} --gradient_accumulation_steps {packing.accumulation} "
            f"--recompute {packing.recompute}: the effective batch stays the same"
        )
    else:
        remedy = f"It was packed as {run.packing}, there is no smaller way: use a smaller --image_size or --model"
    half = "" if config.mixed_precision else ", and --mixed_precision"
    return f"{run.fabric.device} ran out of memory. {remedy}{half}; close what else uses the card.{saved}"


def report_end(run: Run, outcome: Outcome, say: Say) -> None:
    """How it ended, where the result lies, and how to go on."""
    progress, folder = run.state.progress, run.config.save_dir
    in_mm = any(film.pixel_size_mm for film in run.valid_set.films)
    if outcome == "stopped":
        say(
            f"stopped after step {progress.step} of {run.total_steps}; the state is saved. "
            f"Go on with the same command and --resume {folder / 'checkpoint_latest.pth'}"
        )
    else:
        why = "" if outcome == "finished" else f" early: no improvement for {run.config.patience} epochs"
        say(f"{outcome.split()[0]}{why}, {progress.epoch} epochs")
    if progress.best is not None:
        unit = "mm" if in_mm else "px"
        say(f"best: {progress.best:.3f} {unit} in epoch {progress.best_epoch}, {folder / 'checkpoint_best.pth'}")
