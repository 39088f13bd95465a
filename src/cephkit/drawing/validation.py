"""The validation picture: truth and prediction on a film, as it goes to TensorBoard."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cephkit import geometry
from cephkit.data.dataset import FilmDataset
from cephkit.data.film import points_array

# Told apart by colour-blind eyes too, and by shape.
TRUTH, PREDICTION = (0, 200, 255), (255, 160, 0)
LONGEST_SIDE = 768


def draw_points(dataset: FilmDataset, index: int, predicted: NDArray[np.float64], truth: str) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: the canvas of film ``index``, its truth as rings, ``predicted`` (K, 2) film pixels as crosses,
    and a line between the two."""
    film = dataset.films[index]
    canvas = dataset[index].canvas[0].numpy()
    zoom = max(1.0, LONGEST_SIDE / max(canvas.shape))
    picture = Image.fromarray(canvas).convert("RGB")
    picture = picture.resize((round(picture.width * zoom), round(picture.height * zoom)), Image.Resampling.BICUBIC)
    assert film.size is not None
    to_canvas = geometry.letterbox(film.size, dataset.canvas_size).to_canvas
    draw = ImageDraw.Draw(picture)
    goals = geometry.transform(to_canvas, points_array(film.points(truth), dataset.symbols))
    guesses = geometry.transform(to_canvas, predicted)
    for goal, guess in zip((goals + 0.5) * zoom, (guesses + 0.5) * zoom, strict=True):
        if np.isfinite(goal).all() and np.isfinite(guess).all():
            draw.line([*goal, *guess], fill=PREDICTION, width=1)
        if np.isfinite(goal).all():
            x, y = goal
            draw.ellipse([x - 4, y - 4, x + 4, y + 4], outline=TRUTH, width=2)
        if np.isfinite(guess).all():
            x, y = guess
            draw.line([x - 4, y, x + 4, y], fill=PREDICTION, width=2)
            draw.line([x, y - 4, x, y + 4], fill=PREDICTION, width=2)
    return np.asarray(picture)
