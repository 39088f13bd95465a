"""The result of a measurement: a value with its uncertainty, norm and class, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cephkit.cephalometry.classes import BORDERLINE_BELOW
from cephkit.cephalometry.measures import Unit
from cephkit.cephalometry.norms import Norm

BORDERLINE = "BORDERLINE"
DIGITS = {"deg": 2, "mm": 2, "%": 2, "ratio": 4}


@dataclass(frozen=True)
class Result:
    """One measurement of one face in one analysis."""

    analysis: str
    measurement: str
    """Its id."""
    name: str
    """Its name in this analysis."""
    unit: Unit
    value: float | None = None
    standard_error: float | None = None
    """None if the error of one of its landmarks is unknown."""
    absent: str = ""
    """Why there is no value."""
    impossible: bool = False
    """Whether there is no value because no human face has the one that the landmarks give."""
    norm: Norm | None = None
    norm_withheld: str = ""
    """Why a norm does not apply to this face; empty if one does, or if none is verified."""
    class_question: str = ""
    """What the class answers, e.g. ``skeletal class``."""
    class_name: str | None = None
    class_rule: str = ""
    class_probabilities: Mapping[str, float] | None = None
    """Probability of each class of the rule, by the standard error; None if that is unknown."""
    class_withheld: str = ""
    """Why there is no class although there is a value and a rule."""
    note: str = ""

    @property
    def class_probability(self) -> float | None:
        """Probability of the class; None if the standard error is unknown."""
        return None if self.class_probabilities is None else self.class_probabilities.get(self.class_name or "")

    @property
    def class_on_border(self) -> bool | None:
        """Whether no class is at least 80 % probable; None if the standard error is unknown."""
        return max(self.class_probabilities.values()) < BORDERLINE_BELOW if self.class_probabilities else None

    @property
    def difference(self) -> float | None:
        """Value minus the mean of the norm."""
        if self.value is None or self.norm is None or self.norm.mean is None:
            return None
        return self.value - self.norm.mean

    @property
    def deviation_sd(self) -> float | None:
        """The difference in SDs of the norm; None if it has no SD."""
        difference = self.difference
        if difference is None or self.norm is None or self.norm.sd is None:
            return None
        return difference / self.norm.sd

    @property
    def against_range(self) -> str | None:
        """``below``, ``within`` or ``above`` the range of the norm, which may be open-ended; None without one."""
        if self.value is None or self.norm is None or (self.norm.low is None and self.norm.high is None):
            return None
        if self.norm.low is not None and self.value < self.norm.low:
            return "below"
        return "above" if self.norm.high is not None and self.value > self.norm.high else "within"

    def to_dict(self) -> dict[str, Any]:
        """Plain types under ``COLUMNS``, rounded; None if there is nothing."""
        digits = DIGITS[self.unit]

        def short(figure: float | None, places: int = digits) -> float | None:
            return None if figure is None else round(figure, places)

        norm = self.norm or Norm("", "")
        plain = {
            "analysis": self.analysis,
            "measurement": self.measurement,
            "name": self.name,
            "unit": self.unit,
            "value": short(self.value),
            "standard_error": short(self.standard_error),
            "absent": self.absent,
            "norm_mean": short(norm.mean),
            "norm_sd": short(norm.sd),
            "norm_low": short(norm.low),
            "norm_high": short(norm.high),
            "difference": short(self.difference),
            "deviation_sd": short(self.deviation_sd, 2),
            "against_range": self.against_range,
            "norm_kind": norm.kind,
            "norm_source": norm.source,
            "norm_n": norm.sample.n,
            "norm_ages": norm.sample.ages,
            "norm_sexes": norm.sample.sex,
            "norm_population": norm.sample.population,
            "norm_verification": norm.verification,
            "norm_note": norm.note,
            "norm_withheld": self.norm_withheld,
            "class_question": self.class_question,
            "class": self.class_name,
            "class_rule": self.class_rule,
            "class_probability": short(self.class_probability, 3),
            "class_probabilities": self.class_probabilities
            and {name: round(share, 3) for name, share in self.class_probabilities.items()},
            "class_on_border": self.class_on_border,
            "class_withheld": self.class_withheld,
            "note": self.note,
        }
        return {key: None if value == "" else value for key, value in plain.items()}


COLUMNS: tuple[str, ...] = tuple(Result("", "", "", "deg").to_dict())
"""Keys of ``Result.to_dict``."""


def class_text(result: Result) -> str:
    """The class and its probability as text."""
    if result.class_on_border is None:
        return f"{result.class_name}, unknown probability (no standard error)"
    if result.class_on_border:
        return f"{shares_text(result.class_probabilities, most=2)}, {BORDERLINE}"
    return f"{result.class_name}, {percent(result.class_probability or 0.0)}"


def shares_text(shares: Mapping[str, float] | None, most: int | None = None) -> str:
    """``class I 60 %, class II 40 %``: the most probable first, omitting those below half a percent."""
    ordered = sorted((shares or {}).items(), key=lambda item: -item[1])[:most]
    return ", ".join(f"{name} {percent(share)}" for name, share in ordered if share >= 0.005)


def percent(share: float) -> str:
    """A probability as text; no class is certain."""
    return ">99 %" if share > 0.994 else f"{round(100 * share)} %"
