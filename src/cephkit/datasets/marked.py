"""Films that were marked in another tool: what its file holds, joined with the films on disk."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cephkit.data.film import Split
from cephkit.data.labels import UNKNOWN
from cephkit.data.names import film_name
from cephkit.datasets.films import FilmsBelow
from cephkit.datasets.layout import Fault, Listed, Listing
from cephkit.errors import DataError, LabelError, Note, some
from cephkit.interchange.address import film_files
from cephkit.interchange.imported import Imported, Kind, Reading
from cephkit.landmarks.schema import LandmarkSchema

ANNOTATOR = "senior"
"""Whom labels of one unnamed annotator count as."""


@dataclass(frozen=True)
class LabelFile:
    """A file with the labels of many films."""

    path: Path
    films: tuple[Path, ...]
    """The folders of its films."""
    split: Split | None = None


def list_marked(
    files: Sequence[LabelFile],
    read: Callable[[Path, Reading], Imported],
    schema: LandmarkSchema,
    unnamed: tuple[str, ...] = (),
) -> Listing:
    """List the films in ``files``; those without labels are left out.

    Args:
        files: of one data set.
        read: the reader of ``interchange``.
        schema: the landmarks to read.
        unnamed: see ``Reading``.

    Raises:
        DataError: a file cannot be read, or names landmarks that no schema has.
    """
    listing = Listing()
    ignored: Counter[Kind] = Counter()
    unknown: dict[str, str] = {}
    there: list[Path] = []
    for file in files:
        reading = Reading(schema, unnamed, faults=[])
        try:
            found = read(file.path, reading)
        except LabelError as error:
            raise DataError(error.text, error.remedy, Path(error.path or file.path)) from error
        films = FilmsBelow(*file.films)
        _add(listing, file, found, reading, films)
        there += films.paths
        ignored += found.ignored
        unknown = reading.unknown | unknown
    if unknown:
        names = some([f"{name!r:.40}" for name in unknown], 60)
        where = next(iter(unknown.values()))
        raise DataError(f"{len(unknown)} landmarks are unknown: {names}; the first in {where}", UNKNOWN, files[0].path)
    listing.notes += unlabelled(there, [film.path for film in listing.films])
    if ignored:
        counted = ", ".join(kind.counted(number) for kind, number in ignored.most_common())
        listing.notes.append(Note("label", f"ignored: {counted}", "nothing to do, unless these are landmarks"))
    return listing


def only_file(files: Sequence[Path], title: str, root: Path) -> LabelFile:
    """Return the one file of labels in ``root``, with its films beside it or below.

    Raises:
        DataError: there are several.
    """
    path, *others = files
    if others:
        names = some([file.name for file in files])
        raise DataError(f"several files of {title}: {names}", "name one of them with --dataset_path", root)
    return LabelFile(path, (path.parent,))


def unlabelled(there: Iterable[Path], used: Iterable[Path]) -> list[Note]:
    """Return a note on the films that are ``there`` and not ``used``, if there are any."""
    names = [path.name for path in dict.fromkeys(there) if path not in set(used)]
    text = f"films without labels, not used: {len(names)}: {some(names)}"
    return [Note("label", text, "label them, if they should be used")] if names else []


def _add(listing: Listing, file: LabelFile, found: Imported, reading: Reading, films: FilmsBelow) -> None:
    for record in found.records:
        try:
            path = films.find((record.file, *record.other_files), record.where)
        except LabelError as error:
            listing.faults.append(fault(error, film_name(record.file), record.where))
            continue
        listed = Listed(
            film_name(path), path, {ANNOTATOR: record.points}, record.spacing, split=file.split,
            marked_size=record.size,
        )  # fmt: skip
        listing.films.append(listed)
    known = {film.path for film in listing.films}
    for written, why in reading.faults or []:
        film_id = film_name(written)[:80]
        with contextlib.suppress(LabelError):  # a film that is not there has this fault, too
            path = films.find(film_files(written, str(file.path)), str(file.path))
            film_id = film_name(path)
            if path not in known:  # so that it counts in a draw of splits, and is named there
                listing.films.append(Listed(film_id, path, split=file.split))
                known.add(path)
        listing.faults.append(fault(why, film_id, str(file.path)))


def fault(error: LabelError, film_id: str, where: str) -> Fault:
    """Return what ``error`` says of a film; ``where`` if the error does not say it."""
    return Fault(error.kind, error.text, error.remedy, film_id=film_id, where=str(error.path or where))
