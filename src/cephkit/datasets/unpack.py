"""Unpacks the films of a stack into files of their own, once."""

import shutil
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.names import film_name
from cephkit.datasets.stack import grey_films, read_stack_header
from cephkit.errors import DataError, Note
from cephkit.files import replacing
from cephkit.screen import track

_FIRST_BYTES = 1 << 16
_FASTEST = 1
"""Of PNG's compression: a tenth larger than the best, and five times as fast."""


def unpack(stack: Path, last: int, folder: Path) -> tuple[dict[int, Path], list[Note]]:
    """Return the first ``last`` films of ``stack`` by number, from 1, as grey PNG files, and a line about new ones.

    Each file is written whole or not at all, so that an interrupted call is resumed by the next.

    Args:
        stack: a MetaImage file; see ``stack``.
        last: number of the last film to unpack; a stack may have fewer or more.
        folder: each stack gets a folder in it, named after the stack's name, size, time and first bytes.

    Raises:
        DataError: the stack cannot be read, or there is no room for the films.
    """
    header = read_stack_header(stack)
    place = folder / _key(stack)
    paths = {number: place / f"{number:03d}.png" for number in range(1, min(last, header.films) + 1)}
    missing = [number for number, path in paths.items() if not path.is_file()]
    if not missing:
        return paths, []
    try:
        place.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(place).free
        needed = len(missing) * header.height * header.width
        if free < needed:
            text = f"{len(missing)} films of {stack.name} need up to {needed >> 20} MiB, {free >> 20} are free"
            raise DataError(text, "free disk space, or name another folder with --cache_dir", place)
        films = grey_films(stack, header, missing[-1])
        for number, film in enumerate(track(films, f"unpacking {stack.name}", missing[-1]), start=1):
            if number in missing:
                _write(paths[number], film)
    except OSError as error:
        text = f"films cannot be unpacked: {error.strerror or error}"
        raise DataError(text, "name another folder with --cache_dir", place) from error
    text = f"{stack.name}: {len(missing)} films unpacked, once, into {place}"
    return paths, [Note("unpacked", text, "the folder is safe to delete while no command is using it")]


def _write(path: Path, film: NDArray[np.uint8]) -> None:
    with replacing(path) as file:
        Image.fromarray(film).save(file, "PNG", compress_level=_FASTEST)


def _key(stack: Path) -> str:
    about = stack.stat()
    with stack.open("rb") as file:
        first = file.read(_FIRST_BYTES)
    digest = blake2b(f"{stack.name} {about.st_size} {about.st_mtime_ns} ".encode() + first, digest_size=8)
    return f"{film_name(stack)}-{digest.hexdigest()}"
