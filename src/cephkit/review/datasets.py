"""Data sets to review, in any layout that can be trained on: their films, and the landmarks that these can have."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cephkit.data.aariz import AarizFolder, LabelNames, ListedFilm, list_aariz, read_labels
from cephkit.data.film import SPLITS, Film, Points, Split
from cephkit.data.labelled import LabelledFilms, Problem, Source
from cephkit.data.spacing import Spacing
from cephkit.datasets.layout import LayoutSource
from cephkit.errors import SettingsError, some
from cephkit.geometry import Size
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN
from cephkit.review.schema import USUAL

SAMPLE = 200
"""Films of a data set in the Aariz layout whose labels are read at the start, to learn which landmarks they have."""


@dataclass(frozen=True)
class Truth:
    """What the annotators of a data set marked on a film."""

    annotations: Mapping[str, Points] = field(default_factory=dict)
    mean: Points = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    """What is wrong with the labels."""
    oddities: tuple[str, ...] = ()
    """What is odd about them, and does no harm."""
    marked_size: Size | None = None
    """(height, width) of the picture that was marked, if the labels say it."""


@dataclass(frozen=True)
class DatasetFilm:
    """A film of a data set. Its labels may not have been read."""

    film_id: str
    path: Path
    split: Split
    machine: str | None
    spacing: Spacing | None
    read: Callable[[LandmarkSchema], Truth]
    """Returns the labels, those of the landmarks of a schema."""


@dataclass(frozen=True)
class ListedDataset:
    """A data set as it was listed."""

    name: str
    root: Path
    films: tuple[DatasetFilm, ...]
    schema: LandmarkSchema
    """The landmarks that its films can have."""
    notes: tuple[str, ...] = ()


def listed_dataset(name: str, source: Source, splits: Sequence[Split] = ()) -> ListedDataset:
    """List the films of a data set.

    Args:
        name: of the data set.
        source: reads it.
        splits: those to list; none: all that it has.

    Raises:
        DataError: it cannot be read, or a split is not there.
        SettingsError: its ``landmarks.yaml`` is not a schema, or it has no film.
    """
    wanted = tuple(splits) or tuple(split for split in SPLITS if source.has(split)) or SPLITS
    if isinstance(source, AarizFolder):
        return _of_aariz(name, source, wanted)
    return _of_layout(name, source, source.read(wanted))


def _of_aariz(name: str, source: AarizFolder, splits: Sequence[Split]) -> ListedDataset:
    folder = list_aariz(source.root, splits)
    if not folder.films:
        raise SettingsError("contains no film", path=source.root)
    names = LabelNames.of(source.root) if source.schema is None else LabelNames(source.schema, is_open=False)
    films = tuple(
        DatasetFilm(
            film.film_id, film.path, film.split, film.machine, film.spacing,
            partial(_truth_in_files, film, names.schema, names.is_open),
        )
        for film in folder.films
    )  # fmt: skip
    schema = _marked_in(folder.films) if names.is_open else names.schema
    return ListedDataset(name, source.root, films, schema, tuple(map(str, folder.notes)))


def _marked_in(films: Sequence[ListedFilm]) -> LandmarkSchema:
    """Return the landmarks of labels: the 29 of Aariz if a sample has no others, else those that it has."""
    names, symbols = LabelNames(), set[str]()
    for film in films[:: -(-len(films) // SAMPLE)]:
        symbols.update(symbol for points in read_labels(film, names)[0].values() for symbol in points)
    return USUAL if symbols <= set(USUAL.symbols) else names.schema.of(symbols)


def _truth_in_files(film: ListedFilm, names: LandmarkSchema, is_open: bool, schema: LandmarkSchema) -> Truth:
    annotations, problems, notes = read_labels(film, LabelNames(names, is_open))
    labelled = Film(film.film_id, film.path, film.split, annotations=annotations)
    return _truth(labelled, schema, [*film.problems, *problems], tuple(note.text for note in notes))


def _of_layout(name: str, source: Source, found: LabelledFilms) -> ListedDataset:
    problems: dict[tuple[str, str], list[Problem]] = {}
    for problem in found.problems:
        problems.setdefault((problem.split, problem.film_id), []).append(problem)
    films = tuple(
        DatasetFilm(
            film.film_id, film.path, film.split, film.machine, film.spacing,
            partial(_truth, film, problems=problems.pop((film.split, film.film_id), [])),
        )
        for film in found.films
    )  # fmt: skip
    lost = [str(problem) for without_film in problems.values() for problem in without_film]
    notes = [f"labels that cannot be used: {len(lost)}: {some(lost)}"] if lost else []
    return ListedDataset(
        name, source.root, films, _carried(source, found), (*map(str, found.notes), *notes)
    )  # fmt: skip


def _carried(source: Source, found: LabelledFilms) -> LandmarkSchema:
    """Return the landmarks that a user chose, else the usual ones of the layout and those that films have."""
    if isinstance(source, LayoutSource) and source.schema is not KNOWN:
        return found.schema
    marked = (symbol for film in found.films for points in film.annotations.values() for symbol in points)
    usual = (symbol for symbol in source.usual.symbols if symbol in found.schema)
    return found.schema.of({*usual, *marked}) or USUAL


def _truth(film: Film, schema: LandmarkSchema, problems: Sequence[Problem], oddities: tuple[str, ...] = ()) -> Truth:
    """Return the labels of a film without the landmarks that ``schema`` lacks."""

    def kept(points: Points) -> Points:
        return {symbol: point for symbol, point in points.items() if symbol in schema}

    return Truth(
        {annotator: kept(points) for annotator, points in film.annotations.items()},
        kept(film.points("mean")),
        tuple(f"{problem.path.name}: {problem.text}" for problem in problems),
        oddities,
        film.marked_size,
    )
