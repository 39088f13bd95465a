"""Names for ranges of a measurement. A class is never named without the rule that names it."""

import math
from dataclasses import dataclass

from cephkit.cephalometry.norms import norm_rows

NEAR_STANDARD_ERRORS = 2.0
"""A case is on the border where a border lies within so many standard errors of the value."""


@dataclass(frozen=True)
class Step:
    """A class: values below ``end``, or up to it where that is ``included``; the step before takes what lies lower."""

    name: str
    end: float = math.inf
    included: bool = False


@dataclass(frozen=True)
class Rule:
    """Classes in the order of their values."""

    name: str
    steps: tuple[Step, ...]

    def class_of(self, value: float) -> str:
        """The class of a value."""
        for step in self.steps[:-1]:
            if value < step.end or (step.included and value == step.end):
                return step.name
        return self.steps[-1].name

    def on_border(self, value: float, standard_error: float) -> bool:
        """Whether the next border is so near that the class may be another."""
        return any(abs(value - step.end) < NEAR_STANDARD_ERRORS * standard_error for step in self.steps[:-1])


def _isbi(measurement: str, below: str, within: str, above: str) -> Rule:
    """The challenge's normal range, whose ends belong to it."""
    (norm,) = (row.norm for row in norm_rows() if (row.measurement, row.analysis) == (measurement, "ISBI"))
    if norm.low is None or norm.high is None:
        raise ValueError(f"norms.csv: {measurement} of ISBI has no range")
    steps = (Step(below, norm.low), Step(within, norm.high, included=True), Step(above))
    return Rule(f"ISBI 2015: {norm.low:g} to {norm.high:g} is {within}", steps)


RULES: dict[tuple[str, str], Rule] = {
    ("anb", "Steiner"): Rule(
        "ANB: 0 to 4 is class I", (Step("class III", 0.0), Step("class I", 4.0, included=True), Step("class II"))
    ),
    ("anb", "ISBI"): _isbi("anb", "class III", "class I", "class II"),
    ("snb", "ISBI"): _isbi("snb", "retrognathic mandible", "normal", "prognathic mandible"),
    ("sna", "ISBI"): _isbi("sna", "retrognathic maxilla", "normal", "prognathic maxilla"),
    ("odi", "ISBI"): _isbi("odi", "open bite tendency", "normal", "deep bite tendency"),
    ("apdi", "ISBI"): _isbi("apdi", "class II tendency", "normal", "class III tendency"),
    ("fhi", "ISBI"): _isbi("fhi", "long face tendency", "normal", "short face tendency"),
    ("sn_gogn", "ISBI"): _isbi("sn_gogn", "low mandibular angle", "normal", "high mandibular angle"),
    ("mw", "ISBI"): Rule(
        "ISBI 2015: 2 to 4.5 mm is normal, 0 to 2 undefined",
        (
            Step("crossbite", 0.0),
            Step("edge to edge", 0.0, included=True),
            Step("undefined", 2.0),
            Step("normal", 4.5, included=True),
            Step("large overjet"),
        ),
    ),
}
"""(measurement, analysis) -> how its classes are named."""
