from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from cephkit.checkpoint import LoadedModel
from cephkit.data.film import Points
from cephkit.data.spacing import Spacing
from cephkit.data.synthetic.shapes import draw_face
from cephkit.errors import SettingsError
from cephkit.geometry import Size
from cephkit.inference.find_again import find_again, prior_of
from cephkit.inference.model import Model
from cephkit.inference.predictor import Predictor
from cephkit.inference.stages import Prior
from cephkit.landmarks.shipped import AARIZ
from cephkit.models.spec import ModelSpec
from tests.inference.networks import Network

MM = 0.5
FILM: Size = (512, 448)
FACE: Points = {s: (x, y) for s, (x, y) in draw_face(np.random.default_rng(3)).points(MM).items()}
FACE = {s: (x - FACE["S"][0] + 150, y - FACE["S"][1] + 180) for s, (x, y) in FACE.items()}
"""Of 29 landmarks, all on the film."""
DECOY = (40.0, 60.0)
"""Where no chin can be."""


class TwoPeaks(Network):
    """Finds every landmark of ``FACE``, and pogonion rather at a decoy: its true place has a lower peak."""

    def __init__(self, peak: float = 0.7) -> None:
        super().__init__()
        self.peak = peak

    def forward(self, images: Tensor) -> Tensor:
        height, width = (side // 4 for side in images.shape[-2:])
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")

        def spot(place: tuple[float, float]) -> Tensor:
            x, y = ((value + 0.5) / 4 - 0.5 for value in place)
            return torch.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / 1.5**2)

        maps = torch.stack([spot(FACE[symbol]) for symbol in AARIZ.symbols])
        chin = AARIZ.symbols.index("Pog")
        maps[chin] = torch.maximum(self.peak * maps[chin], spot(DECOY))
        return maps.expand(len(images), -1, -1, -1)


def model(network: Network | None = None) -> Model:
    spec = ModelSpec("hrnet_w18_small", AARIZ.symbols, FILM)
    loaded = LoadedModel(network or TwoPeaks(), spec, Path("c.pth"), {"sha256": "0" * 64}, {})
    return Model(Predictor(loaded))


def picture() -> NDArray[np.uint8]:
    return np.full(FILM, 90, dtype=np.uint8)


def distance(points: Points, symbol: str, place: tuple[float, float]) -> float:
    return float(np.hypot(*np.subtract(points[symbol], place)))


def test_a_landmark_on_the_wrong_structure_is_found_once_its_neighbours_are_held() -> None:
    asked = model()
    film = asked.preprocess(picture())
    (first,) = asked.predict_preprocessed([film])
    assert distance(first.points, "Pog", DECOY) < 1
    again = find_again(asked, film, {symbol: FACE[symbol] for symbol in ("Me", "B", "Gn", "S", "N")})
    assert distance(again.points, "Pog", FACE["Pog"]) < 1
    assert set(again.symbols) == set(AARIZ.symbols) - {"Me", "B", "Gn", "S", "N"}
    others = set(again.points) - {"Pog"}
    assert all(distance(again.points, symbol, first.points[symbol]) < 1e-6 for symbol in others)


def test_noise_is_not_taken_for_a_landmark() -> None:
    asked = model(TwoPeaks(peak=0.02))
    again = find_again(asked, asked.preprocess(picture()), {symbol: FACE[symbol] for symbol in ("Me", "B", "S", "N")})
    assert distance(again.points, "Pog", DECOY) < 1


def test_films_of_oblong_pixels_are_read_in_their_own_pixels() -> None:
    asked = model()
    tall = np.full((FILM[0] // 2, FILM[1]), 90, dtype=np.uint8)
    film = asked.preprocess(tall, Spacing(2 * MM, MM, "test"))
    held = {symbol: (FACE[symbol][0], (FACE[symbol][1] + 0.5) / 2 - 0.5) for symbol in ("Me", "B", "Gn", "S", "N")}
    x, y = find_again(asked, film, held).points["Pog"]
    assert (x, y) == pytest.approx((FACE["Pog"][0], (FACE["Pog"][1] + 0.5) / 2 - 0.5), abs=0.5)


@pytest.mark.parametrize("held", [{}, FACE])
def test_there_must_be_something_held_and_something_to_find(held: Points) -> None:
    asked = model()
    with pytest.raises(SettingsError, match="at least one"):
        find_again(asked, asked.preprocess(picture()), held)


def placed(points: Points) -> dict[str, Any]:
    return {symbol: np.array(point) for symbol, point in points.items()}


def test_the_prior_lies_near_the_landmarks_whatever_the_size_and_side_of_the_face() -> None:
    held = ("S", "N", "Me", "Go", "A")
    for side, factor in ((1, 1.0), (-1, 3.0)):
        face = placed({symbol: (side * factor * x + 3000, factor * y) for symbol, (x, y) in FACE.items()})
        prior = prior_of({s: face[s] for s in held}, face, AARIZ.symbols, "right" if side == 1 else "left")
        assert prior is not None
        gaps = prior.points[0] - np.array([face[symbol] for symbol in AARIZ.symbols])
        sds = np.sqrt(np.einsum("ki,kij,kj->k", gaps, np.linalg.inv(prior.covariances[0]), gaps))
        assert np.sqrt((sds**2).mean()) < 2  # in two dimensions the root mean square is 1.4
        rows = [AARIZ.symbols.index(symbol) for symbol in held]
        assert np.hypot(*gaps[rows].T).max() < 1e-6


def test_of_landmarks_beyond_the_29_the_prior_knows_nothing() -> None:
    face = placed({**FACE, "Ba": (10.0, 20.0), "X1": (30.0, 40.0)})
    symbols = (*AARIZ.symbols, "Ba", "X1")
    held = {symbol: face[symbol] for symbol in ("S", "N", "Me", "X1")}
    prior, plain = prior_of(held, face, symbols, "right"), prior_of(held, face, AARIZ.symbols, "right")
    assert prior is not None
    assert plain is not None
    assert np.isnan(prior.points[0, -2:]).all()
    assert (prior.points[0, :29] == plain.points[0]).all()
    assert (prior.logarithm(np.zeros((1, 1, 2)))[0, -2:] == 0).all()


def test_more_landmarks_held_leave_less_room() -> None:
    face = placed(FACE)

    def room(*held: str) -> float:
        prior = prior_of({symbol: face[symbol] for symbol in held}, face, ("Pog",), "right")
        assert prior is not None
        return float(np.sqrt(np.linalg.det(prior.covariances[0, 0])))

    assert room("S") > 1.5 * room("S", "N") > 1.5 * room("S", "N", "Me", "Gn")


def test_a_face_that_cannot_be_placed_has_no_prior() -> None:
    assert prior_of(placed({"S": (1.0, 2.0)}), placed({"S": (1.0, 2.0)}), AARIZ.symbols, "right") is None


def test_a_prior_of_nothing_changes_nothing() -> None:
    unknown = Prior(np.full((1, 2, 2), np.nan), np.full((1, 2, 2, 2), np.nan))
    assert (unknown.logarithm(np.zeros((1, 5, 2))) == 0).all()
