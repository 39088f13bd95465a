"""All measurements, one entry each: the name in each analysis, the unit and the formula.

To add a measurement, add an entry (docs/measurements.md shows how). Norms are in norms.csv, classes in classes.py. The
definitions come from the same sources as the norms: Steiner 1953, Downs 1948, Tweed 1954, Ricketts 1968 and 1981,
McNamara 1984, Bjork 1947, Jarabak and Fizzell 1972, Jacobson 1975, Mills 1982, Holdaway 1983, Merrifield 1966,
Burstone 1967, Kim 1974, Kim and Vietas 1978, and the ISBI challenge of 2015 (Wang et al. 2016).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cephkit.cephalometry.primitives import (
    Formula,
    PlacesAt,
    along,
    angle,
    copysign,
    interior,
    length,
    line,
    midpoint,
    minimum,
    offset,
)
from cephkit.landmarks.shipped import KNOWN

Unit: TypeAlias = Literal["deg", "mm", "%", "ratio"]
UNIT_SUFFIX: dict[Unit, str] = {"deg": "\N{DEGREE SIGN}", "mm": " mm", "%": " %", "ratio": ""}
"""What follows a value in text for people."""


@dataclass(frozen=True)
class Condition:
    """A range of another value that a measurement or a class is limited to."""

    formula: Formula
    low: float
    high: float
    reason: str
    """Why there is no result outside the range."""

    def holds(self, points: PlacesAt) -> bool:
        """Whether the value is within the range."""
        return self.low <= self.formula.value(points) <= self.high


@dataclass(frozen=True)
class Measurement:
    """A measurement of a face."""

    id: str
    title: str
    unit: Unit
    formula: Formula
    analyses: Mapping[str, str]
    """Analysis -> name of the measurement in that analysis."""
    note: str = ""
    """How it differs from the original definition, or what its sign means."""
    condition: Condition | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Symbols of the landmarks it requires, in canonical order."""
        return KNOWN.in_order((*self.formula.needs, *(self.condition.formula.needs if self.condition else ())))


SN, FH, PP = line("S", "N"), line("Po", "Or"), line("PNS", "ANS")
MP, MP_GN = line("Go", "Me"), line("Go", "Gn")
U1, L1 = line("UIA", "UIT"), line("LIA", "LIT")
MOLARS = midpoint("UMT", "LMT")
FOP, BOP = line(MOLARS, midpoint("UPM", "LPM")), line(MOLARS, midpoint("UIT", "LIT"))
NA, NB, N_POG, A_POG = line("N", "A"), line("N", "B"), line("N", "Pog"), line("A", "Pog")
AB, E_LINE, H_LINE, SN_POG = line("A", "B"), line("Pn", "Pog`"), line("Ls", "Pog`"), line("Sn", "Pog`")

TIP = "measured to the incisor tip; the original measures to the labial surface"
TIP_FACIAL = "measured to the incisor tip; the original measures to the facial surface"
ON_BOP = "plane from molars to incisors; Jacobson's mean is for the functional plane"
ON_FOP = "uncertain: the plane rests on the 9 mm between molars and second premolars"
SECOND_PREMOLAR = "uses the second premolar; the original uses the first"

_sna, _snb = angle(NA, line("N", "S")), angle(NB, line("N", "S"))
_fma = angle(FH, MP)
_impa = angle(line("Me", "Go"), L1)
_pp_fh = angle(FH, PP)
_sn_mxp = angle(SN, PP)
_saddle = interior(SN, line("S", "Ar"))
_articular = interior(line("Ar", "S"), line("Ar", "Go"))
_gonial = interior(line("Go", "Ar"), MP)
_facial_height = length("S", "Go") / length("N", "Me")
_below, _above = -offset("Me", PP), offset("N", PP)
OVERBITE = offset("LIT", BOP) - offset("UIT", BOP)

MEASUREMENTS: tuple[Measurement, ...] = (
    # Jaws relative to the cranial base
    Measurement("sna", "Maxilla to cranial base", "deg", _sna,
                {"Steiner": "SNA", "Eastman": "SNA", "ISBI": "SNA"}),
    Measurement("snb", "Mandible to cranial base", "deg", _snb,
                {"Steiner": "SNB", "Eastman": "SNB", "ISBI": "SNB"}),
    Measurement("anb", "Maxilla to mandible", "deg", angle(NA, NB),
                {"Steiner": "ANB", "Eastman": "ANB", "ISBI": "ANB"}, "+ if A is anterior to B"),
    Measurement("anb_corrected", "ANB corrected for SNA", "deg", angle(NA, NB) + 0.5 * (81 - _sna),
                {"Eastman": "ANB corrected"}, "ANB + (81 - SNA) / 2",
                Condition(_sn_mxp, 5.0, 11.0, "the correction is valid only for SN-MxP of 5 to 11 degrees")),
    Measurement("a_nperp", "A to nasion perpendicular", "mm", along("A", "N", FH),
                {"McNamara": "A-Nperp"}, "+ if A is anterior"),
    Measurement("pog_nperp", "Pog to nasion perpendicular", "mm", along("Pog", "N", FH),
                {"McNamara": "Pog-Nperp"}, "+ if Pog is anterior"),
    Measurement("facial_angle", "Facial plane to Frankfort", "deg", angle(N_POG, line("Or", "Po")),
                {"Downs": "Facial angle", "Ricketts": "Facial depth"}),
    Measurement("maxillary_depth", "N-A to Frankfort", "deg", angle(NA, line("Or", "Po")),
                {"Ricketts": "Maxillary depth"}),
    Measurement("convexity_deg", "Angle of convexity", "deg", angle(NA, A_POG),
                {"Downs": "Convexity"}, "+ if A is anterior to N-Pog"),
    Measurement("convexity_mm", "A to facial plane", "mm", offset("A", N_POG),
                {"Ricketts": "Convexity"}, "+ if A is anterior to N-Pog"),
    Measurement("ab_plane", "A-B to facial plane", "deg", angle(AB, N_POG),
                {"Downs": "A-B plane"}, "- if B is posterior"),
    Measurement("wits_bop", "Wits appraisal, bisected occlusal plane", "mm", along("A", "B", BOP),
                {"Wits": "Wits (BOP)"}, f"+ if A is anterior; {ON_BOP}"),
    Measurement("wits_fop", "Wits appraisal, functional occlusal plane", "mm", along("A", "B", FOP),
                {"Wits": "Wits (FOP)"}, f"+ if A is anterior; {ON_FOP}"),
    Measurement("apdi", "Anteroposterior dysplasia indicator", "deg", angle(AB, line("Or", "Po")) + _pp_fh,
                {"Kim": "APDI", "ISBI": "APDI"}, "low: class II; high: class III"),
    Measurement("co_a", "Effective midfacial length", "mm", length("Co", "A"), {"McNamara": "Co-A"}),
    Measurement("co_gn", "Effective mandibular length", "mm", length("Co", "Gn"), {"McNamara": "Co-Gn"}),
    Measurement("mx_md_difference", "Maxillomandibular differential", "mm", length("Co", "Gn") - length("Co", "A"),
                {"McNamara": "Mx-Md differential"}),
    Measurement("pog_nb", "Pog to N-B", "mm", offset("Pog", NB), {"Steiner": "Pog-NB"}, "+ if Pog is anterior"),
    # Vertical
    Measurement("fma", "Mandibular plane to Frankfort", "deg", _fma,
                {"Downs": "Mandibular plane", "Tweed": "FMA", "Ricketts": "Mandibular plane", "McNamara": "MP-FH"}),
    Measurement("sn_gogn", "Mandibular plane (Go-Gn) to SN", "deg", angle(SN, MP_GN),
                {"Steiner": "SN-GoGn", "ISBI": "FHA"}),
    Measurement("sn_gome", "Mandibular plane (Go-Me) to SN", "deg", angle(SN, MP), {"Jarabak": "SN-GoMe"}),
    Measurement("sn_mxp", "Palatal plane to SN", "deg", _sn_mxp, {"Eastman": "SN-MxP"}, "+ if ANS is tipped down"),
    Measurement("pp_fh", "Palatal plane to Frankfort", "deg", _pp_fh,
                {"Ricketts": "Palatal plane"}, "+ if ANS is tipped down"),
    Measurement("mmpa", "Mandibular plane to palatal plane", "deg", angle(PP, MP), {"Eastman": "MMPA"}),
    Measurement("facial_taper", "Facial plane to mandibular plane", "deg", angle(line("Me", "Go"), line("Pog", "N")),
                {"Ricketts": "Facial taper"}),
    Measurement("y_axis", "Growth axis S-Gn to Frankfort", "deg", angle(FH, line("S", "Gn")), {"Downs": "Y axis"}),
    Measurement("odi", "Overbite depth indicator", "deg", angle(line("Me", "Go"), line("B", "A")) + _pp_fh,
                {"Kim": "ODI", "ISBI": "ODI"}, "low: open bite; high: deep bite"),
    Measurement("lafh_percent", "Lower anterior face height, share of total", "%", 100 * (_below / (_below + _above)),
                {"Eastman": "LAFH %"}, "heights perpendicular to the palatal plane"),
    Measurement("ans_me", "Lower anterior face height", "mm", length("ANS", "Me"), {"McNamara": "ANS-Me"}),
    Measurement("s_go", "Posterior face height", "mm", length("S", "Go"), {"Jarabak": "S-Go"}),
    Measurement("n_me", "Anterior face height", "mm", length("N", "Me"), {"Jarabak": "N-Me"}),
    Measurement("facial_height_percent", "Posterior to anterior face height", "%", 100 * _facial_height,
                {"Jarabak": "S-Go:N-Me"}),
    Measurement("fhi", "Posterior to anterior face height", "ratio", _facial_height, {"ISBI": "FHI"}),
    Measurement("saddle", "Saddle angle (N-S-Ar)", "deg", _saddle, {"Jarabak": "Saddle"}),
    Measurement("articular", "Articular angle (S-Ar-Go)", "deg", _articular, {"Jarabak": "Articular"}),
    Measurement("gonial", "Gonial angle (Ar-Go-Me)", "deg", _gonial, {"Jarabak": "Gonial"}),
    Measurement("upper_gonial", "Upper gonial angle (Ar-Go-N)", "deg", interior(line("Go", "Ar"), line("Go", "N")),
                {"Jarabak": "Upper gonial"}),
    Measurement("lower_gonial", "Lower gonial angle (N-Go-Me)", "deg", interior(line("Go", "N"), MP),
                {"Jarabak": "Lower gonial"}),
    Measurement("bjork_sum", "Sum of saddle, articular and gonial angles", "deg", _saddle + _articular + _gonial,
                {"Jarabak": "Bjork sum"}),
    Measurement("s_n", "Anterior cranial base length", "mm", length("S", "N"), {"Jarabak": "S-N"}),
    Measurement("s_ar", "Posterior cranial base length", "mm", length("S", "Ar"), {"Jarabak": "S-Ar"}),
    Measurement("ar_go", "Ramus height", "mm", length("Ar", "Go"), {"Jarabak": "Ar-Go"}),
    Measurement("go_me", "Mandibular body length", "mm", length("Go", "Me"), {"Jarabak": "Go-Me"}),
    # Occlusal plane
    Measurement("sn_fop", "Functional occlusal plane to SN", "deg", angle(SN, FOP),
                {"Steiner": "SN-Occl (FOP)"}, SECOND_PREMOLAR),
    Measurement("occlusal_cant", "Bisected occlusal plane to Frankfort", "deg", angle(FH, BOP),
                {"Downs": "Occlusal cant"}),
    # Incisors
    Measurement("interincisal", "Interincisal angle", "deg", interior(L1, U1),
                {"Steiner": "U1-L1", "Downs": "U1-L1", "Eastman": "U1-L1"}),
    Measurement("u1_na_deg", "Upper incisor to N-A", "deg", angle(U1, NA), {"Steiner": "U1-NA"}),
    Measurement("u1_na_mm", "Upper incisor tip to N-A", "mm", offset("UIT", NA), {"Steiner": "U1-NA (tip)"}, TIP),
    Measurement("l1_nb_deg", "Lower incisor to N-B", "deg", angle(line("B", "N"), L1), {"Steiner": "L1-NB"}),
    Measurement("l1_nb_mm", "Lower incisor tip to N-B", "mm", offset("LIT", NB), {"Steiner": "L1-NB (tip)"}, TIP),
    Measurement("holdaway_ratio", "L1-NB to Pog-NB", "ratio", offset("LIT", NB) / offset("Pog", NB),
                {"Steiner": "L1-NB:Pog-NB"}, f"{TIP}; meaningless if Pog is close to N-B"),
    Measurement("u1_sn", "Upper incisor to SN", "deg", angle(line("UIT", "UIA"), SN), {"Jarabak": "U1-SN"}),
    Measurement("ui_mxp", "Upper incisor to palatal plane", "deg", angle(line("UIT", "UIA"), PP),
                {"Eastman": "UI-MxP"}),
    Measurement("u1_apog_deg", "Upper incisor to A-Pog", "deg", angle(U1, A_POG), {"Ricketts": "U1-APog"}),
    Measurement("u1_apog_mm", "Upper incisor tip to A-Pog", "mm", offset("UIT", A_POG),
                {"Downs": "U1-APog", "Ricketts": "U1-APog"}),
    Measurement("u1_a_vertical", "Upper incisor tip anterior to A", "mm", along("UIT", "A", FH),
                {"McNamara": "U1-A vertical (tip)"}, TIP_FACIAL),
    Measurement("impa", "Lower incisor to mandibular plane", "deg", _impa, {"Tweed": "IMPA", "Eastman": "LI-MnP"}),
    Measurement("l1_mp", "Lower incisor to mandibular plane, minus 90", "deg", _impa - 90, {"Downs": "L1-MP"}),
    Measurement("fmia", "Lower incisor to Frankfort", "deg", angle(L1, FH), {"Tweed": "FMIA"}),
    Measurement("l1_occlusal", "Lower incisor to bisected occlusal plane", "deg", 90 - angle(L1, BOP),
                {"Downs": "L1-occlusal"}, "+ if the incisor is proclined"),
    Measurement("l1_apog_deg", "Lower incisor to A-Pog", "deg", angle(line("Pog", "A"), L1), {"Ricketts": "L1-APog"}),
    Measurement("l1_apog_mm", "Lower incisor tip to A-Pog", "mm", offset("LIT", A_POG),
                {"Ricketts": "L1-APog", "McNamara": "L1-APog (tip)"}, "McNamara measures to the facial surface"),
    Measurement("overjet", "Upper incisor tip anterior to lower", "mm",
                along("UIT", "LIT", BOP), {"Ricketts": "Overjet", "ISBI": "Overjet"},
                "tip to tip, along the bisected occlusal plane"),
    Measurement("overbite", "Upper incisor tip below lower", "mm", OVERBITE,
                {"Ricketts": "Overbite", "ISBI": "Overbite"},
                "tip to tip, perpendicular to the bisected occlusal plane; - in an open bite"),
    Measurement("mw", "Distance between incisor tips", "mm",
                copysign(length("UIT", "LIT"), along("UIT", "LIT", FH)), {"ISBI": "MW"},
                "+ if the upper incisor is anterior along Frankfort; not an overjet, since it includes height"),
    # Soft tissue
    Measurement("ls_e_line", "Upper lip to E line", "mm", offset("Ls", E_LINE),
                {"Ricketts": "Upper lip-E"}, "+ if the lip is anterior"),
    Measurement("li_e_line", "Lower lip to E line", "mm", offset("Li", E_LINE),
                {"Ricketts": "Lower lip-E"}, "+ if the lip is anterior"),
    Measurement("soft_facial_angle", "Soft-tissue facial plane to Frankfort", "deg",
                angle(line("N`", "Pog`"), line("Or", "Po")), {"Holdaway": "Soft facial angle"}),
    Measurement("h_angle", "H line to soft-tissue facial plane", "deg",
                angle(line("Pog`", "N`"), line("Pog`", "Ls")), {"Holdaway": "H angle"}),
    Measurement("li_h_line", "Lower lip to H line", "mm", offset("Li", H_LINE),
                {"Holdaway": "Li to H line"}, "+ if the lip is anterior"),
    Measurement("sn_h_line", "Subnasale to H line", "mm", -offset("Sn", H_LINE),
                {"Holdaway": "Sn to H line"}, "+ if Sn is posterior"),
    Measurement("nose_prominence", "Nose tip anterior to upper lip", "mm", along("Pn", "Ls", FH),
                {"Holdaway": "Nose prominence"}),
    Measurement("chin_thickness", "Soft-tissue chin thickness", "mm", along("Pog`", "Pog", FH),
                {"Holdaway": "Chin thickness"}),
    Measurement("z_angle", "Profile line to Frankfort", "deg",
                minimum(angle(line("Pog`", "Ls"), FH), angle(line("Pog`", "Li"), FH)), {"Merrifield": "Z angle"},
                "tangent to the more protrusive lip"),
    Measurement("ls_sn_pog", "Upper lip to Sn-Pog`", "mm", offset("Ls", SN_POG),
                {"Burstone": "Ls to Sn-Pog`"}, "+ if the lip is anterior"),
    Measurement("li_sn_pog", "Lower lip to Sn-Pog`", "mm", offset("Li", SN_POG),
                {"Burstone": "Li to Sn-Pog`"}, "+ if the lip is anterior"),
)  # fmt: skip
BY_ID: dict[str, Measurement] = {measurement.id: measurement for measurement in MEASUREMENTS}
