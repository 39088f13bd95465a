"""Which film is in which split: as the data set has it, as a table says, or drawn."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cephkit.data.film import SPLITS, Split
from cephkit.data.names import film_key, film_name
from cephkit.data.tables import numbered_table
from cephkit.errors import DataError, Note, some

SHARES: dict[Split, float] = {"valid": 0.15, "test": 0.15}
"""Of the films, drawn in this order; the rest is train."""
SPELLINGS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}


class InSplit(Protocol):
    """What a split is made of."""

    @property
    def film_id(self) -> str: ...
    @property
    def split(self) -> Split | None: ...
    @property
    def patient(self) -> str: ...


@dataclass(frozen=True)
class Splitting:
    """A choice of splits."""

    table: Path | None = None
    """CSV with the columns film and split, or film and patient; None: the data set's own splits, or a draw."""
    seed: int = 0
    """Of the draw."""

    def of(self, films: Sequence[InSplit]) -> dict[str, Split]:
        """Return the split of each film by its id.

        Raises:
            DataError: the table cannot be read, contradicts itself or does not name a film.
        """
        named = self._named_splits
        if named:
            unnamed = [film.film_id for film in films if film_key(film.film_id) not in named]
            if unnamed:
                text = f"has no split for {len(unnamed)} films: {some(unnamed)}"
                raise DataError(text, "add them, or remove the films", self.table)
            return {film.film_id: named[film_key(film.film_id)] for film in films}
        if films and all(film.split for film in films):
            return {film.film_id: film.split for film in films if film.split}
        return _drawn({film.film_id: self.patient(film) for film in films}, self.seed)

    def notes(self, films: Sequence[InSplit], root: Path) -> list[Note]:
        """Return what a user should know about the splits of ``films``."""
        if self._named_splits or all(film.split for film in films):
            return []
        counts = Counter(self.of(films).values())
        made = ", ".join(f"{counts[split]} {split}" for split in SPLITS)
        patients = {patient for film in films if (patient := self.patient(film))}
        kept = f"; films of each of {len(patients)} patients are together" if patients else ""
        remedy = "films of one patient must be in one split: name them with --splits_from, or write the splits there"
        return [Note("splits", f"{root}: drawn with --split_seed {self.seed}: {made}{kept}", remedy)]

    def patient(self, film: InSplit) -> str:
        """Return whose film it is, as the table or the data set says; empty: nobody else's."""
        return self._named_patients.get(film_key(film.film_id), film.patient)

    def _column(self, name: str) -> list[tuple[int, str, str]]:
        """Return the number of each line of the table with its film and what it says under ``name``."""
        head, lines = self._table
        if name not in head:
            return []
        film, column = head.index("film"), head.index(name)
        whole = ((number, cells + [""] * len(head)) for number, cells in lines)
        return [(number, cells[film], cells[column]) for number, cells in whole]

    @cached_property
    def _table(self) -> tuple[list[str], list[tuple[int, list[str]]]]:
        if self.table is None:
            return [], []
        table = numbered_table(self.table, ("film",))
        head = [name.lower() for name in table.head]
        if not {"split", "patient"} & set(head):
            raise DataError("has neither a column split nor a column patient", "add one", self.table)
        return head, table.lines

    @cached_property
    def _named_splits(self) -> dict[str, Split]:
        found: dict[str, Split] = {}
        wrong = []
        for number, film, written in self._column("split"):
            key, split = film_key(film_name(film)), spelled_split(written)
            if split is None:
                wrong.append(f"line {number}: {written!r:.20} is not train, valid or test")
            elif found.setdefault(key, split) != split:
                wrong.append(f"line {number}: {film!r:.60} is in {found[key]} already")
        if wrong:
            raise DataError(f"cannot be used: {some(wrong, 20)}", "correct it", self.table)
        return found

    @cached_property
    def _named_patients(self) -> dict[str, str]:
        return {film_key(film_name(film)): patient for _, film, patient in self._column("patient") if patient}


def _drawn(patients: dict[str, str], seed: int) -> dict[str, Split]:
    """Draw a split for each film; films of one patient are together.

    A split gets at most its share of the films; if no patient has so few, the patient with the fewest, as long as
    another is left for train.
    """
    groups: dict[str, list[str]] = {}
    for film_id in sorted(patients):
        patient = patients[film_id]
        groups.setdefault(f"patient {patient}" if patient else f"film {film_id}", []).append(film_id)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    found: dict[str, Split] = {}
    left = list(order)
    for split, share in SHARES.items():
        room = round(share * len(patients))
        chosen = []
        for group in left:
            if len(groups[group]) <= room:
                room -= len(groups[group])
                chosen.append(group)
        if not chosen and len(left) > 1:
            chosen = [min(left, key=lambda group: len(groups[group]))]
        left = [group for group in left if group not in chosen]
        found |= dict.fromkeys((film for group in chosen for film in groups[group]), split)
    return found | dict.fromkeys((film for group in left for film in groups[group]), "train")


def spelled_split(name: str) -> Split | None:
    """Return the split that a folder called ``name`` holds; None if the name does not say."""
    return SPELLINGS.get(name.casefold())
