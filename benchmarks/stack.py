"""Unpacking a stack of films: ``python -m benchmarks.stack [FILMS]`` makes one of 2880x2400 pixels, and unpacks it."""

import multiprocessing
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

from cephkit.datasets.unpack import unpack

WIDTH, HEIGHT = 2880, 2400
PADDING = 200
"""Columns and rows of zeros, on the right and at the bottom."""


def write(path: Path, films: int, compressed: bool) -> None:
    """Write a MetaImage of grey noise, stored three times as the published one is."""
    rng = np.random.default_rng(0)
    header = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = {compressed}\n"
        f"DimSize = {WIDTH} {HEIGHT} {films}\nElementNumberOfChannels = 3\nElementType = MET_UCHAR\n"
        "ElementDataFile = LOCAL\n"
    )
    packer = zlib.compressobj(1)
    with path.open("wb") as file:
        file.write(header.encode())
        for _ in range(films):
            film = np.zeros((HEIGHT, WIDTH), np.uint8)
            coarse = rng.integers(20, 235, (HEIGHT // 8, WIDTH // 8), dtype=np.uint8)
            film[:-PADDING, :-PADDING] = np.kron(coarse, np.ones((8, 8), np.uint8))[:-PADDING, :-PADDING]
            data = np.repeat(film[..., None], 3, axis=2).tobytes()
            file.write(packer.compress(data) if compressed else data)
        file.write(packer.flush() if compressed else b"")


def measured(stack: Path, films: int, folder: Path) -> tuple[float, float]:
    """Unpack a stack; return seconds a film, and MiB by which the memory of this process grew."""
    before, start = _peak_mib(), time.perf_counter()
    paths, _ = unpack(stack, films, folder)
    seconds = (time.perf_counter() - start) / len(paths)
    return seconds, _peak_mib() - before


def _peak_mib() -> float:
    """Most memory that this process has had, on Linux; ``resource`` would count that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Print both figures of a compressed stack and of a raw one, each unpacked by a process of its own."""
    films = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    with tempfile.TemporaryDirectory() as folder:
        for compressed in (True, False):
            stack = Path(folder) / f"stack_{compressed}.mha"
            write(stack, films, compressed)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, grown = pool.apply(measured, (stack, films, Path(folder) / "unpacked"))
            kind = "compressed" if compressed else "raw"
            print(f"{kind}: {films} films of {WIDTH}x{HEIGHT}, {seconds:.2f} s a film, {grown:.0f} MiB more memory")


if __name__ == "__main__":
    main()
