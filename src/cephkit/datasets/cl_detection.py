"""The CL-Detection 2023 challenge: 38 landmarks, with the pixel size of each film.

As published: ``train_stack.mha``, all films in one file, and ``train-gt.json``, a list of points whose third coordinate
is the number of the film. Its users' scripts save the films one by one, numbered from 0 or from 1, or make a COCO data
set without names of landmarks. Source: the README and the scripts of its organisers, github.com/cwwang1979.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cephkit.data.film import FARTHEST_PX, Points
from cephkit.data.folder import search
from cephkit.data.json_values import number, object_list, read_json
from cephkit.data.names import film_name
from cephkit.data.spacing import Spacing, square
from cephkit.datasets.coco import coco_files, is_unnamed, list_coco
from cephkit.datasets.films import files_in, folders_in
from cephkit.datasets.layout import Fault, Listed, Listing
from cephkit.datasets.marked import ANNOTATOR
from cephkit.datasets.unpack import unpack
from cephkit.errors import DataError, LabelError, Note, SettingsError, some
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import in_known_order, shipped

SCHEMA = "cl_detection2023"
LABELS, STACKS = "train-gt.json", ("train_stack.mha", "train-stack.mha")
LARGEST_LABELS = 16 << 20
MOST_FILMS = 10_000
CUT = "processed_images"
"""The folder in which the organisers' script saves films without padding, beside those with it."""
_MACHINES = {0.1: "Soredex CRANEX Excel Ceph", 0.096: "Soredex CRANEX D Ceph", 0.125: "Planmeca ProMax 3D"}
"""Pixel size in mm -> machine, as published; that of the third varies."""
_WITHIN_MM = {0.1: 1e-6, 0.096: 1e-6, 0.125: 0.012}
_NUMBERED = "number the films 1 to N, as the third coordinates do"


class ClDetection2023:
    """The stack, or films one by one, with ``train-gt.json``."""

    title = "CL-Detection 2023"
    wanted = f"{LABELS}, with {STACKS[0]} or numbered films"

    @property
    def usual(self) -> LandmarkSchema:
        """Its 38 landmarks."""
        return in_known_order(shipped(SCHEMA))

    def recognises(self, root: Path) -> bool:
        """Whether the labels are there, at the top or up to two levels below."""
        return bool(_named(root, (LABELS,)))

    def list(self, root: Path, schema: LandmarkSchema, unpacked: Path) -> Listing:
        """List the films, those of a stack in files of their own; see ``Layout``."""
        labels, stacks = _named(root, (LABELS,)), _named(root, STACKS)
        for found in (labels, stacks):
            if len(found) > 1:
                raise DataError(
                    f"{found[0].name} is there twice: {some([str(each) for each in found])}", "keep one", root
                )
        marked = _read(labels[0])
        if not marked.films:
            raise DataError("holds no points of films", "copy it again", labels[0])
        last = max(marked.films)
        notes: Iterable[Note] = ()
        paths, notes = unpack(stacks[0], last, unpacked) if stacks else (_numbered(root, last), ())
        listing = Listing(faults=marked.faults, notes=[*notes, *marked.notes(labels[0])])
        for film, points in sorted(marked.films.items()):
            film_id = f"{film:03d}"
            if film in paths:
                spacing = marked.spacing(film)
                machine = _machine(spacing)
                listing.films.append(Listed(film_id, paths[film], {ANNOTATOR: points}, spacing, machine))
            else:
                text = f"there is no film {film}"
                listing.faults.append(
                    Fault("label", text, "copy the films again", film_id=film_id, where=str(labels[0]))
                )
        return listing


class ClDetectionCoco:
    """The COCO files that the challenge's second baseline makes; they have splits."""

    title = "CL-Detection 2023 (COCO)"
    wanted = "train.json and valid.json of CL-Detection's MMPose baseline"

    @property
    def usual(self) -> LandmarkSchema:
        """Its 38 landmarks."""
        return in_known_order(shipped(SCHEMA))

    def recognises(self, root: Path) -> bool:
        """Whether there is a COCO file as the baseline writes it."""
        return any(is_unnamed(file.path) for file in coco_files(root))

    def list(self, root: Path, schema: LandmarkSchema, unpacked: Path) -> Listing:
        """List the films; see ``Layout``."""
        listing = list_coco(root, schema, shipped(SCHEMA).symbols)
        listing.films = [replace(film, machine=_machine(film.spacing)) for film in listing.films]
        return listing


@dataclass
class _Marked:
    """What the file of labels says."""

    films: dict[int, Points] = field(default_factory=dict)
    scales: dict[int, set[str]] = field(default_factory=dict)
    """Film -> mm per pixel, as written."""
    faults: list[Fault] = field(default_factory=list)

    def spacing(self, film: int) -> Spacing | None:
        """Return the pixel size of a film; None if it is not one."""
        try:
            (scale,) = self.scales[film]
            return square(float(scale), "CL-Detection 2023")
        except (KeyError, ValueError, SettingsError):
            return None

    def notes(self, path: Path) -> Iterable[Note]:
        """Yield what a user should know about the pixel sizes."""
        without = [f"{film} ({', '.join(sorted(self.scales[film]))})" for film in self.films if not self.spacing(film)]
        if without:
            text = f"{path}: pixel size not taken for {len(without)} films: {some(without)}"
            yield Note("pixel size", text, "correct the scale of their points")


def _read(path: Path) -> _Marked:
    """Read the labels.

    Raises:
        DataError: it is not such a file. What is wrong with single points is in the result.
    """
    try:
        content = read_json(path, LARGEST_LABELS)
        entries = object_list(content if isinstance(content, dict) else {}, "points", path)
    except LabelError as error:
        raise DataError(error.text, "copy train-gt.json again", path) from error
    marked = _Marked()
    symbols = shipped(SCHEMA).symbols
    for position, entry in enumerate(entries, start=1):
        where = f"{path}: point {position}"
        film = _film(entry.get("point"))
        try:
            if film is None:
                raise LabelError(f"point is {entry.get('point')!r:.60}, expected x, y and the film's number", "", where)
            points = marked.films.setdefault(film, {})
            marked.scales.setdefault(film, set()).add(f"{entry.get('scale')!s:.20}")
            name = str(entry.get("name"))
            if not (name.isascii() and name.isdigit() and len(name) < 5 and 1 <= int(name) <= len(symbols)):
                raise LabelError(f"name is {entry.get('name')!r:.40}, expected 1 to {len(symbols)}", "", where)
            symbol = symbols[int(name) - 1]
            if symbol in points:
                raise LabelError(f"landmark {name} appears twice on film {film}", "", where)
            x, y = (
                number(value, f"{axis} of landmark {name}", where)
                for axis, value in zip("xy", entry["point"], strict=False)
            )
            points[symbol] = (x, y)
        except LabelError as error:
            film_id = f"point {position}" if film is None else f"{film:03d}"
            marked.faults.append(Fault("label", error.text, "correct it", film_id=film_id, where=where))
    return marked


def _film(point: Any) -> int | None:
    """Return the number of the film that a point lies on, from 1; None if it is not a point."""
    if not isinstance(point, list) or len(point) != 3:
        return None
    film = point[2]
    is_number = isinstance(film, int | float) and not isinstance(film, bool) and abs(film) <= FARTHEST_PX
    return int(film) if is_number and film == int(film) and 1 <= film <= MOST_FILMS else None


def _numbered(root: Path, last: int) -> dict[int, Path]:
    """Return films that were saved one by one, by their numbers from 1.

    Raises:
        DataError: there are none, or nothing tells which is the first, or where they are.
    """
    folders: dict[Path, dict[int, Path]] = {}
    for path in search(root, recursive=True).films:
        name = film_name(path)
        if name.isascii() and name.isdigit() and len(name) <= 6:
            folders.setdefault(path.parent, {})[int(name)] = path
    cut = [folder for folder in folders if folder.name == CUT]
    if not folders:
        text = f"found {LABELS}, but neither {' nor '.join(STACKS)} nor films called 1, 2, ..."
        raise DataError(text, "add the films", root)
    if len(folders) > 1 and len(cut) != 1:
        names = some([str(folder.relative_to(root)) for folder in folders])
        raise DataError(f"numbered films in {len(folders)} folders: {names}", "keep one of them", root)
    films = folders[cut[0]] if cut else next(iter(folders.values()))
    if 0 in films and last not in films:
        return {film + 1: path for film, path in films.items()}
    if last in films and 0 not in films:
        return films
    there = f"{min(films)} to {max(films)}"
    text = f"films are numbered {there} and labels 1 to {last}, so it is not clear which film has which labels"
    raise DataError(text, _NUMBERED, next(iter(films.values())).parent)


def _machine(spacing: Spacing | None) -> str | None:
    """Return the machine whose films have this pixel size."""
    if spacing is None:
        return None
    return next((name for size, name in _MACHINES.items() if abs(spacing.mean_mm - size) <= _WITHIN_MM[size]), None)


def _named(root: Path, names: tuple[str, ...]) -> list[Path]:
    """Return the files of one of ``names``, at the top or up to two levels below."""
    if not root.is_dir():
        return []
    folders = [root, *(each for folder in folders_in(root) for each in (folder, *folders_in(folder)))]
    endings = {Path(name).suffix for name in names}
    return [path for folder in folders for path in files_in(folder, *endings) if path.name.lower() in names]
