"""Checkpoints: single files of tensors and plain types, never half-written, never unpickled into code.

A published folder (``published``) is read as one, too.
"""

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

from cephkit.errors import CephkitError, CheckpointError, SettingsError
from cephkit.files import replacing
from cephkit.hub import hub_name
from cephkit.models.spec import ModelSpec
from cephkit.notice import VERSION
from cephkit.published import fingerprint, is_published, read_config, with_tensors, write_content

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

FORMAT = "cephkit"
FORMAT_VERSION = 1
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
    """``epoch``, ``metrics``, ``config``, ``versions`` and ``sha256``: of the file, or a folder's ``fingerprint``."""
    extras: dict[str, Any] = field(default_factory=dict)
    """See ``Checkpoint.extras``."""

    @property
    def name(self) -> str:
        """For results and lists: the file's or the folder's name, or that on the hub with the commit."""
        return hub_name(self.path) or self.path.name

    def folds_note(self, splits: "Collection[str]") -> str:
        """Warn who judges the model by films of ``splits`` that its folds may have dealt to train; empty otherwise."""
        if not self.meta.get("config", {}).get("folds") or not {"train", "valid"} & set(splits):
            return ""
        return (
            f"{self.name} was trained with --folds, which deal train and valid anew: if these films are those of its "
            "training, it has learnt from them, and its errors on others are larger; judge it by films of test"
        )


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint``; after a power cut there is the old file or the new one, never half of one.

    Raises:
        CheckpointError: the file cannot be written (disk full, no permission).
    """
    content = {**_content(checkpoint), "versions": current_versions()}
    try:
        with replacing(path) as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
        raise CheckpointError(
            f"{path}: checkpoint could not be written ({error}); free space or choose another --save_dir"
        ) from error


def write_published(folder: Path, checkpoint: Checkpoint, **about: Any) -> None:
    """Write the weights to predict with, and all that prediction uses, into the existing ``folder``.

    Args:
        folder: of the files.
        checkpoint: the model; its ``versions`` stay those of the software that made it.
        about: more for ``config.json``, for people.

    Raises:
        CheckpointError: see ``write_content``.
    """
    write_content(folder, {**_content(replace(checkpoint, model=checkpoint.weights, training=None)), **about})


def _content(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": checkpoint.versions,
        "spec": checkpoint.spec.to_dict(),
        "config": checkpoint.config,
        "epoch": checkpoint.epoch,
        "metrics": checkpoint.metrics,
        "model": {name: tensor.detach().cpu() for name, tensor in checkpoint.model.items()},
        "training": checkpoint.training,
        "extras": checkpoint.extras,
    }


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
    """Read the checkpoint or the published folder at ``path``, tensors on the CPU; nothing in it is executed.

    Raises:
        CheckpointError: it is missing, damaged, not a checkpoint, or of a newer cephkit.
    """
    if is_published(path):
        config = read_config(path)
        _check_format(path, config)
        content = with_tensors(path, config)
    else:
        content = _read_file(path)
        _check_format(path, content)
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
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, SettingsError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"{path}: is damaged or was changed by hand ({reason})") from error


def _read_file(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointError(
            f"{path}: there is no such checkpoint; give the path of a .pth file that cephkit saved, or of a published "
            "folder"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged or foreign file
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        if "weights_only" in reason:  # torch advises reading it in an unsafe way
            reason = type(error).__name__
        raise CheckpointError(
            f"{path}: cannot be read as a checkpoint ({reason}); the file is damaged or was not made by cephkit"
        ) from error


def _check_format(path: Path, content: Any) -> None:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a cephkit checkpoint; train with cephkit, or use --weights for a backbone")
    version = content.get("format_version")
    if type(version) is not int:
        raise CheckpointError(f"{path}: is damaged or was changed by hand (format_version is not a number)")
    if version > FORMAT_VERSION:
        raise CheckpointError(f"{path}: has format {version}, this cephkit reads {FORMAT_VERSION}; upgrade it")


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
        "sha256": fingerprint(path) if is_published(path) else hashlib.sha256(path.read_bytes()).hexdigest(),
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
