"""Published norms: the rows of norms.csv, and the choice of the one that applies to a face.

Status R: read in a secondary source, and used. Status U: from memory, not used until somebody has checked the paper.
Status N: no citable source, not used either. A row may apply to one sex only, to the ages of its sample only, and to a
range of ``given``: the age, or another measurement of the same face.
"""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from cephkit.data.about import Sex
from cephkit.data.spacing import Plane
from cephkit.errors import SettingsError


@dataclass(frozen=True)
class Subject:
    """The patient, as far as known."""

    age: float | None = None
    """Years."""
    sex: Sex | None = None
    enlargement_percent: float | None = None
    """By how much lengths measured with the pixel size exceed those of the head."""


@dataclass(frozen=True)
class Sample:
    """The sample that a norm is based on, as far as known; empty or None: unknown."""

    n: int | None = None
    age_from: int | None = None
    """Completed years; a norm applies only to the ages of its sample."""
    age_to: int | None = None
    sex: str = ""
    """``female``, ``male`` or ``both``."""
    population: str = ""

    @property
    def ages(self) -> str:
        """``12 to 17 years``; empty if unknown."""
        if self.age_from is None:
            return ""
        if self.age_to is None:
            return f"{self.age_from} years and older"
        return f"{self.age_from} to {self.age_to} years" if self.age_to > self.age_from else f"{self.age_from} years"

    def covers(self, age: float) -> bool:
        """Whether ``age`` is within the ages of the sample."""
        return (self.age_from is None or age >= self.age_from) and (self.age_to is None or age < self.age_to + 1)

    def __str__(self) -> str:
        people = "" if self.n is None else f"n {self.n}"
        sex = {"both": "both sexes", "female": "women", "male": "men"}.get(self.sex, self.sex)
        return ", ".join(part for part in (people, self.ages, sex, self.population) if part)


@dataclass(frozen=True)
class Norm:
    """Reference figures for a value."""

    kind: str
    """What the figures are, e.g. ``mean and SD``, ``goal``, ``range``."""
    source: str
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    """A range may be open-ended: at least, or at most."""
    note: str = ""
    sample: Sample = Sample()
    verification: str = ""
    """How the figures were verified."""

    def adjusted(self, factor: float = 1.0, shift: float = 0.0) -> "Norm":
        """The norm of values that are ``factor`` times as large, and then ``shift`` larger."""
        mean, low, high = (
            None if figure is None else figure * factor + shift for figure in (self.mean, self.low, self.high)
        )
        return replace(self, mean=mean, low=low, high=high, sd=None if self.sd is None else self.sd * factor)


@dataclass(frozen=True)
class NormRow:
    """One row of norms.csv."""

    measurement: str
    analysis: str
    norm: Norm
    verified: bool
    """Whether the row is used (status R)."""
    sex: Sex | None = None
    given: str | None = None
    """``age`` or a measurement id; the row applies to its values from ``start`` to ``end``, inclusive."""
    start: float = -math.inf
    end: float = math.inf
    per_unit: float = 0.0
    """Added to mean, low and high per unit of ``given`` above ``start``."""
    enlargement_percent: float | None = None
    """Enlargement of the films that the norm is based on."""
    status: str = ""
    """R, U or N, as in the file."""


@cache
def norm_rows() -> tuple[NormRow, ...]:
    """All rows of norms.csv, in file order."""
    text = files("cephkit.cephalometry").joinpath("norms.csv").read_text(encoding="utf-8")
    return tuple(_row(fields) for fields in csv.DictReader(text.splitlines()))


def true_enlargement(plane: Plane, given_percent: float | None, file: Path | str = "") -> float | None:
    """The enlargement for ``Subject``: 0 if the pixel size is that in the head, otherwise as given.

    Args:
        plane: the plane in which the pixel size applies.
        given_percent: the enlargement that the user gives, if any.
        file: named in the error.

    Raises:
        SettingsError: the two contradict each other; lengths would be corrected twice.
    """
    if plane != "head":
        return given_percent
    if given_percent:
        where = f"{file}: " if file else ""
        raise SettingsError(
            f"{where}the pixel size already applies to the midplane of the head, so with an enlargement of "
            f"{given_percent:g} % lengths would be corrected twice; omit --enlargement_percent for this film, or give "
            "--pixel_size_mm at the detector"
        )
    return 0.0


def norm_for(
    measurement: str,
    analysis: str,
    subject: Subject,
    value_of: Callable[[str], float | None],
    is_length: bool = False,
    rows: tuple[NormRow, ...] | None = None,
) -> tuple[Norm | None, str]:
    """The norm that applies to a face, or None and the reason why it is withheld.

    The reason is empty if there is no verified norm for this measurement in this analysis.

    Args:
        measurement: id of the measurement.
        analysis: the analysis that the norm belongs to.
        subject: the patient.
        value_of: the other measurements of the face by id; None if one is absent.
        is_length: whether it is measured in mm, so that the enlargement of the film matters.
        rows: the norms; None: those of norms.csv.
    """
    candidates = [
        row
        for row in (norm_rows() if rows is None else rows)
        if row.verified and (row.measurement, row.analysis) == (measurement, analysis)
    ]
    # A row for the other sex never explains why there is no norm.
    own = [row for row in candidates if subject.sex is None or row.sex in (None, subject.sex)]
    if candidates and not own:
        return None, f"no norm for {subject.sex} patients"
    reason = ""
    for row in own:
        given = subject.age if row.given == "age" else value_of(row.given) if row.given else None
        reason = _why_not(row, subject, given, is_length)
        if not reason:
            return _applied(row, subject, given, is_length), ""
    return None, reason


def _why_not(row: NormRow, subject: Subject, given: float | None, is_length: bool) -> str:
    """Why the norm of ``row`` does not apply; empty if it does."""
    if row.sex is not None and subject.sex is None:
        return "the norm depends on sex, which is unknown"
    sample = row.norm.sample
    if sample.ages and subject.age is None:
        return f"the sample of the norm was aged {sample.ages}; the patient's age is unknown"
    if subject.age is not None and not sample.covers(subject.age):
        return f"the sample of the norm was aged {sample.ages}; the patient is {subject.age:g}"
    if row.given is not None and given is None:
        return f"the norm depends on {row.given}, which is unknown"
    if given is not None and not row.start <= given <= row.end:
        return f"the norm does not cover {row.given} {given:g}"
    if is_length and row.enlargement_percent is not None and subject.enlargement_percent is None:
        return (
            f"the norm is for films enlarged by {row.enlargement_percent:g} %; the enlargement of this film is unknown"
        )
    return ""


def _applied(row: NormRow, subject: Subject, given: float | None, is_length: bool) -> Norm:
    """The norm of ``row``, adjusted to the value it depends on and to the enlargement of the film."""
    norm = row.norm
    if row.per_unit and given is not None:
        norm = norm.adjusted(shift=row.per_unit * (given - row.start))
    if is_length and row.enlargement_percent is not None and subject.enlargement_percent is not None:
        norm = norm.adjusted((100 + subject.enlargement_percent) / (100 + row.enlargement_percent))
    return norm


def _row(fields: dict[str, str]) -> NormRow:
    def number(name: str) -> float | None:
        return float(fields[name]) if fields[name] else None

    def whole(name: str) -> int | None:
        return int(fields[name]) if fields[name] else None

    sexes: dict[str, Sex | None] = {"": None, "female": "female", "male": "male"}
    sample = Sample(whole("n"), whole("age_from"), whole("age_to"), fields["sample_sex"], fields["population"])
    norm = Norm(
        fields["kind"], fields["source"], number("mean"), number("sd"), number("low"), number("high"), fields["note"],
        sample, fields["verification"],
    )  # fmt: skip
    return NormRow(
        measurement=fields["measurement"],
        analysis=fields["analysis"],
        norm=norm,
        verified=fields["status"] == "R",
        sex=sexes[fields["sex"]],
        given=fields["given"] or None,
        start=float(fields["from"] or "-inf"),
        end=float(fields["to"] or "inf"),
        per_unit=float(fields["per_unit"] or 0),
        enlargement_percent=number("enlargement_percent"),
        status=fields["status"],
    )
