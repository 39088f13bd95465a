"""Training of the second stage: crops about jittered landmarks, whatever the first stage says."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from cephkit.augment import Augmentation, AugmentSettings
from cephkit.data.dataset import FilmDataset
from cephkit.inference.device import half_pays, half_type
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
from cephkit.training.schedule import learning_rate

Say = Callable[[str], None]

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


def train_refiner(
    spec: RefinerSpec,
    dataset: FilmDataset,
    settings: RefinerTraining,
    device: torch.device,
    say: Say,
    stop: Callable[[], bool] = lambda: False,
) -> Refiner | None:
    """A trained refiner in eval mode on ``device``, its weights the moving average; None if ``stop()`` was true."""
    torch.manual_seed(settings.seed)
    model = Refiner(spec).to(device).to(memory_format=torch.channels_last).train()
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    loader = DataLoader(
        dataset, settings.films_a_step, shuffle=True, drop_last=len(dataset) >= settings.films_a_step,
        num_workers=settings.num_workers, generator=torch.Generator().manual_seed(settings.seed),
    )  # fmt: skip
    steps = settings.epochs * len(loader)
    greys = Augmentation(AugmentSettings(rotation_degrees=0, scale=0, translation=0, cutout_probability=0))
    half = settings.mixed_precision and half_pays(device)
    step = 0
    for epoch in range(settings.epochs):
        total = 0.0
        for canvases, points, mask, _ in loader:
            if stop():
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
        say(f"refiner epoch {epoch + 1}/{settings.epochs}  loss {total / len(loader):.4f}")
    return average.eval()


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
