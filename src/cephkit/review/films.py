"""The films of a session, in the order of the list; none of them is opened here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cephkit.cephalometry.norms import Subject
from cephkit.data.aariz import AarizFolder
from cephkit.data.about import About
from cephkit.data.film import Points, Split
from cephkit.data.names import film_key, film_name, first_free, of_film
from cephkit.data.spacing import Spacing
from cephkit.files import short_name


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
    truth: Mapping[str, Points] = field(default_factory=dict)
    """Annotator -> points, of a data set."""
    mean_truth: Points = field(default_factory=dict)
    """The mean of the annotators."""
    machine: str | None = None
    notes: tuple[str, ...] = ()
    """What is wrong with its labels."""

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
    folder: AarizFolder, root: Path, about: Mapping[str, About], spacing: Spacing | None = None
) -> list[ReviewFilm]:
    """Return the films of a data set; see ``films_of_folder``. A film whose labels cannot be read has none."""
    faults: dict[tuple[str, str], list[str]] = {}
    for problem in folder.problems:
        faults.setdefault((problem.split, problem.film_id), []).append(f"{problem.path.name}: {problem.text}")
    taken: set[str] = set()
    films = []
    for n, film in enumerate(folder.films):
        row = of_film(about, film.path) or About()
        truth = {annotator: points for annotator, points in film.annotations.items() if points}
        films.append(
            ReviewFilm(
                n, _free(film.film_id, taken), film.path, film.path.relative_to(root).as_posix(), film.split,
                row.spacing or spacing or film.spacing, Subject(row.age, row.sex), truth,
                film.points("mean"), film.machine, tuple(faults.get((film.split, film.film_id), ())),
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
