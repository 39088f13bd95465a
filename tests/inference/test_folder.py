from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cephkit.data.film import Film
from cephkit.data.spacing import Spacing
from cephkit.errors import FilmError
from cephkit.inference.folder import FilmCanvases, predict_films
from cephkit.inference.model import Model
from cephkit.inference.predictor import Predictor
from tests.inference.test_predictor import film_with_spot
from tests.inference.test_stages import CANVAS, DETAIL, Spots, model

PLACES = [(40, 60), (70, 90), (30, 100), (55, 45), (80, 20)]
SIZES = [(128, 96), (256, 192), (200, 220), (140, 96), (180, 100)]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Film]:
    """Films of five sizes, each with its spot."""
    folder = tmp_path_factory.mktemp("films")
    made = []
    for index, (size, (x, y)) in enumerate(zip(SIZES, PLACES, strict=True)):
        Image.fromarray(film_with_spot(size, x, y, 8.0)).save(folder / f"{index}.png")
        made.append(Film(str(index), folder / f"{index}.png", "valid"))
    return made


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_films_of_a_folder_are_predicted_as_each_alone_and_in_their_order(films: list[Film], batch_size: int) -> None:
    predictor = Predictor(model((0, 0), (1, 0)))
    found = predict_films(predictor, films, batch_size)
    alone = [predictor.predict_film(film.path) for film in films]
    assert found.points == pytest.approx(np.stack([each.points for each in alone]))
    assert found.scores == pytest.approx(np.stack([each.scores for each in alone]))
    assert np.abs(found.points[:, 0] - PLACES).max() < 0.15 * 4 * found.units.max()
    assert found.features.shape == (5, 2, 2)
    assert found.units == pytest.approx([max(h / 128, w / 96) for h, w in SIZES])
    assert [pose.facing for pose in found.poses] == ["left"] * 5  # S, the second landmark, lies to the right of A


def test_workers_give_the_same(films: list[Film]) -> None:
    predictor = Predictor(model())
    here, there = (predict_films(predictor, films, 2, workers) for workers in (0, 1))
    assert np.array_equal(here.points, there.points)


def test_predicting_moves_no_random_state(films: list[Film]) -> None:
    before = torch.get_rng_state()
    predict_films(Predictor(model()), films)
    assert torch.equal(before, torch.get_rng_state())


def test_the_loader_may_be_watched(films: list[Film]) -> None:
    lengths = []

    def shown(loader: Any) -> Iterable[Any]:
        lengths.append(len(loader))
        return loader

    assert predict_films(Predictor(model()), films, 2, shown=shown).points.shape == (5, 2, 2)
    assert lengths == [3]


def test_a_film_comes_as_a_canvas_for_each_network(films: list[Film]) -> None:
    dataset = FilmCanvases(films, (CANVAS, DETAIL))
    assert len(dataset) == 5
    (small, large), size = dataset[2]
    assert (small.shape, large.shape) == ((1, *CANVAS), (1, *DETAIL))
    assert small.dtype == large.dtype == torch.uint8
    assert size.tolist() == [200, 220]
    with pytest.raises(IndexError):
        dataset[5]


def test_a_film_that_cannot_be_read_is_an_error(films: list[Film], tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no film")
    with pytest.raises(FilmError, match=r"bad\.png"):
        predict_films(Predictor(model()), [films[0], Film("bad", tmp_path / "bad.png", "valid")])


def test_the_toy_network_has_nothing_to_learn() -> None:
    # Otherwise batches of different sizes might differ through normalisation.
    assert list(Spots((0, 0)).parameters()) == []


@pytest.mark.parametrize("sides", [(0.2, 0.1), (0.1, 0.15)])
def test_pixels_that_are_not_square_are_looked_at_as_by_predict(tmp_path: Path, sides: tuple[float, float]) -> None:
    spacing = Spacing(*sides, "machine map")
    stored = (128, 96) if sides[0] > sides[1] else (192, 100)
    Image.fromarray(film_with_spot(stored, 40, 60, 6.0)).save(tmp_path / "f.png")
    known = Model(Predictor(model((0, 0), (1, 0))))
    wanted = known.predict(tmp_path / "f.png", spacing=spacing)
    film = Film("f", tmp_path / "f.png", "valid", spacing=spacing)
    found = predict_films(known.predictor, [film, Film("g", tmp_path / "f.png", "valid")])
    assert found.points[0] == pytest.approx(wanted.points, abs=1e-9)
    assert np.abs(found.points[0] - found.points[1]).max() > 0.05  # taken for squares it is another film
    assert found.scores[0] == pytest.approx(wanted.scores)
