"""Room on disks for what is going to be written, looked at before anything is."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cephkit.memory import gib


@dataclass(frozen=True)
class Use:
    """What is going to be written into a folder, bytes."""

    folder: Path
    """Need not exist."""
    what: str
    most: int
    least: int
    """What must fit for the work to be done at all."""


@dataclass(frozen=True)
class Disk:
    """A disk and all that is going to be written to it."""

    free: int
    uses: tuple[Use, ...]

    @property
    def most(self) -> int:
        """Bytes that will be written at most."""
        return sum(use.most for use in self.uses)

    @property
    def is_too_small(self) -> bool:
        """Whether not even what must fit does."""
        return sum(use.least for use in self.uses) > self.free

    def __str__(self) -> str:
        listed = ", ".join(f"{use.what} {gib(use.most)} in {use.folder}" for use in self.uses)
        return f"{gib(self.free)} free, the run writes up to {gib(self.most)}: {listed}"


def disks(uses: Iterable[Use]) -> list[Disk]:
    """The disks of ``uses``, folders on one disk together; uses of nothing are left out."""
    by_device: dict[int, list[Use]] = {}
    for use in uses:
        if use.most:
            by_device.setdefault(existing(use.folder).stat().st_dev, []).append(use)
    return [Disk(shutil.disk_usage(existing(parts[0].folder)).free, tuple(parts)) for parts in by_device.values()]


def state_bytes(weights: int, use_ema: bool) -> int:
    """A checkpoint to go on from: weights, AdamW's two averages, and the moving average of the weights."""
    return weights * (4 if use_ema else 3)


def existing(folder: Path) -> Path:
    """``folder``, or the nearest of its parents that is there."""
    folder = folder.absolute()
    return next((path for path in (folder, *folder.parents) if path.exists()), folder)
