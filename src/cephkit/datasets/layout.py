"""What a layout of a data set hands over, and the labelled films that come of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cephkit.data.film import SPLITS, Film, Points, Split
from cephkit.data.labelled import LabelledFilms, Problem
from cephkit.data.names import film_key
from cephkit.data.spacing import Spacing
from cephkit.datasets.splits import Splitting
from cephkit.errors import DataError, Note
from cephkit.geometry import Size
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN, in_known_order


@dataclass(frozen=True)
class Listed:
    """A film and its labels as a layout lists them."""

    film_id: str
    path: Path
    annotations: dict[str, Points] = field(default_factory=dict)
    """Annotator (``senior``, ``junior``) -> points in film pixels, pixel centres at integers; one unnamed annotator
    counts as the senior."""
    spacing: Spacing | None = None
    machine: str | None = None
    split: Split | None = None
    """None: the layout has no splits."""
    patient: str = ""
    """Whose film it is; films of one patient stay in one split. Empty: nobody else's."""
    marked_size: Size | None = None
    """(height, width) of the picture that was marked, if the labels say it; a film of another size is a problem."""


@dataclass(frozen=True)
class Fault(Note):
    """Something about a film that cannot be used, and what to do."""

    film_id: str = field(kw_only=True)
    where: str = field(kw_only=True)
    """File and line."""


@dataclass
class Listing:
    """All that a layout finds in a folder."""

    films: list[Listed] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    schema: LandmarkSchema | None = None
    """The landmarks, where the labels describe some themselves."""


class Layout(Protocol):
    """Reads one way of storing labelled films. To add one, see docs/extend.md."""

    @property
    def title(self) -> str:
        """For people, such as ``ISBI 2015``."""

    @property
    def usual(self) -> LandmarkSchema | None:
        """The landmarks that such a data set has; None: any."""

    @property
    def wanted(self) -> str:
        """What ``recognises`` looks for, for the error when no layout fits."""

    def recognises(self, root: Path) -> bool:
        """Whether the folder or file ``root`` is in this layout; reads no more than names and first lines."""

    def list(self, root: Path, schema: LandmarkSchema, unpacked: Path) -> Listing:
        """List the films and their labels; no film is decoded.

        Args:
            root: the folder or file.
            schema: finds the landmarks by the names that the files use. One that the user chose is in the order of its
                file, for labels that number their landmarks; ``KNOWN`` if none was chosen.
            unpacked: a folder to keep films in that lie in one large file.

        Raises:
            DataError: the data set as a whole cannot be read. Faults of single films and lines are in the listing.
        """


@dataclass(frozen=True)
class LayoutSource:
    """The labelled films of a folder in some layout; read once, when they are asked for."""

    root: Path
    layout: Layout
    schema: LandmarkSchema
    splitting: Splitting
    unpacked: Path
    notes: tuple[Note, ...] = ()
    """What a user should know about the choice of the layout."""

    @property
    def usual(self) -> LandmarkSchema:
        """The landmarks that films of such a data set usually carry."""
        return self.layout.usual or LandmarkSchema("none", ())

    def has(self, split: Split) -> bool:
        """Whether there are films of ``split``."""
        return split in self._splits.values()

    def read(self, splits: Sequence[Split] = SPLITS) -> LabelledFilms:
        """Read the films and labels of ``splits``; see ``Source``."""
        empty = [split for split in splits if not self.has(split)]
        if empty:
            there = ", ".join(split for split in SPLITS if self.has(split)) or "no film"
            raise DataError(
                f"no film in {' and '.join(empty)}; this {self.layout.title} data set has {there}",
                "choose other splits, or make them with --splits_from FILE", self.root,
            )  # fmt: skip
        films = [self._film(listed) for listed in self._listing.films if self._splits[listed.film_id] in splits]
        schema = self._found_schema
        films.sort(key=lambda film: (splits.index(film.split), film.film_id))
        problems = [
            Problem(
                fault.kind, fault.text, fault.remedy,
                film_id=fault.film_id, split=self._splits.get(fault.film_id, splits[0]), path=Path(fault.where),
            )
            for fault in self._faults
            if self._splits.get(fault.film_id, splits[0]) in splits
        ]  # fmt: skip
        return LabelledFilms(tuple(films), tuple(problems), schema, (*self.notes, *self._listing.notes))

    def _film(self, listed: Listed) -> Film:
        annotations = {
            annotator: {symbol: points[symbol] for symbol in self._found_schema.symbols if symbol in points}
            for annotator, points in listed.annotations.items()
        }
        return Film(
            listed.film_id, listed.path, self._splits[listed.film_id], listed.machine, listed.spacing,
            {annotator: points for annotator, points in annotations.items() if points},
            marked_size=listed.marked_size, patient=self.splitting.patient(listed),
        )  # fmt: skip

    @cached_property
    def _found_schema(self) -> LandmarkSchema:
        found = self._listing.schema or self.schema
        return KNOWN if found is KNOWN else in_known_order(found)

    @cached_property
    def _listing(self) -> Listing:
        listing = self.layout.list(self.root, self.schema, self.unpacked)
        if not listing.films:
            first = f": {listing.faults[0]}" if listing.faults else ""
            raise DataError(f"no film in this {self.layout.title} data set{first}", "check the folder", self.root)
        listing.films, twice = _once(listing.films)
        listing.faults += twice
        listing.notes += self.splitting.notes(listing.films, self.root)
        return listing

    @cached_property
    def _faults(self) -> list[Fault]:
        faulty = {fault.film_id for fault in self._listing.faults}
        bare = [
            Fault("label", "film without landmarks", "add its labels or remove the film", film_id=film.film_id,
                  where=str(film.path))
            for film in self._listing.films
            if film.film_id not in faulty and not any(film.annotations.values())
        ]  # fmt: skip
        return [*self._listing.faults, *bare]

    @cached_property
    def _splits(self) -> dict[str, Split]:
        return self.splitting.of(self._listing.films)


def _once(films: Iterable[Listed]) -> tuple[list[Listed], list[Fault]]:
    """Return each film once, and a fault for each name that two films have."""
    known: dict[str, Listed] = {}
    twice = []
    for film in films:
        other = known.setdefault(film_key(film.film_id), film)
        if other is not film:
            text = f"two films of one name, the other is {other.path}"
            twice.append(Fault("film", text, "rename one of them", film_id=other.film_id, where=str(film.path)))
    return list(known.values()), twice
