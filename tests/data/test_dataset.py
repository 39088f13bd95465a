import os
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from cephkit.data.dataset import FilmDataset
from cephkit.data.film import Film
from cephkit.data.opened import content_hash, read_bytes
from cephkit.data.spacing import Spacing
from cephkit.data.store import FilmStore
from cephkit.data.store_builder import StoreBuilder
from cephkit.errors import DataError, FilmError
from cephkit.geometry import letterbox, transform
from tests.data.aariz_folder import AarizMaker

CANVAS = (96, 64)
SYMBOLS = ("A", "N", "S")


def dots(points: dict[str, tuple[float, float]], height: int = 120, width: int = 60) -> np.ndarray:
    """A dark film with a bright dot at each point."""
    y, x = np.mgrid[:height, :width]
    spots = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 2.5**2)) for px, py in points.values()]
    return np.rint(250 * np.max(spots, axis=0)).astype(np.uint8)


def film(maker: AarizMaker, name: str, points: dict[str, tuple[float, float]]) -> Film:
    path = maker.add("train", name, grey=dots(points))
    annotations = {"senior": points, "junior": {key: (x + 1, y) for key, (x, y) in points.items()}}
    return Film(name, path, "train", annotations=annotations, size=(120, 60), content=content_hash(read_bytes(path)))


@pytest.fixture
def films(maker: AarizMaker) -> list[Film]:
    return [
        film(maker, "a", {"A": (20.0, 30.0), "N": (45.25, 80.5), "S": (12.0, 100.0)}),
        film(maker, "b", {"A": (30.0, 60.0), "S": (50.0, 20.0)}),
    ]


@pytest.mark.parametrize("held", [0, 1, 2])
def test_a_bright_dot_lies_where_its_point_says(films: list[Film], tmp_path: Path, held: int) -> None:
    store = StoreBuilder(tmp_path, CANVAS, held).finish(films[:held], 1) if held else FilmStore.empty(CANVAS)
    dataset = FilmDataset(films, SYMBOLS, "senior", CANVAS, store)
    for index in range(2):
        canvas, points, mask, position = dataset[index]
        assert (canvas.shape, canvas.dtype) == ((1, 96, 64), torch.uint8)
        assert (points.shape, points.dtype) == ((3, 2), torch.float32)
        assert (mask.dtype, position) == (torch.bool, index)
        for x, y in points[mask].tolist():
            rows, columns = np.mgrid[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4]
            weights = canvas[0].numpy()[rows, columns].astype(float)
            assert (weights * columns).sum() / weights.sum() == pytest.approx(x, abs=0.5)
            assert (weights * rows).sum() / weights.sum() == pytest.approx(y, abs=0.5)
            assert weights.max() > 150


def test_held_or_not_the_canvas_is_the_same(films: list[Film], tmp_path: Path) -> None:
    store = StoreBuilder(tmp_path, CANVAS, 2).finish(films, 1)
    held = FilmDataset(films, SYMBOLS, "senior", CANVAS, store)
    decoded = FilmDataset(films, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))
    assert all(torch.equal(held[index].canvas, decoded[index].canvas) for index in range(2))


def test_missing_landmarks_are_masked_and_the_annotation_is_the_one_asked_for(films: list[Film]) -> None:
    store = FilmStore.empty(CANVAS)
    _, points, mask, _ = FilmDataset(films, SYMBOLS, "mean", CANVAS, store)[1]
    assert mask.tolist() == [True, False, True]
    assert points[1].tolist() == [0, 0]
    expected = transform(letterbox((120, 60), CANVAS).to_canvas, (30.5, 60.0))
    assert points[0].numpy() == pytest.approx(expected, abs=1e-4)


def test_items_are_copies(films: list[Film], tmp_path: Path) -> None:
    dataset = FilmDataset(films, SYMBOLS, "senior", CANVAS, StoreBuilder(tmp_path, CANVAS, 2).finish(films, 1))
    first = dataset[0]
    before = [part.clone() for part in first[:3]]
    for part in first[:3]:
        part.zero_()
    assert all(torch.equal(part, was) for part, was in zip(dataset[0][:3], before, strict=True))


def test_indices_end(films: list[Film]) -> None:
    dataset = FilmDataset(films, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))
    assert len(dataset) == 2
    assert dataset[-1].index == 1
    with pytest.raises(IndexError):
        dataset[2]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_film_that_breaks_during_the_run_is_named(films: list[Film], workers: int) -> None:
    dataset = FilmDataset(films, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))
    films[1].path.write_bytes(films[1].path.read_bytes()[:100])
    with pytest.raises(FilmError, match=r"b\.png"):
        list(DataLoader(dataset, batch_size=1, num_workers=workers))


def test_a_film_that_changes_its_size_during_the_run_is_named(films: list[Film], maker: AarizMaker) -> None:
    dataset = FilmDataset(films, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))
    maker.add("train", "a", grey=np.zeros((50, 40), dtype=np.uint8))
    with pytest.raises(FilmError, match=r"a\.png: changed during the run: 40x50 pixels, was 60x120"):
        dataset[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_film_replaced_by_another_of_its_size_during_the_run_is_named(
    films: list[Film], maker: AarizMaker, workers: int
) -> None:
    dataset = FilmDataset(films, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))
    maker.add("train", "a", grey=np.zeros((120, 60), dtype=np.uint8))
    with pytest.raises(FilmError) as caught:
        list(DataLoader(dataset, batch_size=1, num_workers=workers))
    assert str(caught.value) == (
        f"{films[0].path}: changed during the run: another picture of the same size; "
        "put the original film back or start a new run"
    )


def test_unchecked_films_and_foreign_stores_are_refused(films: list[Film]) -> None:
    with pytest.raises(ValueError, match="has not been checked"):
        FilmDataset([Film("a", Path("a.png"), "train")], SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))
    with pytest.raises(ValueError, match="store holds canvases of"):
        FilmDataset(films, SYMBOLS, "senior", CANVAS, FilmStore.empty((64, 64)))


def large(folder: Path, count: int) -> FilmDataset:
    """``count`` films at 1024x1024, all held."""
    builder = StoreBuilder(folder, (1024, 1024), count)
    films = []
    for number in range(count):
        grey = np.full((64, 64), number, dtype=np.uint8)
        builder.add(str(number), grey)
        points = {"A": (10.0 + number, 20.0)}
        films.append(
            Film(
                f"f{number}",
                Path(f"f{number}.png"),
                "train",
                annotations={"senior": points},
                size=(64, 64),
                content=str(number),
            )
        )
    return FilmDataset(films, ("A",), "senior", (1024, 1024), builder.finish(films, 1))


def test_a_dataset_pickles_small(tmp_path: Path) -> None:
    dataset = large(tmp_path, 8)
    dataset[0]  # the store is mapped now
    data = pickle.dumps(dataset)
    assert len(data) < 8 * 2000
    assert pickle.loads(data)[5].canvas.unique().tolist() == [5]


class Weighed(Dataset[tuple[int, int, int]]):
    """Items of a dataset as (largest pixel, worker, growth of the worker's own memory since its first item)."""

    def __init__(self, dataset: FilmDataset) -> None:
        self.dataset = dataset
        self.first_bytes: int | None = None

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[int, int, int]:
        if self.first_bytes is None:
            self.first_bytes = psutil.Process().memory_full_info().uss
        largest = int(self.dataset[index].canvas.max())
        return largest, os.getpid(), psutil.Process().memory_full_info().uss - self.first_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells private from shared memory cheaply")
def test_spawned_workers_share_one_copy(tmp_path: Path) -> None:
    count = 48
    dataset = large(tmp_path, count)
    # Pages that a single process maps would count as its own: all are mapped here too.
    assert [int(dataset[index].canvas.max()) for index in range(count)] == list(range(count))
    loader = DataLoader(Weighed(dataset), batch_size=2, num_workers=2, multiprocessing_context="spawn")
    items = [item for batch in loader for item in zip(*(part.tolist() for part in batch), strict=True)]
    assert [largest for largest, _, _ in items] == list(range(count))
    assert len({worker for _, worker, _ in items}) == 2
    # Each worker read 24 MiB of a store of 48; a copy of either would show.
    assert max(grown for _, _, grown in items) < 10 * 2**20


def test_pixels_that_are_not_square_are_refused_before_training(films: list[Film]) -> None:
    oblong = [replace(films[0], spacing=Spacing(0.2, 0.1, "")), films[1]]
    with pytest.raises(DataError, match=r"pixels of 1 films are not square: .*a\.\w+; to train on these films, save"):
        FilmDataset(oblong, SYMBOLS, "senior", CANVAS, FilmStore.empty(CANVAS))
