"""Training of the second stage: crops about jittered landmarks, whatever the first stage says."""

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from cephkit.augment import Augmentation, AugmentSettings
from cephkit.data.dataset import FilmDataset
from cephkit.device import half_pays, half_type
from cephkit.errors import CheckpointError
from cephkit.files import replacing
from cephkit.interrupt import ignore_stop_signals
from cephkit.models.refiner import (
    CROP,
    STRIDE,
    Refiner,
    RefinerSpec,
    cell_offsets,
    expected_offsets,
    rotation_and_scale,
    take_crops,
)
from cephkit.notice import Notify
from cephkit.shortage import check_shared_memory
from cephkit.training.batches import PlanSampler, epoch_plan
from cephkit.training.resume import films_digest
from cephkit.training.schedule import learning_rate
from cephkit.training.state import random_state, set_random_state, to_cpu

JITTER = (0.006, 0.015)
"""Standard deviations of first guesses about the truth, usual and far off, as shares of the canvas height."""
FAR_SHARE = 0.2
TARGET_SIGMA = 2.0
"""Standard deviation of the target about the landmark, crop pixels."""
COORDINATE_WEIGHT = 0.1
"""Of the distance between the expected and the true place (crop pixels) beside the cross-entropy."""
EMA_DECAY = 0.998
WARMUP_SHARE = 0.05


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
    device: torch.device,
    notify: Notify,
    stop: Callable[[], bool] = lambda: False,
    saved: Path | None = None,
) -> Refiner | None:
    """A trained refiner in eval mode on ``device``, its weights the moving average; None if ``stop()`` was true.

    Args:
        spec: what to train.
        dataset: the films to learn from.
        settings: how.
        device: where.
        notify: takes lines for the user.
        stop: asked before every step.
        saved: the state is kept here after every epoch and at a stop, and gone on from if it is of this training: on
            the CPU to the bit, on other devices as closely as their sums repeat.

    Raises:
        CheckpointError: ``saved`` cannot be written.
    """
    torch.manual_seed(settings.seed)
    model = Refiner(spec).to(device).to(memory_format=torch.channels_last).train()
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    check_shared_memory(settings.num_workers)
    sampler = PlanSampler()
    loader = DataLoader(
        dataset, batch_sampler=sampler, num_workers=settings.num_workers, worker_init_fn=ignore_stop_signals,
        generator=torch.Generator(),
    )  # fmt: skip
    steps_an_epoch = max(1, len(dataset) // settings.films_a_step)  # the films left over have their turn another time
    steps = settings.epochs * steps_an_epoch
    greys = Augmentation(AugmentSettings(rotation_degrees=0, scale=0, translation=0, cutout_probability=0))
    half = settings.mixed_precision and half_pays(device)
    training = {"model": model, "average": average, "optimizer": optimizer}
    identity = {"spec": spec.to_dict(), "settings": settings.to_dict(), "films": films_digest(dataset.films)}
    step, total = (0, 0.0) if saved is None else _go_on(saved, identity, training, notify)
    if step:
        notify(f"second stage: going on after step {step} of {steps}, from {saved}")
    for epoch in range(step // steps_an_epoch, settings.epochs):
        plan = epoch_plan(len(dataset), settings.films_a_step, 1, epoch, settings.seed)
        sampler.plan = plan[step % steps_an_epoch : steps_an_epoch]
        for canvases, points, mask, _ in loader:
            if stop():
                _save(saved, identity, training, step, total)
                return None
            canvases = canvases.to(device).float() / 255
            points, mask = points.to(device), mask.to(device)
            canvases, _, _ = greys(canvases, points, mask)
            crops, offsets, seen = jittered_crops(canvases, points, mask, spec, settings)
            if not seen.any():
                step += 1
                continue
            landmark = torch.arange(len(spec.symbols), device=device).expand(mask.shape)[seen]
            with torch.autocast(device.type, dtype=half_type(device), enabled=half):
                maps = model(crops[seen].contiguous(memory_format=torch.channels_last), landmark)
            loss = refiner_loss(maps, offsets[seen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps, round(WARMUP_SHARE * steps), settings.lr)
            optimizer.step()
            step += 1
            update_average(average, model, min(EMA_DECAY, step / (step + 10)))
            total += float(loss.detach())
        notify(f"refiner epoch {epoch + 1}/{settings.epochs}  loss {total / steps_an_epoch:.4f}")
        total = 0.0
        _save(saved, identity, training, step, total)
    return average.eval()


def _save(
    saved: Path | None, identity: dict[str, Any], training: dict[str, Any], step: int, total: float
) -> None:  # fmt: skip
    if saved is None:
        return
    parts = {name: to_cpu(part.state_dict()) for name, part in training.items()}
    content = {"identity": identity, **parts, "step": step, "loss": total, "random": random_state()}
    try:
        with replacing(saved) as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
        raise CheckpointError(f"{saved}: could not be written ({error}); free disk space") from error


def _go_on(saved: Path, identity: dict[str, Any], training: dict[str, Any], notify: Notify) -> tuple[int, float]:
    """Put ``training`` where ``saved`` stands, and return its (step, loss of the epoch so far); (0, 0) without one."""
    if not saved.is_file():
        return 0, 0.0
    try:
        content = torch.load(saved, map_location="cpu", weights_only=True)
        if content["identity"] != identity:
            notify(f"{saved} belongs to a second stage with other settings or films: this one starts anew")
            return 0, 0.0
        for name, part in training.items():
            part.load_state_dict(content[name])
        set_random_state(content["random"])
        return int(content["step"]), float(content["loss"])
    except Exception as error:  # torch raises half a dozen kinds for a torn or foreign file
        raise CheckpointError(
            f"{saved}: cannot be read as the state of a second stage ({type(error).__name__}); remove it to start anew"
        ) from error


def jittered_crops(
    canvases: Tensor, points: Tensor, mask: Tensor, spec: RefinerSpec, settings: RefinerTraining
) -> tuple[Tensor, Tensor, Tensor]:
    """Crops (B, K, 2, CROP, CROP), where in them the landmarks lie (B, K, 2), and which to learn from (B, K).

    Offsets are crop pixels from the crop's centre.
    """
    films, landmarks, _ = points.shape
    height = spec.canvas_size[0]
    far = torch.rand(films, landmarks, 1) < FAR_SHARE
    spread = torch.where(far, JITTER[1] * height, JITTER[0] * height)
    jitter = (torch.randn(films, landmarks, 2) * spread).to(points)
    degrees = (2 * torch.rand(films) - 1) * settings.rotation_degrees
    scale = torch.exp((2 * torch.rand(films) - 1) * math.log1p(settings.scale))
    turns = rotation_and_scale(degrees, scale).to(points)
    centres = torch.where(mask[..., None], points, 0.0) + jitter
    offsets = torch.einsum("bij,bkj->bki", torch.linalg.inv(turns), -jitter)
    inside = (offsets.abs() < (CROP - STRIDE) / 2).all(-1)
    return take_crops(canvases, centres, turns), offsets, mask & inside


def refiner_loss(maps: Tensor, offsets: Tensor) -> Tensor:
    """Cross-entropy against a Gaussian about the truth, and the distance of the expected place from it.

    **Shape**: maps (N, g, g) logits, offsets (N, 2) crop pixels -> scalar float32.
    """
    places = cell_offsets(maps.device)
    across, down = (
        torch.exp(-0.5 * ((places - offsets[:, axis, None]) / TARGET_SIGMA) ** 2) for axis in (0, 1)
    )  # fmt: skip
    target = (down[:, :, None] * across[:, None, :]).flatten(1)
    target = target / target.sum(-1, keepdim=True).clamp_min(1e-12)
    cross_entropy = -(target * maps.float().flatten(1).log_softmax(-1)).sum(-1)
    expected, _ = expected_offsets(maps)
    distance = functional.smooth_l1_loss(expected, offsets, reduction="none", beta=1.0).sum(-1)
    return (cross_entropy + COORDINATE_WEIGHT * distance).mean()


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the weights of ``average`` towards those of ``model``; running statistics are copied."""
    for kept, new in zip(average.parameters(), model.parameters(), strict=True):
        kept.lerp_(new, 1 - decay)
    for old, now in zip(average.buffers(), model.buffers(), strict=True):
        old.copy_(now)
