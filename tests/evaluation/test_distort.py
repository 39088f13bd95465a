import numpy as np
import pytest

from cephkit.evaluation.distort import DISTORTIONS, Distortion
from cephkit.geometry import transform


@pytest.mark.parametrize("distortion", DISTORTIONS, ids=lambda d: f"{d.name} {d.strength}")
def test_a_blob_lands_where_the_matrix_says(distortion: Distortion) -> None:
    y, x = np.mgrid[:141, :120]
    spot = np.array([70.3, 62.6])
    film = np.rint(200 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / 50)).astype(np.uint8)
    seen, matrix = distortion(film)
    # Noise moves the centre that is measured, not the blob; over many seeds it averages out.
    seeds = range(50) if distortion.name == "noise" else [0]
    mean = np.mean([distortion(film, seed)[0] for seed in seeds], axis=0)
    weights = 255 - mean if distortion.name == "invert" else mean
    goal = transform(matrix, spot)
    rows, columns = np.mgrid[: seen.shape[0], : seen.shape[1]]
    near = np.hypot(columns - goal[0], rows - goal[1]) < 25
    weights = np.where(near, weights - np.median(weights[near]), 0).clip(20) - 20
    centre = np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()
    assert seen.dtype == np.uint8
    assert np.abs(centre - goal).max() < (0.3 if distortion.name == "jpeg" else 0.1)


def test_noise_depends_on_the_seed_alone() -> None:
    noise = next(d for d in DISTORTIONS if d.name == "noise")
    film = np.full((40, 30), 128, dtype=np.uint8)
    assert np.array_equal(noise(film, 3)[0], noise(film, 3)[0])
    assert not np.array_equal(noise(film, 3)[0], noise(film, 4)[0])


def test_refuses_what_is_no_grey_film() -> None:
    with pytest.raises(ValueError, match="uint8"):
        DISTORTIONS[0](np.zeros((5, 5, 3), dtype=np.uint8))
