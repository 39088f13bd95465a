"""``cephkit import``: landmarks that were marked or corrected in another tool, as label files in Aariz's schema."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import tyro

from cephkit.config import parse
from cephkit.data.aariz import some
from cephkit.data.film import Film
from cephkit.data.folder import FilmsByName, film_named, films_by_name
from cephkit.data.label_check import label_findings
from cephkit.data.opened import open_film
from cephkit.errors import LabelError, SettingsError
from cephkit.interchange.aariz import imported_files
from cephkit.interchange.coco import read_coco
from cephkit.interchange.contents import write_files
from cephkit.interchange.cvat import read_cvat
from cephkit.interchange.films import size_of
from cephkit.interchange.imported import Imported
from cephkit.interchange.label_studio_reader import read_label_studio
from cephkit.records.record import LandmarkRecord

SHOWN = 20


@dataclass(frozen=True)
class ImportOptions:
    """Read landmarks from another tool; a label file per film comes out, for training, measuring or export."""

    file: tyro.conf.Positional[Path]
    """What the tool exported: Label Studio's JSON or JSON-MIN, COCO keypoints, or CVAT for images 1.1 (unpacked)."""
    format: Literal["label_studio", "coco", "cvat"]
    """Which tool it comes from."""
    out: Path = Path("imported")
    """Folder for the label files; made where there is none."""
    films: Path | None = None
    """Folder of the films: then each must be there, as large as the tool says."""
    annotator: str | None = None
    """label_studio: take only what this annotator did, by id or email; without it the newest counts."""
    overwrite: bool = False
    """Replace label files that are there."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            SettingsError: ``--annotator`` with another format than Label Studio's.
        """
        if self.annotator is not None and self.format != "label_studio":
            raise SettingsError(f"--annotator is for --format label_studio; {self.format} does not say who annotated")


def main(argv: list[str]) -> int:
    """Run the command; 0, or 1 where no film has landmarks.

    Raises:
        CephkitError: see ``import_labels``.
    """
    return 0 if import_labels(parse(ImportOptions, argv, "cephkit import")) else 1


def import_labels(options: ImportOptions) -> list[Path]:
    """Write the label files, and return their paths.

    Raises:
        LabelError: something in the file cannot be used; names what and where.
        SettingsError: a folder that is not there, or a file that is there already.
        FilmError: a film that cannot be read.
    """
    found = _read(options)
    films = found.records if options.films is None else _checked(found.records, options.films)
    _check_labels(films)
    written = write_files(options.out, imported_files(films), [options.file], options.overwrite)
    aside = ", ".join(kind.counted(number) for kind, number in found.ignored.most_common())
    if not written:
        why = ": ".join(filter(None, ["no landmarks in it", aside]))
        print(f"{options.file}: {why}; {_REMEDY[options.format]}", file=sys.stderr)
        return written
    without = f"; {found.without} without landmarks, left out" if found.without else ""
    print(f"{len(written)} films with landmarks -> {options.out}{without}")
    if aside:
        print(f"left aside: {aside}")
    return written


_REMEDY = {
    "label_studio": "submit the annotations and export JSON from Label Studio",
    "coco": "keypoints are needed: from CVAT export CVAT for images 1.1, from Label Studio JSON",
    "cvat": "mark points or skeletons and export CVAT for images 1.1",
}
"""What to do about a file that holds nothing."""


def _read(options: ImportOptions) -> Imported:
    if options.format == "label_studio":
        return read_label_studio(options.file, options.annotator)
    if options.format == "coco":
        return read_coco(options.file)
    return read_cvat(options.file)


def _check_labels(films: list[LandmarkRecord]) -> None:
    """Say which labels are in doubt.

    Raises:
        LabelError: no face can be labelled so.
    """
    labels = [Film(film.file, Path(film.file), "train", annotations={"imported": film.points}, size=film.size)
              for film in films]  # fmt: skip
    where = {label.film_id: film.where for label, film in zip(labels, films, strict=True)}
    impossible = []
    for finding in label_findings(labels):
        line = f"{where[finding.film.film_id] if finding.film else 'all films'}: {finding.fault}"
        if finding.fault.certain:
            impossible.append(line)
        else:
            print(f"LOOK: {line}")
    if impossible:
        more = f"\nand {len(impossible) - SHOWN} more" if len(impossible) > SHOWN else ""
        raise LabelError("\n".join(impossible[:SHOWN]) + more)


def _checked(films: list[LandmarkRecord], folder: Path) -> list[LandmarkRecord]:
    """``films`` under the names that they have in ``folder``, each there once and as large as the tool says."""
    films_there = films_by_name(folder)
    found = [(film, _file_of(film, films_there)) for film in films]
    missing = [film.file for film, path in found if path is None]
    if missing:
        raise SettingsError(f"--films {folder}: {len(missing)} films are not there: {some(missing)}")
    for film, path in found:
        assert path is not None
        height, width = open_film(path, use_spacing=False).grey.shape
        if (height, width) != film.size:
            told_height, told_width = size_of(film)
            raise LabelError(
                f"{film.where}: {path.name} measures {width}x{height} pixels, the tool says "
                f"{told_width}x{told_height}; it marked another picture, so its landmarks do not fit"
            )
    return [replace(film, file=path.name) for film, path in found if path is not None]


def _file_of(film: LandmarkRecord, films_there: FilmsByName) -> Path | None:
    """The film's file, by the likeliest of its names that is there.

    Raises:
        SettingsError: several are called so.
    """
    for name in (film.file, *film.other_files):
        if films_there.find(name):
            return film_named(name, films_there, film.where)
    return None
