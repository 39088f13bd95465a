"""The header of the DICOM film that a structured report is about, and what of it the report must repeat."""

from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from cephkit.data.pixels import content_hash, read_bytes
from cephkit.errors import FilmError, SettingsError
from cephkit.export.record import Record

REFERENCE = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""Which film it is."""
FILED_UNDER = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
"""What DICOM wants repeated, alike, in every object of a study (types 1 and 2 of its Patient and Study modules)."""


def film_header(path: Path, record: Record) -> Dataset:
    """The film's header without its pixels.

    Raises:
        SettingsError: it is no DICOM film, or another film than that of ``record``.
        FilmError: it cannot be read, or is no picture of one frame.
    """
    data = read_bytes(path)
    if data[128:132] != b"DICM":
        raise SettingsError(
            f"{path}: is no DICOM file, and a structured report is about one; export this film in another --format"
        )
    if record.content is not None and record.content != content_hash(data):
        raise SettingsError(
            f"{path}: is another film than that of {record.marked.path}; give the --films it was made from"
        )
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        missing = [keyword for keyword in REFERENCE if not header.get(keyword)]
        rows, columns = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
        frames = int(header.get("NumberOfFrames") or 1)
    except (InvalidDicomError, OSError, ValueError, TypeError, AttributeError, EOFError) as error:
        # Values of the header do not belong into messages: they may name the patient.
        raise FilmError(f"{path}: its header cannot be read ({type(error).__name__}); export the film again") from error
    if missing or rows < 1 or columns < 1 or frames != 1:
        what = f"without {', '.join(missing)}" if missing else f"of {frames} frames, {columns}x{rows} pixels"
        raise FilmError(f"{path}: a DICOM file {what}; a film has one frame and says which one it is")
    if record.size is not None and record.size != (rows, columns):
        height, width = record.size
        said = f"{record.marked.path} says {width}x{height}"
        raise SettingsError(f"{path}: {columns}x{rows} pixels, {said}: another film; give the right --films")
    return header


def evidence(header: Dataset, deidentified: bool) -> Dataset:
    """The part of ``header`` that the report repeats; ``deidentified``: its place in the archive alone, by UIDs."""
    repeated = Dataset()
    for keyword in REFERENCE:
        setattr(repeated, keyword, header.get(keyword))
    for keyword in FILED_UNDER:
        value = None if deidentified else header.get(keyword)
        if value or keyword != "IssuerOfPatientID":
            setattr(repeated, keyword, str(value) if value else "")
    return repeated
