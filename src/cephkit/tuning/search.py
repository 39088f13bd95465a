"""Carries out the trials of a search, one after the other; several processes at one folder share them."""

import csv
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from optuna.trial import FrozenTrial

from cephkit.checkpoint import read_checkpoint
from cephkit.config import TrainConfig
from cephkit.errors import CephkitError, DataError, DivergedError, SettingsError, some
from cephkit.interrupt import INTERRUPTED, Stopped
from cephkit.model_paths import BEST
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec
from cephkit.notice import Notify
from cephkit.training.log import last_epoch
from cephkit.training.run import Result, train
from cephkit.training.several import Member, continued, members, train_several
from cephkit.tuning.space import Choices, Space
from cephkit.tuning.study import Study, Taken

MOST_FAILED_IN_A_ROW = 3
OF_THE_FILMS = frozenset(
    {
        "annotation_type", "image_size", "keep_twins", "limited_ram_cache", "refine", "refine_size", "skip_bad_films",
        "use_ram_cache",
    }
)  # fmt: skip
"""Settings that decide whether the films can be used: labels that are there, canvases that fit into memory."""
UNPRUNED_SHARE = 0.5
"""A trial is not ended early before this share of its epochs: a high rate begins slowly, and ends well."""


def check_models(space: Space) -> None:
    """Build the networks of all models in ``space``, so that a wrong name costs no trial.

    Raises:
        SettingsError: there is no such model, or it cannot find landmarks.
    """
    searched = space.search.get("model")
    for point in [{"model": name} for name in searched.values] if isinstance(searched, Choices) else [{}]:
        config = space.config(point, Path("trial"))
        try:
            build_model(ModelSpec(config.model, ("S",), config.image_size), pretrained=False, notify=lambda line: None)
        except SettingsError as error:
            raise SettingsError(f"--space {space.path}: {error}") from error


def search(study: Study, wanted: int, prune: bool, keep: bool, device: str | None, notify: Notify) -> None:
    """Carry out trials until ``wanted`` have been begun, by this process and others.

    Args:
        study: holds them.
        wanted: trials in all.
        prune: end trials early that are behind most others.
        keep: keep the checkpoints of all trials, not only the best one's.
        device: where to train; None: as the space says.
        notify: takes lines for the user.

    Raises:
        Stopped: Ctrl-C or SIGTERM; the same call goes on.
        CephkitError: nothing can be trained, or the disk is full, whatever the trial's settings.
    """
    failed = 0
    while (taken := study.take(wanted)) is not None:
        try:
            began = "going on with " if taken.is_resumed else ""
            chosen = ", ".join(f"{name} {value}" for name, value in shown(taken.point).items())
            notify(f"\n{began}trial {taken.number} of {wanted}: {chosen}")
            done = None if taken.is_resumed else study.done_before(taken)
            if done is None:
                reason = _carry_out(study, taken, prune, device, notify)
            else:
                reason = ""
                _repeat(study, taken, done, notify)
        finally:
            taken.lock.release()
        if not keep:
            study.tidy()
        failed = failed + 1 if reason else 0
        if failed == MOST_FAILED_IN_A_ROW:
            raise CephkitError(
                f"{failed} trials in a row failed, the last one because: {reason}", "change the space", study.space.path
            )
    for line in study.held_by_others():
        notify(line)


def shown(point: dict[str, Any]) -> dict[str, str]:
    """Return a point as texts: three digits of a number that may be any."""
    return {name: f"{value:.3g}" if isinstance(value, float) else str(value) for name, value in point.items()}


def _repeat(study: Study, taken: Taken, done: FrozenTrial, notify: Notify) -> None:
    """End a trial as the one with the same settings ended: all have the same seed, so it would come out the same."""
    facts = {name: fact for name, fact in done.user_attrs.items() if name != "seconds"}
    reason = f"same settings as trial {done.number + 1}"
    study.note(taken, **facts)
    study.end(taken, done.value, reason)
    notify(f"trial {taken.number}: {reason}, not trained again")


def _carry_out(study: Study, taken: Taken, prune: bool, device: str | None, notify: Notify) -> str:
    """Train and judge; return why it failed, empty if it did not."""
    watch = _Watch(study, taken, prune)
    try:
        config = study.space.config(taken.point, taken.folder, device)
        result = _train(config, watch)
        study.note(taken, seconds=watch.seconds)
        if watch.is_pruned:
            study.end(taken, is_pruned=True)
            notify(f"trial {taken.number}: ended early, behind most others at epoch {watch.epoch}")
        if result.outcome == "stopped" and (result.status or not watch.is_pruned):
            raise Stopped("stopped; re-run the same command to resume", result.status or INTERRUPTED)
        if watch.is_pruned:
            return ""
        error, facts = judged(config, result)
    except CephkitError as fault:
        if not _is_of_the_trial(fault, study.space):
            raise
        reason = str(fault)
    else:
        study.note(taken, **facts)
        study.end(taken, error)
        best = study.complete()[0]
        so_far = f"best so far: trial {best.number + 1}, {best.value:.3f}"
        notify(f"trial {taken.number}: {error:.3f} {facts['unit']}; {so_far}")
        return ""
    study.end(taken, reason=reason)
    notify(f"trial {taken.number}: failed: {reason}")
    return reason


def _is_of_the_trial(fault: CephkitError, space: Space) -> bool:
    """Return whether a trial with other settings may go well where this one failed."""
    if isinstance(fault, DataError):
        return not OF_THE_FILMS.isdisjoint(space.search)
    return isinstance(fault, DivergedError | SettingsError) or isinstance(fault.__cause__, torch.OutOfMemoryError)


def _train(config: TrainConfig, watch: "_Watch") -> Result:
    """Train, or go on with what the trial's folder holds."""
    if config.folds or config.seeds:
        return train_several(config)
    own = continued(Member("the trial", config)).config
    return train(own, watch.asks_to_stop, watch.validated)


@dataclass
class _Watch:
    """Hands a trial's validation errors to the study, and ends the trial when it is behind."""

    study: Study
    taken: Taken
    prune: bool
    is_pruned: bool = False
    epoch: int = 0
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._before = float(self.taken.trial.user_attrs.get("seconds", 0.0))

    @property
    def seconds(self) -> float:
        """How long it took, without the time since the last validation of a process that was killed."""
        return self._before + time.monotonic() - self.started

    def asks_to_stop(self) -> bool:
        return self.is_pruned

    def validated(self, epoch: int, epochs: int, error: float) -> None:
        self.epoch = epoch
        is_behind = self.study.report(self.taken, epoch, error)
        self.study.note(self.taken, seconds=self.seconds, epochs=epoch)
        searched = self.study.space.search
        if self.prune and UNPRUNED_SHARE * epochs <= epoch < epochs and "epochs" not in searched:
            self.is_pruned = self.is_pruned or is_behind


def judged(config: TrainConfig, result: Result) -> tuple[float, dict[str, Any]]:
    """Return the error of a trial on the films that judge it, and what else its row shows.

    One model is judged by the valid films, with its second stage if it has one; folds by all films, each out of fold;
    seeds by the mean of their errors on valid.

    Raises:
        DivergedError: there is no error.
        CheckpointError: its checkpoint cannot be read.
    """
    several = members(config) if config.folds or config.seeds else []
    each = several or [Member("the model", config)]
    if without := [member.name for member in each if not member.best.is_file()]:
        raise DivergedError(f"{some(without)}: no validation found every landmark")
    error, facts = _judged_together(config) if several else _judged_alone(config, result)
    if error is None:
        raise DivergedError("landmarks were not found on the films that judge it")
    epochs = [last_epoch(member.config.log_dir) for member in each]
    return error, {**facts, "epochs": round(sum(epochs) / len(epochs))}


def _judged_alone(config: TrainConfig, result: Result) -> tuple[float | None, dict[str, Any]]:
    checkpoint = read_checkpoint(config.save_dir / BEST)
    metrics = checkpoint.metrics or {}
    unit = "px" if metrics.get("mre_mm") is None else "mm"
    second = checkpoint.extras.get("refiner")
    error, sdr = (result.best, metrics.get("sdr")) if second is None else (second["error"], second["sdr"])
    return error, {"unit": unit, "sdr_2mm_percent": (sdr or {}).get("2")}


def _judged_together(config: TrainConfig) -> tuple[float | None, dict[str, Any]]:
    """Return the same of several models, from their table."""
    name, row_name = ("folds.csv", "all") if config.folds else ("seeds.csv", "mean")
    with (config.save_dir / name).open(newline="", encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["model"] == row_name)
    unit, error = ("mm", row["mre_mm"]) if row["mre_mm"] else ("px", row["mre_px"])
    return _number(error), {"unit": unit, "sdr_2mm_percent": _number(row["sdr_2mm_percent"])}


def _number(text: str) -> float | None:
    return float(text) if text else None
