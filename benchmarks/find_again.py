"""What asking a model anew is worth: ``python -m benchmarks.find_again CHECKPOINT DATASET [FILMS]``.

Squares of grey hide parts of the valid films (mean truth); the four worst landmarks of each film are put where they
belong and held, and the model is asked again for the others.
"""

import sys
from pathlib import Path

import numpy as np

from cephkit.data.aariz import read_aariz
from cephkit.data.film import Points
from cephkit.data.opened import read_grey, to_uint8
from cephkit.inference.find_again import find_again
from cephkit.inference.model import load_model

SQUARES, SIDE, HELD = 6, 0.15, 4
"""SIDE: of a square, as a share of the film's height."""


def main() -> None:
    """Print the errors of the landmarks that are not held, before and after."""
    model = load_model(sys.argv[1], device="cpu", keep_doubtful=True)
    films = read_aariz(Path(sys.argv[2]), ("valid",)).films
    count = int(sys.argv[3]) if len(sys.argv) > 3 else len(films)
    before: list[float] = []
    after: list[float] = []
    for seed, film in enumerate(films[:: max(1, len(films) // count)][:count]):
        assert film.spacing is not None
        rng, grey, truth = np.random.default_rng(seed), to_uint8(read_grey(film.path)).copy(), film.points("mean")
        side = round(SIDE * grey.shape[0])
        for _ in range(SQUARES):
            y, x = rng.integers(0, grey.shape[0] - side), rng.integers(0, grey.shape[1] - side)
            grey[y : y + side, x : x + side] = rng.integers(0, 255)
        ready = model.preprocess(grey, film.spacing)
        (found,) = model.predict_preprocessed([ready])
        first = errors(found.points, truth, film.spacing.mean_mm)
        held = sorted(first, key=lambda symbol: first[symbol])[-HELD:]
        again = find_again(model, ready, {symbol: truth[symbol] for symbol in held})
        second = errors(again.points, truth, film.spacing.mean_mm)
        before += [first[symbol] for symbol in second]
        after += list(second.values())
    gain = np.subtract(before, after)
    print(f"{count} films, {len(before)} landmarks: {np.mean(before):.2f} mm before, {np.mean(after):.2f} mm after")
    print(f"better by more than 0.5 mm: {(gain > 0.5).sum()}, worse: {(gain < -0.5).sum()}")


def errors(points: Points, truth: Points, mean_mm: float) -> dict[str, float]:
    """Distances in mm of the landmarks that both have, by symbol."""
    both = [symbol for symbol in points if symbol in truth]
    return {symbol: float(np.hypot(*np.subtract(points[symbol], truth[symbol]))) * mean_mm for symbol in both}


if __name__ == "__main__":
    main()
