"""Film store: building, second start, and what the films cost in memory with 0, 2 and 4 loader workers.

    python -m benchmarks.store [--dataset_path D] [--image_size 1024 1024]

Without --dataset_path, 60 synthetic films are written and used. One table on standard output.
"""

import argparse
import gc
import tempfile
import time
from pathlib import Path

import psutil
from torch.utils.data import DataLoader

from cephkit.data.aariz import AarizFolder
from cephkit.data.film import SPLITS, Split
from cephkit.data.prepare import PreparedData, prepare
from cephkit.data.synthetic.writer import synthesize

MIB = 2**20


def silent(line: str) -> None:
    """Drop the lines of prepare."""


def prepared(root: Path, cache: Path, size: tuple[int, int], splits: tuple[Split, ...]) -> tuple[PreparedData, float]:
    """The data with every film held, and the seconds that took."""
    started = time.perf_counter()
    data = prepare(
        AarizFolder(root), splits=splits, annotation="mean", canvas_size=size, hold=None, cache_dir=cache, notify=silent
    )
    return data, time.perf_counter() - started


def own_memory(process: psutil.Process) -> float:
    """MiB that no other process shares."""
    return process.memory_full_info().uss / MIB


def worker_memory(data: PreparedData, workers: int) -> tuple[float, float]:
    """(MiB that all workers together add for themselves while reading every film, films/s of the second epoch)."""
    dataset = data.dataset("train")
    loader = DataLoader(dataset, batch_size=8, num_workers=workers, persistent_workers=workers > 0)
    for _ in loader:
        pass
    own = psutil.Process()
    before = sum(own_memory(child) for child in own.children())
    started = time.perf_counter()
    for _ in loader:
        pass
    seconds = time.perf_counter() - started
    return sum(own_memory(child) for child in own.children()) - before, len(dataset) / seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset_path", type=Path)
    parser.add_argument("--image_size", type=int, nargs=2, default=(1024, 1024))
    options = parser.parse_args()
    size = tuple(options.image_size)
    with tempfile.TemporaryDirectory() as folder:
        root = options.dataset_path
        if root is None:
            root = Path(folder) / "Aariz"
            synthesize(root, films=60, height=2048, notify=silent)
        splits = tuple(split for split in SPLITS if (root / split).is_dir())
        first, building = prepared(root, Path(folder) / "cache", size, splits)
        data, second = prepared(root, Path(folder) / "cache", size, splits)
        films = sum(map(len, first.films.values()))
        print(f"{films} films, canvas {size[0]}x{size[1]}\n")
        print("| what | value |\n| --- | --- |")
        print(f"| first start: check, decode, store | {building:.2f} s, {films / building:.0f} films/s |")
        print(f"| second start | {second:.2f} s |")
        print(f"| store | {data.store.bytes / MIB / films:.3f} MiB a film |")
        for workers in (0, 2, 4):
            gc.collect()
            added, rate = worker_memory(data, workers)
            print(f"| {workers} workers: memory that a second epoch adds, films/s | {added:.1f} MiB, {rate:.0f} |")


if __name__ == "__main__":
    main()
