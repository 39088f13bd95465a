"""Measurements on labelled films: means beside the norms, and how often two annotators come to the same class.

    python -m benchmarks.measurements [--dataset_path D] [--splits train valid]

Lengths come from films whose S-N has the length of a head's. Films are not decoded. Two tables on standard output.
"""

import argparse
import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from cephkit.cephalometry.analyses import measure
from cephkit.cephalometry.classes import RULES
from cephkit.cephalometry.results import Result
from cephkit.data.aariz import read_aariz
from cephkit.data.check import SELLA_NASION_MM
from cephkit.data.film import Film, Points
from cephkit.geometry import covariance_of_error
from cephkit.landmarks.shipped import KNOWN

ERROR_MM = 1.2
"""Of each landmark, for the standard errors."""


def results_of(film: Film, points: Points) -> dict[tuple[str, str], Result]:
    """(measurement, analysis) -> result; no lengths where the pixel size makes no head."""
    size = None if film.spacing is None else film.spacing.short_mm
    if size is not None and {"S", "N"} <= points.keys():
        low, high = SELLA_NASION_MM
        size = size if low <= math.dist(points["S"], points["N"]) * size <= high else None
    errors = None if size is None else {symbol: covariance_of_error(ERROR_MM / size) for symbol in KNOWN.symbols}
    # The challenge by itself: of two that name a skeletal class, one alone would.
    return {
        (result.measurement, result.analysis): result
        for analyses in (None, ["ISBI"])
        for result in measure(points, spacing=size, covariances_px=errors, analyses=analyses)
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dataset_path", type=Path, default=Path("Aariz"))
    parser.add_argument("--splits", nargs="+", default=["train", "valid"])
    options = parser.parse_args()
    films = read_aariz(options.dataset_path, options.splits).films
    by_key: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for film in films:
        for key, result in results_of(film, film.points("mean")).items():
            by_key[key].append(result)
    print(
        f"| measurement | analysis | films | mean | SD | norm | standard error at {ERROR_MM} mm |\n"
        + "| --- " * 7
        + "|"
    )
    for (_, analysis), results in by_key.items():
        found = [result.value for result in results if result.value is not None]
        if not found:
            continue
        norm = next((result.norm for result in results if result.norm), None)
        compared = "" if norm is None else _norm(norm.mean, norm.sd, norm.low, norm.high)
        unsure = [result.standard_error for result in results if result.standard_error is not None]
        error = f"{np.median(unsure):.2f}" if unsure else ""
        mean, spread = np.mean(found), np.std(found, ddof=1)
        print(f"| {results[0].name} | {analysis} | {len(found)} | {mean:.2f} | {spread:.2f} | {compared} | {error} |")
    print("\n| classes of | films | same class, % | SD of senior - junior |\n" + "| --- " * 4 + "|")
    for key in RULES:
        pairs = [
            (results_of(film, film.points("senior"))[key], results_of(film, film.points("junior"))[key])
            for film in films
            if len(film.annotations) == 2
        ]
        both = [(a, b) for a, b in pairs if a.class_name is not None and b.class_name is not None]
        if both:
            same = 100 * np.mean([a.class_name == b.class_name for a, b in both])
            gaps = np.std([a.value - b.value for a, b in both if a.value is not None and b.value is not None], ddof=1)
            print(f"| {both[0][0].name} ({key[1]}) | {len(both)} | {same:.1f} | {gaps:.2f} |")


def _norm(mean: float | None, sd: float | None, low: float | None, high: float | None) -> str:
    centre = "" if mean is None else f"{mean:g}" + ("" if sd is None else f" +- {sd:g}")
    return centre + ("" if low is None else f" ({low:g} to {high:g})")


if __name__ == "__main__":
    main()
