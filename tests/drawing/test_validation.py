from pathlib import Path

import numpy as np
from PIL import Image, ImageColor

from cephkit.data.dataset import FilmDataset
from cephkit.data.film import Film
from cephkit.data.store import FilmStore
from cephkit.drawing.marks import ON_FILM
from cephkit.drawing.validation import LONGEST_SIDE, draw_errors


def test_truth_and_prediction_lie_where_they_are_on_the_film(tmp_path: Path) -> None:
    Image.fromarray(np.full((96, 64), 90, np.uint8)).save(tmp_path / "f.png")
    marks = {"senior": {"A": (20.0, 30.0), "N": (45.0, 70.0)}}
    film = Film("f", tmp_path / "f.png", "valid", "M", size=(96, 64), annotations=marks)
    dataset = FilmDataset([film], ("A", "N"), "senior", (96, 64), FilmStore.empty((96, 64)))
    picture = draw_errors(dataset, 0, np.array([[40.0, 30.0], [np.nan, np.nan]]), "senior")
    zoom = LONGEST_SIDE / 96
    assert picture.shape == (LONGEST_SIDE, round(64 * zoom), 3)

    def at(x: float, y: float) -> tuple[int, ...]:
        return tuple(picture[round((y + 0.5) * zoom - 0.5), round((x + 0.5) * zoom - 0.5)].tolist())

    assert at(20, 30) == at(45, 70) == ImageColor.getrgb(ON_FILM.truth)
    assert at(40, 30) == ImageColor.getrgb(ON_FILM.prediction)
    assert np.abs(np.subtract(at(30, 30), ImageColor.getrgb(ON_FILM.error))).max() < 60
