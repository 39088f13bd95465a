"""Landmarks that the table of faces lacks: faults are found among the labels of the data set itself."""

from dataclasses import replace

import numpy as np
import pytest

from cephkit.data.face_shapes import FEWEST_LABELS
from cephkit.data.film import Film, Points
from cephkit.data.findings import Finding
from cephkit.data.label_check import label_findings
from cephkit.data.own_shapes import learn_own_shape
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.landmarks.shipped import AARIZ, KNOWN, in_known_order
from tests.data.labelled_faces import MM_PER_PX, face_points, film_with

COUNT = 40
KNOWN_ONES = AARIZ.symbols[:20]
MADE_UP = tuple(f"X{number}" for number in range(25))
"""Between landmarks of the face, so that they move with it."""
MIRRORED = {"X3": "X4", "X4": "X3"}
SCHEMA = in_known_order(
    KNOWN,
    LandmarkSchema("made up", tuple(Landmark(s, f"Point {s}", "bone", mirror=MIRRORED.get(s, "")) for s in MADE_UP)),
)


def with_made_up(seed: int, known: tuple[str, ...] = KNOWN_ONES) -> Points:
    """A drawn face with 45 landmarks: 20 of the 29, and 25 between them with a millimetre of scatter."""
    face, rng = face_points(seed), np.random.default_rng(seed)
    weights = np.random.default_rng(0)
    points = {symbol: face[symbol] for symbol in known}
    for symbol in MADE_UP:
        one, other = weights.choice(len(AARIZ.symbols), 2, replace=False)
        share = weights.uniform(0.3, 0.7)
        middle = share * np.array(face[AARIZ.symbols[one]]) + (1 - share) * np.array(face[AARIZ.symbols[other]])
        x, y = middle + rng.normal(0, 0.7 / MM_PER_PX, 2)
        points[symbol] = (float(x), float(y))
    return points


def films(known: tuple[str, ...] = KNOWN_ONES, count: int = COUNT) -> list[Film]:
    return [film_with(with_made_up(seed, known), f"f{seed}") for seed in range(count)]


def found_on(films: list[Film], points: Points) -> list[Finding]:
    found = label_findings([*films[1:], replace(films[0], annotations={"senior": points})], SCHEMA)
    assert {finding.film.film_id if finding.film else "" for finding in found} <= {"f0"}
    return found


@pytest.mark.parametrize("known", [KNOWN_ONES, ("S", "N"), ()])
def test_good_labels_have_no_findings(known: tuple[str, ...]) -> None:
    assert label_findings(films(known), SCHEMA) == []


@pytest.mark.parametrize("known", [KNOWN_ONES, ()])
def test_a_landmark_20_mm_off_is_named_with_its_place(known: tuple[str, ...]) -> None:
    good = films(known)
    for symbol in MADE_UP[::6]:
        points = dict(good[0].annotations["senior"])
        x, y = points[symbol]
        (finding,) = found_on(good, {**points, symbol: (x - 12 / MM_PER_PX, y + 16 / MM_PER_PX)})
        assert finding.fault.landmarks == (symbol,)
        assert finding.fault.kind == "out of place"
        assert np.hypot(*np.subtract(finding.fault.expected[symbol], (x, y))) * MM_PER_PX < 7


@pytest.mark.parametrize("known", [KNOWN_ONES, ()])
@pytest.mark.parametrize("pair", [("X0", "X7"), ("X5", "X11"), ("X3", "X4")])
def test_exchanged_landmarks_are_named(known: tuple[str, ...], pair: tuple[str, str]) -> None:
    good, (one, other) = films(known), pair
    points = dict(good[0].annotations["senior"])
    (finding,) = found_on(good, {**points, one: points[other], other: points[one]})
    assert set(finding.fault.landmarks) == set(pair)
    assert finding.fault.kind == "swapped"
    assert finding.fault.expected[one] == pytest.approx(points[one])
    assert ("left and right" in finding.fault.text) == (pair == ("X3", "X4"))


def test_a_known_landmark_exchanged_with_another_is_one_finding() -> None:
    good = films()
    points = dict(good[0].annotations["senior"])
    (finding,) = found_on(good, {**points, "S": points["X2"], "X2": points["S"]})
    assert set(finding.fault.landmarks) == {"S", "X2"}


def test_columns_in_another_order_are_one_finding_of_the_label_as_a_whole() -> None:
    good = films(())
    points = list(good[0].annotations["senior"].values())
    (finding,) = found_on(good, dict(zip(MADE_UP, points[9:] + points[:9], strict=True)))
    assert finding.fault.kind == "many out of place"


def test_mirrored_labels_of_made_up_landmarks_are_a_doubt() -> None:
    good = films(())
    points = {symbol: (500 - x, y) for symbol, (x, y) in good[0].annotations["senior"].items()}
    (finding,) = found_on(good, points)
    assert (finding.fault.kind, finding.fault.certain) == ("turned", False)
    left = [
        replace(film, annotations={"senior": {s: (500 - x, y) for s, (x, y) in film.annotations["senior"].items()}})
        for film in good
    ]
    assert label_findings(left, SCHEMA) == []


def test_a_few_labels_teach_nothing() -> None:
    labels = np.array([[complex(*point) for point in with_made_up(seed, ()).values()] for seed in range(20)])
    unknown = np.full(20, np.nan)
    assert learn_own_shape(labels[: FEWEST_LABELS - 1], MADE_UP, unknown[: FEWEST_LABELS - 1]) is None
    assert learn_own_shape(np.full_like(labels, complex(np.nan, np.nan)), MADE_UP, unknown) is None
    labels[: 20 - FEWEST_LABELS + 1, 5] = np.nan  # too few have it
    shape = learn_own_shape(labels, MADE_UP, unknown)
    assert shape is not None
    assert shape.symbols == tuple(symbol for symbol in MADE_UP if symbol != "X5")
    assert shape.covariance.shape == (48, 48)
    assert np.linalg.eigvalsh(shape.covariance).min() > 0
