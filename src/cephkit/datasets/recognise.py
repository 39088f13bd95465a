"""Recognises the layout of one data set by looking at its folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cephkit.data.aariz import SCHEMA_FILE, AarizFolder
from cephkit.data.cache import cache_folder
from cephkit.data.film import SPLITS, Split
from cephkit.data.labelled import LabelledFilms, Source
from cephkit.datasets.cl_detection import ClDetection2023, ClDetectionCoco
from cephkit.datasets.coco import CocoKeypoints
from cephkit.datasets.cvat import Cvat
from cephkit.datasets.isbi import Isbi2015
from cephkit.datasets.label_studio import LabelStudio
from cephkit.datasets.layout import Layout, LayoutSource
from cephkit.datasets.reviewed import LabelFiles
from cephkit.datasets.splits import Splitting
from cephkit.datasets.table import LandmarkTable
from cephkit.errors import DataError, Note, some
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import AARIZ, KNOWN, named_schema, schema_as_written
from cephkit.settings.options import DataPaths

LAYOUTS: list[Layout] = [
    Isbi2015(),
    ClDetection2023(),
    ClDetectionCoco(),
    CocoKeypoints(),
    Cvat(),
    LabelStudio(),
    LandmarkTable(),
    LabelFiles(),
]
"""In the order in which they are tried, after Aariz: the more special ones first."""


def recognised(root: Path, options: DataPaths) -> Source:
    """Return the data set in ``root``, read as ``options`` say.

    Raises:
        SettingsError: see ``named_schema``.
        DataError: its folder cannot be listed.
    """
    aariz = AarizFolder(root, None if options.landmarks is None else named_schema(options.landmarks))
    if _is_aariz(root):
        return aariz
    layouts = matching(root)
    if not layouts:
        return Unrecognised(root)
    layout, *others = layouts
    own = (root if root.is_dir() else root.parent) / SCHEMA_FILE
    named = options.landmarks or (str(own) if own.is_file() else None)
    schema = KNOWN if named is None else schema_as_written(named)
    splitting = Splitting(options.splits_from, options.split_seed)
    notes = [_taken(root, layout, others)] if others else []
    return LayoutSource(root, layout, schema, splitting, cache_folder(options.cache_dir) / "unpacked", tuple(notes))


def matching(root: Path) -> list[Layout]:
    """Return the layouts that recognise ``root``, the one to take first; none if it does not exist."""
    return [layout for layout in LAYOUTS if root.exists() and layout.recognises(root)]


def _is_aariz(root: Path) -> bool:
    return any(AarizFolder(root).has(split) for split in SPLITS)


def _taken(root: Path, layout: Layout, others: Sequence[Layout]) -> Note:
    also = ", ".join(other.title for other in others)
    text = f"{root}: read as {layout.title}, found by {layout.wanted}; it could also be read as {also}"
    return Note("layout", text, "for that, name its file, or move the other labels away")


@dataclass(frozen=True)
class Unrecognised:
    """A folder or file in no layout that cephkit reads; reading it says what was looked for."""

    root: Path
    usual: LandmarkSchema = AARIZ

    def has(self, split: Split) -> bool:
        """No film was found in it."""
        return False

    def read(self, splits: Sequence[Split] = SPLITS) -> LabelledFilms:
        """Explain what was looked for.

        Raises:
            DataError: always.
        """
        if not self.root.exists():
            remedy = "--dataset_path must name a folder of films and labels, or a file of labels; see docs/data.md"
            raise DataError("no such folder", remedy, self.root)
        looked = [("Aariz", f"{SPLITS[0]}/Cephalograms"), *((layout.title, layout.wanted) for layout in LAYOUTS)]
        wanted = "".join(f"\n  {title}: {sign}" for title, sign in looked)
        found = some(list(_names(self.root)), 8) or "nothing"
        inside = [path for path in _entries(self.root) if path.is_dir() and (_is_aariz(path) or matching(path))]
        hint = f"did you mean --dataset_path {inside[0]}?" if inside else "see docs/data.md"
        raise DataError(f"not in a layout that can be read: found {found}; looked for{wanted}\n{hint}", path=self.root)


def _names(root: Path) -> Iterator[str]:
    """Yield what is in a folder, and in those of its splits."""
    for path in _entries(root):
        inside = _entries(path) if path.name.lower() in SPLITS else []
        yield from (f"{path.name}/{each.name}" for each in inside) if inside else [path.name]


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, except hidden files; nothing if it is none."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []
