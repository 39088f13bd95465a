"""Reads films of any kind and prepares them for the networks: the one way in for prediction and evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from cephkit.data.opened import (
    OpenedFilm,
    open_array,
    open_film,
    open_image,
    pixel_hash,
    straightened,
    to_canvas,
    to_uint8,
)
from cephkit.data.spacing import Spacing, stretch_of
from cephkit.errors import FilmError
from cephkit.geometry import Size

FilmLike: TypeAlias = Path | str | Image.Image | NDArray[np.uint8] | NDArray[np.uint16]
"""A file; a PIL image, read by mode and EXIF as its file would be; or an array: (H, W) grey uint8 or uint16, or
(H, W, 3) uint8 of red, green and blue."""


@dataclass(frozen=True)
class PreprocessedFilm:
    """A film ready for the networks."""

    file: str
    """Name of the file, without folders; empty for an array or image."""
    opened: OpenedFilm
    grey: NDArray[np.uint8]
    """(H, W), upright."""
    spacing: Spacing | None
    square_size: Size
    """(height, width) once its pixels are square."""
    canvases: Mapping[Size, Tensor]
    """(1, h, w) uint8 by size."""
    film_hash: str

    @property
    def shrink(self) -> NDArray[np.float64]:
        """(2,) what turns lengths (across, down) in square pixels into pixels of the film; ones if it is square."""
        return np.array(self.grey.shape[::-1], dtype=np.float64) / np.array(self.square_size[::-1], dtype=np.float64)


def preprocess(
    film: FilmLike,
    sizes: Sequence[Size],
    spacing: Spacing | None = None,
    *,
    use_spacing: bool = True,
    ignore_bad_spacing: bool = False,
    data: bytes | None = None,
) -> PreprocessedFilm:
    """Read a film, make its pixels square, and scale it to each canvas.

    Args:
        film: the film.
        sizes: of the canvases.
        spacing: mm per film pixel; None: what the file gives, if anything.
        use_spacing: False ignores what the file gives.
        ignore_bad_spacing: ignore an impossible pixel size in a DICOM file; otherwise it is an error.
        data: the file's bytes, if they have been read.

    Raises:
        FilmError: it cannot be read as a film.
    """
    try:
        opened, file = _open(film, use_spacing and spacing is None, ignore_bad_spacing, data)
        spacing = spacing or opened.spacing
        grey = to_uint8(opened.grey)
        square = straightened(grey, stretch_of(spacing))
        canvases = {size: torch.from_numpy(to_canvas(square, size))[None] for size in sizes}
        return PreprocessedFilm(file, opened, grey, spacing, square.shape, canvases, pixel_hash(opened.grey))
    except MemoryError as error:
        path = Path(film) if isinstance(film, (str, Path)) else None
        raise FilmError("too large for this machine's memory", "save the film smaller, or remove it", path) from error


def _open(film: FilmLike, use_spacing: bool, ignore_bad_spacing: bool, data: bytes | None) -> tuple[OpenedFilm, str]:
    if isinstance(film, (str, Path)):
        path = Path(film)
        opened = open_film(path, use_spacing=use_spacing, ignore_bad_spacing=ignore_bad_spacing, data=data)
        return opened, path.name
    if isinstance(film, Image.Image):
        return open_image(film), ""
    if isinstance(film, np.ndarray) and not np.ma.isMaskedArray(film):
        return open_array(film), ""
    raise FilmError(f"a {type(film).__name__} is not a film", "give a file, a PIL image or a numpy array")
