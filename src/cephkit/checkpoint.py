"""Checkpoints: single files of tensors and plain types, never half-written, never unpickled into code."""

import contextlib
import hashlib
import platform
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from cephkit.errors import CephkitError, CheckpointError
from cephkit.files import replacing
from cephkit.models.spec import ModelSpec
from cephkit.notice import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FORMAT = "cephkit"
FORMAT_VERSION = 1
BEST = "checkpoint_best.pth"
"""The best model of a run, in its folder."""
_FIELDS = {
    "spec": dict, "config": dict, "epoch": int, "metrics": dict, "model": dict, "training": dict, "versions": dict,
    "extras": dict,
}  # fmt: skip
_OPTIONAL = ("metrics", "training")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory.

    In a state to resume from, ``model`` holds the raw weights and ``training`` the rest, including the moving average;
    in a file without ``training``, ``model`` holds the weights to predict with.
    """

    spec: ModelSpec
    model: "Mapping[str, torch.Tensor]"
    config: dict[str, Any] = field(default_factory=dict)
    """The settings of the run, plain types."""
    epoch: int = 0
    """Epochs completed."""
    metrics: dict[str, Any] | None = None
    """Validation figures of these weights."""
    training: dict[str, Any] | None = None
    """What a resume needs beyond the weights; see ``TrainState``."""
    versions: dict[str, str] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    """What prediction may use beyond the network, tensors and plain types: ``refiner``, ``pose``, ``calibrations``."""

    @property
    def weights(self) -> "Mapping[str, torch.Tensor]":
        """The weights to predict with: the moving average if the run keeps one."""
        average = (self.training or {}).get("ema")
        return self.model if average is None else average


@dataclass(frozen=True)
class LoadedModel:
    """A network ready to predict, in eval mode, with everything needed to use it."""

    model: nn.Module
    spec: ModelSpec
    path: Path
    meta: dict[str, Any]
    """``epoch``, ``metrics``, ``config``, ``versions`` and ``sha256`` of the file."""
    extras: dict[str, Any] = field(default_factory=dict)
    """See ``Checkpoint.extras``."""


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint``; after a power cut there is the old file or the new one, never half of one.

    Raises:
        CheckpointError: the file cannot be written (disk full, no permission).
    """
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": current_versions(),
        "spec": checkpoint.spec.to_dict(),
        "config": checkpoint.config,
        "epoch": checkpoint.epoch,
        "metrics": checkpoint.metrics,
        "model": {name: tensor.detach().cpu() for name, tensor in checkpoint.model.items()},
        "training": checkpoint.training,
        "extras": checkpoint.extras,
    }
    try:
        with replacing(path) as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
        raise CheckpointError(
            f"{path}: checkpoint could not be written ({error}); free space or choose another --save_dir"
        ) from error


def with_extras(model: LoadedModel, extras: dict[str, Any]) -> LoadedModel:
    """Return ``model`` with ``extras``, leaving out those that are None."""
    return replace(model, extras={key: value for key, value in extras.items() if value is not None})


def write_extras(path: Path, extras: dict[str, Any], out: Path | None = None) -> None:
    """Write the checkpoint at ``path`` with other ``extras`` to ``out``; None: over the old one."""
    write_checkpoint(out or path, replace(read_checkpoint(path), extras=extras))


def checkpoint_bytes(parameters: int, averaged: bool) -> tuple[int, int]:
    """Return the disk space of checkpoints of this many ``parameters``: the best weights, and a state to resume from.

    The state holds the weights, AdamW's two averages and, if ``averaged``, the moving average of the weights.
    """
    weights = 4 * parameters
    return weights, weights * (4 if averaged else 3)


def check_room(folder: Path, parameters: int, averaged: bool, resumes: bool = False) -> None:
    """Check that the disk of ``folder`` has room for the checkpoints that a run cannot do without.

    A run that ``resumes`` there overwrites the earlier ones.

    Raises:
        CheckpointError: there is too little room.
    """
    weights, state = checkpoint_bytes(parameters, averaged)
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    old = [folder / "checkpoint_latest.pth", folder / "checkpoint_best.pth"] if resumes else []
    replaced = sum(path.stat().st_size for path in old if path.is_file())
    need = max(state, weights + 2 * state - replaced)
    free = shutil.disk_usage(there).free  # an old state is removed once the new one is complete
    if need > free:
        raise CheckpointError(
            f"--save_dir {folder}: the run's checkpoints need {need / 2**20:.0f} MiB of disk, {free / 2**20:.0f} MiB "
            "are free; free space or choose another --save_dir"
        )


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the checkpoint at ``path``, tensors on the CPU; nothing in the file is executed.

    Raises:
        CheckpointError: the file is missing, damaged, not a checkpoint, or of a newer cephkit.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such checkpoint; give the path of a .pth file that cephkit saved")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged or foreign file
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        if "weights_only" in reason:  # torch advises reading it in an unsafe way
            reason = type(error).__name__
        raise CheckpointError(
            f"{path}: cannot be read as a checkpoint ({reason}); the file is damaged or was not made by cephkit"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a cephkit checkpoint; train with cephkit, or use --weights for a backbone")
    version = content.get("format_version")
    if type(version) is not int:
        raise CheckpointError(f"{path}: is damaged or was changed by hand (format_version is not a number)")
    if version > FORMAT_VERSION:
        raise CheckpointError(f"{path}: has format {version}, this cephkit reads {FORMAT_VERSION}; upgrade it")
    try:
        check_fields(content)
        return Checkpoint(
            spec=ModelSpec.from_dict(content["spec"]),
            model=content["model"],
            config=content["config"],
            epoch=content["epoch"],
            metrics=content["metrics"],
            training=content["training"],
            versions=content["versions"],
            extras=content.get("extras", {}),
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"{path}: is damaged or was changed by hand ({reason})") from error


def checkpoint_files(given: "Sequence[Path | str]") -> list[Path]:
    """Return the checkpoints that ``given`` name: files, and folders of ``cephkit train``, which hold one or several.

    Raises:
        CheckpointError: there is none in a folder.
    """
    found = []
    for path in map(Path, given):
        if not path.is_dir():
            found.append(path)
            continue
        own = path / BEST
        members = [own] if own.is_file() else sorted(path.glob(f"fold_*/{BEST}")) or sorted(path.glob(f"seed_*/{BEST}"))
        if not members:
            raise CheckpointError(f"holds no {BEST}, nor folders fold_1, fold_2 ... with one", "name a file", path)
        found += sorted(members, key=lambda file: (len(file.parent.name), file.parent.name))
    return found


def check_fields(content: dict[str, Any]) -> None:
    """Check that each field of a checkpoint has the type that ``write_checkpoint`` gave it.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or has another type.
    """
    for name, kind in _FIELDS.items():
        value = content.get(name, {}) if name == "extras" else content[name]
        if value is None and name in _OPTIONAL:
            continue
        if not isinstance(value, kind) or (isinstance(value, dict) and not all(isinstance(key, str) for key in value)):
            raise TypeError(f"{name}: expected {kind.__name__} with names as keys, got {type(value).__name__}")
    if type(content["epoch"]) is not int or content["epoch"] < 0:
        raise ValueError(f"epoch: expected 0 or more, got {content['epoch']}")
    training = content["training"] or {}
    averaged = {} if training.get("ema") is None else training["ema"]
    for name, weights in (("model", content["model"]), ("training.ema", averaged)):
        if not isinstance(weights, dict) or not all(isinstance(value, torch.Tensor) for value in weights.values()):
            raise TypeError(f"{name}: expected tensors by name")
    for name, part in (("optimizer", dict), ("progress", dict), ("random", list)):
        if name in training and not isinstance(training[name], part):
            raise TypeError(f"training.{name}: expected a {part.__name__}, got {type(training[name]).__name__}")
    if type(training.get("progress", {}).get("best_epoch", 0)) is not int:
        raise TypeError("training.progress.best_epoch: expected a number")


def load_model(path: Path | str, device: torch.device | str = "cpu") -> LoadedModel:
    """Load the network of a checkpoint onto ``device``, in eval mode; every weight must fit.

    Raises:
        CheckpointError: as ``read_checkpoint``, or the weights do not fit the network that the file names.
    """
    from cephkit.models.build import build_model

    path = Path(path)
    checkpoint = read_checkpoint(path)
    with weights_must_fit(path, checkpoint):
        check_weights(checkpoint)
        model = build_model(checkpoint.spec, pretrained=False, notify=lambda line: None)
        model.load_state_dict(checkpoint.weights, strict=True)
    meta = {
        "epoch": checkpoint.epoch,
        "metrics": checkpoint.metrics,
        "config": checkpoint.config,
        "versions": checkpoint.versions,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    return LoadedModel(model.to(device).eval(), checkpoint.spec, path, meta, checkpoint.extras)


@contextlib.contextmanager
def weights_must_fit(path: Path | None, checkpoint: Checkpoint) -> "Iterator[None]":
    """Report whatever goes wrong inside as a fault of the file at ``path``.

    Raises:
        CheckpointError: something went wrong.
    """
    try:
        yield
    except (RuntimeError, TypeError, ValueError, AttributeError, CephkitError) as error:  # timm's kinds among them
        raise CheckpointError(
            f"{path}: the weights do not fit {checkpoint.spec.model:.60}: {str(error)[:400]}; the file is damaged or "
            "was changed by hand: take another checkpoint of the run, or train again"
        ) from error


def check_weights(checkpoint: Checkpoint) -> None:
    """Check, before memory is claimed for it, that the weights are those of the network that the checkpoint names.

    Raises:
        ValueError: they are not.
        CephkitError: there is no such network.
    """
    from cephkit.models.build import build_model

    try:
        with torch.device("meta"):
            network = build_model(checkpoint.spec, pretrained=False, notify=lambda line: None)
    except (RuntimeError, NotImplementedError):  # some backbones compute while being built
        return
    wanted, given = network.state_dict(), checkpoint.weights
    odd = {
        "missing": [name for name in wanted if name not in given],
        "unknown": [name for name in given if name not in wanted],
        "of another shape": [name for name in wanted if name in given and wanted[name].shape != given[name].shape],
    }
    found = [f"{len(names)} are {how}, first {names[0]:.100}" for how, names in odd.items() if names]
    if found:
        raise ValueError("; ".join(found))


def current_versions() -> dict[str, str]:
    """Return the versions of what produces checkpoints and figures."""
    import timm

    return {
        "cephkit": VERSION,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "timm": timm.__version__,
    }
