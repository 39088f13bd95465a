import pytest

from cephkit.cephalometry.classes import RULES
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


def test_every_rule_is_of_a_measurement_and_names_its_borders() -> None:
    for (measurement, analysis), rule in RULES.items():
        assert analysis in BY_ID[measurement].analyses
        assert rule.name
    assert RULES["anb", "ISBI"].name == "ISBI 2015: 3.2 to 5.7 is class I"
    assert sum(analysis == "ISBI" for _, analysis in RULES) == 8


def test_a_case_is_on_the_border_within_two_standard_errors() -> None:
    rule = RULES["anb", "Steiner"]
    assert rule.on_border(4.9, 0.5)
    assert not rule.on_border(5.1, 0.5)
    assert rule.on_border(0.9, 0.5)
    assert not rule.on_border(2.0, 0.9)
