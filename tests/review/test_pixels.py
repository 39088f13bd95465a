"""Decoded films: levels, tiles, and a cache that neither grows nor decodes twice."""

import os
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cephkit.data.opened import pixel_hash
from cephkit.errors import FilmError
from cephkit.review import pixels as module
from cephkit.review.pixels import TILE, FilmPixels, Pixels, decode, halved, window_of
from tests.review.sessions import grey_film, write_films


@pytest.mark.parametrize("shape", [(4, 6), (5, 6), (4, 7), (5, 7), (1, 1), (1, 8), (300, 431)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_level_is_the_mean_of_four_pixels(shape: tuple[int, int], dtype: Any) -> None:
    grey = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    half = halved(grey)
    assert half.shape == ((shape[0] + 1) // 2, (shape[1] + 1) // 2)
    assert half.dtype == dtype
    for row, column in {(0, 0), (half.shape[0] - 1, half.shape[1] - 1), (half.shape[0] // 2, half.shape[1] // 3)}:
        block = grey[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].astype(np.float64)
        assert abs(float(half[row, column]) - block.mean()) <= 0.5


def test_white_stays_white() -> None:
    assert halved(np.full((6, 6), 65535, dtype=np.uint16)).tolist() == [[65535] * 3] * 3


def test_the_window_leaves_half_a_percent_out_at_each_end() -> None:
    grey = np.repeat(np.arange(200, dtype=np.uint8), 10).reshape(20, 100)
    assert window_of(grey) == (0, 198)
    assert window_of(np.full((20, 20), 7, dtype=np.uint8)) == (7, 8)


def test_tiles_put_together_are_the_film(tmp_path: Path) -> None:
    grey = np.random.default_rng(1).integers(0, 65536, (1100, 700)).astype(np.uint16)
    grey[0, 0] = 65535
    Image.fromarray(grey).save(tmp_path / "deep.png")
    film = decode(tmp_path / "deep.png")
    assert film.facts.size == (1100, 700)
    assert film.facts.depth == 16
    assert film.facts.hash == pixel_hash(grey)
    assert film.facts.levels == ((1100, 700), (550, 350), (275, 175))
    for level, (height, width) in enumerate(film.facts.levels):
        whole = np.zeros((height, width), dtype=np.uint16)
        for row in range(-(-height // TILE)):
            for column in range(-(-width // TILE)):
                part = whole[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
                data = film.tile(level, row, column)
                assert data is not None
                part[:] = np.frombuffer(data, dtype="<u2").reshape(part.shape)
        assert (whole == film.levels[level]).all()
    assert (film.levels[0] == grey).all()
    for wrong in ((3, 0, 0), (0, 3, 0), (0, 0, 2), (-1, 0, 0), (0, -1, 0)):
        assert film.tile(*wrong) is None


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of films that are decoded from now on."""
    names: list[str] = []

    def decoded(path: Path) -> FilmPixels:
        names.append(path.name)
        return decode(path)

    monkeypatch.setattr(module, "decode", decoded)
    return names


def test_a_film_is_decoded_once_for_all_who_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = counted(monkeypatch)
    paths = sorted(write_films(tmp_path).iterdir())
    pixels = Pixels(paths)
    futures = [pixels.future(1) for _ in range(20)]
    assert {id(future.result()) for future in futures} == {id(pixels.get(1))}
    assert (pixels.get(1).levels[0] == grey_film(1)).all()
    assert names == ["f1.png"]


def test_a_changed_film_is_decoded_again(tmp_path: Path) -> None:
    paths = sorted(write_films(tmp_path).iterdir())
    pixels = Pixels(paths)
    first = pixels.facts(0)
    Image.fromarray(grey_film(9)).save(paths[0])
    os.utime(paths[0], ns=(1, 1))
    assert pixels.known(0) is None
    assert pixels.facts(0).hash == pixel_hash(grey_film(9)) != first.hash


def test_memory_is_bounded_and_facts_outlive_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted(write_films(tmp_path, 6).iterdir())
    pixels = Pixels(paths, budget=3 * 12_000)
    for n in (0, 1, 2, 3, 0, 4):
        pixels.get(n)
    assert [n for n in range(6) if pixels.ready(n) is not None] == [0, 3, 4]
    names = counted(monkeypatch)
    assert pixels.facts(1).size == (120, 100)
    assert names == []


def test_a_film_larger_than_the_budget_is_kept_while_it_is_the_last(tmp_path: Path) -> None:
    paths = sorted(write_films(tmp_path, 2).iterdir())
    pixels = Pixels(paths, budget=10)
    pixels.get(0)
    assert pixels.ready(0) is not None
    pixels.get(1)
    assert pixels.ready(0) is None


def test_a_film_that_cannot_be_read_is_tried_again(tmp_path: Path) -> None:
    paths = sorted(write_films(tmp_path, 1).iterdir())
    good = paths[0].read_bytes()
    paths[0].write_bytes(good[:200])
    pixels = Pixels(paths)
    for _ in range(2):
        with pytest.raises(FilmError, match=r"f0\.png"):
            pixels.get(0)
    paths[0].write_bytes(good)
    assert pixels.get(0).facts.size == (120, 100)
    paths[0].unlink()
    with pytest.raises(FilmError, match="cannot be read"):
        pixels.get(0)


def test_the_film_that_is_asked_for_does_not_wait_for_expected_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(write_films(tmp_path, 6).iterdir())
    go, begun = Event(), Event()

    def slow(path: Path) -> FilmPixels:
        if path.name == "f0.png":
            begun.set()
            assert go.wait(30)
        return decode(path)

    monkeypatch.setattr(module, "decode", slow)
    pixels = Pixels(paths)
    pixels.prefetch(0)
    assert begun.wait(30)
    for n in (1, 2, 3):
        pixels.prefetch(n)  # each takes the place of the one before, which has not begun
    assert pixels.future(3).result(30).facts.size == (120, 100)
    assert pixels.ready(1) is None
    go.set()
    assert pixels.get(0).facts.size == (120, 100)
    pixels.close()


def test_nothing_is_begun_after_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = Pixels(sorted(write_films(tmp_path, 1).iterdir()))
    pixels.close()
    with pytest.raises(FilmError, match="the program is ending"):
        pixels.get(0)
