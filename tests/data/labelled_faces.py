"""Labels of drawn faces on films of one size, so that each test can spoil exactly one thing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from cephkit.data.film import Film, Points
from cephkit.data.spacing import square
from cephkit.data.synthetic.shapes import draw_face
from cephkit.landmarks.shipped import AARIZ

HEIGHT, WIDTH = 560, 520
MM_PER_PX = 0.45


def face_points(seed: int) -> Points:
    """The landmarks of a drawn face, a little left of the film's middle, film pixels; a millimetre of scatter."""
    rng = np.random.default_rng(seed)
    mm = draw_face(rng).points_mm
    mm = mm - mm.mean(axis=0) + (105, 130) + rng.normal(0, 5, 2) + rng.normal(0, 0.7, mm.shape)
    return {symbol: (float(x), float(y)) for symbol, (x, y) in zip(AARIZ.symbols, mm / MM_PER_PX, strict=True)}


def film_with(points: Points, film_id: str = "a", junior: Points | None = None, path: Path | None = None) -> Film:
    """A film labelled by the senior, and by the junior where ``junior`` is given."""
    annotations = {"senior": points, **({"junior": junior} if junior is not None else {})}
    return Film(
        film_id, path or Path(f"{film_id}.png"), "train", spacing=square(MM_PER_PX, "test"), annotations=annotations,
        size=(HEIGHT, WIDTH),
    )  # fmt: skip


def faces(count: int) -> list[Film]:
    """Films f0, f1, ... of different faces, one annotator each."""
    return [film_with(face_points(seed), f"f{seed}") for seed in range(count)]


def with_pictures(films: list[Film], folder: Path) -> list[Film]:
    """The films with pictures: the face's outline filled, brighter towards its back, darker to the front."""
    drawn = []
    for film in films:
        x, y = np.array(list(film.annotations["senior"].values())).T
        picture = Image.new("L", (WIDTH, HEIGHT), 20)
        draw = ImageDraw.Draw(picture)
        draw.ellipse([x.min(), y.min() - 60, x.max(), y.max()], fill=120)
        draw.ellipse([x.min(), y.min(), x.min() + 120, y.min() + 160], fill=230)
        path = folder / f"{film.film_id}.png"
        picture.save(path)
        drawn.append(replace(film, path=path))
    return drawn
