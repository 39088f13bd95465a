"""Sets up the training of a second stage for the one training loop."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from timm.utils.model_ema import ModelEmaV3

from cephkit.data.dataset import FilmDataset
from cephkit.errors import CephkitError, FilmError
from cephkit.memory.recover import Packing
from cephkit.models.refiner import Refiner, RefinerSpec
from cephkit.screen import ProgressBar
from cephkit.shortage import SHORTAGES
from cephkit.task.refiner import RefinerTask
from cephkit.training.batches import PlanSampler, make_loader
from cephkit.training.context import Run
from cephkit.training.keep import StateFile, unreadable
from cephkit.training.launch import wrap
from cephkit.training.log import RunLog, open_log
from cephkit.training.loop import failure, fit
from cephkit.training.resume import films_digest, set_aside
from cephkit.training.schedule import Schedule
from cephkit.training.state import TrainState, set_random_state

EMA_DECAY = 0.998
WARMUP_SHARE = 0.05
CLIP_GRAD_NORM = 1.0


@dataclass(frozen=True)
class RefinerTraining:
    """How a refiner is trained."""

    epochs: int = 60
    films_a_step: int = 4
    lr: float = 2e-3
    weight_decay: float = 1e-2
    rotation_degrees: float = 10.0
    scale: float = 0.12
    seed: int = 0
    num_workers: int = 0
    mixed_precision: bool = False

    def to_dict(self) -> dict[str, Any]:
        """What decides the result, as plain types."""
        return {name: value for name, value in asdict(self).items() if name != "num_workers"}


def state_path(checkpoint: Path) -> Path:
    """Where the training of a second stage for ``checkpoint`` keeps its state until it is done."""
    return checkpoint.with_name(f"{checkpoint.stem}_refiner.pth")


def train_refiner(
    spec: RefinerSpec,
    dataset: FilmDataset,
    settings: RefinerTraining,
    fabric: Fabric,
    screen: ProgressBar,
    stop: Callable[[], bool] = lambda: False,
    saved: Path | None = None,
    log_dir: Path | None = None,
) -> Refiner | None:
    """A trained refiner in eval mode, its weights the moving average; None if ``stop()`` was true.

    Args:
        spec: what to train.
        dataset: the films to learn from.
        settings: how.
        fabric: device, precision and processes.
        screen: shows lines and progress.
        stop: asked after every step.
        saved: the state is kept here after every epoch and at a stop, and resumed from if it is of this training: on
            the CPU to the bit, on other devices as closely as their sums repeat.
        log_dir: folder for TensorBoard events, epochs.csv and steps.csv; None: no log.

    Raises:
        CephkitError: ``saved`` or ``log_dir`` cannot be read or written, a film cannot be read, the machine ran short
            of memory, or no step was finite.
    """
    run = _set_up(spec, dataset, settings, fabric, screen, saved)
    try:
        if log_dir is not None and fabric.is_global_zero:
            run.log = _open_log(log_dir, run, settings)
        outcome = fit(run, stop)
    except (FilmError, *SHORTAGES) as error:
        raise CephkitError(failure(run, error)) from error
    finally:
        if run.log is not None:
            run.log.close()
    network = run.state.averaged.eval()
    assert isinstance(network, Refiner)
    return None if outcome == "stopped" else network


def _set_up(
    spec: RefinerSpec,
    dataset: FilmDataset,
    settings: RefinerTraining,
    fabric: Fabric,
    screen: ProgressBar,
    saved: Path | None,
) -> Run:
    """Everything up to the first step."""
    torch.manual_seed(settings.seed)
    network = Refiner(spec).to(fabric.device).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    # The average moves by 1 - step / (step + 10) at first; running statistics are copied.
    ema = ModelEmaV3(
        network, EMA_DECAY, use_warmup=True, warmup_gamma=10, warmup_power=1, update_after_step=-1, exclude_buffers=True
    )
    state = TrainState(network, optimizer, ema)
    model, wrapped = wrap(fabric, state)
    if state.scaler is not None:  # as at its start: the first stage has changed it
        state.scaler.load_state_dict(torch.amp.GradScaler(fabric.device.type).state_dict())
    if fabric.global_rank:  # augmentation differs between processes
        torch.manual_seed(settings.seed + fabric.global_rank)
    packing = Packing(max(1, round(settings.films_a_step / fabric.world_size)), 1)
    # The films left over get their turn in another epoch.
    steps = max(1, len(dataset) // (packing.batch_size * fabric.world_size))
    warmup_steps = round(WARMUP_SHARE * steps * settings.epochs)
    identity = {"spec": spec.to_dict(), "settings": settings.to_dict(), "films": films_digest(dataset.films)}
    keeper = StateFile(saved, identity)
    schedule = Schedule(settings.epochs, steps, settings.lr, warmup_steps, CLIP_GRAD_NORM, settings.seed)
    _resume(state, keeper, schedule, fabric, screen)
    sampler = PlanSampler()
    return Run(
        task=RefinerTask(spec, fabric.device, settings.rotation_degrees, settings.scale), schedule=schedule,
        packing=packing, fabric=fabric, model=model, optimizer=wrapped, state=state,
        loader=make_loader(dataset, sampler, fabric, settings.num_workers, settings.seed), sampler=sampler,
        weights=dataset.weights, keeper=keeper, screen=screen, name="second stage: ",
        remedy="use a smaller --refine_size",
    )  # fmt: skip


def _resume(state: TrainState, keeper: StateFile, schedule: Schedule, fabric: Fabric, screen: ProgressBar) -> None:
    """Put ``state`` where the file of ``keeper`` stands, random generators included, if it is of this training."""
    content = keeper.read()
    if content is None:
        return
    assert keeper.latest is not None
    if content["identity"] != keeper.identity:
        screen.notify(f"{keeper.latest} belongs to a second stage with other settings or films: this one starts over")
        return
    try:
        state.load_state_dict(content["model"], content["training"], schedule.steps_per_epoch)
        random_states = content["training"]["random"]
        set_random_state(random_states[min(fabric.global_rank, len(random_states) - 1)])
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise unreadable(keeper.latest, error) from error
    step = state.progress.step
    screen.notify(f"second stage: resuming after step {step} of {schedule.total_steps}, from {keeper.latest}")


def _open_log(folder: Path, run: Run, settings: RefinerTraining) -> RunLog:
    """The log of a second stage; a new one overwrites nothing of an earlier one."""
    progress, notify = run.state.progress, run.screen.notify
    if not progress.step and (aside := set_aside(folder, ("events.out.tfevents.*", "epochs.csv", "steps.csv"))):
        notify(f"{folder} holds an earlier log: moved to {aside}")
    log = open_log(folder, progress, notify)
    log.text("Settings", "\n".join(f"    {name}: {value}" for name, value in asdict(settings).items()), progress.step)
    return log
