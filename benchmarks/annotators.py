"""How far apart the two annotators of a data set mark each landmark: ``python -m benchmarks.annotators DATASET``.

Distances are means over the films of a split, in mm; so are the offsets of the junior from the senior, x to the right
and y down the film. A large offset is a difference of definition, a large distance without one a landmark hard to see.
"""

import sys
from pathlib import Path

import numpy as np

from cephkit.data.film import SPLITS
from cephkit.datasets.find import find_dataset
from cephkit.settings.options import DataSet


def main() -> None:
    """Print a table for each split."""
    source = find_dataset(DataSet(dataset_path=(Path(sys.argv[1]),)))
    for split in SPLITS:
        if not source.has(split):
            continue
        read = source.read((split,))
        gaps: dict[str, list[tuple[float, float]]] = {symbol: [] for symbol in read.schema.symbols}
        for film in read.films:
            senior, junior = film.points("senior"), film.points("junior")
            if film.spacing is None:
                continue
            sides = film.spacing.column_mm, film.spacing.row_mm
            for symbol in senior.keys() & junior.keys():
                x, y = (side * (b - a) for side, a, b in zip(sides, senior[symbol], junior[symbol], strict=True))
                gaps[symbol].append((x, y))
        print(f"{split}: {len(read.films)} films\nlandmark  distance  offset x  offset y")
        for symbol, found in gaps.items():
            if found:
                distance, (x, y) = np.hypot(*np.array(found).T).mean(), np.mean(found, axis=0)
                print(f"{symbol:<8} {distance:>8.2f} {x:>9.2f} {y:>9.2f}")


if __name__ == "__main__":
    main()
