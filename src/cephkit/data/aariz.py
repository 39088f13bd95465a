"""The Aariz layout on disk: folders, endings, labels and machine map. Films are not decoded here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cephkit.data.film import SPLITS, Film, Points, Split
from cephkit.data.labelled import LabelledFilms, Problem
from cephkit.data.labels import landmarks_of, read_cvm_stage, read_label, schema_of_label
from cephkit.data.machines import FILE_NAME, MachineRow, read_machine_map
from cephkit.data.names import LABEL_ENDING, film_key, film_name, of_film, rows_without_film
from cephkit.data.opened import FILM_ENDINGS
from cephkit.data.spacing import Spacing
from cephkit.errors import DataError, LabelError, Note, some
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import AARIZ, KNOWN, named_schema

ANNOTATORS: dict[str, str] = {"senior": "Senior Orthodontists", "junior": "Junior Orthodontists"}
"""Annotator -> folder."""
SCHEMA_FILE = "landmarks.yaml"
"""Describes landmarks of the data set that cephkit does not know."""
MACHINE_MAP = "machine map"
"""Kind of notes about the file of machines and pixel sizes."""


@dataclass(frozen=True)
class AarizFolder:
    """A data set in the Aariz layout."""

    root: Path
    schema: LandmarkSchema | None = None
    """The landmarks to read; None: those of the folder's ``landmarks.yaml``, without one all that are known."""
    usual: LandmarkSchema = AARIZ

    def has(self, split: Split) -> bool:
        """Whether there is a folder of films for ``split``."""
        return has_split(self.root, split)

    def read(self, splits: Sequence[Split] = SPLITS) -> LabelledFilms:
        """Films and labels; see ``read_aariz``."""
        return read_aariz(self.root, splits, self.schema)


@dataclass(frozen=True)
class ListedFilm:
    """A film and the files of its labels, none of which has been opened."""

    film_id: str
    path: Path
    split: Split
    label_folder: Path
    """Where labels are, or would be."""
    labels: Mapping[str, Path] = field(default_factory=dict)
    """Annotator -> file."""
    machine: str | None = None
    spacing: Spacing | None = None
    problems: tuple[Problem, ...] = ()
    """Those that names alone tell."""


@dataclass(frozen=True)
class ListedFolder:
    """Films by split and name, as far as names and the machine map tell; see ``read_aariz``."""

    films: tuple[ListedFilm, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Note, ...] = ()


@dataclass
class LabelNames:
    """What landmarks are called in the label files read so far."""

    schema: LandmarkSchema = KNOWN
    is_open: bool = True
    """Whether files may add landmarks that they describe themselves."""

    @classmethod
    def of(cls, root: Path) -> "LabelNames":
        """Those of the ``landmarks.yaml`` in ``root``; without one, all that are known.

        Raises:
            SettingsError: it is no schema.
        """
        described = _entry(root, SCHEMA_FILE)
        return cls() if described is None else cls(named_schema(str(described)), is_open=False)

    def read(self, path: Path) -> tuple[Points, tuple[str, ...]]:
        """Read the points in a label file, and notes on it; see ``landmarks_of``."""
        label = read_label(path)
        if self.is_open:
            self.schema = schema_of_label(label, self.schema, path)
        return landmarks_of(label, path, self.schema)


def read_aariz(root: Path, splits: Sequence[Split] = SPLITS, schema: LandmarkSchema | None = None) -> LabelledFilms:
    """Films and labels under ``root``; folder names and endings in any case.

    Args:
        root: the folder.
        splits: those to read.
        schema: the landmarks to read; None: those of ``landmarks.yaml`` in the folder, without one all that are known,
            and those that label files describe themselves.

    Raises:
        DataError: ``root``, a split or its films are not there, or the machine map is no such table.
        SettingsError: ``landmarks.yaml`` is no schema.
    """
    listed = list_aariz(root, splits)
    names = LabelNames.of(Path(root)) if schema is None else LabelNames(schema, is_open=False)
    films: list[Film] = []
    problems, notes = list(listed.problems), list[Note]()
    stages: dict[Split, dict[str, int]] = {}
    for split in splits:
        stages[split], odd = _cvm_stages(split, _film_folder(Path(root), split)[0])
        notes += odd
    for film in listed.films:
        annotations, broken, odd = read_labels(film, names)
        problems += broken
        notes += odd
        films.append(
            Film(
                film.film_id, film.path, film.split, film.machine, film.spacing, annotations,
                stages[film.split].get(film.film_id),
            )
        )  # fmt: skip
    return LabelledFilms(tuple(films), tuple(problems), names.schema, (*notes, *listed.notes))


def list_aariz(root: Path, splits: Sequence[Split] = SPLITS) -> ListedFolder:
    """Films under ``root`` with the files of their labels, which are not opened; see ``read_aariz``.

    Raises:
        DataError: see ``read_aariz``.
    """
    root = Path(root)
    folders = {split: _film_folder(root, split) for split in splits}
    map_path = _entry(root, FILE_NAME)
    machines = read_machine_map(map_path) if map_path else {}
    notes = [] if map_path else [
        Note(MACHINE_MAP, f"no {FILE_NAME} in {root}: no film has a pixel size or a machine", (
            "add the file that came with the data set"
        ))
    ]  # fmt: skip
    films: list[ListedFilm] = []
    problems: list[Problem] = []
    for split, (split_folder, film_folder) in folders.items():
        found, broken = _list_split(split, split_folder, film_folder)
        problems += broken
        for film in found:
            row = of_film(machines, film.path)
            films.append(film if row is None else replace(film, machine=row.machine, spacing=row.spacing))
    files = [film.path for film in films] + _films_of_others(root, splits)
    notes += _machine_notes(films, machines) + _unmatched_rows(films, files, machines)
    return ListedFolder(tuple(films), tuple(problems), tuple(notes))


def read_labels(film: ListedFilm, names: LabelNames) -> tuple[dict[str, Points], list[Problem], list[Note]]:
    """Read the points of each annotator of a film who marked any, with problems and notes of these files."""
    name = f"{film.split}/{film.film_id}"
    annotations: dict[str, Points] = {}
    problems: list[Problem] = []
    notes: list[Note] = []
    for annotator, path in film.labels.items():
        try:
            points, oddities = names.read(path)
        except LabelError as error:
            kind, text, remedy = error.kind, error.text, error.remedy
            problems.append(Problem(kind, text, remedy, film_id=film.film_id, split=film.split, path=path))
            continue
        if points:
            annotations[annotator] = points
        remedy = "correct the label file, if it is wrong"
        notes += [Note("label", f"{name} ({annotator}): {note}", remedy) for note in oddities]
    if not annotations and not problems and not film.problems:
        text = f"film without landmarks of any annotator in {film.label_folder}"
        remedy = f"add {film.film_id}.json or remove the film"
        problems.append(Problem("label", text, remedy, film_id=film.film_id, split=film.split, path=film.path))
    return annotations, problems, notes


def has_split(root: Path, split: Split) -> bool:
    """Whether there is a folder of films for ``split``."""
    try:
        _film_folder(Path(root), split)
    except DataError:
        return False
    return True


def _film_folder(root: Path, split: Split) -> tuple[Path, Path]:
    if not root.is_dir():
        raise DataError("no such folder", f"--dataset_path must name the folder that holds {_wanted(split)}", root)
    split_folder = _entry(root, split, folder=True)
    film_folder = _entry(split_folder, "Cephalograms", folder=True) if split_folder else None
    if split_folder is None or film_folder is None:
        nested = next((path for path in _visible(root) if path.is_dir() and _entry(path, split, folder=True)), None)
        hint = f"did you mean --dataset_path {nested}?" if nested else ""
        found = some(sorted(path.name for path in _visible(split_folder or root))) or "nothing"
        where = split_folder or root
        raise DataError(f"not in the Aariz layout: looked for {_wanted(split)}, found {found} in {where}", hint, root)
    return split_folder, film_folder


def _wanted(split: Split) -> str:
    return f"{split}/Cephalograms"


def _visible(folder: Path) -> list[Path]:
    try:
        # Names with a leading dot are leavings of file managers, such as ._film.png.
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"cannot be listed: {error}", "check that you may read it", folder) from error


def _entry(parent: Path, name: str, *, folder: bool = False) -> Path | None:
    """``parent``'s entry of that name in any case."""
    found = [path for path in _visible(parent) if path.name.lower() == name.lower() and path.is_dir() == folder]
    if len(found) > 1:
        raise DataError(f"{some([path.name for path in found])} are the same name", "keep one of them", parent)
    return found[0] if found else None


def _list_split(split: Split, split_folder: Path, film_folder: Path) -> tuple[list[ListedFilm], list[Problem]]:
    by_stem: dict[str, list[Path]] = {}
    for path in _visible(film_folder):
        if path.suffix.lower() in FILM_ENDINGS:
            by_stem.setdefault(film_name(path), []).append(path)
    problems: dict[str, list[Problem]] = {}

    def broken(film_id: str, path: Path, kind: str, text: str, remedy: str) -> None:
        found = Problem(kind, text, remedy, film_id=film_id, split=split, path=path)
        problems.setdefault(film_id, []).append(found)

    for film_id, paths in by_stem.items():
        if len(paths) > 1:
            files = some([path.name for path in paths])
            broken(film_id, paths[1], "film", f"one film id with {len(paths)} files: {files}", "keep one of them")
    annotation_folder = _entry(split_folder, "Annotations", folder=True)
    landmark_folder = _entry(annotation_folder, "Cephalometric Landmarks", folder=True) if annotation_folder else None
    by_key = {film_key(film_id): film_id for film_id in by_stem}
    labels: dict[str, dict[str, Path]] = {film_id: {} for film_id in by_stem}
    for annotator, name in ANNOTATORS.items():
        for written, path in _label_files(landmark_folder, name):
            film_id = written if written in by_stem else by_key.get(film_key(written), written)
            if film_id not in by_stem:
                text = f"label without a film {film_id} ({', '.join(FILM_ENDINGS)}) in {film_folder}"
                broken(film_id, path, "label", text, "add the film or remove the label")
            elif annotator in labels[film_id]:
                text = f"a second label of {name} for this film, by another spelling of its name"
                broken(film_id, path, "label", text, "keep one of them")
            else:
                labels[film_id][annotator] = path
    folder = landmark_folder or split_folder / "Annotations" / "Cephalometric Landmarks"
    films = [
        ListedFilm(film_id, path, split, folder, labels[film_id], problems=tuple(problems.get(film_id, ())))
        for film_id, (path, *others) in by_stem.items()
        if not others
    ]
    return films, [problem for found in problems.values() for problem in found]


def _label_files(parent: Path | None, name: str) -> Iterable[tuple[str, Path]]:
    folder = _entry(parent, name, folder=True) if parent else None
    if folder is None:
        return []
    return [(film_name(path), path) for path in _visible(folder) if path.suffix.lower() == ".json"]


def label_path(root: Path, split: Split, folder: str, film: Path) -> Path:
    """Return the file of a film's labels in an annotator's ``folder``: the one that is there, else where it would be.

    Raises:
        DataError: ``root`` is not in the Aariz layout.
    """
    parent = _film_folder(Path(root), split)[0]
    for name in ("Annotations", "Cephalometric Landmarks", folder):
        parent = _entry(parent, name, folder=True) or parent / name if parent.is_dir() else parent / name
    labels = _visible(parent) if parent.is_dir() else []
    found = [path for path in labels if path.suffix.lower() == LABEL_ENDING]
    named = [path for path in found if film_name(path) == film_name(film)]
    alike = [path for path in found if film_key(film_name(path)) == film_key(film_name(film))]
    return next(iter((*named, *alike)), parent / f"{film_name(film)}{LABEL_ENDING}")


def _cvm_stages(split: Split, split_folder: Path) -> tuple[dict[str, int], list[Note]]:
    stages: dict[str, int] = {}
    unread: list[str] = []
    for film_id, path in _label_files(_entry(split_folder, "Annotations", folder=True), "CVM Stages"):
        try:
            stages[film_id] = read_cvm_stage(path)
        except LabelError:
            unread.append(film_id)
    text = f"{split}: CVM stage of {len(unread)} films cannot be read: {some(unread)}"
    note = Note("CVM stages", text, "nothing to do: training does not use them")
    return stages, [note] if unread else []


def _films_of_others(root: Path, splits: Sequence[Split]) -> list[Path]:
    """Film files of the splits that are not read: a machine map usually names all films of a data set."""
    others = [split for split in SPLITS if split not in splits and has_split(root, split)]
    return [path for split in others for path in _visible(_film_folder(root, split)[1])]


def _unmatched_rows(films: Sequence[ListedFilm], files: Sequence[Path], machines: dict[str, MachineRow]) -> list[Note]:
    """Notes on films that the machine map does not name, and on its rows that name no film."""
    absent = [film.film_id for film in films if of_film(machines, film.path) is None] if machines else []
    unused = [machines[key].film for key in rows_without_film(machines, files)]
    notes = []
    if absent:
        text = f"films without a row in {FILE_NAME}: {len(absent)}: {some(absent)}"
        notes.append(Note(MACHINE_MAP, text, "add their rows, or correct the names there"))
    if unused:
        text = f"rows of {FILE_NAME} without a film: {len(unused)}: {some(unused)}"
        remedy = "nothing to do if the folder is a part of a data set; otherwise correct them"
        notes.append(Note(MACHINE_MAP, text, remedy))
    return notes


def _machine_notes(films: Sequence[ListedFilm], machines: dict[str, MachineRow]) -> list[Note]:
    notes = []
    faulty = [f"{film.film_id} ({row.fault})" for film in films if (row := of_film(machines, film.path)) and row.fault]
    if faulty:
        text = f"{FILE_NAME}: pixel size not taken for {len(faulty)} films: {some(faulty)}"
        notes.append(Note(MACHINE_MAP, text, "correct these rows of the file"))
    elsewhere = [
        f"{film.film_id} ({row.mode}, lies in {film.split})"
        for film in films
        if (row := of_film(machines, film.path)) and row.mode and row.mode.lower() != film.split
    ]
    if elsewhere:
        text = f"{FILE_NAME}: split differs from the folder for {len(elsewhere)} films: {some(elsewhere)}"
        notes.append(Note(MACHINE_MAP, text, "correct these rows of the file"))
    return notes
