"""The validation picture: truth and prediction on a film, for TensorBoard."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit import geometry
from cephkit.data.dataset import FilmDataset
from cephkit.data.film import Points, points_array
from cephkit.drawing import painter
from cephkit.drawing.marks import ON_FILM
from cephkit.drawing.raster import paint

LONGEST_SIDE = 768


def draw_errors(dataset: FilmDataset, index: int, predicted: geometry.Floats, truth: str) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: the canvas of film ``index`` with its true and ``predicted`` (K, 2) points, film pixels."""
    film = dataset.films[index]
    canvas = dataset[index].canvas[0].numpy()
    zoom = max(1.0, LONGEST_SIDE / max(canvas.shape))
    picture = Image.fromarray(canvas).convert("RGB")
    picture = picture.resize((round(picture.width * zoom), round(picture.height * zoom)), Image.Resampling.BICUBIC)
    assert film.size is not None
    to_canvas = geometry.letterbox(film.size, dataset.canvas_size).to_canvas

    def placed(points: geometry.Floats) -> Points:
        drawn = (geometry.transform(to_canvas, points) + 0.5) * zoom - 0.5
        found = zip(dataset.symbols, drawn.tolist(), strict=True)
        return {symbol: (x, y) for symbol, (x, y) in found if np.isfinite((x, y)).all()}

    goals, guesses = placed(points_array(film.points(truth), dataset.symbols)), placed(predicted)
    paint(picture, painter.errors(goals, guesses, painter.error_pen()), (), ON_FILM)
    return np.asarray(picture)
