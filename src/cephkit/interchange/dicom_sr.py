"""DICOM structured reports, one per film, to be filed beside the film, whose header has fields to repeat."""

import io
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

from cephkit.data.dicom import quiet  # noqa: F401
from cephkit.data.opened import content_hash, read_bytes
from cephkit.errors import FilmError, SettingsError
from cephkit.interchange.films import Files
from cephkit.records.record import LandmarkRecord

REFERENCE = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""Identify the film."""
FILED_UNDER = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
"""What DICOM wants repeated, alike, in every object of a study (types 1 and 2 of its Patient and Study modules)."""


def film_header(path: Path, record: LandmarkRecord) -> Dataset:
    """Read the film's header, without its pixels.

    Raises:
        SettingsError: it is not a DICOM film, or not the film of ``record``.
        FilmError: it cannot be read, or is not a picture of one frame.
    """
    data = read_bytes(path)
    if data[128:132] != b"DICM":
        raise SettingsError(f"{path}: not a DICOM file, which a structured report is about; choose another --format")
    if record.content and record.content != content_hash(data):
        raise SettingsError(f"{path}: is another film than that of {record.where}; give the right --films")
    try:
        with disable_value_validation():
            header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
            values = {keyword: header.get(keyword) for keyword in (*REFERENCE, *FILED_UNDER)}
            missing = [keyword for keyword in REFERENCE if not isinstance(values[keyword], UID) or not values[keyword]]
            rows, columns = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
            frames = int(header.get("NumberOfFrames") or 1)
    except Exception as error:  # pydicom meets hostile bytes with errors of every kind
        # Neither its message nor its trace: they quote values of the header, which may name the patient.
        raise FilmError(f"its header cannot be read ({type(error).__name__})", "export the film again", path) from None
    if not missing and "Image Storage" not in header.SOPClassUID.name:
        raise FilmError("its SOP class is not one of images", "choose another --format", path)
    if missing or rows < 1 or columns < 1 or frames != 1:
        what = f"without {', '.join(missing)}" if missing else f"of {frames} frames, {columns}x{rows} pixels"
        raise FilmError(f"a DICOM file {what}", "a film has one frame and UIDs that identify it", path)
    if record.size is not None and record.size != (rows, columns):
        height, width = record.size
        expected = f"{record.where} says {width}x{height}"
        raise SettingsError(f"{path}: {columns}x{rows} pixels, {expected}: another film; give the right --films")
    return header


def evidence(header: Dataset) -> Dataset:
    """Identify the film that the report is about by its UIDs; the fields of patient and study are empty."""
    film = Dataset()
    for keyword in REFERENCE:
        setattr(film, keyword, header.get(keyword))
    for keyword in FILED_UNDER:
        setattr(film, keyword, "")
    return film


def file_under(report: Dataset, header: Dataset) -> None:
    """Give ``report`` the fields of patient and study as they stand in the film, valid or not."""
    for keyword in FILED_UNDER:
        value = header.get(keyword)
        if value:
            setattr(report, keyword, "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value))


def dicom_sr_files(
    records: Sequence[LandmarkRecord], film_of: Callable[[LandmarkRecord], Path], deidentified: bool = False
) -> Files:
    """Make a ``<film_id>_sr.dcm`` per film that has landmarks.

    Args:
        records: the landmarks.
        film_of: finds the DICOM film of a record.
        deidentified: leave the fields of patient and study empty.

    Raises:
        SettingsError: highdicom is not installed, no film or another one, or a film that is not DICOM.
        FilmError: a film's header cannot be used.
    """
    if find_spec("highdicom") is None:
        raise SettingsError('--format dicom_sr needs highdicom: pip install "cephkit[dicom]"')
    found = [(record, film_of(record)) for record in records if record.points]
    for record, path in found:
        film_header(path, record)
    return {f"{record.film_id}_sr.dcm": partial(_report, record, path, deidentified) for record, path in found}


def _report(record: LandmarkRecord, path: Path, deidentified: bool) -> bytes:
    from cephkit.interchange.dicom_report import report_bytes  # highdicom takes a second to import

    return report_bytes(record, film_header(path, record), deidentified)
