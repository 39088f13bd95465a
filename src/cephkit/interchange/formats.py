"""The table of formats that landmarks are written in, for ``cephkit export`` and for the review page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cephkit.interchange.aariz import aariz_files
from cephkit.interchange.coco import coco_files
from cephkit.interchange.cvat import cvat_files
from cephkit.interchange.dicom_sr import dicom_sr_files
from cephkit.interchange.films import Files, on_films
from cephkit.interchange.label_studio import LOCAL_FILES, label_studio_files
from cephkit.interchange.tables import table_files
from cephkit.records.record import LandmarkRecord


@dataclass(frozen=True)
class FormatSettings:
    """What some formats need beside the landmarks."""

    film_of: Callable[[LandmarkRecord], Path]
    """Finds a record's film, and raises ``SettingsError`` if there is none."""
    image_prefix: str = LOCAL_FILES
    """Label Studio: what makes a film's name an address."""
    deidentified: bool = False
    """DICOM reports: leave the fields of patient and study empty."""


@dataclass(frozen=True)
class Format:
    """What another tool reads."""

    title: str
    files: Callable[[Sequence[LandmarkRecord], FormatSettings], Files]
    """Checks the landmarks before any file is made."""
    names_films: bool = True
    """Whether the files hold names and sizes of films."""


FORMATS: dict[str, Format] = {
    "aariz": Format("Aariz label files", lambda records, settings: aariz_files(records), names_films=False),
    "csv": Format("CSV, long and wide", lambda records, settings: table_files(records)),
    "coco": Format("COCO keypoints", lambda records, settings: coco_files(on_films(records))),
    "label_studio": Format(
        "Label Studio", lambda records, settings: label_studio_files(on_films(records), settings.image_prefix)
    ),
    "cvat": Format("CVAT", lambda records, settings: cvat_files(on_films(records))),
    "dicom_sr": Format(
        "DICOM structured reports",
        lambda records, settings: dicom_sr_files(records, settings.film_of, settings.deidentified),
        names_films=False,
    ),
}
"""Name, as ``cephkit export --format`` has it -> format."""
