from dataclasses import replace
from pathlib import Path

import pytest

from cephkit.data.face_shapes import Complex, table_shape
from cephkit.data.film import Film
from cephkit.data.label_faults import as_array
from cephkit.data.label_places import FEWEST_EXAMPLES, PictureJudge
from tests.data.labelled_faces import WIDTH, faces, with_pictures


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Film]:
    return with_pictures(faces(6), tmp_path_factory.mktemp("films"))


def label(film: Film) -> tuple[Film, Complex]:
    return film, as_array(film.points("senior"))


def mirrored(points: Complex) -> Complex:
    return (WIDTH - 1 - points.real) + 1j * points.imag


def test_the_label_that_fits_the_picture_is_preferred(films: list[Film]) -> None:
    judge = PictureJudge([label(film) for film in films[1:]], table_shape().mean)
    film, points = label(films[0])
    for wrong in (mirrored(points), points / 2, points * 1j + 500):
        assert judge.prefers(film, wrong, lambda size: points) is True
        assert judge.prefers(film, points, lambda size, other=wrong: other) is False  # type: ignore[misc]
    assert judge.prefers(film, points, lambda size: points) is None


def test_nothing_is_decided_without_films_or_examples(films: list[Film], tmp_path: Path) -> None:
    film, points = label(films[0])
    few = PictureJudge([label(film) for film in films[1:FEWEST_EXAMPLES]], table_shape().mean)
    assert few.prefers(film, mirrored(points), lambda size: points) is None
    judge = PictureJudge([label(film) for film in films[1:]], table_shape().mean)
    assert judge.prefers(replace(film, path=tmp_path / "none.png"), mirrored(points), lambda size: points) is None
