from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from cephkit.checkpoint import Checkpoint, LoadedModel, load_model, write_checkpoint
from cephkit.errors import FilmError
from cephkit.inference.model import Model
from cephkit.inference.predictor import Predictor
from cephkit.inference.preprocess import preprocess
from cephkit.models.spec import ModelSpec
from tests.inference.networks import Network


def tiny_checkpoint(path: Path, symbols: tuple[str, ...]) -> Path:
    """A checkpoint of a network that never learned anything."""
    from cephkit.models.build import build_model

    torch.manual_seed(0)
    spec = ModelSpec("hrnet_w18_small", symbols, (64, 64))
    write_checkpoint(path, Checkpoint(spec, build_model(spec, False, lambda line: None).state_dict()))
    return path


class Brightness(Network):
    """Two maps: the film's brightness per cell, and nothing or NaN."""

    def __init__(self, second: float = 0.0) -> None:
        super().__init__()
        self.second = second

    def forward(self, images: Tensor) -> Tensor:
        cells = nn.functional.avg_pool2d(images, 4)
        return torch.cat((cells, torch.full_like(cells, self.second)), dim=1)


def loaded(second: float = 0.0) -> LoadedModel:
    spec = ModelSpec("hrnet_w18_small", ("A", "S"), (128, 96))
    return LoadedModel(Brightness(second), spec, Path("c.pth"), {"sha256": "0" * 64})


def film_with_spot(size: tuple[int, int], x: float, y: float, width: float) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))
    return (255 * spot).astype(np.uint8)


@pytest.mark.parametrize("size", [(128, 96), (600, 300), (300, 600), (1000, 777)])
@pytest.mark.parametrize("where", [(0.3, 0.6), (0.71, 0.32)])
def test_a_spot_is_found_in_pixels_of_the_film(size: tuple[int, int], where: tuple[float, float]) -> None:
    scale = min(128 / size[0], 96 / size[1])
    x, y = where[0] * size[1], where[1] * size[0]
    found = Predictor(loaded()).run_film(film_with_spot(size, x, y, 6 / scale))
    # A cell is 4 canvas pixels; 0.15 cells allow for the film's 8 bits.
    assert np.abs(found.points[0, 0] - (x, y)).max() < 0.15 * 4 / scale


@pytest.mark.parametrize("second", [0.0, np.nan, np.inf, -np.inf])
def test_a_map_that_says_nothing_gives_no_landmark(second: float) -> None:
    found = Predictor(loaded(second)).run_film(film_with_spot((300, 200), 90, 100, 9.0))
    assert np.isfinite(found.points[0, 0]).all()
    assert np.isnan(found.points[0, 1]).all()
    assert np.isnan(found.scores[0, 1])


def test_a_landmark_in_the_border_of_the_canvas_is_not_found() -> None:
    class Corner(Network):
        def forward(self, images: Tensor) -> Tensor:
            maps = torch.zeros(len(images), 2, 32, 24)
            maps[:, :, 2:5, 2:5] = 0.5
            maps[:, :, 3, 3] = 1.0
            return maps

    spec = loaded().spec
    # A wide film leaves a border above and below.
    predictor = Predictor(LoadedModel(Corner(), spec, Path("c"), {"sha256": ""}))
    film = np.ones((40, 96), np.uint8)
    assert predictor.run_film(film).points[0, 0, 1] < 0
    record = Model(predictor).predict(film)
    assert (record.points, record.missing) == ({}, ("A", "S"))


def test_films_made_for_another_model_are_no_input() -> None:
    film = preprocess(np.zeros((64, 64), np.uint8), [(64, 64)])
    with pytest.raises(KeyError):
        Predictor(loaded()).run([film])


def test_half_precision_moves_a_point_by_less_than_a_pixel() -> None:
    film = film_with_spot((128, 96), 40.0, 70.0, 6.0)
    exact, half = (Predictor(loaded(), "cpu", mixed).run_film(film) for mixed in (False, True))
    assert np.abs(exact.points - half.points)[0, 0].max() < 1.0


def test_a_film_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no film")
    with pytest.raises(FilmError, match=r"a\.png"):
        Predictor(loaded()).run_film(tmp_path / "a.png")


def test_a_real_checkpoint_predicts_a_file(tmp_path: Path) -> None:
    Image.fromarray(film_with_spot((90, 80), 40, 30, 5.0)).save(tmp_path / "f.png")
    model = load_model(tiny_checkpoint(tmp_path / "c.pth", ("A", "N`")))
    record = Model(Predictor(model)).predict(tmp_path / "f.png")
    assert (record.film_id, record.size, record.symbols) == ("f", (90, 80), ("A", "N`"))


def test_what_an_ensemble_lacks_is_said_without_hashes() -> None:
    alone, ensemble = Predictor(loaded()), Predictor([loaded(), loaded(0.5)], tta=True)
    assert alone.lacks[0].startswith("no calibration for plain predictions: ")
    assert len(ensemble.mode.split()) == 3
    assert ensemble.lacks[0].startswith("no calibration for tta predictions of this ensemble: ")
