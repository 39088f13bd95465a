"""Labelled films, from wherever they come."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cephkit.data.film import Film, Split
from cephkit.errors import Note
from cephkit.landmarks.schema import LandmarkSchema


@dataclass(frozen=True)
class Problem(Note):
    """Why a film cannot be used, and what to do."""

    film_id: str = field(kw_only=True)
    split: Split = field(kw_only=True)
    path: Path = field(kw_only=True)
    source: str = field(kw_only=True, default="")
    """The data set, where a run has several."""

    def __str__(self) -> str:
        return f"{self.split}/{self.film_id}: {self.path}: {super().__str__()}"


@dataclass(frozen=True)
class LabelledFilms:
    """Films by split and name, including those that ``problems`` name."""

    films: tuple[Film, ...]
    problems: tuple[Problem, ...]
    schema: LandmarkSchema
    """What the landmarks of the films are."""
    notes: tuple[Note, ...] = ()


class Source(Protocol):
    """A data set on disk. Films are not decoded by reading it."""

    @property
    def root(self) -> Path:
        """The folder or file that the user named."""

    @property
    def usual(self) -> LandmarkSchema:
        """The landmarks that films of such a data set usually carry."""

    def has(self, split: Split) -> bool:
        """Whether there are films of ``split``."""

    def read(self, splits: Sequence[Split]) -> LabelledFilms:
        """Read the films and labels of ``splits``.

        Raises:
            DataError: a split is not there, or the data set as a whole cannot be read; faults of single films are in
                ``LabelledFilms.problems``.
        """
