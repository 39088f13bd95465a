"""The log of a run: TensorBoard events, and the same figures as CSV."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import torch

from cephkit.errors import SettingsError
from cephkit.memory import GIB
from cephkit.notice import Notify
from cephkit.training.records import CsvTable, EventFile, rows_of
from cephkit.training.state import Progress


def duration(seconds: float) -> str:
    """``2 h 05 min``, ``3 min 20 s`` or ``12 s``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


EPOCH_TAGS = [
    "Train/EpochLoss", "Val/Loss", "Val/MRE_pixels", "Val/MRE_mm", "Val/SDR_2mm", "Val/SDR_2.5mm", "Val/SDR_3mm",
    "Val/SDR_4mm", "System/SkippedSteps",
]  # fmt: skip
EPOCHS = "epochs.csv"
STEP_TAGS = ["Train/BatchLoss", "LR", "System/FilmsPerSecond", "System/GPU_GiB", "System/RAM_GiB"]


class RunLog:
    """TensorBoard events beside ``epochs.csv`` and ``steps.csv``, which hold the same figures.

    What cannot be written during the run is reported once and written as soon as that is possible.

    Args:
        folder: made where there is none.
        epochs_done: later rows of an ``epochs.csv`` that is there are dropped.
        steps_done: the same for ``steps.csv``.
        notify: takes lines for the user.
        sources: names of several data sets, each with a validation error of its own.

    Raises:
        SettingsError: the folder cannot be written.
    """

    def __init__(
        self, folder: Path, epochs_done: int, steps_done: int, notify: Notify = print, sources: Sequence[str] = ()
    ) -> None:
        self._folder, self._notify = folder, notify
        self._waiting = False
        tags = [*EPOCH_TAGS, *map(source_tag, sources)]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._events = EventFile(folder)
            self._epochs = CsvTable(folder / EPOCHS, "epoch", ["epoch", "step", *tags], epochs_done)
            self._steps = CsvTable(folder / "steps.csv", "step", ["step", "epoch", *STEP_TAGS], steps_done)
        except OSError as error:
            raise SettingsError(
                f"--log_dir {folder}: cannot be written ({error.strerror or error}); free disk space, change its "
                "permissions, or choose another --log_dir"
            ) from error
        self.last_epoch = self._epochs.last
        """The last epoch that had a row."""

    def step(self, step: int, epoch: int, figures: dict[str, float | None]) -> None:
        """Figures of one optimiser step."""
        self._write(
            lambda: self._events.scalars(figures, step),
            lambda: self._steps.add({"step": step, "epoch": epoch, **figures}),
        )

    def epoch(self, epoch: int, step: int, figures: dict[str, float | None]) -> None:
        """Figures of one epoch."""
        self._write(
            lambda: self._events.scalars(figures, epoch),
            lambda: self._epochs.add({"epoch": epoch, "step": step, **figures}),
        )

    def picture(self, tag: str, pixels: Any, epoch: int) -> None:
        """An (H, W, 3) uint8 picture."""
        self._write(lambda: self._events.picture(tag, pixels, epoch))

    def text(self, tag: str, text: str, step: int = 0) -> None:
        """A note, such as the run's settings."""
        self._write(lambda: self._events.text(tag, text, step))

    def close(self) -> None:
        """Write what is left."""
        self._write(self._events.close, self._epochs.close, self._steps.close)

    def _write(self, *writes: Callable[[], None]) -> None:
        """Do all of ``writes``, even if some fail."""
        failure = None
        for write in writes:
            try:
                write()
            except OSError as error:
                failure = error
        if failure is not None and not self._waiting:
            self._notify(
                f"WARNING: {self._folder}: the log cannot be written ({failure.strerror or failure}); training "
                "continues, and the log when it can"
            )
        elif failure is None and self._waiting and len(writes) > 1:
            self._notify(f"{self._folder}: the log is written again")
        else:
            return
        self._waiting = failure is not None


def source_tag(source: str) -> str:
    """Tag of the validation error of one of several data sets."""
    return f"Val/MRE_mm/{source}"


def open_log(folder: Path, progress: Progress, notify: Notify, sources: Sequence[str] = ()) -> RunLog:
    """The log of a run that stands at ``progress``, with the row of its last epoch if that was not written."""
    log = RunLog(folder, progress.epoch, progress.step, notify, sources)
    if progress.figures and log.last_epoch < progress.epoch:
        log.epoch(progress.epoch, progress.step, progress.figures)
    return log


def last_epoch(folder: Path) -> int:
    """The last epoch in the log in ``folder``, 0 without one."""
    return max((int(row["epoch"]) for row in rows_of(folder / EPOCHS, "epoch")), default=0)


def gpu_gib(device: torch.device) -> float | None:
    """Most GPU memory that this process has reserved so far; None without a card."""
    return torch.cuda.max_memory_reserved(device) / GIB if device.type == "cuda" else None


def ram_gib() -> float:
    """Memory of this process and its loader workers; what they share counts once, where the system reports it."""
    own = psutil.Process()
    total = own.memory_info().rss
    for child in own.children(recursive=True):
        try:
            memory = child.memory_info()
        except psutil.Error:  # it ended in between
            continue
        total += memory.rss - getattr(memory, "shared", 0)
    return total / GIB
