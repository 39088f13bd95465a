"""The films of a session, in the order of the list; none of them is opened here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from cephkit.cephalometry.norms import Subject
from cephkit.data.aariz import LabelNames, ListedFilm, ListedFolder, read_labels
from cephkit.data.about import About
from cephkit.data.film import Film, Points, Split
from cephkit.data.names import film_key, film_name, first_free, of_film
from cephkit.data.spacing import Spacing
from cephkit.files import short_name
from cephkit.landmarks.shipped import AARIZ


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
    listed: ListedFilm | None = None
    """Of a data set: its labels, which are read when they are asked for. Ten thousand take a while."""

    @cached_property
    def _labels(self) -> tuple[Film, tuple[str, ...], tuple[str, ...]]:
        """The film with its labels; what is wrong with them, and what is odd."""
        if self.listed is None:
            return Film(self.film_id, self.path, "test"), (), ()
        listed = self.listed
        annotations, problems, notes = read_labels(listed, LabelNames())
        faults = tuple(f"{problem.path.name}: {problem.text}" for problem in (*listed.problems, *problems))
        kept = {
            annotator: {symbol: point for symbol, point in points.items() if symbol in AARIZ}
            for annotator, points in annotations.items()
        }
        labelled = Film(listed.film_id, listed.path, listed.split, annotations=kept)
        return labelled, faults, tuple(note.text for note in notes)

    @property
    def truth(self) -> Mapping[str, Points]:
        """Annotator -> points, of a data set."""
        return self._labels[0].annotations

    @property
    def mean_truth(self) -> Points:
        """The mean of the annotators."""
        return self._labels[0].points("mean")

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with its labels."""
        return self._labels[1]

    @property
    def oddities(self) -> tuple[str, ...]:
        """What is odd about its labels, and does no harm."""
        return self._labels[2]

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


def films_of_dataset(
    folder: ListedFolder, root: Path, about: Mapping[str, About], spacing: Spacing | None = None
) -> list[ReviewFilm]:
    """Return the films of a data set; see ``films_of_folder``. A film whose labels cannot be read has none."""
    taken: set[str] = set()
    films = []
    for n, film in enumerate(folder.films):
        row = of_film(about, film.path) or About()
        films.append(
            ReviewFilm(
                n, _free(film.film_id, taken), film.path, film.path.relative_to(root).as_posix(), film.split,
                row.spacing or spacing or film.spacing, Subject(row.age, row.sex), film.machine, film,
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


def _free(name: str, taken: set[str]) -> str:
    found = first_free(name, lambda each: film_key(each) not in taken)
    taken.add(film_key(found))
    return found
