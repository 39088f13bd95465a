"""Codes of the DICOM structured report: standard ones where they exist, else our own under 99CEPHKIT.

Codes of structures are SNOMED CT's, and the Foundational Model of Anatomy's for nasion, as DICOM PS3.16 lists them.
"""

from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from cephkit.cephalometry.measures import MEASUREMENTS, Unit
from cephkit.landmarks import BY_SYMBOL

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


def landmark_code(symbol: str) -> CodedConcept:
    """Return the landmark's code: FMA's for nasion, our own for all others."""
    if symbol == "N":
        return CodedConcept.from_code(codes.FMA.Nasion)
    return CodedConcept(symbol, SCHEME, BY_SYMBOL[symbol].title)


def measurement_code(measurement_id: str) -> CodedConcept:
    """Return the measurement's code, which is our own."""
    return CodedConcept(measurement_id, SCHEME, _TITLES[measurement_id])


_TITLES = {entry.id: entry.title for entry in MEASUREMENTS}
