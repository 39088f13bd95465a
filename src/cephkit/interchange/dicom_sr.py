"""DICOM structured reports, one per film, to be filed beside the film."""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from cephkit.data.folder import films_by_name
from cephkit.errors import SettingsError
from cephkit.interchange.dicom_film import film_header
from cephkit.interchange.films import Files, film_of
from cephkit.records.record import LandmarkRecord


def dicom_sr_files(records: Sequence[LandmarkRecord], folder: Path | None, deidentified: bool = False) -> Files:
    """Make a ``<film>_sr.dcm`` per film that has landmarks.

    Args:
        records: the landmarks.
        folder: where the DICOM films are.
        deidentified: leave the fields of patient and study empty.

    Raises:
        SettingsError: highdicom is not installed, no folder, no film or another one, or a film that is not DICOM.
        FilmError: a film's header cannot be used.
    """
    if find_spec("highdicom") is None:
        raise SettingsError('--format dicom_sr needs highdicom: pip install "cephkit[dicom]"')
    if folder is None:
        raise SettingsError("--format dicom_sr needs --films FOLDER with the DICOM films")
    films = films_by_name(folder)
    found = [(record, film_of(record, films)) for record in records if record.points]
    for record, path in found:
        film_header(path, record)
    return {f"{record.film_id}_sr.dcm": partial(_report, record, path, deidentified) for record, path in found}


def _report(record: LandmarkRecord, path: Path, deidentified: bool) -> bytes:
    from cephkit.interchange.dicom_report import report_bytes  # highdicom takes a second to import

    return report_bytes(record, film_header(path, record), deidentified)
