"""``cephkit import``: landmarks marked or corrected in another tool, as label files in Aariz's schema."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from cephkit.interchange.aariz import imported_files
from cephkit.interchange.coco import read_coco
from cephkit.interchange.cvat import read_cvat
from cephkit.interchange.films import write_files
from cephkit.interchange.imported import Imported, Reading, check_labels, find_films
from cephkit.interchange.label_studio_reader import read_label_studio
from cephkit.landmarks.shipped import named_schema
from cephkit.settings.options import LandmarkNames, Overwrite
from cephkit.settings.reading import parse


@dataclass(frozen=True, kw_only=True)
class ImportOptions(Overwrite, LandmarkNames):
    """Read landmarks from another tool and write a label file per film, for training, measuring or export."""

    file: tyro.conf.Positional[Path]
    """What the tool exported: Label Studio's JSON or JSON-MIN, COCO keypoints, or CVAT for images 1.1 (unpacked)."""
    format: Literal["label_studio", "coco", "cvat"]
    """The tool that wrote it."""
    out: Path = Path("imported")
    """Folder for the label files; created if it does not exist."""
    films: Path | None = None
    """Folder of the films; if given, each must be in it, as large as the tool says."""
    annotator: str | None = None
    """label_studio: use only the work of this annotator, by id or email; default: the newest annotation."""

    def contradictions(self) -> Iterator[str]:
        """Yield settings that do not work together."""
        yield from super().contradictions()
        if self.annotator is not None and self.format != "label_studio":
            yield f"--annotator is for --format label_studio; {self.format} does not say who annotated"


def main(argv: list[str]) -> int:
    """Run ``cephkit import``; the status is 0, or 1 if no film has landmarks.

    Raises:
        CephkitError: see ``import_labels``.
    """
    return 0 if import_labels(parse(ImportOptions, argv, "cephkit import")) else 1


def import_labels(options: ImportOptions) -> list[Path]:
    """Write the label files, and return their paths.

    Raises:
        LabelError: something in the file cannot be used; names what and where.
        SettingsError: a folder that does not exist, or a file that does.
        FilmError: a film that cannot be read.
    """
    found = _read(options)
    films = found.records if options.films is None else find_films(found.records, options.films)
    for doubt in check_labels(films):
        print(f"CHECK: {doubt}")
    written = write_files(options.out, imported_files(films), [options.file], options.overwrite)
    aside = ", ".join(kind.counted(number) for kind, number in found.ignored.most_common())
    if not written:
        why = ": ".join(filter(None, ["no landmarks in it", aside]))
        print(f"{options.file}: {why}; {_REMEDY[options.format]}", file=sys.stderr)
        return written
    without = f"; {found.without} without landmarks, left out" if found.without else ""
    print(f"{len(written)} films with landmarks -> {options.out}{without}")
    if aside:
        print(f"ignored: {aside}")
    return written


_REMEDY = {
    "label_studio": "submit the annotations and export JSON from Label Studio",
    "coco": "keypoints are needed: from CVAT export CVAT for images 1.1, from Label Studio JSON",
    "cvat": "mark points or skeletons and export CVAT for images 1.1",
}
"""What to do about a file without landmarks."""


def _read(options: ImportOptions) -> Imported:
    reading = Reading(named_schema(options.landmarks))
    if options.format == "label_studio":
        return read_label_studio(options.file, options.annotator, reading)
    if options.format == "coco":
        return read_coco(options.file, reading)
    return read_cvat(options.file, reading)
