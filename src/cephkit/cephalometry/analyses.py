"""Measures a face: every measurement of the analyses asked for, with norms, classes and uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from numpy.typing import ArrayLike

from cephkit.cephalometry.classes import RULES, Rule
from cephkit.cephalometry.frame import Face, Facing, face_of, facing_of
from cephkit.cephalometry.measures import MEASUREMENTS, Measurement
from cephkit.cephalometry.norms import NormRow, Subject, norm_for, norm_rows
from cephkit.cephalometry.primitives import DegenerateError
from cephkit.cephalometry.results import Result
from cephkit.cephalometry.uncertainty import standard_error
from cephkit.data.film import Points

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


def measure(
    points: Points,
    *,
    facing: Facing | None = None,
    pixel_size_mm: float | tuple[float, float] | None = None,
    covariances_px: Mapping[str, ArrayLike] | None = None,
    subject: Subject | None = None,
    analyses: Sequence[str] | None = None,
    measurements: Sequence[Measurement] = MEASUREMENTS,
    norms: tuple[NormRow, ...] | None = None,
    rules: Mapping[tuple[str, str], Rule] | None = None,
) -> tuple[Result, ...]:
    """All measurements of one face, analysis by analysis; what cannot be measured says why.

    Args:
        points: film pixels, x to the right, y down; any of the 29 landmarks.
        facing: where the face looks on the film; None: found from the landmarks.
        pixel_size_mm: mm per film pixel, or (across, down) of pixels not square; None: no lengths.
        covariances_px: (2, 2) of the landmarks' errors by symbol, film pixels squared (``frame.covariance_of_error``).
        subject: whose face, for norms by age or sex.
        analyses: names; None: all.
        measurements: what to measure; those of norms that depend on others must be among them.
        norms: rows as of norms.csv; None: those.
        rules: how classes are named; None: ``classes.RULES``.

    Raises:
        ValueError: an unknown analysis, a coordinate that is not finite, or a pixel size or covariance that is none.
    """
    known = (*ANALYSES, *{name: None for entry in measurements for name in entry.analyses if name not in ANALYSES})
    unknown = [name for name in analyses or () if name not in known]
    if unknown:
        raise ValueError(f"unknown analysis {unknown[0]!r}; known: {' '.join(known)}")
    looks = facing or facing_of(points)
    face = face_of(points, looks or "right", pixel_size_mm, covariances_px)
    values = {entry.id: _value(entry, face, looks is not None) for entry in measurements}
    rows, named = norm_rows() if norms is None else norms, RULES if rules is None else rules
    return tuple(
        _result(entry, analysis, values, subject or Subject(), rows, named.get((entry.id, analysis)))
        for analysis in known
        if analyses is None or analysis in analyses
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
        if entry.only is not None and not entry.only.low <= entry.only.formula.value(face.points) <= entry.only.high:
            return _Value(absent=entry.only.otherwise)
        return _Value(entry.formula.value(face.points), standard_error(entry.formula, face, entry.unit == "deg"))
    except DegenerateError as error:
        return _Value(absent=str(error))


def _result(
    entry: Measurement,
    analysis: str,
    values: Mapping[str, _Value],
    subject: Subject,
    norms: tuple[NormRow, ...],
    rule: Rule | None,
) -> Result:
    found = values[entry.id]

    def value_of(measurement: str) -> float | None:
        return values[measurement].value if measurement in values else None

    norm, withheld = norm_for(entry.id, analysis, subject, value_of, entry.unit == "mm", norms)
    named = rule.class_of(found.value) if rule is not None and found.value is not None else None
    near = None
    if rule is not None and found.value is not None and found.standard_error is not None:
        near = rule.on_border(found.value, found.standard_error)
    return Result(
        analysis=analysis,
        measurement=entry.id,
        name=entry.analyses[analysis],
        unit=entry.unit,
        value=found.value,
        standard_error=found.standard_error,
        absent=found.absent,
        norm=norm,
        norm_withheld=withheld,
        class_name=named,
        class_rule=rule.name if rule is not None else "",
        class_on_border=near,
        note=entry.note,
    )
