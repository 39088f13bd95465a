"""Many films through a predictor: workers read and shrink, the device looks."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cephkit.data.film import Film
from cephkit.data.pixels import read_grey, to_canvas, to_uint8
from cephkit.data.spacing import SQUARE, stretch_of
from cephkit.data.straight import straightened, unstretched
from cephkit.geometry import Size
from cephkit.inference.predictor import Found, Predictor
from cephkit.interrupt import ignore_stop_signals
from cephkit.shortage import check_shared_memory

Shown = Callable[[Sequence[Any] | Any], Iterable[Any]]


class FilmCanvases(Dataset[tuple[tuple[Tensor, ...], Tensor]]):
    """Films as canvases of several sizes: (canvases (1, H, W) uint8, (height, width) of the film, pixels square)."""

    def __init__(self, films: Sequence[Film], sizes: Sequence[Size]) -> None:
        self.films, self.sizes = tuple(films), tuple(sizes)

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> tuple[tuple[Tensor, ...], Tensor]:
        film = self.films[range(len(self))[index]]
        grey = straightened(to_uint8(read_grey(film.path)), stretch_of(film.spacing))
        canvases = tuple(torch.from_numpy(to_canvas(grey, size))[None] for size in self.sizes)
        return canvases, torch.tensor(grey.shape)


def predict_films(
    predictor: Predictor,
    films: Sequence[Film],
    batch_size: int = 2,
    num_workers: int = 0,
    shown: Shown | None = None,
) -> Found:
    """The landmarks of all ``films``, in their order: points in pixels of the film as it is stored.

    Args:
        predictor: what predicts.
        films: files that can be read.
        batch_size: films in memory and per forward pass.
        num_workers: loader processes; 0 reads in this one.
        shown: wraps the loader, to show how far it is.

    Raises:
        FilmError: a film cannot be read.
    """
    check_shared_memory(num_workers)
    # A generator of its own: predicting must not move the random state of a training.
    loader = DataLoader(
        FilmCanvases(films, predictor.canvas_sizes), batch_size, num_workers=min(num_workers, len(films)),
        generator=torch.Generator(), worker_init_fn=ignore_stop_signals,
    )  # fmt: skip
    parts = []
    for canvases, sizes in shown(loader) if shown else loader:
        parts.append(predictor.predict_canvases(canvases, [(height, width) for height, width in sizes.tolist()]))
    points = np.concatenate([part.points for part in parts])
    for row, film in enumerate(films):
        stretch = stretch_of(film.spacing)
        if stretch != SQUARE:
            points[row] = unstretched(points[row], 1 / np.array(stretch))
    return Found(
        points,
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.units for part in parts]),
        [pose for part in parts for pose in part.poses],
        None if parts[0].signatures is None else np.concatenate([part.signatures for part in parts]),
    )
