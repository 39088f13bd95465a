"""Several data sets as one: the union of their landmarks, each film with its own pixel size and annotators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cephkit.data.film import SPLITS, Split
from cephkit.data.labelled import LabelledFilms, Source
from cephkit.errors import DataError, Note
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import in_known_order


@dataclass(frozen=True)
class Part:
    """One of several data sets."""

    source: Source
    weight: float = 1.0
    """How often its films are seen in training, relative to those of a data set of weight 1."""


@dataclass(frozen=True)
class CombinedSource:
    """Data sets by name. Film ids begin with the name of their data set: ``isbi2015/001``."""

    parts: Mapping[str, Part]

    @property
    def sources(self) -> dict[str, Source]:
        """The data sets by name."""
        return {name: part.source for name, part in self.parts.items()}

    @property
    def root(self) -> Path:
        """All folders, for messages."""
        return Path(" + ".join(str(source.root) for source in self.sources.values()))

    @property
    def usual(self) -> LandmarkSchema:
        """The landmarks that the films usually carry."""
        return in_known_order(*(source.usual for source in self.sources.values()))

    def has(self, split: Split) -> bool:
        """Whether one of the data sets has films of ``split``."""
        return any(source.has(split) for source in self.sources.values())

    def read(self, splits: Sequence[Split] = SPLITS) -> LabelledFilms:
        """Read the films and labels of ``splits``; a data set may lack some of these; see ``Source``.

        Raises:
            DataError: a split is in none of them, or a data set cannot be read.
            SettingsError: a landmark's name stands for two landmarks.
        """
        if empty := [split for split in splits if not self.has(split)]:
            raise DataError(f"no data set has films in {' and '.join(empty)}", "add one that has", self.root)
        read = {
            name: source.read([split for split in splits if source.has(split)])
            for name, source in self.sources.items()
            if any(source.has(split) for split in splits)
        }
        return together({name: self.parts[name] for name in read}, read, splits)


def together(
    parts: Mapping[str, Part], read: Mapping[str, LabelledFilms], splits: Sequence[Split] = SPLITS
) -> LabelledFilms:
    """Return the films of several data sets as one, their ids beginning with the names of these.

    Args:
        parts: the data sets by name.
        read: what was read of each.
        splits: the order of the films.

    Raises:
        SettingsError: a landmark's name stands for two landmarks.
    """
    films = [
        replace(
            film,
            film_id=f"{name}/{film.film_id}",
            source=name,
            weight=parts[name].weight,
            patient=f"{name}/{film.patient}" if film.patient else "",
        )
        for name, found in read.items()
        for film in found.films
    ]
    films.sort(key=lambda film: splits.index(film.split))
    problems = [
        replace(problem, film_id=f"{name}/{problem.film_id}", source=name)
        for name, found in read.items()
        for problem in found.problems
    ]
    notes = [
        Note(note.kind, f"{name}: {note.text}", note.remedy) for name, found in read.items() for note in found.notes
    ]
    schema = in_known_order(*(found.schema for found in read.values()))
    return LabelledFilms(tuple(films), tuple(problems), schema, tuple(notes))
