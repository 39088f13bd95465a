"""The films of train and valid dealt anew, so that each validates a model that was trained without it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from cephkit.data.film import SPLITS, Film, Split
from cephkit.data.labelled import LabelledFilms, Problem, Source
from cephkit.errors import DataError
from cephkit.landmarks.schema import LandmarkSchema

OfFilm = TypeVar("OfFilm", Film, Problem)


@dataclass(frozen=True)
class FoldSource:
    """A data set whose films of train and valid are dealt to folds: one of them is valid, the others are train.

    Which film is in which fold depends on the films and on ``seed``, not on ``fold``. Films of test stay there.
    """

    source: Source
    folds: int
    fold: int | None
    """Which one validates, from 1; None: none does, and all films are train."""
    seed: int = 0

    @property
    def root(self) -> Path:
        """The folder or file that the user named."""
        return self.source.root

    @property
    def usual(self) -> LandmarkSchema:
        """The landmarks that films of such a data set usually carry."""
        return self.source.usual

    def has(self, split: Split) -> bool:
        """Whether there are films of ``split``."""
        if split == "test":
            return self.source.has("test")
        return bool(self._dealt) and (split == "train" or self.fold is not None)

    def read(self, splits: Sequence[Split] = SPLITS) -> LabelledFilms:
        """Read the films and labels of ``splits``; see ``Source``.

        Raises:
            DataError: as the data set itself, or it has fewer films than folds.
        """
        read = self.source.read([*self._dealt, *(split for split in splits if split == "test")])
        places = deal([film for film in read.films if film.split != "test"], self.folds, self.seed, self.root)

        def placed(films: Sequence[OfFilm]) -> tuple[OfFilm, ...]:
            # A problem's film may be none of those dealt: it is reported with train.
            moved = [
                film if film.split == "test" else replace(film, split=self._split(places.get(film.film_id)))
                for film in films
            ]
            return tuple(film for split in splits for film in moved if film.split == split)

        return replace(read, films=placed(read.films), problems=placed(read.problems))

    @property
    def _dealt(self) -> list[Split]:
        return [split for split in SPLITS if split != "test" and self.source.has(split)]

    def _split(self, place: int | None) -> Split:
        return "valid" if place is not None and place == self.fold else "train"


def deal(films: Sequence[Film], folds: int, seed: int, root: Path) -> dict[str, int]:
    """Return the fold of each film by its id, from 1.

    Films of one patient are together. Those of each data set and machine are spread over the folds.

    Raises:
        DataError: there are fewer films, or patients, than folds.
    """
    groups: dict[tuple[str, str], list[Film]] = {}
    for film in films:
        of_whom = ("patient", film.patient) if film.patient else ("film", film.film_id)
        groups.setdefault(of_whom, []).append(film)
    if len(groups) < folds:
        what = "patients" if any(film.patient for film in films) else "films"
        raise DataError(f"has {len(groups)} {what} in train and valid, too few for {folds} folds", "", root)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    # The largest groups first, while every fold has room; else machine by machine.
    order.sort(key=lambda key: (-len(groups[key]), groups[key][0].source, groups[key][0].machine or ""))
    counts = [0] * folds
    places = {}
    for key in order:
        fold = min(range(folds), key=lambda fold: counts[fold])
        counts[fold] += len(groups[key])
        places.update(dict.fromkeys((film.film_id for film in groups[key]), fold + 1))
    return places
