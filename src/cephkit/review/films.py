"""The films of a session, in the order of the list; none of them is opened here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

from cephkit.cephalometry.norms import Subject
from cephkit.data.about import About
from cephkit.data.film import Points, Split
from cephkit.data.names import film_key, film_name, first_free, of_film
from cephkit.data.spacing import Spacing
from cephkit.doubts.reader import Doubt
from cephkit.files import short_name
from cephkit.geometry import Size
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.review.datasets import ListedDataset, Truth


@dataclass(frozen=True)
class ReviewFilm:
    """One film to review."""

    n: int
    """Its place in the list."""
    film_id: str
    """Names its files in the folder of results."""
    path: Path
    file: str
    """As the list shows it: the file's name, with its folders below the given one."""
    split: Split | None = None
    """Of a data set."""
    spacing: Spacing | None = None
    """That users or the data set give; None: what the film's file says."""
    subject: Subject = field(default_factory=Subject)
    machine: str | None = None
    read_truth: Callable[[], Truth] = Truth
    """Returns the labels of a data set, which are read when they are asked for. Ten thousand take a while."""
    doubts: tuple[Doubt, ...] = ()
    """What ``cephkit check`` found."""

    @cached_property
    def _truth(self) -> Truth:
        return self.read_truth()

    @property
    def truth(self) -> Mapping[str, Points]:
        """Annotator -> points, of a data set."""
        return self._truth.annotations

    @property
    def mean_truth(self) -> Points:
        """The mean of the annotators."""
        return self._truth.mean

    @property
    def marked_size(self) -> Size | None:
        """(height, width) of the picture that was labelled, if the labels say it."""
        return self._truth.marked_size

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with its labels."""
        return self._truth.faults

    @property
    def oddities(self) -> tuple[str, ...]:
        """What is odd about its labels, and does no harm."""
        return self._truth.oddities

    @property
    def doubtful(self) -> tuple[str, ...]:
        """What ``cephkit check`` found, as sentences."""
        return tuple(f"{doubt.annotator}: {doubt.text}" if doubt.annotator else doubt.text for doubt in self.doubts)

    @property
    def doubted(self) -> tuple[str, ...]:
        """The landmarks in doubt in the labels that are reviewed."""
        own = [doubt for doubt in self.doubts if doubt.annotator in ("", self.annotator)]
        return tuple(dict.fromkeys(symbol for doubt in own for symbol in doubt.landmarks))

    @property
    def annotator(self) -> str | None:
        """Whose labels are reviewed: the senior's if there are any."""
        return next(iter(self.truth), None)


@dataclass(frozen=True)
class Source:
    """What is reviewed, as the page names it."""

    kind: Literal["films", "dataset"]
    name: str


def films_of_folder(
    paths: Sequence[Path], root: Path, about: Mapping[str, About], spacing: Spacing | None = None
) -> list[ReviewFilm]:
    """Return the films in ``paths``, which lie below ``root``.

    Args:
        paths: in the order of the list.
        root: the folder that the user named.
        about: rows by ``film_key``; they count before ``spacing``.
        spacing: of all films.
    """
    films = []
    for n, (path, film_id) in enumerate(zip(paths, film_ids(paths, root), strict=True)):
        row = of_film(about, path) or About()
        films.append(
            ReviewFilm(
                n, film_id, path, path.relative_to(root).as_posix(), spacing=row.spacing or spacing,
                subject=Subject(row.age, row.sex),
            )
        )  # fmt: skip
    return films


def films_of_datasets(
    datasets: Iterable[ListedDataset],
    schema: LandmarkSchema,
    about: Mapping[str, About],
    spacing: Spacing | None = None,
) -> list[ReviewFilm]:
    """Return the films of data sets; see ``films_of_folder``. A film whose labels cannot be read has none.

    Films of several data sets have the names of these before their own.

    Args:
        datasets: in the order of the list.
        schema: the landmarks of the session; others in the labels are left out.
        about: rows by ``film_key``; they count before ``spacing``.
        spacing: of all films; counts before those of the data sets.
    """
    listed = list(datasets)
    taken: set[str] = set()
    films: list[ReviewFilm] = []
    for dataset in listed:
        for film in dataset.films:
            row = of_film(about, film.path) or About()
            name, file = film.film_id, _below(film.path, dataset.root)
            if len(listed) > 1:
                name, file = short_name(f"{dataset.name}_{name}"), f"{dataset.name}/{file}"
            films.append(
                ReviewFilm(
                    len(films), _free(name, taken), film.path, file, film.split, row.spacing or spacing or film.spacing,
                    Subject(row.age, row.sex), film.machine, partial(film.read, schema),
                )
            )  # fmt: skip
    return films


def film_ids(paths: Sequence[Path], root: Path) -> list[str]:
    """Name the results of each film: like the film, with the folders it lies in, and with its ending if need be.

    Adding films to a folder changes no other film's name, unless two differ by their endings alone.
    """
    taken: set[str] = set()
    ids = []
    for path in paths:
        folders = path.relative_to(root).parent.parts
        name = short_name("_".join((*folders, film_name(path))))
        if film_key(name) in taken:
            name = short_name("_".join((*folders, path.name)))
        ids.append(_free(name, taken))
    return ids


def _below(path: Path, root: Path) -> str:
    """Return where a film lies below ``root``; tables may name films elsewhere, and films of a stack are in a cache."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _free(name: str, taken: set[str]) -> str:
    found = first_free(name, lambda each: film_key(each) not in taken)
    taken.add(film_key(found))
    return found
