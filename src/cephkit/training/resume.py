"""What ``--resume`` means: continuing an interrupted run, or fine-tuning another run's weights.

The rule of ``--resume_as auto``: **continue** if the file holds the complete state of a run and this run has the same
settings and the same train films; **fine-tune** otherwise. Of a run whose epochs are all done, only what is missing
after them is done. Memory settings, workers, folders and device may differ, and so may the split of the effective
batch, although normalisation sees other batches then.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cephkit.checkpoint import Checkpoint, check_weights, weights_must_fit
from cephkit.config import TrainConfig
from cephkit.data.film import Film
from cephkit.errors import CheckpointError
from cephkit.models.spec import ModelSpec
from cephkit.settings.reading import to_plain
from cephkit.training.batches import steps_per_epoch
from cephkit.training.schedule import Schedule
from cephkit.training.state import Progress, ended
from cephkit.training.validate import MEAN

# Without these the saved state does not fit at all, even when continuing is forced.
SHAPE = ("model", "image_size", "heatmap_stride", "sigma", "loss", "use_ema", "seed")
# With other values of these it would be another run; forcing `continue` allows it, e.g. more epochs.
RUN = ("annotation_type", "truth", "epochs", "lr", "warmup_epochs", "weight_decay", "clip_grad_norm", "ema_decay",
       "augment", "mixed_precision", "best_by")  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """What a resume does, and why, as printed for the user."""

    mode: Literal["continue", "fine_tune"]
    reason: str


def decide(
    config: TrainConfig, checkpoint: Checkpoint, spec: ModelSpec, films: Sequence[Film], effective_batch: int
) -> Decision:
    """Whether to continue or to fine-tune.

    Raises:
        CheckpointError: ``--resume_as continue`` is asked for and impossible; the message names every obstacle. Or
            the weights are not those of the network that the file names.
    """
    path = config.resume
    with weights_must_fit(path, checkpoint):
        check_weights(checkpoint)
    obstacles, differences = _compare(config, checkpoint, spec, films, effective_batch)
    if config.resume_as == "fine_tune":
        return Decision("fine_tune", "--resume_as fine_tune")
    if config.resume_as == "continue":
        if obstacles:
            raise CheckpointError(
                f"{path}: this run cannot be continued from it: {'; '.join(obstacles)}. "
                "Use the settings of that run, or --resume_as fine_tune"
            )
        progress_of(path, checkpoint, films, effective_batch)
        note = f", although {'; '.join(differences)}" if differences else ""
        return Decision("continue", f"--resume_as continue{note}")
    if obstacles or differences:
        return Decision("fine_tune", "; ".join(obstacles + differences))
    how = ended(Schedule.of(config, len(films), effective_batch), progress_of(path, checkpoint, films, effective_batch))
    done = checkpoint.epoch
    if how is None:
        return Decision("continue", "it is an unfinished run with the settings of this one")
    epochs = f"its {done} epochs are all done" if how == "finished" else f"it stopped early, after {done} epochs"
    rest = "doing only what is missing after them; to train further: --resume_as fine_tune"
    return Decision("continue", f"{epochs}; {rest}")


def progress_of(path: Path | None, checkpoint: Checkpoint, films: Sequence[Film], effective_batch: int) -> Progress:
    """Where the run of ``checkpoint`` stood, for one that continues it on the same films.

    Raises:
        CheckpointError: it is damaged.
    """
    try:
        plain = (checkpoint.training or {})["progress"]
        progress = Progress.from_dict(plain, steps_per_epoch(len(films), effective_batch))
    except (KeyError, TypeError, ValueError) as error:
        raise does_not_fit(path, error) from error
    return progress


def does_not_fit(path: Path | None, error: Exception) -> CheckpointError:
    """The error for a state that a run cannot continue from."""
    reason = " ".join(f"{type(error).__name__} {error}".split())[:300]
    return CheckpointError(
        f"{path}: its state does not fit this run: {reason}; take another checkpoint of the run, or start from its "
        "weights with --resume_as fine_tune"
    )


def films_digest(films: Sequence[Film]) -> str:
    """Stands for the train films of a run: names, order, pixels and labels."""
    digest = hashlib.sha256()
    for film in films:
        weight = () if film.weight == 1 else (film.weight,)
        digest.update(repr((film.film_id, film.content, sorted(film.annotations.items()), *weight)).encode())
    return digest.hexdigest()


def run_settings(
    config: TrainConfig, films: Sequence[Film], effective_batch: int, sources: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a checkpoint keeps of the run's settings: those of the command line, and what they came out as."""
    plain = {**to_plain(config), "effective_batch": effective_batch, "train_films": films_digest(films)}
    return {**plain, **({"sources": dict(sources)} if sources else {})}


def different_settings(config: TrainConfig, checkpoint: Checkpoint) -> list[str]:
    """What makes ``config`` another run than that of ``checkpoint``, films and landmarks aside."""
    return _different((*SHAPE, *RUN), {"best_by": MEAN, **checkpoint.config}, to_plain(config))


def _compare(
    config: TrainConfig, checkpoint: Checkpoint, spec: ModelSpec, films: Sequence[Film], effective_batch: int
) -> tuple[list[str], list[str]]:
    """(what makes continuing impossible, what makes it another run)."""
    if checkpoint.training is None:
        return ["the file holds weights only, not the state of a run"], []
    # Runs before there could be several data sets do not say which of them chooses the best model.
    mine, its = run_settings(config, films, effective_batch), {"best_by": MEAN, **checkpoint.config}
    obstacles = [f"{checkpoint.epoch} epochs are done"] * (checkpoint.epoch > config.epochs)
    obstacles += _different(SHAPE, its, mine) + _different(("effective_batch",), its, mine)
    if checkpoint.spec.symbols != spec.symbols:
        obstacles.append("its landmarks are not those of this data set")
    if its.get("train_films") != mine["train_films"]:
        obstacles.append("its train films are not those of this run")
    return obstacles, _different(RUN, its, mine)


def _different(names: Sequence[str], its: dict[str, Any], mine: dict[str, Any]) -> list[str]:
    return [
        f"{name} was {_as_text(its.get(name))} and is now {_as_text(mine[name])}"
        for name in names
        if not _same(its.get(name), mine[name])
    ]


def _same(its: Any, mine: Any) -> bool:
    """Whether a setting in a file, which may be anything, is this one."""
    return repr(its) == repr(mine) or (isinstance(its, float | int | str) and its == mine)


def _as_text(value: Any) -> str:
    return " ".join(map(str, value))[:100] if isinstance(value, list) else f"{value!s:.100}"


def set_aside(folder: Path, patterns: Sequence[str]) -> Path | None:
    """Move what an earlier run left in ``folder`` into a new subfolder, so that a new run overwrites nothing."""
    old = [path for pattern in patterns for path in folder.glob(pattern) if path.is_file()]
    if not old:
        return None
    # Not local time, which comes twice when clocks are set back; and a set clock can bring any time twice.
    stamp, number = datetime.now(UTC).strftime("%Y%m%d_%H%M%S"), 1
    aside = folder / f"earlier_{stamp}"
    while True:
        try:
            aside.mkdir()
            break
        except FileExistsError:
            number += 1
            aside = folder / f"earlier_{stamp}-{number}"
    for path in old:
        path.rename(aside / path.name)
    return aside
