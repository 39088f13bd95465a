"""Small pictures for the list."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cephkit.data.spacing import Spacing
from cephkit.errors import FilmError
from cephkit.review import thumbnails as module
from cephkit.review.pixels import FilmPixels, decode
from cephkit.review.thumbnails import jpeg, windowed
from tests.review.sessions import folder_session, grey_film, write_films


def picture(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_the_longer_side_has_160_pixels_that_are_square(tmp_path: Path) -> None:
    film = decode(write_films(tmp_path, 1) / "f0.png")
    assert picture(jpeg(film, None)).size == (133, 160)
    assert picture(jpeg(film, Spacing(0.1, 0.2, "x"))).size == (160, 96)


def test_grey_values_are_those_of_the_window() -> None:
    grey = np.array([[0, 1000, 2000, 3000, 65535]], dtype=np.uint16)
    assert windowed(grey, (1000, 3000)).tolist() == [[0, 0, 128, 255, 255]]


def test_a_picture_is_made_once_and_anew_when_the_film_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def decoded(path: Path) -> FilmPixels:
        names.append(path.name)
        return decode(path)

    monkeypatch.setattr(module, "decode", decoded)
    films = write_films(tmp_path / "films", 2)
    first = folder_session(films, tmp_path / "out").thumbnails.future(0).result(30)
    session = folder_session(films, tmp_path / "out")
    assert session.thumbnails.future(0).result(30) == first
    assert names == ["f0.png"]
    Image.fromarray(255 - grey_film(0)).save(films / "f0.png")
    os.utime(films / "f0.png", ns=(5, 5))
    assert session.thumbnails.future(0).result(30) != first
    assert picture(first).size == (133, 160)


def test_a_film_that_is_open_is_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = folder_session(write_films(tmp_path / "films", 1), tmp_path / "out")
    session.pixels.get(0)
    monkeypatch.delattr(module, "decode")
    assert picture(session.thumbnails.future(0).result(30)).size == (133, 160)


def test_a_broken_film_has_none_and_a_read_only_folder_does_no_harm(tmp_path: Path) -> None:
    films = write_films(tmp_path / "films", 2)
    (films / "f0.png").write_bytes(b"junk")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".cache").write_text("in the way")
    session = folder_session(films, tmp_path / "out")
    with pytest.raises(FilmError):
        session.thumbnails.future(0).result(30)
    assert picture(session.thumbnails.future(1).result(30)).size == (133, 160)
