"""The synthetic film: same seed same bytes, tissue where the landmarks say, any face."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cephkit.data.synthetic.anatomy import MEAN, Anatomy
from cephkit.data.synthetic.exposure import draw_ruler
from cephkit.data.synthetic.layer import Warp, beside, catmull_rom
from cephkit.data.synthetic.render import render
from cephkit.landmarks.shipped import AARIZ

# The template's landmarks, with those that it leaves to the teeth.
FACE = {**MEAN, "UIA": (55.5, 56.4), "LIA": (42.0, 93.7), "UPM": (38.4, 72.7), "LPM": (38.5, 73.8)}
SIZE = (360, 400)
MM_PER_PX = 0.55
Face = dict[str, tuple[float, float]]


def face(
    size: tuple[int, int] = SIZE,
    degrees: float = -10.0,
    mm_per_px: float = MM_PER_PX,
    jitter: NDArray[np.float64] | None = None,
) -> Face:
    """The mean face on a film of ``size`` (width, height); -10 degrees is upright; ``jitter`` (29, 2) in mm."""
    places = np.array([FACE[symbol] for symbol in AARIZ.symbols])
    if jitter is not None:
        places = places + jitter
    turn = np.deg2rad(degrees)
    places = (places - (20, 40)) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / mm_per_px
    places += np.array(size) * (0.42, 0.52)
    return {symbol: (float(x), float(y)) for symbol, (x, y) in zip(AARIZ.symbols, places, strict=True)}


def film(points: Face | None = None, size: tuple[int, int] = SIZE, stage: int = 4, seed: int = 0) -> NDArray[np.uint8]:
    return render(points or face(size), MM_PER_PX, (size[1], size[0]), stage, np.random.default_rng(seed))


def test_same_seed_gives_the_same_bytes_and_another_seed_other_ones() -> None:
    assert np.array_equal(film(seed=1), film(seed=1))
    assert not np.array_equal(film(seed=1), film(seed=2))


@pytest.mark.parametrize("size", [(360, 400), (401, 333), (96, 120), (1500, 1400)])
def test_shape_and_type(size: tuple[int, int]) -> None:
    picture = film(face(size, mm_per_px=200 / size[1]), size)
    assert picture.shape == (size[1], size[0])
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("seed", range(4))
def test_air_is_dark_soft_tissue_grey_and_bone_bright(seed: int) -> None:
    picture, at = film(seed=seed).astype(float), face()

    def grey(x: float, y: float) -> float:
        return float(picture[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5].mean())

    air = grey(at["Pn"][0] + 25, at["Pn"][1] + 30)
    lip = grey(0.5 * (at["Ls"][0] + at["A"][0]), 0.5 * (at["Ls"][1] + at["A"][1]))
    brain = grey(at["S"][0] - 20, at["S"][1] - 70)
    assert air + 25 < lip
    assert lip + 25 < brain


def steepness(points: Face, symbol: str, seeds: range) -> float:
    """Largest grey step within 2 pixels of a landmark, mean over films."""
    x, y = (round(v) for v in points[symbol])
    found = []
    for seed in seeds:
        window = film(points, seed=seed)[y - 3 : y + 4, x - 3 : x + 4].astype(float)
        found.append(max(np.abs(np.diff(window, axis=0)).max(), np.abs(np.diff(window, axis=1)).max()))
    return float(np.mean(found))


@pytest.mark.parametrize("symbol", ["UIT", "LIT", "Pog", "Me", "Go", "R", "Pn", "N`", "Pog`", "UMT", "Po", "ANS"])
def test_an_edge_lies_at_the_landmark(symbol: str) -> None:
    points = face()
    beyond = {**points, "air": (points["Pn"][0] + 30, points["Pn"][1] + 40)}
    seeds = range(3)
    assert steepness(beyond, symbol, seeds) > 1.5 * steepness(beyond, "air", seeds)


@pytest.mark.parametrize(("name", "part", "symbols"), [
    ("jaw", "jaw", ("B", "Pog", "Gn", "Me", "Go", "R", "Ar", "Co")),
    ("head", "skin", ("N`", "Pn", "Sn", "Ls", "Li", "Pog`")),
    ("maxilla", "skull", ("ANS", "A", "PNS")),
])  # fmt: skip
def test_contours_pass_through_their_landmarks(name: str, part: str, symbols: tuple[str, ...]) -> None:
    rng = np.random.default_rng(5)
    points = face(jitter=rng.normal(0, 2, (29, 2)))
    outline = Anatomy(points, rng).outline(name, part)
    for symbol in symbols:
        assert np.linalg.norm(outline - points[symbol], axis=1).min() < 1e-3, symbol


@pytest.mark.parametrize("stage", range(1, 7))
def test_every_stage_has_other_vertebrae(stage: int) -> None:
    other = stage % 6 + 1
    assert np.abs(film(stage=stage).astype(float) - film(stage=other)).max() > 20


@pytest.mark.parametrize("degrees", [-25.0, 5.0])
@pytest.mark.parametrize("mm_per_px", [0.4, 0.9])
def test_turned_and_scaled_faces(degrees: float, mm_per_px: float) -> None:
    points = face(degrees=degrees, mm_per_px=mm_per_px)
    assert film(points).std() > 20


def test_jittered_faces_in_any_pose_are_drawn() -> None:
    rng = np.random.default_rng(3)
    size = (160, 180)
    for seed in range(18):
        points = face(size, rng.uniform(-25, 5), 1.2, rng.normal(0, 3, (29, 2)))
        assert film(points, size, 1 + seed % 6, seed).std() > 20


def test_ruler_ticks_are_ten_millimetres_apart() -> None:
    attenuation = np.zeros((600, 500), np.float32)
    draw_ruler(attenuation, 0.2, np.random.default_rng(0))
    right = np.flatnonzero(attenuation.sum(axis=0))[-1]
    rows = np.flatnonzero(attenuation[:, round(right - 5.3 / 0.2)])
    starts = rows[np.diff(rows, prepend=-9) > 1]
    assert len(starts) >= 5
    assert np.abs(np.diff(starts) - 10 / 0.2).max() <= 1


def test_curve_keeps_its_knots_and_warp_its_places() -> None:
    rng = np.random.default_rng(0)
    knots = rng.normal(0, 10, (7, 2))
    for closed in (False, True):
        assert np.allclose(catmull_rom(knots, closed)[::8][:7], knots, atol=1e-9)
    target = rng.normal(0, 10, (7, 2))
    assert np.allclose(Warp(knots, target)(knots), target, atol=1e-6)


def test_beside_is_to_the_right() -> None:
    down = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    assert np.allclose(beside(down, 2.0), down - (2.0, 0.0))
