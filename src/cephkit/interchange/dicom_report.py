"""The DICOM structured report of one film: landmarks and measurements in template TID 1500.

Each landmark is a measurement group of its own (TID 1410) with a point (SCOORD) on the film, named by a code and
tracked by its symbol; all measurements are numbers (NUM) of one more group (TID 1501). DICOM counts from the corner of
the first pixel, so its centre is at 0.5 (PS3.3, C.18.6.1.2). Coordinates are 32-bit floats: exact to 0.0002 px.

Codes are standard ones where they exist, else our own under 99CEPHKIT; those of structures are SNOMED CT's, and the
Foundational Model of Anatomy's for nasion, as DICOM PS3.16 lists them.
"""

import io

import highdicom
import numpy as np
from highdicom import sr
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from cephkit.cephalometry.analyses import ANALYSES
from cephkit.cephalometry.measured import measure
from cephkit.cephalometry.measures import MEASUREMENTS, Unit
from cephkit.cephalometry.results import DIGITS, Result
from cephkit.interchange.dicom_sr import evidence, file_under
from cephkit.interchange.films import model_tag
from cephkit.landmarks.schema import Landmark
from cephkit.notice import NOTICE, VERSION
from cephkit.records.record import LandmarkRecord

SCHEME = "99CEPHKIT"
"""DICOM keeps 99... for codes that no standard has."""
SCHEME_NAME = "cephkit: landmarks by symbol, measurements by id"

UNITS: dict[Unit, Code] = {
    "deg": Code("deg", "UCUM", "degree"),
    "mm": Code("mm", "UCUM", "millimeter"),
    "%": Code("%", "UCUM", "percent"),
    "ratio": Code("1", "UCUM", "no units"),
}
PIXELS = Code("{pixels}", "UCUM", "pixels")
EXPECTED_ERROR = CodedConcept("expected_error", SCHEME, "Expected distance from the true landmark")
UPPER_UNCERTAINTY = Code("371886008", "SCT", "+, range of upper measurement uncertainty")
LOWER_UNCERTAINTY = Code("371885007", "SCT", "-, range of lower measurement uncertainty")

_SITES: dict[Code, tuple[str, ...]] = {
    codes.SCT.SellaTurcica: ("S",),
    codes.SCT.Orbit: ("Or",),
    codes.SCT.ExternalAuditoryMeatus: ("Po",),
    codes.SCT.Maxilla: ("A", "ANS", "PNS"),
    codes.SCT.Mandible: ("B", "Me", "Pog", "R", "Ar", "Co", "Gn", "Go"),
    codes.SCT.MaxillaryIncisorTeeth: ("UIA", "UIT"),
    codes.SCT.MandibularIncisorTeeth: ("LIA", "LIT"),
    codes.SCT.Nose: ("Pn", "Sn"),
    codes.SCT.SkinOfUpperLip: ("Ls",),
    codes.SCT.SkinOfLowerLip: ("Li",),
}
SITES: dict[str, Code] = {symbol: site for site, symbols in _SITES.items() for symbol in symbols}
"""Symbol -> the structure that the landmark is part of; others have no code that we are sure of."""


def landmark_code(landmark: Landmark) -> CodedConcept:
    """Return the landmark's code: FMA's for nasion, our own for all others."""
    if landmark.symbol == "N":
        return CodedConcept.from_code(codes.FMA.Nasion)
    return CodedConcept(landmark.symbol, SCHEME, landmark.title)


def measurement_code(measurement_id: str) -> CodedConcept:
    """Return the measurement's code, which is our own."""
    return CodedConcept(measurement_id, SCHEME, _TITLES[measurement_id])


_TITLES = {entry.id: entry.title for entry in MEASUREMENTS}


CENTRE = 0.5
"""Of the first pixel, in DICOM's coordinates."""
MEASURED = "measurements"
"""Tracks the group of all measurements."""


def report_bytes(record: LandmarkRecord, header: Dataset, deidentified: bool = False) -> bytes:
    """Return the structured report as a DICOM file.

    Args:
        record: landmarks of the film.
        header: of the film.
        deidentified: leave the fields of patient and study empty.
    """
    # pydicom's warnings about odd values are not passed on: they quote the values, which may name the patient.
    with disable_value_validation():
        film = evidence(header)
        report = _report(_content(record, film), film)
        if deidentified:
            report.PatientIdentityRemoved = "YES"
            report.DeidentificationMethod = "cephkit: patient and study fields empty, UIDs kept"
        else:
            file_under(report, header)
        file = io.BytesIO()
        report.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _content(record: LandmarkRecord, film: Dataset) -> sr.MeasurementReport:
    observer = sr.DeviceObserverIdentifyingAttributes(
        uid=highdicom.UID(), name="cephkit", manufacturer_name="cephkit", model_name=model_tag(record)
    )
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(codes.DCM.Device, observer)
        ),
        procedure_reported=codes.SCT.PlainRadiography,
        imaging_measurements=[*(_landmark(record, symbol, film) for symbol in record.points), *_measured(record, film)],
        title=codes.DCM.ImagingMeasurementReport,
    )


def _report(content: sr.MeasurementReport, film: Dataset) -> Dataset:
    report: Dataset = sr.ComprehensiveSR(
        evidence=[film],
        content=content[0],
        series_instance_uid=highdicom.UID(),
        series_number=1,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="cephkit",
        manufacturer_model_name="cephkit",
        software_versions=VERSION,
        series_description="Cephalometry, research use only",
        is_complete=True,
        specific_character_set="ISO_IR 192",
        coding_schemes=[CodingSchemeIdentificationItem(SCHEME, name=SCHEME_NAME, version=VERSION)],
    )
    return report


def _landmark(record: LandmarkRecord, symbol: str, film: Dataset) -> sr.PlanarROIMeasurementsAndQualitativeEvaluations:
    point = np.array([record.points[symbol]]) + CENTRE
    source = sr.SourceImageForRegion(film.SOPClassUID, film.SOPInstanceUID)
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=highdicom.UID(), identifier=symbol),
        referenced_region=sr.ImageRegion(sr.GraphicTypeValues.POINT, point, source),
        finding_type=landmark_code(record.schema[symbol]),
        finding_sites=[sr.FindingSite(SITES[symbol])] if symbol in SITES else None,
        algorithm_id=_algorithm(record),
        measurements=_expected_error(record, symbol),
    )


def _expected_error(record: LandmarkRecord, symbol: str) -> list[sr.Measurement]:
    error, spacing = record.expected_errors.get(symbol), record.spacing
    if error is None:
        return []
    if spacing is None:
        return [sr.Measurement(EXPECTED_ERROR, round(error, 2), PIXELS)]
    return [sr.Measurement(EXPECTED_ERROR, round(error * spacing.mean_mm, 2), UNITS["mm"])]


def _measured(record: LandmarkRecord, film: Dataset) -> list[sr.MeasurementsAndQualitativeEvaluations]:
    numbers = [_number(result) for result in results_of(record)]
    if not numbers:
        return []
    source = sr.SourceImageForMeasurementGroup(film.SOPClassUID, film.SOPInstanceUID)
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=highdicom.UID(), identifier=MEASURED),
        algorithm_id=_algorithm(record),
        measurements=numbers,
        source_images=[source],
    )
    return [group]


def results_of(record: LandmarkRecord) -> list[Result]:
    """Measure the face; each measurement comes once, and those without a value are left out."""
    results = measure(record, analyses=ANALYSES)
    return list({result.measurement: result for result in results if result.value is not None}.values())


def _number(result: Result) -> sr.Measurement:
    assert result.value is not None
    unit, digits = UNITS[result.unit], DIGITS[result.unit]
    measurement = sr.Measurement(measurement_code(result.measurement), round(result.value, digits), unit)
    if result.standard_error is not None:
        error = round(result.standard_error, digits)
        # Not by highdicom's MeasurementProperties, which give the uncertainty no unit.
        properties = [_property(name, error, unit) for name in (UPPER_UNCERTAINTY, LOWER_UNCERTAINTY)]
        measurement[0].ContentSequence = [*measurement[0].get("ContentSequence", []), *properties]
    return measurement


def _property(name: Code, value: float, unit: Code) -> sr.NumContentItem:
    return sr.NumContentItem(name, value, unit, relationship_type=sr.RelationshipTypeValues.HAS_PROPERTIES)


def _algorithm(record: LandmarkRecord) -> sr.AlgorithmIdentification:
    spacing = record.spacing
    pixel_size = (
        "no pixel size: no lengths"
        if spacing is None
        else f"pixel {spacing.column_mm:.6g} x {spacing.row_mm:.6g} mm by {spacing.origin}, plane: {spacing.plane}"
    )
    parameters = [f"landmarks by: {model_tag(record)}", pixel_size, NOTICE]
    return sr.AlgorithmIdentification("cephkit", VERSION, parameters=parameters)
