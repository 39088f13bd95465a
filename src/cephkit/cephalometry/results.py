"""What measuring a face gives: a value with its uncertainty, its norm and its class, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cephkit.cephalometry.classes import SURE
from cephkit.cephalometry.measures import Unit
from cephkit.cephalometry.norms import Norm

COLUMNS = (
    *("analysis", "measurement", "name", "unit", "value", "standard_error", "absent"),
    *("norm_mean", "norm_sd", "norm_low", "norm_high", "difference", "deviation_sd", "against_range"),
    *("norm_kind", "norm_source", "norm_n", "norm_ages", "norm_sexes", "norm_population", "norm_verification"),
    *("norm_note", "norm_withheld"),
    *("class_question", "class", "class_rule", "class_probability", "class_probabilities", "class_on_border"),
    *("class_withheld", "note"),
)
"""Keys of ``Result.to_dict``."""
BORDER = "ON THE BORDER"
DIGITS = {"deg": 2, "mm": 2, "%": 2, "ratio": 4}


@dataclass(frozen=True)
class Result:
    """One measurement of one face, as one analysis sees it."""

    analysis: str
    measurement: str
    """Its id."""
    name: str
    """Its name in this analysis."""
    unit: Unit
    value: float | None = None
    standard_error: float | None = None
    """None where an error of one of its landmarks is not known."""
    absent: str = ""
    """Why there is no value."""
    impossible: bool = False
    """Whether there is none because what the landmarks give is such as no face has."""
    norm: Norm | None = None
    norm_withheld: str = ""
    """Why there is no norm for this face; empty where there is one, or where none is verified."""
    class_question: str = ""
    """What the class answers, e.g. ``skeletal class``."""
    class_name: str | None = None
    class_rule: str = ""
    class_probabilities: Mapping[str, float] | None = None
    """Of each class of the rule, from the standard error; None where that is not known."""
    class_withheld: str = ""
    """Why there is no class although there is a value and a rule."""
    note: str = ""

    @property
    def class_probability(self) -> float | None:
        """Of the class named; None where no standard error is known."""
        return None if self.class_probabilities is None else self.class_probabilities.get(self.class_name or "")

    @property
    def class_on_border(self) -> bool | None:
        """Whether no class is as probable as 80 %; None where no standard error is known."""
        return None if not self.class_probabilities else max(self.class_probabilities.values()) < SURE

    @property
    def difference(self) -> float | None:
        """Value minus the norm's mean."""
        if self.value is None or self.norm is None or self.norm.mean is None:
            return None
        return self.value - self.norm.mean

    @property
    def deviation_sd(self) -> float | None:
        """The same in the norm's SDs; None where it has no SD."""
        difference = self.difference
        if difference is None or self.norm is None or self.norm.sd is None:
            return None
        return difference / self.norm.sd

    @property
    def against_range(self) -> str | None:
        """below, within or above the norm's range, which may have one end only; None where it has none."""
        if self.value is None or self.norm is None or (self.norm.low is None and self.norm.high is None):
            return None
        if self.norm.low is not None and self.value < self.norm.low:
            return "below"
        return "above" if self.norm.high is not None and self.value > self.norm.high else "within"

    def to_dict(self) -> dict[str, Any]:
        """Plain types under ``COLUMNS``, rounded for reading; None where there is nothing."""
        digits = DIGITS[self.unit]

        def short(figure: float | None, places: int = digits) -> float | None:
            return None if figure is None else round(figure, places)

        norm = self.norm or Norm("", "")
        return {
            "analysis": self.analysis,
            "measurement": self.measurement,
            "name": self.name,
            "unit": self.unit,
            "value": short(self.value),
            "standard_error": short(self.standard_error),
            "absent": self.absent or None,
            "norm_mean": short(norm.mean),
            "norm_sd": short(norm.sd),
            "norm_low": short(norm.low),
            "norm_high": short(norm.high),
            "difference": short(self.difference),
            "deviation_sd": short(self.deviation_sd, 2),
            "against_range": self.against_range,
            "norm_kind": norm.kind or None,
            "norm_source": norm.source or None,
            "norm_n": norm.sample.n,
            "norm_ages": norm.sample.ages or None,
            "norm_sexes": norm.sample.sex or None,
            "norm_population": norm.sample.population or None,
            "norm_verification": norm.verification or None,
            "norm_note": norm.note or None,
            "norm_withheld": self.norm_withheld or None,
            "class_question": self.class_question or None,
            "class": self.class_name,
            "class_rule": self.class_rule or None,
            "class_probability": short(self.class_probability, 3),
            "class_probabilities": self.class_probabilities
            and {name: round(share, 3) for name, share in self.class_probabilities.items()},
            "class_on_border": self.class_on_border,
            "class_withheld": self.class_withheld or None,
            "note": self.note or None,
        }


def class_text(result: Result) -> str:
    """The class and how sure it is, for people."""
    if result.class_on_border is None:
        return f"{result.class_name}, probability not known: no standard error"
    if result.class_on_border:
        return f"{shares_text(result.class_probabilities, most=2)}, {BORDER}"
    return f"{result.class_name}, {percent(result.class_probability or 0.0)}"


def shares_text(shares: Mapping[str, float] | None, most: int | None = None) -> str:
    """``class I 60 %, class II 40 %``: the most probable first, without those below half a percent."""
    ordered = sorted((shares or {}).items(), key=lambda each: -each[1])[:most]
    return ", ".join(f"{name} {percent(share)}" for name, share in ordered if share >= 0.005)


def percent(share: float) -> str:
    """Of a probability; no class is certain."""
    return ">99 %" if share > 0.994 else f"{round(100 * share)} %"
