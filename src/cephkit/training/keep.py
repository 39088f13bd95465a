"""Where the state of a run is kept: checkpoints of the network, or the one file of a second stage under way."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from cephkit.checkpoint import Checkpoint, write_checkpoint
from cephkit.errors import CheckpointError
from cephkit.files import replacing
from cephkit.models.spec import ModelSpec
from cephkit.training.state import TrainState

LATEST, BEST = "checkpoint_latest.pth", "checkpoint_best.pth"
RandomStates = list[Any]
"""One of each process; see ``random_state``."""


class Keeper(Protocol):
    """Writes what a run resumes from, in the first process."""

    @property
    def latest(self) -> Path | None:
        """The file to resume from; None: nothing is kept."""

    @property
    def how_to_resume(self) -> str:
        """How to resume from ``latest``, as an imperative."""

    @property
    def fresh_start(self) -> str:
        """What to do when training diverged, as an imperative; settings follow."""

    def write(
        self, state: TrainState, random: RandomStates, metrics: dict[str, Any] | None = None, name: str = LATEST
    ) -> None:
        """The complete state."""

    def write_best(self, state: TrainState, metrics: dict[str, Any] | None) -> None:
        """The weights that were validated, with the ``metrics`` found then."""


@dataclass(frozen=True)
class CheckpointFolder:
    """The checkpoints of a network.

    Every method raises ``CheckpointError`` if the file cannot be written.
    """

    folder: Path
    spec: ModelSpec
    settings: dict[str, Any]
    """The settings as a checkpoint keeps them."""
    extras: dict[str, Any]
    """What every checkpoint carries beyond the network, known from the labels before the first step."""

    @property
    def latest(self) -> Path:
        return self.folder / LATEST

    @property
    def best(self) -> Path:
        """Weights to predict with."""
        return self.folder / BEST

    @property
    def how_to_resume(self) -> str:
        return f"add --resume {self.latest}"

    @property
    def fresh_start(self) -> str:
        return f"Start from {self.best}"

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


@dataclass(frozen=True)
class StateFile:
    """The state of a second stage under way; gone when that is done."""

    latest: Path | None
    identity: dict[str, Any]
    """Whose state it is: spec, settings and films, plain types."""

    @property
    def how_to_resume(self) -> str:
        return "re-run cephkit refine, or cephkit train with --resume,"

    @property
    def fresh_start(self) -> str:
        return "Start again"

    def write(
        self, state: TrainState, random: RandomStates, metrics: dict[str, Any] | None = None, name: str = LATEST
    ) -> None:
        """Raises ``CheckpointError`` if the file cannot be written."""
        if self.latest is None:
            return
        content = {"identity": self.identity, "model": state.model.state_dict(), "training": state.state_dict(random)}
        try:
            with replacing(self.latest) as file:
                torch.save(content, file)
        except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
            raise CheckpointError(f"{self.latest}: could not be written ({error}); free disk space") from error

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
    return CheckpointError(
        f"{path}: cannot be read as the state of a second stage ({type(error).__name__}); remove it to start over"
    )
