import re

import pytest

from cephkit.cephalometry.classes import RULES, Band, Rule, rules_for
from cephkit.cephalometry.measures import BY_ID


@pytest.mark.parametrize(
    ("measurement", "analysis", "value", "name"),
    [
        ("anb", "Steiner", -0.1, "class III"),
        ("anb", "Steiner", 0.0, "class I"),
        ("anb", "Steiner", 4.0, "class I"),
        ("anb", "Steiner", 4.1, "class II"),
        ("anb", "ISBI", 3.1, "class III"),
        ("anb", "ISBI", 3.2, "class I"),
        ("anb", "ISBI", 5.7, "class I"),
        ("anb", "ISBI", 5.8, "class II"),
        ("snb", "ISBI", 74.5, "retrognathic mandible"),
        ("snb", "ISBI", 78.8, "prognathic mandible"),
        ("sna", "ISBI", 79.3, "retrognathic maxilla"),
        ("sna", "ISBI", 83.3, "prognathic maxilla"),
        ("odi", "ISBI", 68.3, "open bite tendency"),
        ("odi", "ISBI", 80.6, "deep bite tendency"),
        ("apdi", "ISBI", 77.5, "class II tendency"),
        ("apdi", "ISBI", 85.3, "class III tendency"),
        ("fhi", "ISBI", 0.64, "long face tendency"),
        ("fhi", "ISBI", 0.76, "short face tendency"),
        ("sn_gogn", "ISBI", 26.7, "low mandibular angle"),
        ("sn_gogn", "ISBI", 31.5, "high mandibular angle"),
        ("mw", "ISBI", -0.1, "crossbite"),
        ("mw", "ISBI", 0.0, "edge to edge"),
        ("mw", "ISBI", 1.9, "undefined"),
        ("mw", "ISBI", 2.0, "normal"),
        ("mw", "ISBI", 4.5, "normal"),
        ("mw", "ISBI", 4.6, "large overjet"),
    ],
)
def test_classes(measurement: str, analysis: str, value: float, name: str) -> None:
    assert RULES[measurement, analysis].class_of(value) == name


def test_every_rule_belongs_to_a_measurement_of_its_analysis() -> None:
    for measurement, analysis in RULES:
        assert analysis in BY_ID[measurement].analyses


def test_rules_of_the_challenge_state_their_thresholds() -> None:
    for (_, analysis), rule in RULES.items():
        thresholds = [band.upper for band in rule.bands[:-1]]
        if analysis == "ISBI" and len(thresholds) == 2:
            assert [float(number) for number in re.findall(r"[\d.]+", rule.name.partition(":")[2])] == thresholds


def test_probabilities_assume_a_normal_error() -> None:
    rule = RULES["anb", "Steiner"]
    assert rule.probabilities(4.0, 1.0) == pytest.approx(
        {"class III": 0.0000317, "class I": 0.4999683, "class II": 0.5}, abs=1e-7
    )
    assert rule.probabilities(2.0, 1.0)["class I"] == pytest.approx(0.9544997, abs=1e-7)
    assert rule.probabilities(4.0, 0.0) == {"class III": 0.0, "class I": 1.0, "class II": 0.0}


@pytest.mark.parametrize("sign_probability", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("value", [-30.0, -1.0, 0.0, 1.9, 3.0, 30.0])
@pytest.mark.parametrize("key", RULES)
def test_probabilities_sum_to_one(key: tuple[str, str], value: float, sign_probability: float) -> None:
    shares = RULES[key].probabilities(value, 1.3, sign_probability)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0
    assert list(shares) == [band.name for band in RULES[key].bands]


def test_of_two_rules_for_one_question_the_analysis_named_first_decides() -> None:
    one = Rule("one", (Band("a"),), "question")
    other = Rule("other", (Band("b"),), "question")
    own = Rule("own", (Band("c"),))
    rules = {("x", "One"): one, ("y", "Other"): other, ("z", "Other"): own}
    assert rules_for(rules, ["One", "Other"]) == {("x", "One"): one, ("z", "Other"): own}
    assert rules_for(rules, ["Other", "One"]) == {("y", "Other"): other, ("z", "Other"): own}
    assert rules_for(rules, ["None"]) == {}
