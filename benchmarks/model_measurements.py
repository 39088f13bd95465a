"""Measurements by a model against two annotators, beside these against each other.

    python -m benchmarks.model_measurements --checkpoint C.pth [--dataset_path D] [--split valid]

Two tables on standard output: mean absolute differences, with how often the model's standard errors hold; and how often
both name the same class of the ISBI challenge.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import cephkit
from benchmarks.measurements import results_of
from cephkit.cephalometry.measures import MEASUREMENTS
from cephkit.cephalometry.results import Result
from cephkit.data.aariz import read_aariz

ISBI = [(entry.id, "ISBI") for entry in MEASUREMENTS if "ISBI" in entry.analyses]
PAIRS = (("model", "mean"), ("model", "senior"), ("model", "junior"), ("senior", "junior"))
WITHIN_90 = 1.645
"""Standard errors that hold 90 % of a normal distribution."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--dataset_path", type=Path, default=Path("Aariz"))
    parser.add_argument("--split", default="valid")
    options = parser.parse_args()
    model = cephkit.load_model(options.checkpoint)
    films = read_aariz(options.dataset_path, [options.split]).films
    by: dict[str, list[dict[tuple[str, str], Result]]] = {who: [] for who in ("model", "mean", "senior", "junior")}
    for film in films:
        found = cephkit.measure(model.predict(film.path, spacing=film.spacing), analyses=["ISBI", "Tweed"])
        by["model"].append({(result.measurement, result.analysis): result for result in found})
        for who in ("mean", "senior", "junior"):
            by[who].append(results_of(film, film.points(who)))
    print(f"{len(films)} films of {options.split}, {model.facts['checkpoint']}, {model.facts['mode']}\n")
    print("| | " + " | ".join(f"{a} - {b}" for a, b in PAIRS) + " | 90 % of the model's errors hold |")
    print("| --- " * (len(PAIRS) + 2) + "|")
    for key in (*(key for key in ISBI if any(film[key].value is not None for film in by["mean"])), ("fma", "Tweed")):
        values = {who: np.array([_value(film[key]) for film in of]) for who, of in by.items()}
        sure = np.array([film[key].standard_error or np.nan for film in by["model"]])
        gaps = [_mean(np.abs(values[a] - values[b])) for a, b in PAIRS]
        inside = np.abs(values["model"] - values["mean"])[np.isfinite(sure)] <= WITHIN_90 * sure[np.isfinite(sure)]
        cells = " | ".join(f"{gap:.3f}" for gap in gaps)
        print(f"| {by['model'][0][key].name} | {cells} | {100 * inside.mean():.0f} % |")
    print("\n| same class, % | " + " | ".join(f"{a} - {b}" for a, b in PAIRS) + " |")
    print("| --- " * (len(PAIRS) + 1) + "|")
    for key in (key for key in ISBI if any(film[key].class_name for film in by["mean"])):
        shares = [_same([film[key] for film in by[a]], [film[key] for film in by[b]]) for a, b in PAIRS]
        print(f"| {by['model'][0][key].name} | " + " | ".join(f"{share:.1f}" for share in shares) + " |")


def _value(result: Result) -> float:
    return np.nan if result.value is None else result.value


def _mean(gaps: NDArray[np.float64]) -> float:
    return float(np.nanmean(gaps))


def _same(some: list[Result], others: list[Result]) -> float:
    both = [(a, b) for a, b in zip(some, others, strict=True) if a.class_name and b.class_name]
    return float(100 * np.mean([a.class_name == b.class_name for a, b in both]))


if __name__ == "__main__":
    main()
