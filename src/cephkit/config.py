"""Every setting of a training run: one frozen dataclass gives flags, YAML and Python."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from cephkit.settings.options import (
    POSITIVE_OR_AUTO,
    Compute,
    Network,
    NumberOrAuto,
    Options,
    SecondStageTraining,
    Seed,
    TrainingData,
    above,
    at_least,
    inside,
)

ResumeAs = Literal["auto", "continue", "fine_tune"]


@dataclass(frozen=True, kw_only=True)
class FilmLoading(TrainingData):
    """Data"""

    limited_ram_cache: Annotated[int | None, at_least(0)] = None
    """Keep at most this many films in memory and decode the others every time (0: none)."""
    pin_memory: bool = True
    """Use page-locked loader memory, which copies faster to a CUDA card; no effect without a card."""
    prefetch_factor: Annotated[int, at_least(1)] = 2
    """Batches that each loader process prepares ahead."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if self.use_ram_cache and self.limited_ram_cache is not None:
            yield "--use_ram_cache keeps every film, --limited_ram_cache only some: choose one"

    @property
    def hold(self) -> int | None:
        """Films to keep in memory: None for all, 0 for none."""
        return None if self.use_ram_cache else (self.limited_ram_cache or 0)


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork(Network):
    """Network"""

    sigma: Annotated[float, above(0)] = 1.0
    """Standard deviation of the target Gaussians, in heatmap cells."""
    pretrained: bool = True
    """Start from ImageNet weights if they are available; otherwise warns and trains from scratch."""
    weights: Path | None = None
    """The backbone's ImageNet weights, .safetensors or .pth: a file, or an installed package that holds one."""


@dataclass(frozen=True, kw_only=True)
class Optimisation(Options):
    """Optimisation"""

    batch_size: Annotated[NumberOrAuto, POSITIVE_OR_AUTO] = 2
    """Films per forward pass (and per card); auto: the fastest that fits into memory."""
    gradient_accumulation_steps: Annotated[int, at_least(1)] = 3
    """Forward passes per optimiser step; effective batch = batch_size x this x cards. --batch_size auto sets it."""
    effective_batch: Annotated[int | None, at_least(1)] = None
    """With --batch_size auto: films per optimiser step and card; default 6."""
    epochs: Annotated[int, at_least(1)] = 100
    """Epochs of this run."""
    lr: Annotated[float, above(0)] = 5e-4
    """Peak learning rate of this run (AdamW)."""
    warmup_epochs: Annotated[float, at_least(0)] = 5
    """Epochs of linear warm-up from near zero, followed by a cosine to near zero at the last step."""
    weight_decay: Annotated[float, at_least(0)] = 1e-4
    """AdamW's weight decay."""
    clip_grad_norm: Annotated[float, at_least(0)] = 1.0
    """Largest norm of the gradients; 0 turns clipping off."""
    recompute: Literal["none", "block", "stage", "auto"] = "none"
    """Activations to recompute in the backward pass instead of storing them: less memory, more time."""
    vram_budget: Annotated[float | None, above(0)] = None
    """GiB of the card that this process may use; default: what is free at the start."""
    use_compile: bool = False
    """Compile the network with torch.compile; falls back to eager mode if that fails."""
    ema_decay: Annotated[float, inside(0, 1)] = 0.999
    """Decay of the moving average, per optimiser step."""
    refine: bool = True
    """After the network, train a second stage that corrects each landmark in a crop at near native resolution."""
    augment: bool = True
    """Randomly rotate, scale, shift and change the intensity of the training films."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if self.effective_batch is not None and self.batch_size != "auto":
            yield (
                "--effective_batch needs --batch_size auto; without it the effective batch is "
                "--batch_size x --gradient_accumulation_steps"
            )


@dataclass(frozen=True, kw_only=True)
class RunOptions(Options):
    """Run"""

    resume: Path | None = None
    """A checkpoint to start from: resumes an interrupted run, or fine-tunes another run or a published model."""
    resume_as: ResumeAs = "auto"
    """auto: continue if the checkpoint is an unfinished run with these same settings, else fine-tune."""
    folds: Annotated[int | None, at_least(2)] = None
    """Deal the films of train and valid to this many folds and train a model for each, which validates it."""
    fold: Annotated[int | None, at_least(1)] = None
    """With --folds: of these, train only this one; the last one to finish judges them all."""
    final: bool = False
    """With --folds: then train one model on the films of all folds, with the errors that the folds' models had."""
    seeds: Annotated[int | None, at_least(2)] = None
    """Train this many models, with --seed and the seeds after it."""
    save_dir: Path = Path("checkpoints_1024x1024")
    """Folder for checkpoints."""
    log_dir: Path = Path("logs_1024x1024")
    """Folder for TensorBoard events, epochs.csv and steps.csv."""
    save_frequency: Annotated[int, at_least(0)] = 10
    """Keep a checkpoint_epoch_N.pth every N epochs (0: never)."""
    best_by: str = "mean"
    """Of several data sets, the one whose validation error chooses the best model, by its name; mean: all alike."""
    validation_frequency: Annotated[int, at_least(1)] = 1
    """Validate every N epochs, and after the last; on a CPU a pass costs a third of an epoch."""
    early_stopping: bool = False
    """Stop when the validation error has not improved for --patience epochs."""
    patience: Annotated[int, at_least(1)] = 20
    """Epochs without improvement before --early_stopping ends the run."""
    use_ddp: Annotated[bool, tyro.conf.arg(aliases=["--multi_gpu"])] = False
    """Train on several cards: torchrun --nproc_per_node N train_1024x1024.py --use_ddp ..."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if self.early_stopping and self.patience < self.validation_frequency:
            yield (
                f"--patience {self.patience} with --validation_frequency {self.validation_frequency}: one validation "
                f"would end the run; use --patience {self.validation_frequency} or more, or validate more often"
            )
        if self.folds is not None and self.seeds is not None:
            yield "--folds and --seeds both train several models: choose one"
        if self.fold is not None and not 1 <= self.fold <= (self.folds or 0):
            yield f"--fold {self.fold} needs --folds N with N of {self.fold} or more"
        if self.final and self.folds is None:
            yield "--final needs --folds, which measure its errors"
        if self.use_ddp and (self.folds or self.seeds):
            yield "--use_ddp trains one model on several cards; --folds and --seeds train one on each by themselves"
        if self.resume_as != "auto" and self.resume is None:
            yield f"--resume_as {self.resume_as} needs --resume CHECKPOINT"

    @property
    def is_final(self) -> bool:
        """Whether this is the run on the films of all folds, which validates on none."""
        return self.final and self.fold is None

    def resuming(self, latest: Path) -> str:
        """How to resume from the state in ``latest``, as an imperative."""
        return "re-run the same command" + ("" if self.folds or self.seeds else f" with --resume {latest}")


@dataclass(frozen=True, kw_only=True)
class TrainConfig(RunOptions, Seed, Compute, SecondStageTraining, Optimisation, TrainedNetwork, FilmLoading):
    """Train a landmark model on a data set in the Aariz layout.

    Settings are read from --config FILE.yaml first: defaults < file < command line.
    """
