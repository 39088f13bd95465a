"""Every measurement, one entry each: what it is called in which analysis, its unit, and its formula.

To add one, add an entry; docs/measurements.md shows how. Norms stand in norms.csv, classes in classes.py. Sources of
the definitions are those of the norms: Steiner 1953, Downs 1948, Tweed 1954, Ricketts 1968 and 1981, McNamara 1984,
Bjork 1947, Jarabak and Fizzell 1972, Jacobson 1975, Mills 1982, Holdaway 1983, Merrifield 1966, Burstone 1967,
Kim 1974, Kim and Vietas 1978, and the ISBI challenge of 2015 (Wang et al. 2016).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cephkit.cephalometry.primitives import (
    Formula,
    along,
    beside,
    interior,
    length,
    line,
    mid,
    signed_as,
    smallest,
    turn,
)

Unit: TypeAlias = Literal["deg", "mm", "%", "ratio"]


@dataclass(frozen=True)
class Only:
    """A measurement means something only where another lies within bounds."""

    formula: Formula
    low: float
    high: float
    otherwise: str
    """Why there is no value outside them."""


@dataclass(frozen=True)
class Measurement:
    """One number of a face. It needs the landmarks that its formula needs."""

    id: str
    title: str
    unit: Unit
    formula: Formula
    analyses: Mapping[str, str]
    """Analysis -> the name it has there."""
    note: str = ""
    """How it differs from the original, or what its sign means."""
    only: Only | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Symbols of its landmarks, in canonical order."""
        return self.formula.needs


SN, FH, PP = line("S", "N"), line("Po", "Or"), line("PNS", "ANS")
MP, MP_GN = line("Go", "Me"), line("Go", "Gn")
U1, L1 = line("UIA", "UIT"), line("LIA", "LIT")
MOLARS = mid("UMT", "LMT")
FOP, BOP = line(MOLARS, mid("UPM", "LPM")), line(MOLARS, mid("UIT", "LIT"))
NA, NB, N_POG, A_POG = line("N", "A"), line("N", "B"), line("N", "Pog"), line("A", "Pog")
AB, E_LINE, H_LINE, SN_POG = line("A", "B"), line("Pn", "Pog`"), line("Ls", "Pog`"), line("Sn", "Pog`")

TIP = "to the incisor's tip; the original measures to the labial surface"
ON_BOP = "on the bisected occlusal plane, molars to incisors; Jacobson's mean is for the functional plane"
ON_FOP = "on the functional occlusal plane; it hangs on 9 mm between molars and second premolars, so it is unsure"
SECOND_PREMOLAR = "by the second premolar; the original uses the first"

_sna, _snb = turn(NA, line("N", "S")), turn(NB, line("N", "S"))
_fma = turn(FH, MP)
_impa = turn(line("Me", "Go"), L1)
_pp_fh = turn(FH, PP)
_sn_mxp = turn(SN, PP)
_saddle = interior(SN, line("S", "Ar"))
_articular = interior(line("Ar", "S"), line("Ar", "Go"))
_gonial = interior(line("Go", "Ar"), MP)
_facial_height = length("S", "Go") / length("N", "Me")
_below, _above = -beside("Me", PP), beside("N", PP)
OVERBITE = beside("LIT", BOP) - beside("UIT", BOP)

MEASUREMENTS: tuple[Measurement, ...] = (
    # Jaws against the base of the skull
    Measurement("sna", "Maxilla to the base of the skull", "deg", _sna,
                {"Steiner": "SNA", "Eastman": "SNA", "ISBI": "SNA"}),
    Measurement("snb", "Mandible to the base of the skull", "deg", _snb,
                {"Steiner": "SNB", "Eastman": "SNB", "ISBI": "SNB"}),
    Measurement("anb", "Maxilla to mandible", "deg", turn(NA, NB),
                {"Steiner": "ANB", "Eastman": "ANB", "ISBI": "ANB"}, "+ where A is ahead of B"),
    Measurement("anb_corrected", "ANB corrected for SNA", "deg", turn(NA, NB) + 0.5 * (81 - _sna),
                {"Eastman": "ANB corrected"}, "ANB + (81 - SNA) / 2",
                Only(_sn_mxp, 5.0, 11.0, "the correction holds only where SN-MxP is 8 +- 3 degrees")),
    Measurement("a_nperp", "A to the vertical through N", "mm", along("A", "N", FH),
                {"McNamara": "A-Nperp"}, "+ where A is ahead of it"),
    Measurement("pog_nperp", "Pog to the vertical through N", "mm", along("Pog", "N", FH),
                {"McNamara": "Pog-Nperp"}, "+ where Pog is ahead of it"),
    Measurement("facial_angle", "Facial plane to Frankfort", "deg", turn(N_POG, line("Or", "Po")),
                {"Downs": "Facial angle", "Ricketts": "Facial depth"}),
    Measurement("maxillary_depth", "N-A to Frankfort", "deg", turn(NA, line("Or", "Po")),
                {"Ricketts": "Maxillary depth"}),
    Measurement("convexity_deg", "Convexity of the profile", "deg", turn(NA, A_POG),
                {"Downs": "Convexity"}, "+ where A is ahead of N-Pog"),
    Measurement("convexity_mm", "A to the facial plane", "mm", beside("A", N_POG),
                {"Ricketts": "Convexity"}, "+ where A is ahead of N-Pog"),
    Measurement("ab_plane", "A-B to the facial plane", "deg", turn(AB, N_POG),
                {"Downs": "A-B plane"}, "- where B is behind"),
    Measurement("wits_bop", "Wits appraisal, bisected plane", "mm", along("A", "B", BOP),
                {"Wits": "Wits (BOP)"}, f"+ where A is ahead; {ON_BOP}"),
    Measurement("wits_fop", "Wits appraisal, functional plane", "mm", along("A", "B", FOP),
                {"Wits": "Wits (FOP)"}, f"+ where A is ahead; {ON_FOP}"),
    Measurement("apdi", "Anteroposterior dysplasia indicator", "deg", turn(AB, line("Or", "Po")) + _pp_fh,
                {"Kim": "APDI", "ISBI": "APDI"}, "low: class II; high: class III"),
    Measurement("co_a", "Effective length of the midface", "mm", length("Co", "A"), {"McNamara": "Co-A"}),
    Measurement("co_gn", "Effective length of the mandible", "mm", length("Co", "Gn"), {"McNamara": "Co-Gn"}),
    Measurement("mx_md_difference", "Mandible longer than midface by", "mm", length("Co", "Gn") - length("Co", "A"),
                {"McNamara": "Mx-Md differential"}),
    Measurement("pog_nb", "Pog to N-B", "mm", beside("Pog", NB), {"Steiner": "Pog-NB"}, "+ where Pog is ahead"),
    # Vertical
    Measurement("fma", "Mandibular plane to Frankfort", "deg", _fma,
                {"Downs": "Mandibular plane", "Tweed": "FMA", "Ricketts": "Mandibular plane", "McNamara": "MP-FH"}),
    Measurement("sn_gogn", "Mandibular plane (Go-Gn) to SN", "deg", turn(SN, MP_GN),
                {"Steiner": "SN-GoGn", "ISBI": "FHA"}),
    Measurement("sn_gome", "Mandibular plane (Go-Me) to SN", "deg", turn(SN, MP), {"Jarabak": "SN-GoMe"}),
    Measurement("sn_mxp", "Palatal plane to SN", "deg", _sn_mxp, {"Eastman": "SN-MxP"}, "+ where ANS is down"),
    Measurement("pp_fh", "Palatal plane to Frankfort", "deg", _pp_fh,
                {"Ricketts": "Palatal plane"}, "+ where ANS is down"),
    Measurement("mmpa", "Mandibular to palatal plane", "deg", turn(PP, MP), {"Eastman": "MMPA"}),
    Measurement("facial_taper", "Facial plane to mandibular plane", "deg", turn(line("Me", "Go"), line("Pog", "N")),
                {"Ricketts": "Facial taper"}),
    Measurement("y_axis", "Growth axis S-Gn to Frankfort", "deg", turn(FH, line("S", "Gn")), {"Downs": "Y axis"}),
    Measurement("odi", "Overbite depth indicator", "deg", turn(line("Me", "Go"), line("B", "A")) + _pp_fh,
                {"Kim": "ODI", "ISBI": "ODI"}, "low: open bite; high: deep bite"),
    Measurement("lafh_percent", "Lower part of the anterior face height", "%", 100 * (_below / (_below + _above)),
                {"Eastman": "LAFH %"}, "heights at right angles to the palatal plane"),
    Measurement("ans_me", "Lower anterior face height", "mm", length("ANS", "Me"), {"McNamara": "ANS-Me"}),
    Measurement("s_go", "Posterior face height", "mm", length("S", "Go"), {"Jarabak": "S-Go"}),
    Measurement("n_me", "Anterior face height", "mm", length("N", "Me"), {"Jarabak": "N-Me"}),
    Measurement("facial_height_percent", "Posterior to anterior face height", "%", 100 * _facial_height,
                {"Jarabak": "S-Go:N-Me"}),
    Measurement("fhi", "Posterior to anterior face height", "ratio", _facial_height, {"ISBI": "FHI"}),
    Measurement("saddle", "N-S-Ar", "deg", _saddle, {"Jarabak": "Saddle"}),
    Measurement("articular", "S-Ar-Go", "deg", _articular, {"Jarabak": "Articular"}),
    Measurement("gonial", "Ar-Go-Me", "deg", _gonial, {"Jarabak": "Gonial"}),
    Measurement("upper_gonial", "Ar-Go-N", "deg", interior(line("Go", "Ar"), line("Go", "N")),
                {"Jarabak": "Upper gonial"}),
    Measurement("lower_gonial", "N-Go-Me", "deg", interior(line("Go", "N"), MP), {"Jarabak": "Lower gonial"}),
    Measurement("bjork_sum", "Saddle, articular and gonial together", "deg", _saddle + _articular + _gonial,
                {"Jarabak": "Bjork sum"}),
    Measurement("s_n", "Anterior base of the skull", "mm", length("S", "N"), {"Jarabak": "S-N"}),
    Measurement("s_ar", "Posterior base of the skull", "mm", length("S", "Ar"), {"Jarabak": "S-Ar"}),
    Measurement("ar_go", "Height of the ramus", "mm", length("Ar", "Go"), {"Jarabak": "Ar-Go"}),
    Measurement("go_me", "Length of the mandible's body", "mm", length("Go", "Me"), {"Jarabak": "Go-Me"}),
    # Occlusal plane
    Measurement("sn_fop", "Functional occlusal plane to SN", "deg", turn(SN, FOP),
                {"Steiner": "SN-Occl (FOP)"}, SECOND_PREMOLAR),
    Measurement("occlusal_cant", "Bisected occlusal plane to Frankfort", "deg", turn(FH, BOP),
                {"Downs": "Occlusal cant"}),
    # Incisors
    Measurement("interincisal", "Upper to lower incisor", "deg", interior(L1, U1),
                {"Steiner": "U1-L1", "Downs": "U1-L1", "Eastman": "U1-L1"}),
    Measurement("u1_na_deg", "Upper incisor to N-A", "deg", turn(U1, NA), {"Steiner": "U1-NA"}),
    Measurement("u1_na_mm", "Upper incisor's tip to N-A", "mm", beside("UIT", NA), {"Steiner": "U1-NA (tip)"}, TIP),
    Measurement("l1_nb_deg", "Lower incisor to N-B", "deg", turn(line("B", "N"), L1), {"Steiner": "L1-NB"}),
    Measurement("l1_nb_mm", "Lower incisor's tip to N-B", "mm", beside("LIT", NB), {"Steiner": "L1-NB (tip)"}, TIP),
    Measurement("holdaway_ratio", "L1-NB to Pog-NB", "ratio", beside("LIT", NB) / beside("Pog", NB),
                {"Steiner": "L1-NB:Pog-NB"}, f"{TIP}; means nothing where Pog lies near N-B"),
    Measurement("u1_sn", "Upper incisor to SN", "deg", turn(line("UIT", "UIA"), SN), {"Jarabak": "U1-SN"}),
    Measurement("ui_mxp", "Upper incisor to the palatal plane", "deg", turn(line("UIT", "UIA"), PP),
                {"Eastman": "UI-MxP"}),
    Measurement("u1_apog_deg", "Upper incisor to A-Pog", "deg", turn(U1, A_POG), {"Ricketts": "U1-APog"}),
    Measurement("u1_apog_mm", "Upper incisor's tip to A-Pog", "mm", beside("UIT", A_POG),
                {"Downs": "U1-APog", "Ricketts": "U1-APog"}),
    Measurement("u1_a_vertical", "Upper incisor's tip ahead of A", "mm", along("UIT", "A", FH),
                {"McNamara": "U1-A vertical (tip)"}, "to the tip; the original measures to the facial surface"),
    Measurement("impa", "Lower incisor to the mandibular plane", "deg", _impa, {"Tweed": "IMPA", "Eastman": "LI-MnP"}),
    Measurement("l1_mp", "Lower incisor to the mandibular plane, less 90", "deg", _impa - 90, {"Downs": "L1-MP"}),
    Measurement("fmia", "Lower incisor to Frankfort", "deg", turn(L1, FH), {"Tweed": "FMIA"}),
    Measurement("l1_occlusal", "Lower incisor to the bisected occlusal plane", "deg", 90 - turn(L1, BOP),
                {"Downs": "L1-occlusal"}, "+ where the incisor leans forward"),
    Measurement("l1_apog_deg", "Lower incisor to A-Pog", "deg", turn(line("Pog", "A"), L1), {"Ricketts": "L1-APog"}),
    Measurement("l1_apog_mm", "Lower incisor's tip to A-Pog", "mm", beside("LIT", A_POG),
                {"Ricketts": "L1-APog", "McNamara": "L1-APog (tip)"}, "McNamara measures to the facial surface"),
    Measurement("overjet", "Upper incisor's tip ahead of the lower", "mm",
                along("UIT", "LIT", BOP), {"Ricketts": "Overjet", "ISBI": "Overjet"},
                "along the bisected occlusal plane; tip to tip"),
    Measurement("overbite", "Upper incisor's tip below the lower", "mm", OVERBITE,
                {"Ricketts": "Overbite", "ISBI": "Overbite"},
                "across the bisected occlusal plane; - in an open bite"),
    Measurement("mw", "Distance of the incisors' tips", "mm",
                signed_as(length("UIT", "LIT"), along("UIT", "LIT", FH)), {"ISBI": "MW"},
                "+ where the upper incisor is ahead along Frankfort; no overjet: heights count too"),
    # Soft tissue
    Measurement("ls_e_line", "Upper lip to the E line", "mm", beside("Ls", E_LINE),
                {"Ricketts": "Upper lip-E"}, "+ where the lip is ahead"),
    Measurement("li_e_line", "Lower lip to the E line", "mm", beside("Li", E_LINE),
                {"Ricketts": "Lower lip-E"}, "+ where the lip is ahead"),
    Measurement("soft_facial_angle", "Soft-tissue facial plane to Frankfort", "deg",
                turn(line("N`", "Pog`"), line("Or", "Po")), {"Holdaway": "Soft facial angle"}),
    Measurement("h_angle", "H line to the soft-tissue facial plane", "deg",
                turn(line("Pog`", "N`"), line("Pog`", "Ls")), {"Holdaway": "H angle"}),
    Measurement("li_h_line", "Lower lip to the H line", "mm", beside("Li", H_LINE),
                {"Holdaway": "Li to H line"}, "+ where the lip is ahead"),
    Measurement("sn_h_line", "Subnasale to the H line", "mm", -beside("Sn", H_LINE),
                {"Holdaway": "Sn to H line"}, "+ where Sn is behind"),
    Measurement("nose_prominence", "Nose ahead of the upper lip", "mm", along("Pn", "Ls", FH),
                {"Holdaway": "Nose prominence"}),
    Measurement("chin_thickness", "Soft-tissue chin ahead of the bone", "mm", along("Pog`", "Pog", FH),
                {"Holdaway": "Chin thickness"}),
    Measurement("z_angle", "Profile line to Frankfort", "deg",
                smallest(turn(line("Pog`", "Ls"), FH), turn(line("Pog`", "Li"), FH)), {"Merrifield": "Z angle"},
                "over the lip that is further ahead"),
    Measurement("ls_sn_pog", "Upper lip to Sn-Pog`", "mm", beside("Ls", SN_POG),
                {"Burstone": "Ls to Sn-Pog`"}, "+ where the lip is ahead"),
    Measurement("li_sn_pog", "Lower lip to Sn-Pog`", "mm", beside("Li", SN_POG),
                {"Burstone": "Li to Sn-Pog`"}, "+ where the lip is ahead"),
)  # fmt: skip
BY_ID: dict[str, Measurement] = {measurement.id: measurement for measurement in MEASUREMENTS}
