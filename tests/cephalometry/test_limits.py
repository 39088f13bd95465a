"""What no face can have is withheld, and what the most unusual face has is not."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cephkit.cephalometry.analyses import ANALYSES, measure
from cephkit.cephalometry.limits import LIMITS, impossible
from cephkit.cephalometry.measures import BY_ID, MEASUREMENTS
from cephkit.cephalometry.results import Result
from cephkit.data.aariz import read_aariz
from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.landmarks import SYMBOLS, Facing
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
    """Some landmarks moved."""
    by = np.array([ahead_mm, -up_mm]) / PIXEL_MM
    return {name: tuple(np.add(xy, by)) if name in symbols else xy for name, xy in points.items()}  # type: ignore[misc]


def swung(points: Points, degrees: float) -> Points:
    """The mandible turned about the condyle; + opens the bite."""
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
    # Those that follow from each other.
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
def test_what_the_trial_saw_is_impossible(measurement: str, value: float) -> None:
    reason = impossible(value, LIMITS[measurement], BY_ID[measurement].unit)
    assert f"{value:.4g}" in reason
    assert f"{LIMITS[measurement].low:g} to {LIMITS[measurement].high:g}" in reason


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("anomaly", SEVERE)
def test_severe_anomalies_lose_nothing(anomaly: str, seed: int) -> None:
    assert withheld(results_of(SEVERE[anomaly](face_like_real(seed)))) == {}


def test_a_landmark_that_slipped_takes_away_what_it_makes_impossible() -> None:
    results = results_of(shifted(face_like_real(1), ("B",), 45))
    lost = withheld(results)
    assert {"anb", "ab_plane"} <= set(lost)
    assert "is no face's, which has -20 to 20" in lost["anb"]
    assert results["anb"].class_name is None
    assert results["sna"].value is not None
    assert results["gonial"].value is not None


def test_one_value_beyond_the_limits_takes_away_no_other() -> None:
    few = {symbol: ROUND[symbol] for symbol in ("S", "N", "A", "B")}
    results = results_of({**few, "B": (ROUND["N"][0] - 370, ROUND["B"][1])})
    assert set(withheld(results)) == {"anb"}
    assert results["snb"].value == pytest.approx(69.7, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_a_face_measured_to_the_wrong_side_has_no_values(seed: int) -> None:
    results = results_of(face_like_real(seed), facing="left")
    assert {result.value for result in results.values()} == {None}
    assert "or the side that it looks to" in results["sna"].absent


@pytest.mark.parametrize("seed", range(20))
def test_landmarks_put_down_anywhere_have_no_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    anywhere = {symbol: tuple(rng.uniform(0, 2000, 2)) for symbol in SYMBOLS}
    assert not any(result.value is not None for result in results_of(anywhere).values())
    exchanged = dict(zip(SYMBOLS, rng.permutation(list(face_like_real(seed).values())).tolist(), strict=True))
    assert not any(result.value is not None for result in results_of(exchanged).values())


@pytest.mark.parametrize("pixel_size_mm", [0.014, 0.05, 0.2, 1.0])
def test_a_pixel_size_that_makes_no_head_takes_away_all_lengths_and_no_angle(pixel_size_mm: float) -> None:
    results = results_of(ROUND, pixel_size_mm)
    assert f"S-N would be {700 * pixel_size_mm:.3g} mm" in results["overjet"].absent
    for result in results.values():
        if result.unit == "mm":
            assert result.value is None
        elif not BY_ID[result.measurement].only:
            assert result.value is not None


def test_without_s_n_the_other_lengths_are_judged_each() -> None:
    points = {name: xy for name, xy in ROUND.items() if name not in ("S",)}
    results = results_of(points, 0.02)
    assert results["co_a"].impossible
    assert results["go_me"].impossible


def test_a_ratio_to_nothing_is_withheld_without_doubting_the_face() -> None:
    result = results_of({**ROUND, "Pog": (ROUND["B"][0] - 19.9, ROUND["B"][1] + 200)})["holdaway_ratio"]
    assert (result.value, result.impossible) == (None, False)
    assert result.absent == "Pog lies too near N-B for a ratio"


def test_measurements_of_ones_own_have_no_limits() -> None:
    assert measure(face_like_real(1), spacing=2.0, limits={})[0].value is not None
    assert len(MEASUREMENTS) == len(LIMITS)


@pytest.mark.real
@pytest.mark.skipif(not REAL_FACES, reason="CEPHKIT_REAL_FACES names no table of Aariz landmarks")
def test_no_real_face_loses_a_value() -> None:
    with Path(REAL_FACES).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    heads = 0
    for row in rows:
        points = {symbol: (float(row[f"{symbol}_x"]), float(row[f"{symbol}_y"])) for symbol in SYMBOLS}
        results, size = results_of(points, None), float(row["pixel_size"])
        assert withheld(results) == {}, row["cephalogram_id"]
        if 55 <= size * np.hypot(*np.subtract(points["S"], points["N"])) <= 95:  # else the pixel size is wrong
            assert withheld(results_of(points, size)) == {}, row["cephalogram_id"]
            heads += 1
    assert heads > len(rows) / 2


@pytest.mark.real
@pytest.mark.skipif(not REAL_FILMS, reason="CEPHKIT_REAL_FILMS names no folder of real films")
def test_no_labelled_film_loses_a_value() -> None:
    for film in read_aariz(Path(REAL_FILMS), ["train", "valid"]).films:
        for points in film.annotations.values():
            assert withheld(results_of(points, film.spacing)) == {}, film.film_id
