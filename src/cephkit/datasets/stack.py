"""Stacks of films in one MetaImage file (``.mha``), read film by film.

Own code, because libraries load a stack whole: the training films of CL-Detection 2023 are 8 GB. A compressed stack is
one zlib stream, which can only be read from its start; no more than one film of it is in memory.

Source: the MetaIO documentation of the Insight Toolkit.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from cephkit.data.grey import check_size, luminance, row_blocks
from cephkit.errors import DataError, FilmError

LARGEST_HEADER = 16 * 1024
MOST_FILMS = 10_000
_CHUNK = 1 << 18
_LAST_KEY = "elementdatafile"
_COPY = "copy or download the stack again"
_TRUE = ("true", "1")
_EXPECTED = {
    "elementdatafile": (("local",), "keep header and pixels in one .mha file"),
    "elementtype": (("met_uchar", "met_uchar_array"), "save the films with 8 bits"),
    "headersize": (("0",), "write the pixels right after the header"),
    "binarydata": (_TRUE, "save it as binary"),
}
"""Key -> values that can be read, and what to do about others."""


@dataclass(frozen=True)
class StackHeader:
    """What the header of a stack says."""

    films: int
    height: int
    width: int
    channels: int
    is_compressed: bool
    start: int
    """Of the pixels, bytes from the start of the file."""

    @property
    def film_bytes(self) -> int:
        """Bytes of one film, unpacked."""
        return self.height * self.width * self.channels


def read_stack_header(path: Path) -> StackHeader:
    """Read the header of the stack in ``path``.

    Raises:
        DataError: it cannot be read, or is not a stack of 8-bit films that fit in memory one by one.
    """
    try:
        with path.open("rb") as file:
            head = file.read(LARGEST_HEADER)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", "check the file", path) from error
    keys: dict[str, str] = {}
    start = 0
    while _LAST_KEY not in keys:
        end = head.find(b"\n", start)
        key, equals, value = head[start:end].decode("latin-1").partition("=") if end >= 0 else ("", "", "")
        if not equals:
            raise DataError("is not a MetaImage, or its header is damaged", _COPY, path)
        keys[key.strip().lower()] = value.strip()
        start = end + 1
    return _checked(keys, start, path)


def _checked(keys: dict[str, str], start: int, path: Path) -> StackHeader:
    usual = {"elementtype": "nothing", "headersize": "0", "binarydata": "True"} | keys
    for key, (expected, remedy) in _EXPECTED.items():
        if usual[key].lower() not in expected:
            raise DataError(f"{key} is {usual[key]!r:.40}, expected {expected[0]}", remedy, path)
    try:
        sizes = [int(number) for number in keys.get("dimsize", "").split()]
        channels = int(keys.get("elementnumberofchannels", "1"))
        if len(sizes) == 4 and channels == 1:  # the same bytes, described otherwise
            channels, *sizes = sizes
        width, height, films = sizes
        if min(width, height, films) < 1 or channels not in (1, 3, 4) or films > MOST_FILMS:
            raise ValueError
        check_size((width, height))
    except (ValueError, FilmError) as error:
        written = f"DimSize {keys.get('dimsize')!r:.60}, channels {keys.get('elementnumberofchannels', '1')!r:.20}"
        expected_sizes = f"expected width, height and up to {MOST_FILMS} films, and 1, 3 or 4 channels"
        raise DataError(f"has not the sizes of a stack of films ({written})", expected_sizes, path) from error
    is_compressed = keys.get("compresseddata", "false").lower() in _TRUE
    return StackHeader(films, height, width, channels, is_compressed, start)


def grey_films(path: Path, header: StackHeader, last: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the films of a stack up to number ``last``, from 1, each (H, W) grey without the padding.

    Raises:
        DataError: the file is shorter than its header says, or damaged.
    """
    try:
        with path.open("rb") as file:
            file.seek(header.start)
            read = _Inflated(file) if header.is_compressed else file
            for number in range(1, last + 1):
                data = bytearray(header.film_bytes)
                filled = _fill(read, data)
                if filled < len(data):
                    raise DataError(f"ends in film {number} of {header.films}", _COPY, path)
                shape = (header.height, header.width, header.channels)
                yield _grey(without_padding(np.frombuffer(data, np.uint8).reshape(shape)))
    except (OSError, zlib.error) as error:
        raise DataError(f"its pixels cannot be read: {error}", _COPY, path) from error


def without_padding(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut what fills a film (H, W, C) up to the size of the largest: zeros on the right and at the bottom.

    Nothing is cut on the left and at the top, so points stay where they are. A film of zeros alone keeps its size.
    """
    rows = np.flatnonzero(np.bitwise_or.reduce(film.reshape(len(film), -1), axis=1))
    columns = np.flatnonzero(np.bitwise_or.reduce(film, axis=0).any(axis=1))
    return film[: rows[-1] + 1, : columns[-1] + 1] if len(rows) else film


def _grey(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the luminance of a film (H, W, C); that of a grey one is any of its channels."""
    grey = np.empty(film.shape[:2], np.uint8)
    for rows in row_blocks(film.shape[:2]):
        if film.shape[2] == 1:
            grey[rows] = film[rows, :, 0]
        else:
            red, green, blue = (film[rows, :, channel].astype(np.uint32) for channel in range(3))
            grey[rows] = luminance(red, green, blue)
    return grey


class _Inflated:
    """The bytes of a zlib stream, unpacked no further than they are asked for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._stream = file, zlib.decompressobj()
        self._waiting = b""

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes; none at the end."""
        while not self._stream.eof:
            packed = self._waiting or self._file.read(_CHUNK)
            found = self._stream.decompress(packed, size)
            self._waiting = self._stream.unconsumed_tail
            if found or not packed:
                return found
        return b""


def _fill(source: BinaryIO | _Inflated, data: bytearray) -> int:
    """Read into ``data``, and return how many bytes there were."""
    filled, view = 0, memoryview(data)
    while filled < len(data):
        part = source.read(min(_CHUNK, len(data) - filled))
        if not part:
            break
        view[filled : filled + len(part)] = part
        filled += len(part)
    return filled
