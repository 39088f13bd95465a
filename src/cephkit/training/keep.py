"""Where the state of a run is kept: checkpoints of the network, or the one file of a second stage under way."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch

from cephkit.checkpoint import Checkpoint, write_checkpoint
from cephkit.errors import CheckpointError
from cephkit.files import replacing
from cephkit.models.spec import ModelSpec
from cephkit.training.state import TrainState

LATEST, BEST = "checkpoint_latest.pth", "checkpoint_best.pth"
RandomStates = list[Any]
"""One of each process; see ``random_state``."""


class Keeper(ABC):
    """Writes what a run resumes from, in the first process. A file that cannot be written is a ``CheckpointError``."""

    latest: Path | None
    """The file to resume from; None: nothing is kept."""
    how_to_resume: str
    """How to resume from ``latest``, as an imperative."""
    fresh_start = "start again"
    """What to do when training diverged, as an imperative; settings follow."""

    @abstractmethod
    def write(
        self, state: TrainState, random: RandomStates, metrics: dict[str, Any] | None = None, name: str = LATEST
    ) -> None:
        """The complete state."""

    @abstractmethod
    def write_best(self, state: TrainState, metrics: dict[str, Any] | None) -> None:
        """The weights that were validated, with the ``metrics`` found then."""


class CheckpointFolder(Keeper):
    """The checkpoints of a network.

    Args:
        folder: of the files.
        spec: of the network.
        settings: as a checkpoint keeps them.
        extras: what every checkpoint carries beyond the network, known from the labels before the first step.
    """

    latest: Path

    def __init__(self, folder: Path, spec: ModelSpec, settings: dict[str, Any], extras: dict[str, Any]) -> None:
        self.folder, self.spec, self.settings, self.extras = folder, spec, settings, extras
        self.latest, self.best = folder / LATEST, folder / BEST
        self.how_to_resume, self.fresh_start = f"add --resume {self.latest}", f"start from {self.best}"

    def write(
        self, state: TrainState, random: RandomStates, metrics: dict[str, Any] | None = None, name: str = LATEST
    ) -> None:
        latest = Checkpoint(
            self.spec, state.model.state_dict(), self.settings, state.progress.epoch, metrics,
            state.state_dict(random), extras=self.extras,
        )  # fmt: skip
        write_checkpoint(self.folder / name, latest)

    def write_best(self, state: TrainState, metrics: dict[str, Any] | None) -> None:
        weights = state.averaged.state_dict()
        best = Checkpoint(self.spec, weights, self.settings, state.progress.epoch, metrics, extras=self.extras)
        write_checkpoint(self.best, best)


class StateFile(Keeper):
    """The state of a second stage under way; removed when that is done.

    Args:
        latest: the file.
        identity: whose state it is: spec, settings and films, plain types.
    """

    how_to_resume = "re-run cephkit refine, or cephkit train with --resume,"

    def __init__(self, latest: Path | None, identity: dict[str, Any]) -> None:
        self.latest, self.identity = latest, identity

    def write(
        self, state: TrainState, random: RandomStates, metrics: dict[str, Any] | None = None, name: str = LATEST
    ) -> None:
        if self.latest is None:
            return
        content = {"identity": self.identity, "model": state.model.state_dict(), "training": state.state_dict(random)}
        try:
            with replacing(self.latest) as file:
                torch.save(content, file)
        except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
            raise CheckpointError(f"could not be written ({error})", "free disk space", self.latest) from error

    def write_best(self, state: TrainState, metrics: dict[str, Any] | None) -> None:
        """A second stage is judged when it is done."""

    def read(self) -> dict[str, Any] | None:
        """What ``write`` wrote; None without a file.

        Raises:
            CheckpointError: the file cannot be read.
        """
        if self.latest is None or not self.latest.is_file():
            return None
        try:
            content: dict[str, Any] = torch.load(self.latest, map_location="cpu", weights_only=True)
            return {name: content[name] for name in ("identity", "model", "training")}
        except Exception as error:  # torch raises half a dozen kinds for a torn or foreign file
            raise unreadable(self.latest, error) from error


def unreadable(path: Path, error: Exception) -> CheckpointError:
    """The error for a damaged state of a second stage."""
    text = f"cannot be read as the state of a second stage ({type(error).__name__}): damaged, or of another version"
    return CheckpointError(text, "remove it to start over", path)
