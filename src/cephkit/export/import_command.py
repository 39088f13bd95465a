"""``cephkit import``: landmarks that were marked or corrected in another tool, as label files in Aariz's schema."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from cephkit.config import parse
from cephkit.data.aariz import some
from cephkit.data.film import Film
from cephkit.data.folder import films_by_name
from cephkit.data.label_check import label_findings
from cephkit.data.opened import open_film
from cephkit.errors import LabelError, SettingsError
from cephkit.export.coco import read_coco
from cephkit.export.contents import write_files
from cephkit.export.cvat import read_cvat
from cephkit.export.label_studio_reader import read_label_studio
from cephkit.export.labelled import Labelled, label_files_of

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
    films, empty = _read(options)
    files = label_files_of(films)
    if options.films is not None:
        _check_films(films, options.films)
    _check_labels(films)
    written = write_files(options.out, files, [options.file], options.overwrite)
    without = f"; {empty} without landmarks, left out" if empty else ""
    print(f"{len(written)} films with landmarks -> {options.out}{without}")
    return written


def _read(options: ImportOptions) -> tuple[list[Labelled], int]:
    if options.format == "label_studio":
        return read_label_studio(options.file, options.annotator)
    if options.format == "coco":
        return read_coco(options.file)
    return read_cvat(options.file)


def _check_labels(films: list[Labelled]) -> None:
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


def _check_films(films: list[Labelled], folder: Path) -> None:
    films_there = films_by_name(folder)
    missing = [film.file for film in films if film.file not in films_there]
    if missing:
        raise SettingsError(f"--films {folder}: {len(missing)} films are not there: {some(missing)}")
    for film in films:
        height, width = open_film(films_there[film.file][0], use_spacing=False).grey.shape
        if (height, width) != film.size:
            raise LabelError(
                f"{film.where}: {film.file} measures {width}x{height} pixels, the tool says "
                f"{film.size[1]}x{film.size[0]}; it marked another picture, so its landmarks do not fit"
            )
