"""What a loader worker runs: it copies one canvas and one row of points, nothing more."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cephkit.data.film import Film, points_array
from cephkit.data.opened import open_film, to_canvas, to_uint8
from cephkit.data.spacing import SQUARE, stretch_of
from cephkit.data.store import FilmStore
from cephkit.errors import DataError, FilmError, some
from cephkit.geometry import Size, letterbox, transform


class Batch(NamedTuple):
    """Films as a loader hands them over; one item of a data set is the same without the first dimension."""

    canvas: Tensor
    """(B, 1, H, W) uint8."""
    points: Tensor
    """(B, K, 2) float32, canvas pixels (x, y); 0 where missing."""
    mask: Tensor
    """(B, K) bool, True where the landmark is there."""
    index: Tensor  # type: ignore[assignment]  # hides tuple.index
    """(B,) int64, places of the films in the data set."""


class FilmDataset(Dataset[Batch]):
    """Films as canvases with their landmarks, the same at every call: augmentation happens on the device.

    An item is a ``Batch`` of one film without its first dimension. A film that ``store`` does not hold is decoded from
    disk each time; an item raises ``FilmError`` where its file is no longer the one that was checked.

    Raises:
        DataError: a film's pixels are not square, which the augmentations do not support.
        ValueError: a film has no size (it has not been checked), or the store is for another canvas size.
    """

    def __init__(
        self, films: Sequence[Film], symbols: tuple[str, ...], annotation: str, canvas_size: Size, store: FilmStore
    ) -> None:
        if store.canvas_size != canvas_size:
            raise ValueError(f"the store holds canvases of {store.canvas_size}, expected {canvas_size}")
        self.films, self.symbols, self.annotation = tuple(films), symbols, annotation
        self.canvas_size, self.store = canvas_size, store
        if oblong := [str(film.path) for film in films if stretch_of(film.spacing) != SQUARE]:
            raise DataError(
                f"pixels of {len(oblong)} films are not square: {some(oblong)}",
                "to train on these films, save them and their landmarks with square pixels",
            )
        points = np.full((len(self.films), len(symbols), 2), np.nan)
        for index, film in enumerate(self.films):
            if film.size is None:
                raise ValueError(f"{film.path} has not been checked: its size is unknown")
            to_canvas_pixels = letterbox(film.size, canvas_size).to_canvas
            points[index] = transform(to_canvas_pixels, points_array(film.points(annotation), symbols))
        self._mask = torch.from_numpy(~np.isnan(points).any(axis=2))
        self._points = torch.from_numpy(np.nan_to_num(points).astype(np.float32))

    @property
    def weights(self) -> tuple[float, ...]:
        """How often each film is seen in training, relative to the others."""
        return tuple(film.weight for film in self.films)

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> Batch:
        index = range(len(self))[index]
        canvas = self._canvas(self.films[index])[None]
        return Batch(canvas, self._points[index].clone(), self._mask[index].clone(), torch.tensor(index))

    def _canvas(self, film: Film) -> Tensor:
        if film.content is not None and film.content in self.store:
            return torch.from_numpy(np.array(self.store.canvas(film.content)))
        opened = open_film(film.path, use_spacing=False)
        grey = to_uint8(opened.grey)
        # The labels belong to the film that was checked: another has its landmarks elsewhere, even if of the same size.
        if grey.shape != film.size or film.content not in (None, opened.content):
            was, now = (f"{width}x{height}" for height, width in (film.size or (0, 0), grey.shape))
            sizes = f"{now} pixels, was {was}" if now != was else "another picture of the same size"
            raise FilmError(
                f"changed during the run: {sizes}", "put the original film back or start a new run", film.path
            )
        return torch.from_numpy(to_canvas(grey, self.canvas_size))
