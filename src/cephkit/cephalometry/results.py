"""What measuring a face gives: a value with its uncertainty, its norm and its class, or why there is none."""

from dataclasses import dataclass
from typing import Any

from cephkit.cephalometry.measures import Unit
from cephkit.cephalometry.norms import Norm

COLUMNS = (
    *("analysis", "measurement", "name", "unit", "value", "standard_error", "absent"),
    *("norm_mean", "norm_sd", "norm_low", "norm_high", "difference", "deviation_sd", "against_range"),
    *("norm_kind", "norm_source", "norm_note", "norm_withheld"),
    *("class", "class_rule", "class_on_border", "note"),
)
"""Keys of ``Result.to_dict``."""
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
    norm: Norm | None = None
    norm_withheld: str = ""
    """Why there is no norm for this face; empty where there is one, or where none is verified."""
    class_name: str | None = None
    class_rule: str = ""
    class_on_border: bool | None = None
    """Whether another class lies within two standard errors; None where these are not known."""
    note: str = ""

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
        """below, within or above the norm's range; None where it has none."""
        if self.value is None or self.norm is None or self.norm.low is None or self.norm.high is None:
            return None
        if self.value < self.norm.low:
            return "below"
        return "above" if self.value > self.norm.high else "within"

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
            "norm_note": norm.note or None,
            "norm_withheld": self.norm_withheld or None,
            "class": self.class_name,
            "class_rule": self.class_rule or None,
            "class_on_border": self.class_on_border,
            "note": self.note or None,
        }
