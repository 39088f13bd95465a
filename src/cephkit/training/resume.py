"""What ``--resume`` means: going on with an interrupted run, or fine-tuning another run's weights.

The rule of ``--resume_as auto``: **continue** if the file holds a complete and unfinished state and this run has the
same settings and the same train films; **fine-tune** otherwise. Memory settings, workers, folders and device may
differ, and so may the split of the effective batch, although normalisation sees other batches then.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cephkit.config import TrainConfig, to_plain
from cephkit.data.film import Film
from cephkit.errors import CheckpointError
from cephkit.models.spec import ModelSpec
from cephkit.training.checkpoint import Checkpoint
from cephkit.training.schedule import patience_is_over

# Without these the saved state does not fit at all, even when continuing is forced.
SHAPE = ("model", "image_size", "heatmap_stride", "sigma", "loss", "use_ema", "seed")
# With other values of these it would be another run; forcing `continue` allows it, e.g. more epochs.
RUN = ("annotation_type", "truth", "epochs", "lr", "warmup_epochs", "weight_decay", "clip_grad_norm", "ema_decay",
       "augment", "mixed_precision")  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """What a resume does, and why, as told on screen."""

    mode: Literal["continue", "fine_tune"]
    reason: str


def decide(
    config: TrainConfig, checkpoint: Checkpoint, spec: ModelSpec, films: Sequence[Film], effective_batch: int
) -> Decision:
    """Whether to continue or to fine-tune.

    Raises:
        CheckpointError: ``--resume_as continue`` is asked for and impossible; the message names every obstacle.
    """
    path = config.resume
    obstacles, differences = _compare(config, checkpoint, spec, films, effective_batch)
    if config.resume_as == "fine_tune":
        return Decision("fine_tune", "--resume_as fine_tune")
    if config.resume_as == "continue":
        if obstacles:
            raise CheckpointError(
                f"{path}: this run cannot be continued from it: {'; '.join(obstacles)}. "
                "Use the settings of that run, or --resume_as fine_tune"
            )
        note = f", although {'; '.join(differences)}" if differences else ""
        return Decision("continue", f"--resume_as continue{note}")
    if obstacles or differences:
        return Decision("fine_tune", "; ".join(obstacles + differences))
    return Decision("continue", "it is an unfinished run with the settings of this one")


def films_digest(films: Sequence[Film]) -> str:
    """Stands for the train films of a run: names, order, pixels and labels."""
    digest = hashlib.sha256()
    for film in films:
        digest.update(repr((film.film_id, film.content, sorted(film.annotations.items()))).encode())
    return digest.hexdigest()


def run_settings(config: TrainConfig, films: Sequence[Film], effective_batch: int) -> dict[str, Any]:
    """What a checkpoint keeps of the run's settings: those of the command line, and what they came out as."""
    return {**to_plain(config), "effective_batch": effective_batch, "train_films": films_digest(films)}


def _compare(
    config: TrainConfig, checkpoint: Checkpoint, spec: ModelSpec, films: Sequence[Film], effective_batch: int
) -> tuple[list[str], list[str]]:
    """(what makes continuing impossible, what makes it another run)."""
    if checkpoint.training is None or "best_epoch" not in checkpoint.training.get("progress", {}):
        return ["the file holds weights only, not the state of a run"], []
    mine, its = run_settings(config, films, effective_batch), checkpoint.config
    done, asked = checkpoint.epoch, config.epochs
    obstacles = [f"its {asked} epochs are all done" if done == asked else f"{done} epochs are done"] * (done >= asked)
    progress = checkpoint.training["progress"]
    if its.get("early_stopping") and patience_is_over(
        done, progress["best_epoch"], its["patience"], its.get("validation_frequency", 1)
    ):
        obstacles.append(f"it stopped early, after {done} epochs")
    obstacles += _different(SHAPE, its, mine) + _different(("effective_batch",), its, mine)
    if checkpoint.spec.symbols != spec.symbols:
        obstacles.append("its landmarks are not those of this data set")
    if its.get("train_films") != mine["train_films"]:
        obstacles.append("its train films are not those of this run")
    return obstacles, _different(RUN, its, mine)


def _different(names: Sequence[str], its: dict[str, Any], mine: dict[str, Any]) -> list[str]:
    return [
        f"{name} was {_shown(its.get(name))} and is now {_shown(mine[name])}"
        for name in names
        if its.get(name) != mine[name]
    ]


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def set_aside(folder: Path, patterns: Sequence[str], stamp: str) -> Path | None:
    """Move what an earlier run left in ``folder`` into a subfolder, so that a new run overwrites nothing."""
    old = [path for pattern in patterns for path in folder.glob(pattern) if path.is_file()]
    if not old:
        return None
    aside = folder / f"earlier_{stamp}"
    aside.mkdir(exist_ok=True)
    for path in old:
        path.rename(aside / path.name)
    return aside
