"""Names for ranges of a measurement. A class comes with the rule that names it, and one question has one rule."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cephkit.cephalometry.measures import FH, OVERBITE, Only
from cephkit.cephalometry.norms import norm_rows
from cephkit.cephalometry.primitives import Formula, along, beside

SURE = 0.8
"""A case is on the border where no class is as probable as this."""


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
    question: str = ""
    """What the class answers, e.g. ``skeletal class``: one face is asked once. Empty: the measurement itself."""
    only: tuple[Only, ...] = ()
    """Where there is a class at all; the first whose landmarks are there counts."""
    sign: Formula | None = None
    """Where the value's sign is that of another length, and the value jumps from + to - with it."""

    def class_of(self, value: float) -> str:
        """The class of a value."""
        for step in self.steps[:-1]:
            if value < step.end or (step.included and value == step.end):
                return step.name
        return self.steps[-1].name

    def probabilities(self, value: float, standard_error: float, same_sign: float = 1.0) -> dict[str, float]:
        """How probable each class is, given a normal error of the value.

        Args:
            value: as measured.
            standard_error: of it.
            same_sign: probability that the true value has its sign, where the rule has a ``sign``.
        """
        if self.sign is None:
            return self._shares(value, standard_error)
        # Two sizes alike, one ahead and one behind: the normal error is that of the size.
        mixed = {step.name: 0.0 for step in self.steps}
        for side, weight in ((math.copysign(1.0, value), same_sign), (-math.copysign(1.0, value), 1.0 - same_sign)):
            low, high = (0.0, math.inf) if side > 0 else (-math.inf, 0.0)
            shares = self._shares(side * abs(value), standard_error, low, high)
            mixed = {name: share + weight * shares[name] for name, share in mixed.items()}
        return mixed

    def _shares(
        self, value: float, standard_error: float, low: float = -math.inf, high: float = math.inf
    ) -> dict[str, float]:
        """Of a normal distribution between ``low`` and ``high``."""
        if standard_error == 0:
            found = self.class_of(value)
            return {step.name: float(step.name == found) for step in self.steps}
        edges = [low, *(min(max(step.end, low), high) for step in self.steps[:-1]), high]
        below = [normal_share((edge - value) / standard_error) for edge in edges]
        whole = below[-1] - below[0]
        return {
            step.name: (end - start) / whole for step, start, end in zip(self.steps, below[:-1], below[1:], strict=True)
        }


Rules: TypeAlias = Mapping[tuple[str, str], Rule]


def one_per_question(rules: Rules, analyses: Sequence[str]) -> dict[tuple[str, str], Rule]:
    """The rules that count where ``analyses`` are made: of two that answer one question, that of the analysis named
    first."""
    chosen: dict[tuple[str, str], Rule] = {}
    asked: set[str] = set()
    for analysis in dict.fromkeys(analyses):
        own = {key: rule for key, rule in rules.items() if key[1] == analysis}
        new = {key: rule for key, rule in own.items() if (rule.question or key[0]) not in asked}
        chosen |= new
        asked |= {rule.question or key[0] for key, rule in new.items()}
    return chosen


def normal_share(deviation: float) -> float:
    """Share of a normal distribution below so many standard deviations."""
    return 0.5 * math.erfc(-deviation / math.sqrt(2.0))


def _isbi(measurement: str, question: str, below: str, within: str, above: str) -> Rule:
    """The challenge's normal range, whose ends belong to it."""
    (norm,) = (row.norm for row in norm_rows() if (row.measurement, row.analysis) == (measurement, "ISBI"))
    if norm.low is None or norm.high is None:
        raise ValueError(f"norms.csv: {measurement} of ISBI has no range")
    steps = (Step(below, norm.low), Step(within, norm.high, included=True), Step(above))
    return Rule(f"ISBI 2015: {norm.low:g} to {norm.high:g} is {within}", steps, question)


OPEN_BITE = "the bite is open, where the distance of the tips is no overjet"
SKELETAL_CLASS = "skeletal class"
RULES: Rules = {
    ("anb", "Steiner"): Rule(
        "ANB: 0 to 4 is class I",
        (Step("class III", 0.0), Step("class I", 4.0, included=True), Step("class II")),
        SKELETAL_CLASS,
    ),
    ("anb", "ISBI"): _isbi("anb", SKELETAL_CLASS, "class III", "class I", "class II"),
    ("snb", "ISBI"): _isbi("snb", "mandible", "retrognathic mandible", "normal", "prognathic mandible"),
    ("sna", "ISBI"): _isbi("sna", "maxilla", "retrognathic maxilla", "normal", "prognathic maxilla"),
    ("odi", "ISBI"): _isbi("odi", "overbite depth", "open bite tendency", "normal", "deep bite tendency"),
    ("apdi", "ISBI"): _isbi("apdi", "anteroposterior dysplasia", "class II tendency", "normal", "class III tendency"),
    ("fhi", "ISBI"): _isbi("fhi", "face height", "long face tendency", "normal", "short face tendency"),
    ("sn_gogn", "ISBI"): _isbi(
        "sn_gogn", "mandibular angle", "low mandibular angle", "normal", "high mandibular angle"
    ),
    ("mw", "ISBI"): Rule(
        "ISBI 2015: 2 to 4.5 mm is normal, 0 to 2 undefined",
        (
            Step("crossbite", 0.0),
            Step("edge to edge", 0.0, included=True),
            Step("undefined", 2.0),
            Step("normal", 4.5, included=True),
            Step("large overjet"),
        ),
        "incisors",
        # Without molars there is no occlusal plane; Frankfort tells an open bite nearly as well.
        (
            Only(OVERBITE, 0.0, math.inf, OPEN_BITE),
            Only(beside("LIT", FH) - beside("UIT", FH), 0.0, math.inf, OPEN_BITE),
        ),
        along("UIT", "LIT", FH),
    ),
}
"""(measurement, analysis) -> how its classes are named."""
