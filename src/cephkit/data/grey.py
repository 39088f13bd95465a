"""What all decoders of films share: limits of a picture, luminance, rotation."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from cephkit.errors import FilmError

Grey: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

LARGEST_PIXELS = 200_000_000
LARGEST_BYTES = 400_000_000
"""Memory that a decoder may use for its pixels: 100 megapixels of colour; a film has 2 to 20."""
SMALLEST_SIDE = 16
COPY_AGAIN = "copy or download the film again, or remove it"
SAVE_AS_PNG = "save it as an 8- or 16-bit grey PNG, or remove it"
_SMALLER = "save the film smaller, or remove it"
_RED, _GREEN, _BLUE = 19595, 38470, 7471  # ITU-R 601 in 1/65536, as in Pillow


def check_size(size: tuple[int, int], path: Path | None = None) -> None:
    """Refuse a picture of (width, height) pixels that cannot be a film.

    Raises:
        FilmError: too large or too small.
    """
    width, height = size
    if width * height > LARGEST_PIXELS:
        reason = f"{width}x{height} pixels are more than the {LARGEST_PIXELS // 1_000_000} megapixels allowed"
        raise FilmError(reason, _SMALLER, path)
    if min(width, height) < SMALLEST_SIDE:
        raise FilmError(f"{width}x{height} pixels; a film has at least {SMALLEST_SIDE} on each side", COPY_AGAIN, path)


def check_bytes(size: tuple[int, int], bytes_per_pixel: int, path: Path) -> None:
    """Refuse a picture whose decoder would need too much memory.

    Raises:
        FilmError: more than ``LARGEST_BYTES``.
    """
    width, height = size
    if width * height * bytes_per_pixel > LARGEST_BYTES:
        allowed = LARGEST_BYTES // bytes_per_pixel // 1_000_000
        reason = f"{width}x{height} pixels of this kind are more than the {allowed} megapixels allowed"
        raise FilmError(reason, f"save the film as grey, or smaller, or {COPY_AGAIN.split(', or ')[-1]}", path)


def row_blocks(shape: tuple[int, ...], pixels: int = 1 << 16) -> Iterator[slice]:
    """Yield slices of rows of about ``pixels`` pixels: arithmetic on a whole large film would need gigabytes."""
    rows = max(1, pixels // max(1, shape[1]))
    for start in range(0, shape[0], rows):
        yield slice(start, start + rows)


def look_up(table: Grey, values: NDArray[np.integer], lowest: int = 0) -> Grey:
    """Map each of ``values`` (H, W) to its entry of ``table`` (N,), whose first entry is for the value ``lowest``."""
    out = np.empty(values.shape, dtype=table.dtype)
    for rows in row_blocks(values.shape):
        block = values[rows].astype(np.int32) - lowest if lowest else values[rows]
        np.take(table, block, out=out[rows], mode="clip")
    return cast(Grey, out)


def luminance(red: NDArray[np.uint32], green: NDArray[np.uint32], blue: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the weighted sum of channels of up to 16 bits, rounded."""
    weighted = red * np.uint32(_RED) + green * np.uint32(_GREEN) + blue * np.uint32(_BLUE)
    return np.asarray((weighted + np.uint32(0x8000)) >> 16)


def turned(grey: Grey, orientation: int) -> Grey:
    """Return ``grey`` as an EXIF ``orientation`` (1 to 8) asks viewers to display it."""
    turns = {
        2: grey[:, ::-1], 3: grey[::-1, ::-1], 4: grey[::-1], 5: grey.T,
        6: grey[::-1].T, 7: grey[::-1, ::-1].T, 8: grey[:, ::-1].T,
    }  # fmt: skip
    return cast(Grey, np.ascontiguousarray(turns[orientation])) if orientation in turns else grey
