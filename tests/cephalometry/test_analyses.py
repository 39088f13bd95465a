import json

import numpy as np
import pytest

from cephkit.cephalometry.analyses import ANALYSES, measure
from cephkit.cephalometry.classes import Rule, Step
from cephkit.cephalometry.measures import MEASUREMENTS, Measurement
from cephkit.cephalometry.norms import Norm, NormRow, Subject
from cephkit.cephalometry.primitives import length
from cephkit.cephalometry.results import COLUMNS, Result
from cephkit.landmarks import SYMBOLS
from tests.cephalometry.faces import PIXEL_MM, ROUND

ALL_THERE = {symbol: np.eye(2) * 4.0 for symbol in SYMBOLS}


def one(measurement: str, analysis: str, points: dict[str, tuple[float, float]] = ROUND, **known: object) -> Result:
    given: dict[str, object] = {"pixel_size_mm": PIXEL_MM, **known}
    (result,) = [
        result
        for result in measure(points, analyses=[analysis], **given)  # type: ignore[arg-type]
        if result.measurement == measurement
    ]
    return result


def test_each_analysis_has_its_measurements_under_its_own_names() -> None:
    results = measure(ROUND, pixel_size_mm=PIXEL_MM)
    assert len(results) == sum(len(entry.analyses) for entry in MEASUREMENTS)
    assert tuple(dict.fromkeys(result.analysis for result in results)) == ANALYSES
    assert {result.name for result in results if result.measurement == "fma"} == {
        *("Mandibular plane", "FMA", "MP-FH"),
    }  # fmt: skip
    assert [result.name for result in measure(ROUND, analyses=["Wits"])] == ["Wits (BOP)", "Wits (FOP)"]


def test_without_a_pixel_size_there_are_angles_and_ratios_only() -> None:
    results = measure(ROUND)
    for result in results:
        if result.unit == "mm":
            assert (result.value, result.absent) == (None, "without a pixel size")
        else:
            assert result.value is not None or result.measurement == "anb_corrected"
    assert {result.unit for result in results if result.value is not None} == {"deg", "%", "ratio"}


def test_a_missing_landmark_takes_away_what_needs_it_and_nothing_else() -> None:
    for symbol in SYMBOLS:
        points = {name: xy for name, xy in ROUND.items() if name != symbol}
        for result in measure(points, pixel_size_mm=PIXEL_MM):
            entry = next(entry for entry in MEASUREMENTS if entry.id == result.measurement)
            if symbol in entry.needs:
                assert (result.value, result.absent) == (None, f"without {symbol}")
            elif entry.only is None:
                assert result.value is not None


def test_no_landmarks_no_values() -> None:
    assert {result.value for result in measure({}, pixel_size_mm=0.1)} == {None}


def test_where_the_side_cannot_be_told_nothing_is_measured() -> None:
    points = {"ANS": (10.0, 10.0), "Me": (10.0, 90.0)}
    assert "where the face looks" in one("ans_me", "McNamara", points).absent
    assert one("ans_me", "McNamara", points, facing="left").value == pytest.approx(8)


def test_points_that_coincide_leave_no_value() -> None:
    points = {**ROUND, "A": ROUND["N"]}
    assert one("sna", "Steiner", points, covariances_px=ALL_THERE).absent == "N and A coincide"
    assert one("holdaway_ratio", "Steiner", {**ROUND, "Pog": ROUND["N"]}).absent == "it would be divided by zero"


def test_the_corrected_anb_stays_away_from_unusual_skulls() -> None:
    assert one("anb_corrected", "Eastman").absent == "the correction holds only where SN-MxP is 8 +- 3 degrees"
    x, y = ROUND["ANS"]
    tipped = {**ROUND, "ANS": (x, y + 70.0)}  # 7 mm in 50: 7.97 degrees
    assert one("anb_corrected", "Eastman", tipped).value == pytest.approx(5.7106 - 4.5, abs=1e-3)
    without = {name: xy for name, xy in tipped.items() if name != "PNS"}
    assert one("anb_corrected", "Eastman", without).absent == "without PNS"


def test_a_deviation_counts_in_the_norms_sds() -> None:
    fma = one("fma", "Downs")
    assert fma.difference == pytest.approx(45 - 21.9)
    assert fma.deviation_sd == pytest.approx((45 - 21.9) / 3.2)
    assert fma.against_range == "above"
    assert one("fma", "Tweed").deviation_sd is None
    assert one("saddle", "Jarabak").against_range is None
    withheld = one("fma", "Ricketts")
    assert (withheld.norm, withheld.difference) == (None, None)
    assert withheld.norm_withheld == "the norm depends on age, which is not known"
    assert one("fma", "Ricketts", subject=Subject(age=20)).difference == pytest.approx(21.7)


def test_a_class_comes_with_its_rule_and_says_when_it_is_near_a_border() -> None:
    steiner, isbi = (one("anb", analysis, covariances_px=ALL_THERE) for analysis in ("Steiner", "ISBI"))
    assert (steiner.class_name, steiner.class_rule) == ("class II", "ANB: 0 to 4 is class I")
    assert (isbi.class_name, isbi.class_on_border) == ("class II", True)  # 5.71 against 5.7
    assert steiner.class_on_border is False
    assert one("anb", "ISBI").class_on_border is None
    assert one("anb", "ISBI", {}).class_name is None


def test_results_are_plain_and_complete() -> None:
    for result in measure(ROUND, pixel_size_mm=PIXEL_MM, covariances_px=ALL_THERE, subject=Subject(30, "male", 8)):
        plain = result.to_dict()
        assert tuple(plain) == COLUMNS
        json.dumps(plain, allow_nan=False)
        assert (plain["value"] is None) == bool(plain["absent"])
        assert (plain["standard_error"] is None) == (plain["value"] is None)


def test_a_measurement_of_ones_own_takes_one_entry() -> None:
    mine = Measurement("nose", "Length of the nose", "mm", length("N`", "Pn"), {"Mine": "Nose"})
    (result,) = measure(
        ROUND,
        pixel_size_mm=PIXEL_MM,
        analyses=["Mine"],
        measurements=[*MEASUREMENTS, mine],
        norms=(NormRow("nose", "Mine", Norm("mean and SD", "we", 50, 2), verified=True),),
        rules={("nose", "Mine"): Rule("over 50 is long", (Step("short", 50.0), Step("long")))},
    )
    assert result.value == pytest.approx(np.hypot(20, 50))
    assert result.deviation_sd == pytest.approx((np.hypot(20, 50) - 50) / 2)
    assert result.class_name == "long"


def test_an_unknown_analysis_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown analysis 'Stiener'"):
        measure(ROUND, analyses=["Stiener"])
