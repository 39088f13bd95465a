"""Classes of measurements, such as skeletal class II. One rule answers each question, and is named with the class."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cephkit.cephalometry.measures import FH, OVERBITE, Condition
from cephkit.cephalometry.norms import norm_rows
from cephkit.cephalometry.primitives import Formula, along, offset

BORDERLINE_BELOW = 0.8
"""A case is borderline if no class is at least this probable."""


@dataclass(frozen=True)
class Band:
    """A class: values below ``upper`` (and ``upper`` itself if ``inclusive``) that no lower band covers."""

    name: str
    upper: float = math.inf
    inclusive: bool = False


@dataclass(frozen=True)
class Rule:
    """The classes of a measurement, in ascending order."""

    name: str
    bands: tuple[Band, ...]
    question: str = ""
    """What the class answers, e.g. ``skeletal class``; a face has one answer. Empty: specific to the measurement."""
    conditions: tuple[Condition, ...] = ()
    """When there is a class at all; the first condition whose landmarks are present applies."""
    sign: Formula | None = None
    """The length that the value takes its sign from, if any; the value jumps from + to - with it."""

    def class_of(self, value: float) -> str:
        """The class of a value."""
        for band in self.bands[:-1]:
            if value < band.upper or (band.inclusive and value == band.upper):
                return band.name
        return self.bands[-1].name

    def probabilities(self, value: float, standard_error: float, sign_probability: float = 1.0) -> dict[str, float]:
        """The probability of each class, assuming a normal error.

        Args:
            value: the measured value.
            standard_error: its standard error.
            sign_probability: probability that the sign is correct, for a rule with ``sign``.
        """
        if self.sign is None:
            return self._probabilities(value, standard_error)
        # A mixture of two half-lines, one for each sign: the normal error is that of the size.
        mixed = {band.name: 0.0 for band in self.bands}
        sign = math.copysign(1.0, value)
        for side, weight in ((sign, sign_probability), (-sign, 1.0 - sign_probability)):
            low, high = (0.0, math.inf) if side > 0 else (-math.inf, 0.0)
            part = self._probabilities(side * abs(value), standard_error, low, high)
            mixed = {name: share + weight * part[name] for name, share in mixed.items()}
        return mixed

    def _probabilities(
        self, value: float, standard_error: float, low: float = -math.inf, high: float = math.inf
    ) -> dict[str, float]:
        """Those of a normal distribution truncated to ``low`` to ``high``."""
        if standard_error == 0:
            found = self.class_of(value)
            return {band.name: float(band.name == found) for band in self.bands}
        edges = [low, *(min(max(band.upper, low), high) for band in self.bands[:-1]), high]
        below = [normal_cdf((edge - value) / standard_error) for edge in edges]
        whole = below[-1] - below[0]
        return {
            band.name: (end - start) / whole for band, start, end in zip(self.bands, below[:-1], below[1:], strict=True)
        }


Rules: TypeAlias = Mapping[tuple[str, str], Rule]


def rules_for(rules: Rules, analyses: Sequence[str]) -> dict[tuple[str, str], Rule]:
    """The rules of ``analyses``; of two that answer the same question, that of the analysis named first."""
    chosen: dict[tuple[str, str], Rule] = {}
    answered: set[str] = set()
    for analysis in dict.fromkeys(analyses):
        new = {
            key: rule for key, rule in rules.items() if key[1] == analysis and (rule.question or key[0]) not in answered
        }
        chosen |= new
        answered |= {rule.question or key[0] for key, rule in new.items()}
    return chosen


def normal_cdf(deviation: float) -> float:
    """Cumulative distribution function of the standard normal distribution."""
    return 0.5 * math.erfc(-deviation / math.sqrt(2.0))


def _isbi(measurement: str, question: str, below: str, within: str, above: str) -> Rule:
    """The rule of a normal range of the challenge, both ends inclusive."""
    (norm,) = (row.norm for row in norm_rows() if (row.measurement, row.analysis) == (measurement, "ISBI"))
    if norm.low is None or norm.high is None:
        raise ValueError(f"norms.csv: {measurement} of ISBI has no range")
    bands = (Band(below, norm.low), Band(within, norm.high, inclusive=True), Band(above))
    return Rule(f"ISBI 2015: {norm.low:g} to {norm.high:g} is {within}", bands, question)


OPEN_BITE = "open bite: the distance between the incisor tips is not an overjet"
SKELETAL_CLASS = "skeletal class"
RULES: Rules = {
    ("anb", "Steiner"): Rule(
        "ANB: 0 to 4 is class I",
        (Band("class III", 0.0), Band("class I", 4.0, inclusive=True), Band("class II")),
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
            Band("crossbite", 0.0),
            Band("edge to edge", 0.0, inclusive=True),
            Band("undefined", 2.0),
            Band("normal", 4.5, inclusive=True),
            Band("large overjet"),
        ),
        "incisors",
        # Without molars there is no occlusal plane; Frankfort detects an open bite nearly as well.
        (
            Condition(OVERBITE, 0.0, math.inf, OPEN_BITE),
            Condition(offset("LIT", FH) - offset("UIT", FH), 0.0, math.inf, OPEN_BITE),
        ),
        along("UIT", "LIT", FH),
    ),
}
"""(measurement, analysis) -> how its classes are assigned."""
