"""The options of scoring, which ``cephkit evaluate`` and ``cephkit compare`` share."""

from dataclasses import dataclass
from typing import Annotated

from cephkit.data.film import SPLITS, Split
from cephkit.settings.options import Batches, Compute, DataSet, Options, Rule, Seed, Twins


@dataclass(frozen=True, kw_only=True)
class Films(Options):
    """Data"""

    split: Annotated[tuple[Split, ...], Rule("train, valid, test, or several of them", bool)] = ("test",)
    """Films to score: train, valid, test, or several of them."""
    allow_missing: bool = False
    """Count what a file of predictions lacks as missing, instead of refusing the file."""

    @property
    def splits(self) -> tuple[Split, ...]:
        """``split`` without repeats, in the usual order."""
        return tuple(split for split in SPLITS if split in self.split)


@dataclass(frozen=True, kw_only=True)
class JudgeOptions(Seed, Compute, Batches, Films, Twins, DataSet):
    """What scoring needs to know."""
