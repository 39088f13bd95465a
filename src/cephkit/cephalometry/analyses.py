"""Measures a face: all measurements of the requested analyses, with norms, classes and uncertainty.

Standard errors are first-order propagations of the landmarks' errors. The squared standard error is the sum over
landmarks of g' C g, where C is the covariance of the landmark's error and g the gradient of the measurement with
respect to that landmark, by central differences. Errors of different landmarks are assumed to be independent, and small
relative to the face (JCGM 100:2008, Guide to the expression of uncertainty in measurement).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from cephkit.cephalometry.classes import RULES, Rule, Rules, normal_cdf, rules_for
from cephkit.cephalometry.frame import Face, face_of, facing_of
from cephkit.cephalometry.limits import LIMITS, MAX_IMPOSSIBLE_SHARE, NOT_A_FACE, Limits, why_impossible, why_no_lengths
from cephkit.cephalometry.measures import MEASUREMENTS, Measurement
from cephkit.cephalometry.norms import Norm, NormRow, Subject, norm_for, norm_rows
from cephkit.cephalometry.primitives import DegenerateError, Formula, wrapped
from cephkit.cephalometry.results import Result
from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.geometry import Facing

STEP = 1e-5
"""Step of the differences, relative to the extent of the landmarks."""


def standard_error(formula: Formula, face: Face, is_angle: bool) -> float | None:
    """Standard error of ``formula`` on ``face``; None if one of its landmarks has no covariance.

    Args:
        formula: its landmarks must be present, and it must have a value.
        face: the landmarks and their covariances.
        is_angle: whether it is an angle in degrees, for which full turns do not count.

    Raises:
        DegenerateError: the formula has no value next to the landmarks.
    """
    if any(symbol not in face.covariances for symbol in formula.needs):
        return None
    places = np.array([face.points[symbol] for symbol in formula.needs])
    step = STEP * float(np.ptp(places, axis=0).max())
    # Plain numbers: a page measures while a landmark is dragged, and arrays of two are slow.
    at: dict[str, tuple[float, float]] = {s: (x, y) for s, (x, y) in zip(formula.needs, places.tolist(), strict=True)}
    variance = 0.0
    for symbol in formula.needs:
        gradient = np.array([_slope(formula, at, symbol, axis, step, is_angle) for axis in (0, 1)])
        variance += float(gradient @ face.covariances[symbol] @ gradient)
    return math.sqrt(max(variance, 0.0))


def _slope(
    formula: Formula, at: Mapping[str, tuple[float, float]], symbol: str, axis: int, step: float, is_angle: bool
) -> float:
    def moved(by: float) -> float:
        x, y = at[symbol]
        return formula.value({**at, symbol: (x + by, y) if axis == 0 else (x, y + by)})

    difference = moved(step) - moved(-step)
    return (wrapped(difference) if is_angle else difference) / (2 * step)


AnalysisName: TypeAlias = Literal[
    "Steiner", "Downs", "Tweed", "Ricketts", "McNamara", "Jarabak", "Wits", "Eastman", "Holdaway",
    "Merrifield", "Burstone", "Kim", "ISBI",
]  # fmt: skip
ANALYSES: tuple[str, ...] = get_args(AnalysisName)
"""In the order of the results; custom analyses come after them."""
ON_REQUEST = ("ISBI",)
"""Included only if named: the ranges are those of a challenge and contradict clinical norms."""

NOT_POSSIBLE: dict[str, str] = {
    "facial axis (Ricketts, McNamara)": "needs Ba and Pt",
    "lower face height ANS-Xi-Pm (Ricketts)": "needs Xi and Pm",
    "mandibular arc (Ricketts)": "needs Xi, DC and Pm",
    "upper molar to PTV (Ricketts)": "needs Pt and the distal surface of the molar",
    "airway (McNamara)": "needs the soft palate, the tongue and the pharyngeal wall",
    "nasolabial angle": "needs the columella",
    "S line (Steiner)": "needs the midpoint of the lower border of the nose",
    "vertebra measures": "need landmarks of the cervical spine",
}
"""Common measurements that the 29 landmarks do not support -> why."""


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
    """All measurements of one face, by analysis; a measurement without a value gives the reason.

    Args:
        points: film pixels, x to the right, y down; any of the 29 landmarks.
        facing: the side of the film that the face points to; None: determined from the landmarks.
        spacing: mm per film pixel; None: no lengths.
        covariances_px: (2, 2) by symbol, covariances of the landmarks' errors in film pixels squared (see
            ``geometry.covariance_of_error``).
        subject: age, sex and enlargement, for norms that depend on them.
        analyses: names; if several classify the same thing, the first named decides. None: all except ``ON_REQUEST``.
        measurements: what to measure, including any measurements that norms of others depend on.
        norms: rows like those of norms.csv; None: the rows of norms.csv.
        rules: how classes are assigned; None: ``classes.RULES``.
        limits: the possible range by measurement id; values outside are withheld.

    Raises:
        ValueError: an unknown analysis, a coordinate that is not finite, or an invalid covariance.
        SettingsError: no pixel of a cephalogram has that size.
    """
    known = (*ANALYSES, *{name: None for entry in measurements for name in entry.analyses if name not in ANALYSES})
    unknown = [name for name in analyses or () if name not in known]
    if unknown:
        raise ValueError(f"unknown analysis {unknown[0]!r}; known: {' '.join(known)}")
    selected = [name for name in known if name not in ON_REQUEST] if analyses is None else list(analyses)
    facing = facing or facing_of(points)
    face = face_of(points, facing or "right", spacing, covariances_px)
    values = _withhold_impossible(
        {entry.id: _value(entry, face, facing is not None) for entry in measurements}, measurements, limits
    )
    chosen = rules_for(RULES if rules is None else rules, selected)
    rows = norm_rows() if norms is None else norms
    return tuple(
        _result(entry, analysis, values, subject or Subject(), rows, chosen.get((entry.id, analysis)), face)
        for analysis in known
        if analysis in selected
        for entry in measurements
        if analysis in entry.analyses
    )


def _value(entry: Measurement, face: Face, facing_known: bool) -> _Value:
    missing = [symbol for symbol in entry.needs if symbol not in face.points]
    if missing:
        return _Value(absent=f"{' '.join(missing)} missing")
    if entry.unit == "mm" and not face.in_mm:
        return _Value(absent="unknown pixel size")
    if not facing_known:
        return _Value(absent="cannot determine which way the face points; specify it")
    try:
        if entry.condition is not None and not entry.condition.holds(face.points):
            return _Value(absent=entry.condition.reason)
        return _Value(entry.formula.value(face.points), standard_error(entry.formula, face, entry.unit == "deg"))
    except DegenerateError as error:
        return _Value(absent=str(error))


def _withhold_impossible(
    values: Mapping[str, _Value], measurements: Sequence[Measurement], limits: Mapping[str, Limits]
) -> dict[str, _Value]:
    """``values`` without those outside their limits; without any if too many of them are."""
    kept = dict(values)
    sella_nasion = kept.get("s_n", _Value()).value
    if sella_nasion is not None and "s_n" in limits and why_impossible(sella_nasion, limits["s_n"], "mm"):
        reason = why_no_lengths(sella_nasion, limits["s_n"])
        kept |= {
            entry.id: _Value(absent=reason, impossible=True)
            for entry in measurements
            if entry.unit == "mm" and kept[entry.id].value is not None
        }
    checked = wrong = 0
    for entry in measurements:
        value = kept[entry.id].value
        if value is None or entry.id not in limits:
            continue
        checked += 1
        reason = why_impossible(value, limits[entry.id], entry.unit)
        if reason:
            impossible = not limits[entry.id].reason
            wrong += impossible
            kept[entry.id] = _Value(absent=reason, impossible=impossible)
    if wrong > max(1, MAX_IMPOSSIBLE_SHARE * checked):  # a single one may be an exceptional patient
        reason = NOT_A_FACE.format(count=checked, impossible=wrong)
        kept = {
            name: value if value.value is None and not value.impossible else _Value(absent=reason, impossible=True)
            for name, value in kept.items()
        }
    return kept


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
    withheld = uncertain = _why_uncertain(entry, found)
    if not uncertain:
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
    return result if rule is None else _classified(result, rule, face, uncertain)


def _why_uncertain(entry: Measurement, found: _Value) -> str:
    """Why a ratio is meaningless; empty if it is not."""
    if entry.unit != "ratio" or found.value is None or found.standard_error is None:
        return ""
    return "the standard error is larger than the ratio" if found.standard_error >= abs(found.value) else ""


def _classified(result: Result, rule: Rule, face: Face, uncertain: str) -> Result:
    """``result`` with its class, or why there is none."""
    result = replace(result, class_question=rule.question or result.measurement, class_rule=rule.name)
    if result.value is None:
        return result
    condition = next((each for each in rule.conditions if set(each.formula.needs) <= face.points.keys()), None)
    if condition is not None and not condition.holds(face.points):
        return replace(result, norm=None, norm_withheld=condition.reason, class_withheld=condition.reason)
    if uncertain:
        return replace(result, class_withheld=uncertain)
    probabilities = None
    if result.standard_error is not None:
        probabilities = rule.probabilities(result.value, result.standard_error, _sign_probability(rule, face))
    return replace(result, class_name=rule.class_of(result.value), class_probabilities=probabilities)


def _sign_probability(rule: Rule, face: Face) -> float:
    """Probability that the sign of the value is correct, if the rule takes it from another length."""
    if rule.sign is None:
        return 1.0
    size, error = abs(rule.sign.value(face.points)), standard_error(rule.sign, face, is_angle=False)
    return normal_cdf(size / error) if error else 1.0
