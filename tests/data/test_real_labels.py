"""Labels of real films: few are in doubt, none is refused, and faults put into them are found."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from cephkit.data.aariz import read_aariz
from cephkit.data.film import Film, Points
from cephkit.data.label_check import label_findings

REAL_FILMS = os.environ.get("CEPHKIT_REAL_FILMS", "")
EVERY = 10

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.skipif(not REAL_FILMS, reason="CEPHKIT_REAL_FILMS names no folder of real films"),
]


@pytest.fixture(scope="module")
def films() -> list[Film]:
    return [
        replace(film, size=Image.open(film.path).size[::-1])
        for film in read_aariz(Path(REAL_FILMS), ("train", "valid")).films
    ]


def exchanged(one: str, other: str) -> Callable[[Points, int, int], Points]:
    return lambda points, h, w: {**points, one: points[other], other: points[one]}


def moved(way: Callable[[float, float, int, int], tuple[float, float]]) -> Callable[[Points, int, int], Points]:
    return lambda points, h, w: {symbol: way(x, y, h, w) for symbol, (x, y) in points.items()}


def test_few_real_labels_are_in_doubt_and_none_is_refused(films: list[Film]) -> None:
    findings = label_findings(films)
    assert [str(finding) for finding in findings if finding.fault.certain] == []
    assert len(findings) <= 0.03 * sum(len(film.annotations) for film in films)


@pytest.mark.parametrize(
    ("spoil", "certain"),
    [
        (lambda points, h, w: {**points, "A": (0.0, 0.0)}, True),
        (lambda points, h, w: {**points, "A": points["N"]}, True),
        (moved(lambda x, y, h, w: (2 * x, 2 * y)), True),
        (moved(lambda x, y, h, w: (x / 2, y / 2)), True),
        (moved(lambda x, y, h, w: (y, x)), True),
        (moved(lambda x, y, h, w: (w - 1 - x, y)), True),
        (moved(lambda x, y, h, w: (x, h - 1 - y)), True),
        (moved(lambda x, y, h, w: (h - 1 - y, x)), True),
        (exchanged("A", "B"), False),
        (exchanged("Ls", "Li"), False),
        (exchanged("Pog", "Gn"), False),
        (lambda points, h, w: {**points, "S": (points["S"][0], points["S"][1] + 85.0)}, False),  # 20 mm
    ],
    ids=["zero", "one pixel", "twice", "half", "x y", "mirrored", "bottom", "turned", "A B", "lips", "chin", "20 mm"],
)
def test_each_fault_is_found_in_real_labels(
    films: list[Film], spoil: Callable[[Points, int, int], Points], certain: bool
) -> None:
    mixed = []
    for position, film in enumerate(films):
        assert film.size is not None
        bad = {**film.annotations, "senior": spoil(film.points("senior"), *film.size)}
        mixed.append(replace(film, annotations=bad) if position % EVERY == 0 else film)
    spoiled = {film.film_id for film in mixed[::EVERY]}
    findings = [finding for finding in label_findings(mixed) if finding.fault.certain or not certain]
    found = {finding.film.film_id for finding in findings if finding.film and finding.annotator == "senior"}
    assert len(spoiled & found) >= 0.95 * len(spoiled)
    if certain:
        assert found <= spoiled
