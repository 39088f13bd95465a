import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from cephkit.data.likeness import ALIKE, SIDE, likenesses, nearest, small_picture

Change = Callable[[Image.Image], Image.Image]
AS_THEY_ARE = (1.0, 0.0, 1.0, 0.0)


def film(seed: int) -> Image.Image:
    """Light and dark places of many sizes: no two seeds share one."""
    rng = np.random.default_rng(seed)
    grey = np.zeros((400, 360))
    for cells in (5, 9, 17, 33):
        coarse = Image.fromarray((255 * rng.random((cells, cells))).astype(np.uint8))
        grey += np.asarray(coarse.resize((360, 400), Image.Resampling.BICUBIC), dtype=np.float64)
    return Image.fromarray((255 * (grey - grey.min()) / np.ptp(grey)).astype(np.uint8))


def saved_as_jpeg(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=40)
    return Image.open(io.BytesIO(stream.getvalue())).convert("L")


def pictures(*films: Image.Image) -> np.ndarray:
    small = [np.frombuffer(small_picture(np.asarray(each)), dtype=np.uint8) for each in films]
    return np.stack(small).reshape(-1, SIDE, SIDE)


def likeness(one: Image.Image, other: Image.Image, start: tuple[float, float, float, float] = AS_THEY_ARE) -> float:
    return float(likenesses(pictures(one, other), [(0, 1)], np.array([start]))[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((150, 170), Image.Resampling.LANCZOS),
        saved_as_jpeg,
        lambda image: image.point([int(255 * (grey / 255) ** 0.6) for grey in range(256)]),
        lambda image: image.point([int(255 * (grey / 255) ** 1.7) for grey in range(256)]),
        lambda image: image.crop((9, 4, 352, 390)),
        lambda image: saved_as_jpeg(image.crop((4, 8, 356, 396)).resize((180, 200))),
    ],
)
def test_a_film_saved_again_is_like_itself(change: Change) -> None:
    for seed in range(3):
        assert likeness(film(seed), change(film(seed))) > ALIKE
        assert likeness(change(film(seed)), film(seed)) > ALIKE


@pytest.mark.parametrize(
    "change",
    [lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), lambda image: image.rotate(180)],
)
def test_a_mirrored_or_turned_film_is_another(change: Change) -> None:
    assert likeness(film(0), change(film(0))) < 0.5


def test_other_films_are_not_alike() -> None:
    films = pictures(*map(film, range(12)))
    pairs = [(one, other) for one in range(12) for other in range(one)]
    assert likenesses(films, pairs, np.array([AS_THEY_ARE] * len(pairs))).max() < 0.7


def test_a_large_crop_is_found_from_where_landmarks_put_it() -> None:
    whole, part = film(1), film(1).crop((90, 60, 360, 380))
    # x of the part, -1 to 1, by that of the whole.
    start = (360 / 270, (360 / 270) - 2 * 90 / 270 - 1, 400 / 320, (400 / 320) - 2 * 60 / 320 - 1)
    assert likeness(whole, part, start) > ALIKE


def test_pictures_without_any_contrast_are_like_nothing() -> None:
    blank = Image.new("L", (50, 60), 90)
    assert likeness(blank, blank) == 0
    assert likeness(blank, film(0)) == 0


def test_each_picture_is_compared_with_those_that_look_most_like_it() -> None:
    films = pictures(*map(film, range(6)), film(2).resize((100, 120)))
    pairs = set(nearest(films, 1))
    assert len(pairs) == 7
    assert {(2, 6), (6, 2)} <= pairs
    assert list(nearest(films[:1], 5)) == []
    assert len(set(nearest(films[:3], 5))) == 6
