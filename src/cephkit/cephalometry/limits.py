"""Possible range of every measurement; outside it, the landmarks, the facing direction or the pixel size must be wrong.

The limits are not norms: patients may be far outside the norms. Each limit is at least 4.5 standard deviations from the
mean of 290 Aariz faces (Khalid et al. 2025, Scientific Data 12:1336), beyond all of them, beyond the 279 faces of
ISBI 2015, and beyond severe anomalies: class III with an ANB of -15, bird face in TMJ ankylosis with an SNB near 55
and an ANB near 18, clefts with an SNA near 60, long faces with an FMA near 55, open or deep bites of 15 mm. Limits of
lengths leave room for children and for films enlarged by 14 %.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cephkit.cephalometry.measures import UNIT_SUFFIX, Unit

MAX_IMPOSSIBLE_SHARE = 0.2
"""If a larger share of the values is impossible, the others are right by chance at best. A face measured with the
wrong facing direction has 35 to 42 % impossible values, random landmarks at least 57 %, errors of 10 mm in every
landmark 5 %."""
NOT_A_FACE = (
    "{impossible} of {count} values are outside the range of human faces: "
    "the landmarks or the facing direction must be wrong"
)


@dataclass(frozen=True)
class Limits:
    """The smallest and largest possible value."""

    low: float
    high: float
    reason: str = ""
    """Why there is no value outside; empty: no human face has one, so the landmarks must be wrong."""


def why_impossible(value: float, limits: Limits, unit: Unit) -> str:
    """Why ``value`` is impossible; empty if it is not."""
    if limits.low <= value <= limits.high:
        return ""
    suffix = UNIT_SUFFIX[unit]
    return limits.reason or (
        f"{value:.4g}{suffix} is outside the range of human faces, {limits.low:g} to {limits.high:g}{suffix}"
    )


def why_no_lengths(sella_nasion_mm: float, limits: Limits) -> str:
    """Why lengths are withheld if S-N is not that of a human head."""
    return (
        f"S-N would be {sella_nasion_mm:.3g} mm, outside the human range of {limits.low:g} to {limits.high:g} mm: "
        "the pixel size, S or N must be wrong"
    )


LIMITS: Mapping[str, Limits] = {
    # Jaws relative to the cranial base
    "sna": Limits(55, 115), "snb": Limits(45, 115), "anb": Limits(-20, 20), "anb_corrected": Limits(-25, 25),
    "a_nperp": Limits(-40, 30), "pog_nperp": Limits(-75, 60), "facial_angle": Limits(55, 120),
    "maxillary_depth": Limits(60, 115), "convexity_deg": Limits(-50, 55), "convexity_mm": Limits(-25, 30),
    "ab_plane": Limits(-40, 35), "wits_bop": Limits(-40, 35), "wits_fop": Limits(-60, 60), "apdi": Limits(35, 135),
    "co_a": Limits(45, 145), "co_gn": Limits(55, 185), "mx_md_difference": Limits(-25, 85), "pog_nb": Limits(-25, 25),
    # Vertical
    "fma": Limits(-15, 70), "sn_gogn": Limits(-15, 75), "sn_gome": Limits(-15, 80), "sn_mxp": Limits(-20, 35),
    "pp_fh": Limits(-25, 25), "mmpa": Limits(-15, 70), "facial_taper": Limits(30, 105), "y_axis": Limits(30, 95),
    "odi": Limits(10, 130), "lafh_percent": Limits(35, 75), "ans_me": Limits(25, 130), "s_go": Limits(30, 140),
    "n_me": Limits(55, 195), "facial_height_percent": Limits(35, 105), "fhi": Limits(0.35, 1.05),
    "saddle": Limits(85, 165), "articular": Limits(95, 195), "gonial": Limits(85, 175),
    "upper_gonial": Limits(20, 85), "lower_gonial": Limits(40, 115), "bjork_sum": Limits(345, 440),
    "s_n": Limits(38, 105), "s_ar": Limits(10, 70), "ar_go": Limits(10, 95), "go_me": Limits(25, 125),
    # Occlusal plane
    "sn_fop": Limits(-30, 75), "occlusal_cant": Limits(-25, 50),
    # Incisors
    "interincisal": Limits(50, 220), "u1_na_deg": Limits(-45, 85), "u1_na_mm": Limits(-30, 35),
    "l1_nb_deg": Limits(-40, 80), "l1_nb_mm": Limits(-25, 35),
    "holdaway_ratio": Limits(-50, 50, "Pog is too close to N-B for a ratio"), "u1_sn": Limits(50, 165),
    "ui_mxp": Limits(55, 170), "u1_apog_deg": Limits(-30, 90), "u1_apog_mm": Limits(-25, 40),
    "u1_a_vertical": Limits(-25, 40), "impa": Limits(45, 145), "l1_mp": Limits(-45, 55), "fmia": Limits(0, 120),
    "l1_occlusal": Limits(-30, 80), "l1_apog_deg": Limits(-25, 75), "l1_apog_mm": Limits(-25, 35),
    "overjet": Limits(-30, 35), "overbite": Limits(-30, 30), "mw": Limits(-40, 40),
    # Soft tissue
    "ls_e_line": Limits(-25, 25), "li_e_line": Limits(-25, 25), "soft_facial_angle": Limits(60, 115),
    "h_angle": Limits(-25, 55), "li_h_line": Limits(-20, 20), "sn_h_line": Limits(-20, 30),
    "nose_prominence": Limits(-15, 50), "chin_thickness": Limits(-12, 45), "z_angle": Limits(0, 125),
    "ls_sn_pog": Limits(-25, 25), "li_sn_pog": Limits(-25, 25),
}  # fmt: skip
"""By measurement id, in the unit of the measurement."""
