from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cephkit.calibration.expected import fit_calibration
from cephkit.calibration.fit import (
    LEAST_SHARE,
    NEW_EXAMINER,
    USUAL_DISTANCE_MM,
    USUAL_SHARE,
    canvas_mm,
    examiner_moments,
    with_conventions,
)
from cephkit.data.film import Film
from cephkit.data.spacing import Spacing, square
from cephkit.inference.uncertainty import within

Floats = NDArray[np.float64]

SYMBOLS = ("A", "N", "S", "Me")
CANVAS = (128, 96)
SIZE = (512, 384)
MM = 0.5
"""To a film pixel; four film pixels to a canvas pixel."""
FILMS = 150
GAP_PX = np.array([[8.0, 0.0], [0.0, 0.0], [0.0, 4.0], [3.0, 3.0]])
"""Junior's point from senior's on every film, film pixels."""


def marked(films: int = FILMS, both: bool = True, mm: float | None = MM, size: tuple[int, int] = SIZE) -> list[Film]:
    rng = np.random.default_rng(0)
    truth = rng.uniform(100, 300, (films, 4, 2))
    made = []
    for row, xy in enumerate(truth):
        points = {"senior": xy, "junior": xy + GAP_PX} if both else {"senior": xy}
        labels = {who: {s: (float(x), float(y)) for s, (x, y) in zip(SYMBOLS, at, strict=True)}
                  for who, at in points.items()}  # fmt: skip
        spacing = mm and square(mm, "")
        made.append(Film(f"f{row}", Path("f.png"), "valid", spacing=spacing, annotations=labels, size=size))
    return made


USUAL = (USUAL_DISTANCE_MM / (4 * MM)) ** 2 / 2 * np.eye(2)


def test_what_films_show_and_what_is_usual_count_alike() -> None:
    moments = examiner_moments(marked(), SYMBOLS, CANVAS)
    for column, gap in enumerate(GAP_PX / 4):
        assert moments[column] == pytest.approx((np.outer(gap, gap) + USUAL) / 2)


def test_films_marked_once_or_few_films_tell_only_what_is_usual() -> None:
    for films in (marked(both=False), marked(19)):
        assert examiner_moments(films, SYMBOLS, CANVAS) == pytest.approx(np.broadcast_to(USUAL, (4, 2, 2)))


def test_a_slip_counts_as_a_long_distance_and_no_more() -> None:
    films = marked()
    slipped = {**films[0].annotations["junior"], "A": (4000.0, 4000.0)}
    films[0] = replace(films[0], annotations={**films[0].annotations, "junior": slipped})
    moments = examiner_moments(films, SYMBOLS, CANVAS)
    assert np.trace(moments[0]) < 1.1 * np.trace(examiner_moments(marked(), SYMBOLS, CANVAS)[0])


def test_millimetres_are_the_films_or_else_those_of_a_usual_film() -> None:
    assert canvas_mm(marked(), CANVAS) == pytest.approx(4 * MM)
    assert canvas_mm(marked(mm=None), CANVAS) == pytest.approx(235 / 128)


def test_oblong_pixels_count_as_the_stretched_film_has_them() -> None:
    stretched = [replace(film, size=(256, 384), spacing=Spacing(2 * MM, MM, "")) for film in marked()]
    moments = examiner_moments(stretched, SYMBOLS, CANVAS)
    gap = GAP_PX[2] * (1, 2) / 4
    assert moments[2] == pytest.approx((np.outer(gap, gap) + USUAL) / 2)


def residuals(seed: int, films: int = FILMS) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    features = np.exp(rng.normal(0, 0.4, (films, 4, 1)))
    return features, features * rng.normal(0, 0.5, (films, 4, 2))


@pytest.mark.parametrize("apart", [0.5, 1.0])
def test_regions_hold_90_percent_of_either_annotators_points(apart: float) -> None:
    features, mean = residuals(0)
    each = [mean - apart * GAP_PX / 8, mean + apart * GAP_PX / 8]
    made = with_conventions(fit_calibration(features, mean), marked(), SYMBOLS, CANVAS, features, mean, each, None)
    assert made.examiners is not None
    assert LEAST_SHARE <= made.share <= NEW_EXAMINER
    fresh, mean = residuals(1, 2000)
    of_mean = within(made.without_examiners().regions(fresh), mean).mean()
    held = [within(made.regions(fresh), mean + side * apart * GAP_PX / 8).mean() for side in (-1, 1)]
    assert np.mean(held) > 0.87
    if made.share > LEAST_SHARE:
        assert np.mean(held) < 0.93
    assert 0.86 < of_mean < 0.94


def test_films_marked_once_get_a_usual_share() -> None:
    features, mean = residuals(0)
    made = with_conventions(
        fit_calibration(features, mean), marked(both=False), SYMBOLS, CANVAS, features, mean, [], None
    )
    assert made.share == USUAL_SHARE


def test_regions_and_expected_errors_grow_with_how_strange_a_film_looks() -> None:
    features, mean = residuals(0)
    signatures = np.random.default_rng(2).normal(0, 1, (FILMS, 12))
    made = with_conventions(
        fit_calibration(features, mean), marked(both=False), SYMBOLS, CANVAS, features, mean, [], signatures
    )
    assert made.likeness is not None
    strange = made.strangeness(np.stack((signatures.mean(0), signatures.mean(0) + 5.0)), 2)
    assert strange.tolist() == [0.0, 2.0]
    two = np.repeat(features[:1], 2, axis=0)
    near, far = made.regions(two, strange)
    assert far - near == pytest.approx(4.60517 * (NEW_EXAMINER - made.share) * made.examiners, rel=1e-4)
    expected = made.expected(two, strange)
    assert expected[0] == pytest.approx(made.without_examiners().expected(two)[0])
    assert (expected[1] > expected[0]).all()
    notes = made.unlike_notes(np.stack((signatures.mean(0), signatures.mean(0) + 5.0)), 2)
    assert notes[0] == ""
    assert "unlike all films of the calibration" in notes[1]


def test_a_machine_on_which_the_others_calibration_does_not_hold_widens_regions() -> None:
    features, mean = residuals(0)
    films = [replace(film, machine="AB"[row % 2]) for row, film in enumerate(marked(both=False))]
    shifted = mean + np.where(np.arange(FILMS) % 2, 1.0, 0.0)[:, None, None] * (1.2, 0.0)
    shares = []
    for gaps in (mean, shifted):
        fitted = fit_calibration(features, gaps)
        shares.append(with_conventions(fitted, films, SYMBOLS, CANVAS, features, gaps, [], None).share)
    assert shares[0] == USUAL_SHARE
    assert shares[1] > shares[0]
    # As much as it takes: with it a calibration made of one machine's films holds on the other's.
    own = np.arange(FILMS) % 2 == 0
    alone = with_conventions(
        fit_calibration(features[own], shifted[own]), [film for film in films if film.machine == "A"], SYMBOLS, CANVAS,
        features[own], shifted[own], [], None,
    )  # fmt: skip
    wide = replace(alone, share=shares[1])
    assert within(alone.without_examiners().regions(features[~own]), shifted[~own]).mean() < 0.6
    assert within(wide.regions(features[~own]), shifted[~own]).mean() > 0.78


def test_films_that_look_the_other_way_count_as_their_mirror_images() -> None:
    slant = np.array([(6.0, 3.0)] * 5)
    face = np.array([(150.0, 200.0), (300.0, 180.0), (280.0, 300.0), (180.0, 380.0), (290.0, 350.0)])
    symbols = ("S", "N", "A", "Me", "B")
    films = []
    for row in range(40):
        at = {"senior": face, "junior": face + slant}
        if row >= 20:
            at = {who: np.array([(383.0, 0.0)] * 5) + xy * (-1, 1) for who, xy in at.items()}
        labels = {who: dict(zip(symbols, map(tuple, xy.tolist()), strict=True)) for who, xy in at.items()}
        films.append(Film(f"f{row}", Path("f.png"), "valid", spacing=square(MM, ""), annotations=labels, size=SIZE))
    right, left = (examiner_moments(films, symbols, CANVAS, facing) for facing in ("right", "left"))
    assert right[:, 0, 1] == pytest.approx(18 / 16 / 2)
    assert left[:, 0, 1] == pytest.approx(-18 / 16 / 2)
