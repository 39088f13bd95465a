import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cephkit.data.film import Film
from cephkit.errors import FilmError
from cephkit.inference.folder import batched, in_order, predict_films
from cephkit.inference.predictor import Predictor
from cephkit.interrupt import Stopped, until
from tests.inference.test_predictor import film_with_spot
from tests.inference.test_stages import Spots, model

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
    alone = [predictor.run_film(film.path) for film in films]
    assert found.points == pytest.approx(np.concatenate([each.points for each in alone]))
    assert found.scores == pytest.approx(np.concatenate([each.scores for each in alone]))
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


def test_progress_wraps_the_films(films: list[Film]) -> None:
    gone: list[Film] = []

    def progress(films: Sequence[Film]) -> Iterator[Film]:
        for film in films:
            gone.append(film)
            yield film

    assert predict_films(Predictor(model()), films, 2, progress=progress).points.shape == (5, 2, 2)
    assert gone == films


@pytest.mark.parametrize("workers", [0, 1])
def test_it_stops_between_films(films: list[Film], workers: int) -> None:
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        predict_films(Predictor(model()), films, 1, workers, until(lambda: next(asked)))


def test_a_film_that_cannot_be_read_is_an_error(films: list[Film], tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no film")
    with pytest.raises(FilmError, match=r"bad\.png"):
        predict_films(Predictor(model()), [films[0], Film("bad", tmp_path / "bad.png", "valid")])


def test_the_toy_network_has_nothing_to_learn() -> None:
    # Otherwise batches of different sizes might differ through normalisation.
    assert list(Spots((0, 0)).parameters()) == []


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order(workers: int) -> None:
    assert list(in_order(lambda item: item**2, range(20), workers)) == [item**2 for item in range(20)]


def test_few_items_are_taken_ahead_of_what_is_used() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = in_order(lambda item: item, items(), workers=2)
    for used in range(10):
        assert next(results) == used
        assert len(taken) <= used + 4


def test_threads_work_side_by_side() -> None:
    both = threading.Barrier(2, timeout=20)
    assert len(list(in_order(lambda _: both.wait(), range(2), workers=2))) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_comes_where_its_result_would_have_come(workers: int) -> None:
    results = in_order(lambda item: 1 // (item - 2), range(9), workers)
    assert [next(results), next(results)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_batches() -> None:
    assert list(batched(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batched([], 2)) == []
