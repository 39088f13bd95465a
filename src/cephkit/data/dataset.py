"""What a loader's worker runs: it copies one canvas and one row of points, nothing more."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cephkit.data.aariz import some
from cephkit.data.film import Film, points_array
from cephkit.data.opened import open_film
from cephkit.data.pixels import to_canvas, to_uint8
from cephkit.data.spacing import SQUARE, stretch_of
from cephkit.data.store import FilmStore
from cephkit.errors import DataError, FilmError
from cephkit.geometry import Size, letterbox, transform


class FilmDataset(Dataset[tuple[Tensor, Tensor, Tensor, int]]):
    """Films as canvases with their landmarks, the same at every call: augmentation happens on the device.

    Item ``i``: canvas (1, H, W) uint8, points (K, 2) float32 in canvas pixels (x, y) with 0 where missing,
    mask (K,) bool, ``i``. A film that ``store`` does not hold is decoded from disk each time; an item raises
    ``FilmError`` where its file is no longer the one that was checked.

    Raises:
        DataError: a film whose pixels are not square; the augmentations know no others.
        ValueError: a film without a size (it has not been checked), or a store of another canvas size.
    """

    def __init__(
        self,
        films: Sequence[Film],
        symbols: tuple[str, ...],
        annotation: str,
        canvas_size: Size,
        store: FilmStore,
    ) -> None:
        if store.canvas_size != canvas_size:
            raise ValueError(f"the store holds canvases of {store.canvas_size}, asked for {canvas_size}")
        self.films, self.symbols, self.annotation = tuple(films), symbols, annotation
        self.canvas_size, self.store = canvas_size, store
        if oblong := [str(film.path) for film in films if stretch_of(film.spacing) != SQUARE]:
            raise DataError(
                f"pixels of {len(oblong)} films are not square: {some(oblong)}; save these films and their landmarks "
                "with square pixels to train on them"
            )
        points = np.full((len(self.films), len(symbols), 2), np.nan)
        for index, film in enumerate(self.films):
            if film.size is None:
                raise ValueError(f"{film.path} has not been checked: its size is unknown")
            to_canvas_pixels = letterbox(film.size, canvas_size).to_canvas
            points[index] = transform(to_canvas_pixels, points_array(film.points(annotation), symbols))
        self._mask = torch.from_numpy(~np.isnan(points).any(axis=2))
        self._points = torch.from_numpy(np.nan_to_num(points).astype(np.float32))

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, int]:
        index = range(len(self))[index]
        return (
            self._canvas(self.films[index])[None],
            self._points[index].clone(),
            self._mask[index].clone(),
            index,
        )

    def _canvas(self, film: Film) -> Tensor:
        if film.content is not None and film.content in self.store:
            return torch.from_numpy(np.array(self.store.canvas(film.content)))
        opened = open_film(film.path, use_spacing=False)
        grey = to_uint8(opened.grey)
        # The labels were made on the film that was checked: whatever its size, another has its landmarks elsewhere.
        if grey.shape != film.size or film.content not in (None, opened.content):
            was, now = (f"{width}x{height}" for height, width in (film.size or (0, 0), grey.shape))
            sizes = f"{now} pixels, was {was}" if now != was else "another picture of the same size"
            raise FilmError(f"{film.path}: changed during the run: {sizes}; put the first film back or start anew")
        return torch.from_numpy(to_canvas(grey, self.canvas_size))
