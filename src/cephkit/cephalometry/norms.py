"""What the literature compares a measurement to: the rows of norms.csv, and which of them holds for whom.

A row of status R was read in a secondary source and counts; one of status U is from memory, waits for somebody to
check the paper, and is never used; one of status N has no source to check, and is not used either. A row may hold for
one sex only, for the ages of its sample only, and for a span of ``given``: the age, or another measurement of the
same face.
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
    """Whose face it is, as far as it is known."""

    age: float | None = None
    """Years."""
    sex: Sex | None = None
    enlargement_percent: float | None = None
    """By how much lengths on the film exceed those of the head, in the mm that the pixel size gives."""


@dataclass(frozen=True)
class Sample:
    """Whom a norm was made on, as far as its source is known to say; empty or None: nobody here knows."""

    n: int | None = None
    age_from: int | None = None
    """Years completed; a norm is not applied outside its sample's."""
    age_to: int | None = None
    sex: str = ""
    """``female``, ``male`` or ``both``."""
    population: str = ""

    @property
    def ages(self) -> str:
        """``12 to 17 years``; empty where they are not known."""
        if self.age_from is None:
            return ""
        if self.age_to is None:
            return f"{self.age_from} years and older"
        return f"{self.age_from} to {self.age_to} years" if self.age_to > self.age_from else f"{self.age_from} years"

    def covers(self, age: float) -> bool:
        """Whether somebody of ``age`` could have been in it."""
        return (self.age_from is None or age >= self.age_from) and (self.age_to is None or age < self.age_to + 1)

    def __str__(self) -> str:
        people = "" if self.n is None else f"n {self.n}"
        sex = {"both": "both sexes", "female": "women", "male": "men"}.get(self.sex, self.sex)
        return ", ".join(part for part in (people, self.ages, sex, self.population) if part)


@dataclass(frozen=True)
class Norm:
    """What a value is compared to."""

    kind: str
    """What the figures are, e.g. ``mean and SD``, ``goal``, ``range``."""
    source: str
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    """A range may have one end: at least, or at most."""
    note: str = ""
    sample: Sample = Sample()
    verification: str = ""
    """How the figures were checked against the source."""

    def scaled(self, factor: float) -> "Norm":
        """The same for lengths ``factor`` times as long."""
        mean, sd, low, high = (
            None if figure is None else figure * factor for figure in (self.mean, self.sd, self.low, self.high)
        )
        return replace(self, mean=mean, sd=sd, low=low, high=high)


@dataclass(frozen=True)
class NormRow:
    """One row of norms.csv."""

    measurement: str
    analysis: str
    norm: Norm
    verified: bool
    """Whether it counts: status R."""
    sex: Sex | None = None
    given: str | None = None
    """``age``, or the id of a measurement; the row holds for its values ``start`` to ``end``, both included."""
    start: float = -math.inf
    end: float = math.inf
    per_unit: float = 0.0
    """Added to mean, low and high for each unit of ``given`` beyond ``start``."""
    enlargement_percent: float | None = None
    """Of the films that the norm was made on."""
    status: str = ""
    """As in the file."""


@cache
def norm_rows() -> tuple[NormRow, ...]:
    """All rows, in the order of the file."""
    text = files("cephkit.cephalometry").joinpath("norms.csv").read_text(encoding="utf-8")
    return tuple(_row(fields) for fields in csv.DictReader(text.splitlines()))


def true_enlargement(plane: Plane, said_percent: float | None, file: Path | str = "") -> float | None:
    """By how much lengths exceed the head's, for ``Subject``: a mm that is one in the head is enlarged by nothing.

    Args:
        plane: where the pixel size holds.
        said_percent: what the user says; None: nothing.
        file: named by the error.

    Raises:
        SettingsError: the two contradict each other; lengths would be corrected twice.
    """
    if plane != "head":
        return said_percent
    if said_percent:
        where = f"{file}: " if file else ""
        raise SettingsError(
            f"{where}the pixel size holds in the middle of the head, and an enlargement of {said_percent:g} % was "
            "given too, so that lengths would be corrected twice; leave --enlargement_percent out for this film, or "
            "give --pixel_size_mm as it is at the detector"
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
    """The norm that holds for a face, or None and why it is withheld.

    The reason is empty where nobody has a verified norm for this measurement in this analysis.

    Args:
        measurement: its id.
        analysis: whose norm.
        subject: whose face.
        value_of: the face's other measurements by id; None where one is absent.
        is_length: whether it is measured in mm, so that the film's enlargement counts.
        rows: the norms; None: those of norms.csv.
    """
    candidates = [
        row
        for row in (norm_rows() if rows is None else rows)
        if row.verified and (row.measurement, row.analysis) == (measurement, analysis)
    ]
    # A row of the other sex says nothing about why this face has no norm.
    own = [row for row in candidates if subject.sex is None or row.sex in (None, subject.sex)]
    if candidates and not own:
        return None, f"there is no norm for the {subject.sex} sex"
    reason = ""
    for row in own:
        reason = _why_not(row, subject, value_of)
        if not reason:
            return _for_enlargement(_shifted(row, subject, value_of), row, subject, is_length)
    return None, reason


def _why_not(row: NormRow, subject: Subject, value_of: Callable[[str], float | None]) -> str:
    if row.sex is not None and subject.sex is None:
        return "the norm is one of either sex, and the sex is not known"
    sample = row.norm.sample
    if sample.ages and subject.age is None:
        return f"the norm's sample was of {sample.ages}, and the age is not known"
    if subject.age is not None and not sample.covers(subject.age):
        return f"the norm's sample was of {sample.ages}, this face is of {subject.age:g}"
    if row.given is None:
        return ""
    given = _given(row, subject, value_of)
    if given is None:
        return f"the norm depends on {row.given}, which is not known"
    if not row.start <= given <= row.end:
        return f"the norm does not reach to {row.given} {given:g}"
    return ""


def _shifted(row: NormRow, subject: Subject, value_of: Callable[[str], float | None]) -> Norm:
    given = _given(row, subject, value_of)
    if not row.per_unit or given is None:
        return row.norm
    shift = row.per_unit * (given - row.start)
    mean, low, high = (
        None if figure is None else figure + shift for figure in (row.norm.mean, row.norm.low, row.norm.high)
    )
    return replace(row.norm, mean=mean, low=low, high=high)


def _for_enlargement(norm: Norm, row: NormRow, subject: Subject, is_length: bool) -> tuple[Norm | None, str]:
    """A length can be compared on films of like enlargement only."""
    if row.enlargement_percent is None or not is_length:
        return norm, ""
    if subject.enlargement_percent is None:
        return None, (
            f"the norm is for films enlarged by {row.enlargement_percent:g} %, and this film's enlargement is not known"
        )
    return norm.scaled((100 + subject.enlargement_percent) / (100 + row.enlargement_percent)), ""


def _given(row: NormRow, subject: Subject, value_of: Callable[[str], float | None]) -> float | None:
    if row.given is None:
        return None
    return subject.age if row.given == "age" else value_of(row.given)


def _row(fields: dict[str, str]) -> NormRow:
    def number(name: str) -> float | None:
        return float(fields[name]) if fields[name] else None

    def bound(name: str, otherwise: float) -> float:
        written = number(name)
        return otherwise if written is None else written

    def whole(name: str) -> int | None:
        return int(fields[name]) if fields[name] else None

    sample = Sample(whole("n"), whole("age_from"), whole("age_to"), fields["sample_sex"], fields["population"])
    norm = Norm(
        fields["kind"], fields["source"], number("mean"), number("sd"), number("low"), number("high"), fields["note"],
        sample, fields["verification"],
    )  # fmt: skip
    sexes: dict[str, Sex] = {"female": "female", "male": "male"}
    return NormRow(
        measurement=fields["measurement"],
        analysis=fields["analysis"],
        norm=norm,
        verified=fields["status"] == "R",
        sex=sexes[fields["sex"]] if fields["sex"] else None,
        given=fields["given"] or None,
        start=bound("from", -math.inf),
        end=bound("to", math.inf),
        per_unit=bound("per_unit", 0.0),
        enlargement_percent=number("enlargement_percent"),
        status=fields["status"],
    )
