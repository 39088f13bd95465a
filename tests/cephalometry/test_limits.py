"""Impossible values are withheld; those of the most unusual faces are not."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cephkit.cephalometry.analyses import ANALYSES, measure
from cephkit.cephalometry.limits import LIMITS, why_impossible
from cephkit.cephalometry.measures import BY_ID
from cephkit.cephalometry.results import Result
from cephkit.data.aariz import read_aariz
from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.geometry import Facing
from cephkit.landmarks.shipped import AARIZ
from tests.cephalometry.faces import PIXEL_MM, ROUND, face_like_real, moved, rotation

REAL_FILMS = os.environ.get("CEPHKIT_REAL_FILMS", "")
REAL_FACES = os.environ.get("CEPHKIT_REAL_FACES", "")
MANDIBLE = ("B", "Pog", "Gn", "Me", "LIA", "LIT", "LMT", "LPM", "Li", "Pog`")
MAXILLA = ("A", "ANS", "UIA", "UIT", "UMT", "UPM", "Ls", "Sn")


def results_of(
    points: Points, spacing: Spacing | float | None = PIXEL_MM, facing: Facing | None = None
) -> dict[str, Result]:
    found = measure(points, spacing=spacing, facing=facing, analyses=ANALYSES)
    return {result.measurement: result for result in found}


def withheld(results: dict[str, Result]) -> dict[str, str]:
    return {name: result.absent for name, result in results.items() if result.impossible}


def shifted(points: Points, symbols: tuple[str, ...], ahead_mm: float, up_mm: float = 0.0) -> Points:
    """``points`` with some landmarks moved."""
    by = np.array([ahead_mm, -up_mm]) / PIXEL_MM
    return {name: tuple(np.add(xy, by)) if name in symbols else xy for name, xy in points.items()}  # type: ignore[misc]


def swung(points: Points, degrees: float) -> Points:
    """``points`` with the mandible rotated about the condyle; + opens the bite."""
    part = {name: xy for name, xy in points.items() if name in (*MANDIBLE, "Go", "R")}
    centre = np.array(points["Co"])
    turned = moved({name: tuple(np.subtract(xy, centre)) for name, xy in part.items()}, rotation(degrees))
    return {**points, **{name: tuple(np.add(xy, centre)) for name, xy in turned.items()}}  # type: ignore[misc]


SEVERE: dict[str, Callable[[Points], Points]] = {
    "class III": lambda face: shifted(face, MANDIBLE, 15),
    "retrognathic jaw": lambda face: shifted(face, (*MANDIBLE, "Go"), -15),
    "bird face": lambda face: shifted(face, MANDIBLE, -20, 8),
    "cleft": lambda face: shifted(face, MAXILLA, -15),
    "protruding maxilla": lambda face: shifted(face, MAXILLA, 12),
    "long face": lambda face: shifted(face, (*MANDIBLE, "Go"), 0, -20),
    "long lower face": lambda face: shifted(face, MANDIBLE, -5, -20),
    "short face": lambda face: shifted(face, MANDIBLE, 0, 15),
    "edentulous bite": lambda face: swung(face, -12),
    "open bite": lambda face: swung(face, 12),
    "class III in a long face": lambda face: shifted(face, MANDIBLE, 12, -15),
}


def test_every_measurement_has_limits() -> None:
    assert set(LIMITS) == set(BY_ID)
    for name, limits in LIMITS.items():
        assert limits.low < limits.high, name
    # Limits that follow from each other.
    assert (LIMITS["bjork_sum"].low, LIMITS["bjork_sum"].high) == (
        LIMITS["sn_gome"].low + 360, LIMITS["sn_gome"].high + 360,
    )  # fmt: skip
    assert (LIMITS["l1_mp"].low, LIMITS["l1_mp"].high) == (LIMITS["impa"].low - 90, LIMITS["impa"].high - 90)
    assert LIMITS["fhi"].low * 100 == pytest.approx(LIMITS["facial_height_percent"].low)


@pytest.mark.parametrize(
    ("measurement", "value"),
    [("anb", 158.85), ("anb", 20.1), ("anb", -20.1), ("lafh_percent", -4194.0), ("lafh_percent", 29.9),
     ("lafh_percent", 90.1), ("s_n", 10.0), ("sna", -80.0)],
)  # fmt: skip
def test_impossible_values_are_named_with_their_limits(measurement: str, value: float) -> None:
    reason = why_impossible(value, LIMITS[measurement], BY_ID[measurement].unit)
    assert f"{value:.4g}" in reason
    assert f"{LIMITS[measurement].low:g} to {LIMITS[measurement].high:g}" in reason


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("anomaly", SEVERE)
def test_no_value_of_a_severe_anomaly_is_withheld(anomaly: str, seed: int) -> None:
    assert withheld(results_of(SEVERE[anomaly](face_like_real(seed)))) == {}


def test_a_misplaced_landmark_withholds_only_the_values_it_makes_impossible() -> None:
    results = results_of(shifted(face_like_real(1), ("B",), 45))
    lost = withheld(results)
    assert {"anb", "ab_plane"} <= set(lost)
    assert "is outside the range of human faces, -20 to 20" in lost["anb"]
    assert results["anb"].class_name is None
    assert results["sna"].value is not None
    assert results["gonial"].value is not None


def test_a_single_impossible_value_withholds_no_other() -> None:
    few = {symbol: ROUND[symbol] for symbol in ("S", "N", "A", "B")}
    results = results_of({**few, "B": (ROUND["N"][0] - 370, ROUND["B"][1])})
    assert set(withheld(results)) == {"anb"}
    assert results["snb"].value == pytest.approx(69.7, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_a_face_measured_with_the_wrong_facing_has_no_values(seed: int) -> None:
    results = results_of(face_like_real(seed), facing="left")
    assert {result.value for result in results.values()} == {None}
    assert "or the facing direction must be wrong" in results["sna"].absent


@pytest.mark.parametrize("seed", range(20))
def test_random_landmarks_have_no_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    anywhere = {symbol: tuple(rng.uniform(0, 2000, 2)) for symbol in AARIZ.symbols}
    assert not any(result.value is not None for result in results_of(anywhere).values())
    exchanged = dict(zip(AARIZ.symbols, rng.permutation(list(face_like_real(seed).values())).tolist(), strict=True))
    assert not any(result.value is not None for result in results_of(exchanged).values())


@pytest.mark.parametrize("pixel_size_mm", [0.014, 0.05, 0.2, 1.0])
def test_an_impossible_pixel_size_withholds_all_lengths_but_no_angle(pixel_size_mm: float) -> None:
    results = results_of(ROUND, pixel_size_mm)
    assert f"S-N would be {700 * pixel_size_mm:.3g} mm" in results["overjet"].absent
    for result in results.values():
        if result.unit == "mm":
            assert result.value is None
        elif not BY_ID[result.measurement].condition:
            assert result.value is not None


def test_without_s_n_each_length_is_checked_on_its_own() -> None:
    points = {name: xy for name, xy in ROUND.items() if name not in ("S",)}
    results = results_of(points, 0.02)
    assert results["co_a"].impossible
    assert results["go_me"].impossible


def test_a_ratio_to_nearly_zero_is_withheld_without_questioning_the_landmarks() -> None:
    result = results_of({**ROUND, "Pog": (ROUND["B"][0] - 19.9, ROUND["B"][1] + 200)})["holdaway_ratio"]
    assert (result.value, result.impossible) == (None, False)
    assert result.absent == "Pog is too close to N-B for a ratio"


def test_limits_can_be_replaced() -> None:
    assert measure(face_like_real(1), spacing=2.0, limits={})[0].value is not None


@pytest.mark.real
@pytest.mark.skipif(not REAL_FACES, reason="CEPHKIT_REAL_FACES does not name a table of Aariz landmarks")
def test_no_value_of_a_real_face_is_withheld() -> None:
    with Path(REAL_FACES).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    heads = 0
    for row in rows:
        points = {symbol: (float(row[f"{symbol}_x"]), float(row[f"{symbol}_y"])) for symbol in AARIZ.symbols}
        results, size = results_of(points, None), float(row["pixel_size"])
        assert withheld(results) == {}, row["cephalogram_id"]
        if 55 <= size * np.hypot(*np.subtract(points["S"], points["N"])) <= 95:  # otherwise the pixel size is wrong
            assert withheld(results_of(points, size)) == {}, row["cephalogram_id"]
            heads += 1
    assert heads > len(rows) / 2


@pytest.mark.real
@pytest.mark.skipif(not REAL_FILMS, reason="CEPHKIT_REAL_FILMS does not name a folder of real films")
def test_no_value_of_a_labelled_film_is_withheld() -> None:
    for film in read_aariz(Path(REAL_FILMS), ["train", "valid"]).films:
        for points in film.annotations.values():
            assert withheld(results_of(points, film.spacing)) == {}, film.film_id
