"""Films with a label file each: in Aariz's schema, as ``cephkit review`` and ``cephkit import`` write them.

A label file lies beside its film, in ``labels``, or in the folder of a review. Films of a review count once they are
confirmed; what a model found counts only then.
"""

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cephkit.data.labels import read_label
from cephkit.data.names import LABEL_ENDING, film_name
from cephkit.datasets.films import FilmsBelow, files_in, folders_in, peek
from cephkit.datasets.layout import Listed, Listing
from cephkit.datasets.marked import ANNOTATOR, fault, unlabelled
from cephkit.errors import LabelError, Note, some
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN, in_known_order
from cephkit.records.reader import record_of

LABELS, JOURNAL = "labels", "journal"
_LONGEST_LINE = 4 << 20


@dataclass
class _Found:
    """What is found while label files are read."""

    films: FilmsBelow
    schema: LandmarkSchema
    """Grows by what label files describe, unless the user chose one."""
    listed: list[Listed] = field(default_factory=list)
    unconfirmed: list[str] = field(default_factory=list)
    label_of: dict[Path, Path] = field(default_factory=dict)
    """Film -> label file."""


class LabelFiles:
    """A label file for each film."""

    title = "films with label files"
    wanted = "<film>.json beside each film, or in labels"
    usual = None

    def recognises(self, root: Path) -> bool:
        """Whether there is a label file."""
        return any(_is_label(path) for path in _candidates(root))

    def list(self, root: Path, schema: LandmarkSchema, unpacked: Path) -> Listing:
        """List the films; see ``Layout``."""
        listing, found = Listing(), _Found(FilmsBelow(root), schema)
        for path in filter(_is_label, _candidates(root)):
            try:
                _add(path, found, is_chosen=schema is not KNOWN)
            except LabelError as error:
                listing.faults.append(fault(error, film_name(path), str(path)))
        listing.films, listing.schema = found.listed, None if found.schema is schema else found.schema
        if found.unconfirmed:
            text = f"labels that nobody has confirmed, left out: {len(found.unconfirmed)}: {some(found.unconfirmed)}"
            listing.notes.append(Note("label", text, "confirm these films in cephkit review"))
        listing.notes += unlabelled(found.films.paths, found.label_of)
        return listing


def _add(path: Path, found: _Found, is_chosen: bool) -> None:
    """Add the film of a label file.

    Raises:
        LabelError: the file cannot be used, its film is not there, or the film has labels already.
    """
    content = read_label(path)
    record = record_of(content, path, found.schema)
    names = tuple(filter(None, (record.file, record.film_id)))
    film = found.films.find(names, str(path), _file_in_journal(path))
    other = found.label_of.setdefault(film, path)
    if other is not path:
        raise LabelError(f"a second label file of {film.name}, the other is {other}", "keep one of them", path)
    if not _is_confirmed(content):
        found.unconfirmed.append(path.name)
        return
    if not is_chosen and record.own_schema is not None:
        found.schema = in_known_order(found.schema, record.own_schema)
    listed = Listed(film_name(film), film, {ANNOTATOR: record.points}, record.spacing, marked_size=record.size)
    found.listed.append(listed)


def _is_confirmed(content: dict[str, Any]) -> bool:
    """Whether a person vouches for labels: confirmed in a review, or never a model's."""
    review = content.get("review")
    return review.get("confirmed") is True if isinstance(review, dict) else not content.get("model")


def _candidates(root: Path) -> list[Path]:
    """Return the files that may be labels: in the folder, in ``labels``, in the folders of films, and of reviews."""
    if not root.is_dir():
        return []
    folders = [root]
    for folder in folders_in(root):
        if folder.name != JOURNAL:
            folders.append(folder / LABELS if (folder / JOURNAL).is_dir() else folder)
    return [path for folder in folders for path in files_in(folder, LABEL_ENDING)]


def _is_label(path: Path) -> bool:
    seen = peek(path)
    return seen.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" and b'"landmarks"' in seen


def _file_in_journal(label: Path) -> str:
    """Return where the journal of a review says that the film of a label file lies; empty if there is none."""
    with contextlib.suppress(OSError, ValueError, RecursionError, AttributeError):
        with (label.parent.parent / JOURNAL / f"{label.stem}.jsonl").open("rb") as file:
            first = json.loads(file.readline(_LONGEST_LINE))
        written = first.get("film").get("file")
        return written if isinstance(written, str) else ""
    return ""
