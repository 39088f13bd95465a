import json

import numpy as np
import pytest

from cephkit.cephalometry.analyses import ANALYSES, measure, standard_error
from cephkit.cephalometry.classes import Band, Rule
from cephkit.cephalometry.frame import face_of
from cephkit.cephalometry.measures import MEASUREMENTS, Measurement
from cephkit.cephalometry.norms import Norm, NormRow, Subject
from cephkit.cephalometry.primitives import angle, length, line
from cephkit.cephalometry.results import COLUMNS, Result
from cephkit.geometry import covariance_of_error
from cephkit.landmarks.shipped import AARIZ
from tests.cephalometry.faces import PIXEL_MM, ROUND, face_like_real, moved

ALL_THERE = {symbol: np.eye(2) * 4.0 for symbol in AARIZ.symbols}


def one(measurement: str, analysis: str, points: dict[str, tuple[float, float]] = ROUND, **known: object) -> Result:
    given: dict[str, object] = {"spacing": PIXEL_MM, **known}
    (result,) = [
        result
        for result in measure(points, analyses=[analysis], **given)  # type: ignore[arg-type]
        if result.measurement == measurement
    ]
    return result


def test_each_analysis_lists_its_measurements_under_its_own_names() -> None:
    results = measure(ROUND, spacing=PIXEL_MM, analyses=ANALYSES)
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
            assert (result.value, result.absent) == (None, "unknown pixel size")
        else:
            assert result.value is not None or result.measurement == "anb_corrected"
    assert {result.unit for result in results if result.value is not None} == {"deg", "%", "ratio"}


def test_a_missing_landmark_removes_only_the_measurements_that_need_it() -> None:
    for symbol in AARIZ.symbols:
        points = {name: xy for name, xy in ROUND.items() if name != symbol}
        for result in measure(points, spacing=PIXEL_MM):
            entry = next(entry for entry in MEASUREMENTS if entry.id == result.measurement)
            if symbol in entry.needs:
                assert (result.value, result.absent) == (None, f"{symbol} missing")
            elif entry.condition is None:
                assert result.value is not None


def test_no_landmarks_no_values() -> None:
    assert {result.value for result in measure({}, spacing=0.1)} == {None}


def test_nothing_is_measured_if_the_facing_is_unknown() -> None:
    points = {"ANS": (10.0, 10.0), "Me": (10.0, 90.0)}
    assert "which way the face points" in one("ans_me", "McNamara", points).absent
    assert one("ans_me", "McNamara", points, facing="left", spacing=0.9).value == pytest.approx(72)


def test_points_that_coincide_leave_no_value() -> None:
    points = {**ROUND, "A": ROUND["N"]}
    assert one("sna", "Steiner", points, covariances_px=ALL_THERE).absent == "N and A coincide"
    assert one("holdaway_ratio", "Steiner", {**ROUND, "Pog": ROUND["N"]}).absent == "division by zero"


def test_the_corrected_anb_is_limited_to_usual_palatal_planes() -> None:
    assert one("anb_corrected", "Eastman").absent == "the correction is valid only for SN-MxP of 5 to 11 degrees"
    x, y = ROUND["ANS"]
    tipped = {**ROUND, "ANS": (x, y + 70.0)}  # 7 mm in 50: 7.97 degrees
    assert one("anb_corrected", "Eastman", tipped).value == pytest.approx(5.7106 - 4.5, abs=1e-3)
    without = {name: xy for name, xy in tipped.items() if name != "PNS"}
    assert one("anb_corrected", "Eastman", without).absent == "PNS missing"


def test_a_deviation_is_in_sds_of_the_norm() -> None:
    fma = one("fma", "Downs", subject=Subject(age=15))
    assert fma.difference == pytest.approx(45 - 21.9)
    assert fma.deviation_sd == pytest.approx((45 - 21.9) / 3.2)
    assert fma.against_range == "above"
    assert one("fma", "Tweed").deviation_sd is None
    assert one("saddle", "Jarabak").against_range is None
    withheld = one("fma", "Ricketts")
    assert (withheld.norm, withheld.difference) == (None, None)
    assert withheld.norm_withheld == "the norm depends on age, which is unknown"
    assert one("fma", "Ricketts", subject=Subject(age=20)).difference == pytest.approx(21.7)


def test_a_class_comes_with_its_rule_and_probabilities() -> None:
    steiner, isbi = (one("anb", analysis, covariances_px=ALL_THERE) for analysis in ("Steiner", "ISBI"))
    assert (steiner.class_name, steiner.class_rule) == ("class II", "ANB: 0 to 4 is class I")
    assert steiner.class_question == "skeletal class"
    assert (isbi.class_name, isbi.class_on_border) == ("class II", True)  # 5.71 against 5.7
    assert isbi.class_probability == pytest.approx(0.5, abs=0.03)
    assert steiner.class_on_border is False
    assert steiner.class_probability is not None
    assert steiner.class_probability > 0.99
    assert one("anb", "ISBI").class_on_border is None
    assert one("anb", "ISBI").class_probabilities is None
    assert one("anb", "ISBI", {}).class_name is None


@pytest.mark.parametrize("analyses", [None, ANALYSES, ("ISBI", "Steiner"), ("Steiner", "ISBI"), ("ISBI",), ("Wits",)])
def test_each_question_is_answered_once(analyses: tuple[str, ...] | None) -> None:
    answers = [result for result in measure(ROUND, spacing=PIXEL_MM, analyses=analyses) if result.class_name]
    questions = [result.class_question for result in answers]
    assert len(questions) == len(set(questions))
    rules = {result.analysis for result in answers if result.class_question == "skeletal class"}
    first = next((name for name in analyses or ("Steiner",) if name in ("Steiner", "ISBI")), None)
    assert rules == ({first} if first else set())


def test_the_rules_of_the_challenge_are_used_on_request_only() -> None:
    results = measure(ROUND, spacing=PIXEL_MM)
    assert {result.class_rule for result in results if result.class_name} == {"ANB: 0 to 4 is class I"}
    assert "ISBI" not in {result.analysis for result in results}
    assert len([result for result in measure(ROUND, analyses=["ISBI"]) if result.class_name]) == 7  # no mm, no MW


def test_the_distance_between_the_tips_has_no_class_in_an_open_bite() -> None:
    x, y = ROUND["UIT"]
    for raised_mm, open_bite in ((0.0, False), (4.0, False), (6.0, True), (12.0, True)):
        points = {**ROUND, "UIT": (x, y - raised_mm / PIXEL_MM)}
        found, overbite = one("mw", "ISBI", points), one("overbite", "ISBI", points)
        assert overbite.value is not None
        assert (overbite.value < 0) == open_bite
        assert (found.class_name is None) == open_bite
        assert ("open bite" in found.class_withheld) == open_bite
        assert (found.against_range is None) == open_bite
        assert found.value is not None
        without_molars = {name: xy for name, xy in points.items() if name not in ("UMT", "LMT")}
        assert (one("mw", "ISBI", without_molars).class_name is None) == open_bite


def test_the_sign_of_mw_is_as_uncertain_as_the_overjet() -> None:
    x, y = ROUND["LIT"]
    # The tips are 4 mm apart, one above the other: their distance is certain, which one is anterior is not.
    found = one("mw", "ISBI", {**ROUND, "UIT": (x + 1, y + 40)}, covariances_px={name: np.eye(2) for name in ROUND})
    assert found.class_probabilities is not None
    assert found.class_probabilities["crossbite"] == pytest.approx(0.24, abs=0.01)  # 1 px with an error of 2 ** 0.5
    assert found.class_probabilities["normal"] == pytest.approx(0.76, abs=0.02)
    assert sum(found.class_probabilities.values()) == pytest.approx(1)


def test_a_ratio_with_an_error_larger_than_itself_is_not_compared() -> None:
    spread = {name: np.eye(2) * 100.0 for name in ROUND}
    near = {**ROUND, "Pog": (ROUND["B"][0] - 5, ROUND["B"][1] + 150)}  # Pog is almost on N-B
    certain, uncertain = (one("holdaway_ratio", "Steiner", points, covariances_px=spread) for points in (ROUND, near))
    assert (certain.against_range, certain.norm_withheld) == ("below", "")
    assert uncertain.value is not None
    assert uncertain.standard_error is not None
    assert uncertain.standard_error > abs(uncertain.value)
    assert (uncertain.norm, uncertain.against_range) == (None, None)
    assert uncertain.norm_withheld == "the standard error is larger than the ratio"


def test_results_have_plain_types_under_all_columns() -> None:
    for result in measure(
        ROUND, spacing=PIXEL_MM, covariances_px=ALL_THERE, subject=Subject(30, "male", 8), analyses=ANALYSES
    ):
        plain = result.to_dict()
        assert tuple(plain) == COLUMNS
        json.dumps(plain, allow_nan=False)
        assert (plain["value"] is None) == bool(plain["absent"])
        assert (plain["standard_error"] is None) == (plain["value"] is None)


def test_a_custom_measurement_needs_one_entry() -> None:
    mine = Measurement("nose", "Length of the nose", "mm", length("N`", "Pn"), {"Mine": "Nose"})
    (result,) = measure(
        ROUND,
        spacing=PIXEL_MM,
        analyses=["Mine"],
        measurements=[*MEASUREMENTS, mine],
        norms=(NormRow("nose", "Mine", Norm("mean and SD", "we", 50, 2), verified=True),),
        rules={("nose", "Mine"): Rule("over 50 is long", (Band("short", 50.0), Band("long")))},
    )
    assert result.value == pytest.approx(np.hypot(20, 50))
    assert result.deviation_sd == pytest.approx((np.hypot(20, 50) - 50) / 2)
    assert result.class_name == "long"


def test_an_unknown_analysis_is_rejected() -> None:
    with pytest.raises(ValueError, match="unknown analysis 'Stiener'"):
        measure(ROUND, analyses=["Stiener"])


def errors_of(points: dict[str, tuple[float, float]], spread: dict[str, np.ndarray]) -> dict[str, float | None]:
    results = measure(points, spacing=PIXEL_MM, covariances_px=spread)
    return {result.measurement: result.standard_error for result in results if result.value is not None}


def test_a_length_and_an_angle_by_hand() -> None:
    face = face_of(ROUND, "right", PIXEL_MM, {"S": [[900, 0], [0, 100]], "N": [[1600, 0], [0, 400]]})
    # S-N is horizontal and 70 mm long: its length depends on x only, (3, 4) mm, its direction on y only, (1, 2) mm.
    assert standard_error(length("S", "N"), face, False) == pytest.approx(5)
    tilt = angle(line("S", "N"), line("S", "N")) + angle(line("S", "N"), line("N", "S"))
    assert standard_error(tilt, face, True) == pytest.approx(0, abs=1e-6)
    known = face_of(
        ROUND, "right", PIXEL_MM, {symbol: np.zeros((2, 2)) for symbol in AARIZ.symbols} | {"A": np.eye(2) * 100}
    )
    # A is 50 mm straight below N, with a standard error of 1 mm.
    assert standard_error(angle(line("N", "A"), line("N", "S")), known, True) == pytest.approx(np.degrees(1 / 50))


def test_there_is_no_standard_error_if_one_landmark_has_none() -> None:
    face = face_of(ROUND, "right", PIXEL_MM, {"S": np.eye(2)})
    assert standard_error(length("S", "N"), face, False) is None


def test_wrapping_at_180_degrees_is_not_an_error() -> None:
    face = face_of({"S": (0.0, 0.0), "N": (100.0, 0.0)}, "right", 1.0, {"S": np.eye(2), "N": np.eye(2)})
    backwards = angle(line("N", "S"), line("S", "N")) + angle(line("S", "N"), line("S", "N"))
    assert backwards.value(face.points) == 180
    assert standard_error(backwards, face, True) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("seed", [3, 4])
def test_propagation_agrees_with_monte_carlo(seed: int) -> None:
    points = face_like_real(seed)
    rng = np.random.default_rng(seed)
    roots = {symbol: rng.normal(0, 1.5, (2, 2)) for symbol in AARIZ.symbols}
    propagated = errors_of(points, {symbol: root @ root.T for symbol, root in roots.items()})
    draws = []
    for _ in range(1500):
        shifted = {symbol: tuple(xy + roots[symbol] @ rng.standard_normal(2)) for symbol, xy in points.items()}
        face = face_of(shifted, "right", PIXEL_MM)
        draws.append([entry.formula.value(face.points) for entry in MEASUREMENTS])
    spread = dict(zip((entry.id for entry in MEASUREMENTS), np.std(draws, axis=0), strict=True))
    for name, error in propagated.items():
        if (
            name != "holdaway_ratio"
        ):  # a quotient is not normal if the error of its divisor is nearly as large as the divisor
            assert error == pytest.approx(spread[name], rel=0.09), name


def test_errors_are_mirrored_with_the_film() -> None:
    points = face_like_real(5)
    spread = {symbol: np.array([[9.0, 2.0], [2.0, 1.0]]) for symbol in AARIZ.symbols}
    mirrored = {symbol: np.array([[9.0, -2.0], [-2.0, 1.0]]) for symbol in AARIZ.symbols}
    before, after = errors_of(points, spread), errors_of(moved(points, [[-1, 0], [0, 1]]), mirrored)
    assert after == pytest.approx(before, rel=1e-5)


def test_standard_errors_of_realistic_faces_at_landmark_errors_of_1_2_mm() -> None:
    # Wits on the functional plane, which rests on the second premolar, is too uncertain to use.
    spread = {symbol: covariance_of_error(1.2 / PIXEL_MM) for symbol in AARIZ.symbols}
    faces = [errors_of(face_like_real(seed), spread) for seed in range(15)]
    typical = {
        name: np.median([face[name] for face in faces]) for name in ("sna", "anb", "fma", "wits_bop", "wits_fop")
    }
    expected = {"sna": 1.7, "anb": 1.2, "fma": 1.5, "wits_bop": 1.9, "wits_fop": 4.9}
    assert typical == pytest.approx(expected, rel=0.08)
