"""Measures a face: every measurement of the analyses asked for, with norms, classes and uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from numpy.typing import ArrayLike

from cephkit.cephalometry.classes import RULES, Rule, Rules, normal_share, one_per_question
from cephkit.cephalometry.frame import Face, face_of, facing_of
from cephkit.cephalometry.limits import LARGEST_SHARE, LIMITS, NO_FACE, Limits, impossible, no_lengths
from cephkit.cephalometry.measures import MEASUREMENTS, Measurement, Only
from cephkit.cephalometry.norms import Norm, NormRow, Subject, norm_for, norm_rows
from cephkit.cephalometry.primitives import DegenerateError
from cephkit.cephalometry.results import Result
from cephkit.cephalometry.uncertainty import standard_error
from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.landmarks import Facing

AnalysisName: TypeAlias = Literal[
    "Steiner",
    "Downs",
    "Tweed",
    "Ricketts",
    "McNamara",
    "Jarabak",
    "Wits",
    "Eastman",
    "Holdaway",
    "Merrifield",
    "Burstone",
    "Kim",
    "ISBI",
]
ANALYSES: tuple[str, ...] = get_args(AnalysisName)
"""In the order in which results come; analyses of measurements of your own follow."""
ON_REQUEST = ("ISBI",)
"""Made only where they are named: their ranges are a challenge's, and contradict those of the clinic."""

NOT_POSSIBLE: dict[str, str] = {
    "facial axis (Ricketts, McNamara)": "needs Ba and Pt",
    "lower face height ANS-Xi-Pm (Ricketts)": "needs Xi and Pm",
    "mandibular arc (Ricketts)": "needs Xi, DC and Pm",
    "upper molar to PTV (Ricketts)": "needs Pt and the molar's distal surface",
    "airway (McNamara)": "needs the soft palate, the tongue and the pharyngeal wall",
    "nasolabial angle": "needs the columella",
    "S line (Steiner)": "needs the middle of the nose's lower border",
    "vertebra measures": "need landmarks of the cervical spine",
}
"""What people look for and 29 landmarks do not give -> why."""


@dataclass(frozen=True)
class _Value:
    value: float | None = None
    standard_error: float | None = None
    absent: str = ""
    impossible: bool = False


def measure(
    points: Points,
    *,
    facing: Facing | None = None,
    spacing: Spacing | float | None = None,
    covariances_px: Mapping[str, ArrayLike] | None = None,
    subject: Subject | None = None,
    analyses: Sequence[str] | None = None,
    measurements: Sequence[Measurement] = MEASUREMENTS,
    norms: tuple[NormRow, ...] | None = None,
    rules: Rules | None = None,
    limits: Mapping[str, Limits] = LIMITS,
) -> tuple[Result, ...]:
    """All measurements of one face, analysis by analysis; what cannot be measured says why.

    Args:
        points: film pixels, x to the right, y down; any of the 29 landmarks.
        facing: where the face looks on the film; None: found from the landmarks.
        spacing: mm per film pixel; None: no lengths.
        covariances_px: (2, 2) of the landmarks' errors by symbol, film pixels squared (``frame.covariance_of_error``).
        subject: whose face, for norms by age or sex.
        analyses: names, of which the first names a class where several could; None: all but those of ``ON_REQUEST``.
        measurements: what to measure; those of norms that depend on others must be among them.
        norms: rows as of norms.csv; None: those.
        rules: how classes are named; None: ``classes.RULES``.
        limits: what a face can have, by id; a value outside is withheld.

    Raises:
        ValueError: an unknown analysis, a coordinate that is not finite, or a covariance that is none.
        SettingsError: no pixel of a cephalogram has that size.
    """
    known = (*ANALYSES, *{name: None for entry in measurements for name in entry.analyses if name not in ANALYSES})
    unknown = [name for name in analyses or () if name not in known]
    if unknown:
        raise ValueError(f"unknown analysis {unknown[0]!r}; known: {' '.join(known)}")
    asked = [name for name in known if name not in ON_REQUEST] if analyses is None else list(analyses)
    looks = facing or facing_of(points)
    face = face_of(points, looks or "right", spacing, covariances_px)
    values = _possible(
        {entry.id: _value(entry, face, looks is not None) for entry in measurements}, measurements, limits
    )
    named = one_per_question(RULES if rules is None else rules, asked)
    rows = norm_rows() if norms is None else norms
    return tuple(
        _result(entry, analysis, values, subject or Subject(), rows, named.get((entry.id, analysis)), face)
        for analysis in known
        if analysis in asked
        for entry in measurements
        if analysis in entry.analyses
    )


def _value(entry: Measurement, face: Face, side_known: bool) -> _Value:
    missing = [symbol for symbol in entry.needs if symbol not in face.points]
    if missing:
        return _Value(absent=f"without {' '.join(missing)}")
    if entry.unit == "mm" and not face.in_mm:
        return _Value(absent="without a pixel size")
    if not side_known:
        return _Value(absent="it cannot be told where the face looks; say so")
    if entry.only is not None:
        lacking = [symbol for symbol in entry.only.formula.needs if symbol not in face.points]
        if lacking:
            return _Value(absent=f"without {' '.join(lacking)}")
    try:
        if entry.only is not None and not _holds(entry.only, face):
            return _Value(absent=entry.only.otherwise)
        return _Value(entry.formula.value(face.points), standard_error(entry.formula, face, entry.unit == "deg"))
    except DegenerateError as error:
        return _Value(absent=str(error))


def _holds(only: Only, face: Face) -> bool:
    return only.low <= only.formula.value(face.points) <= only.high


def _possible(
    values: Mapping[str, _Value], measurements: Sequence[Measurement], limits: Mapping[str, Limits]
) -> dict[str, _Value]:
    """The values by id, without those that no face can have; where these are many, without any."""
    found = dict(values)
    base = found.get("s_n", _Value()).value
    if base is not None and "s_n" in limits and impossible(base, limits["s_n"], "mm"):
        reason = no_lengths(base, limits["s_n"])
        found |= {
            entry.id: _Value(absent=reason, impossible=True)
            for entry in measurements
            if entry.unit == "mm" and found[entry.id].value is not None
        }
    judged = wrong = 0
    for entry in measurements:
        value = found[entry.id].value
        if value is None or entry.id not in limits:
            continue
        reason = impossible(value, limits[entry.id], entry.unit)
        no_face = bool(reason) and not limits[entry.id].otherwise
        judged, wrong = judged + 1, wrong + no_face
        if reason:
            found[entry.id] = _Value(absent=reason, impossible=no_face)
    if wrong > max(1, LARGEST_SHARE * judged):  # one alone may be a patient like no other
        reason = NO_FACE.format(count=judged, impossible=wrong)
        found = {
            name: value if value.value is None and not value.impossible else _Value(absent=reason, impossible=True)
            for name, value in found.items()
        }
    return found


def _result(
    entry: Measurement,
    analysis: str,
    values: Mapping[str, _Value],
    subject: Subject,
    norms: tuple[NormRow, ...],
    rule: Rule | None,
    face: Face,
) -> Result:
    found = values[entry.id]

    def value_of(measurement: str) -> float | None:
        return values[measurement].value if measurement in values else None

    norm: Norm | None = None
    withheld = unsure = _unsure(entry, found)
    if not unsure:
        norm, withheld = norm_for(entry.id, analysis, subject, value_of, entry.unit == "mm", norms)
    result = Result(
        analysis=analysis,
        measurement=entry.id,
        name=entry.analyses[analysis],
        unit=entry.unit,
        value=found.value,
        standard_error=found.standard_error,
        absent=found.absent,
        impossible=found.impossible,
        norm=norm,
        norm_withheld=withheld,
        note=entry.note,
    )
    return result if rule is None else _classed(result, rule, face, unsure)


def _unsure(entry: Measurement, found: _Value) -> str:
    """Why a ratio says nothing; empty where it does."""
    if entry.unit != "ratio" or found.value is None or found.standard_error is None:
        return ""
    return "its standard error is larger than the ratio" if found.standard_error >= abs(found.value) else ""


def _classed(result: Result, rule: Rule, face: Face, unsure: str) -> Result:
    """``result`` with its class, or why there is none."""
    result = replace(result, class_question=rule.question or result.measurement, class_rule=rule.name)
    if result.value is None:
        return result
    only = next((only for only in rule.only if all(symbol in face.points for symbol in only.formula.needs)), None)
    if only is not None and not _holds(only, face):
        return replace(result, norm=None, norm_withheld=only.otherwise, class_withheld=only.otherwise)
    if unsure:
        return replace(result, class_withheld=unsure)
    shares = None
    if result.standard_error is not None:
        shares = rule.probabilities(result.value, result.standard_error, _same_sign(rule, face))
    return replace(result, class_name=rule.class_of(result.value), class_probabilities=shares)


def _same_sign(rule: Rule, face: Face) -> float:
    """Probability that the length whose sign ``rule`` takes has the one measured; its landmarks have errors."""
    if rule.sign is None:
        return 1.0
    size, error = abs(rule.sign.value(face.points)), standard_error(rule.sign, face, is_angle=False)
    return normal_share(size / error) if error else 1.0
