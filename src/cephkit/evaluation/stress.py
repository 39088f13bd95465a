"""How the error grows on films unlike those of the training: ``cephkit evaluate --stress``."""

import zlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from cephkit.data.film import Film, pixel_sizes_mm, points_array
from cephkit.data.opened import read_grey, straightened, to_uint8, unstretched
from cephkit.data.spacing import stretch_of
from cephkit.errors import DataError
from cephkit.evaluation.distort import DISTORTIONS, NONE, Distortion
from cephkit.evaluation.metrics import detection_rate, radial_errors, summarise, to_mm
from cephkit.files import Row
from cephkit.geometry import Floats, Size, invert, transform
from cephkit.screen import figure, figure_table

Predict = Callable[[NDArray[np.uint8]], Floats]
"""A film (H, W) uint8 to its landmarks (K, 2) in its pixels, NaN where one was not found."""

FAR_MM = 10.0
"""A larger error is not an inaccuracy: the model took something else for the landmark."""

STRESS_COLUMNS = (
    *("distortion", "strength", "films", "points", "cut_off", "missing", "unit", "mre", "median", "p95"),
    *("sdr_2mm_percent", "sdr_4mm_percent", "over_10mm_percent", "mre_ratio"),
)


def stress_rows(
    predict: Predict,
    films: Sequence[Film],
    symbols: Sequence[str],
    truth_source: str,
    progress: Callable[[Sequence[Film]], Iterable[Film]] | None = None,
    max_films: int | None = None,
) -> list[Row]:
    """Measure the errors of a model on distorted films, one row per distortion and strength.

    Every film is read once, distorted in each way, and predicted; the points are mapped back to the film and
    scored there, so a distortion that changes the size of the film does not change the millimetres.

    Args:
        predict: the model.
        films: with their truth; a pixel size is needed for mm.
        symbols: the K landmarks, in the order of ``predict``.
        truth_source: ``senior``, ``junior``, ``mean`` or ``official``.
        progress: wraps the films while they are processed, e.g. to draw a progress bar.
        max_films: at most so many films, spread evenly over ``films``; None takes all.

    Returns:
        Rows with the keys ``STRESS_COLUMNS``. ``points`` are truths on the distorted film that have a
        prediction; ``missing`` those without one, each a miss in the SDRs and among those over 10 mm;
        ``cut_off`` truths that the distortion removed from the film: they are not scored. ``unit`` is mm, or px
        (of the film before distortion) where no film has a pixel size: then the percentages are None. Films
        without a pixel size among others do not count in mm. ``mre_ratio`` is the MRE over that of the same
        points on undistorted films: cutting off hard landmarks cannot make it look better.

    Raises:
        DataError: there is nothing to score.
        FilmError: a film cannot be read.
        ValueError: ``predict`` returned something other than (K, 2), or ``max_films`` is less than 1.
    """
    if max_films is not None and max_films < 1:
        raise ValueError(f"max_films must be 1 or more, got {max_films}")
    chosen = _spread(films, max_films)
    truth = np.array([points_array(film.points(truth_source), tuple(symbols)) for film in chosen], dtype=np.float64)
    if not np.isfinite(truth).any():
        raise DataError(
            f"nothing to score: none of {len(chosen)} films has a {truth_source} truth that the model knows"
        )
    predicted = np.full((len(DISTORTIONS), *truth.shape), np.nan)
    undistorted = np.full(truth.shape, np.nan)
    cut_off = np.zeros((len(DISTORTIONS), *truth.shape[:2]), dtype=bool)
    for row, film in enumerate(progress(chosen) if progress else chosen):
        stretch = stretch_of(film.spacing)
        grey = straightened(to_uint8(read_grey(film.path)), stretch)
        truth[row] = unstretched(truth[row], np.array(stretch))
        seed = zlib.crc32(film.film_id.encode())
        undistorted[row] = _checked(predict(grey), truth[row].shape)
        for index, distortion in enumerate(DISTORTIONS):
            if distortion == NONE:
                predicted[index, row] = undistorted[row]
                continue
            distorted, matrix = distortion(grey, seed)
            found = _checked(predict(distorted), truth[row].shape)
            predicted[index, row] = transform(invert(matrix), found)
            # A label off the film was not cut off by the distortion.
            moved = transform(matrix, truth[row])
            cut_off[index, row] = _inside(truth[row], grey.shape) & ~_inside(moved, distorted.shape)
    sizes = pixel_sizes_mm(chosen)
    baseline = radial_errors(undistorted, truth)
    return [
        _row(distortion, radial_errors(found, np.where(cut[..., None], np.nan, truth)), baseline, sizes, cut)
        for distortion, found, cut in zip(DISTORTIONS, predicted, cut_off, strict=True)
    ]


def print_stress(rows: Sequence[Row], console: Console) -> None:
    """Print ``rows`` as a table, and what its columns mean."""
    unit = rows[0]["unit"] if rows else "mm"
    headings = ("points", "cut", "miss", f"MRE {unit}", "ratio", "median", "p95", "SDR@2", "SDR@4", ">10 mm")
    table = figure_table(("distortion", "strength"), headings)
    for row in rows:
        counts = (str(row[name]) for name in ("points", "cut_off", "missing"))
        errors = (
            figure(row[name], digits) for name, digits in (("mre", 2), ("mre_ratio", 2), ("median", 2), ("p95", 2))
        )
        rates = (figure(row[f"{name}_percent"], 1) for name in ("sdr_2mm", "sdr_4mm", "over_10mm"))
        table.add_row(row["distortion"], row["strength"], *counts, *errors, *rates)
    films = max((row["films"] for row in rows), default=0)
    console.print(f"distorted films, scored in pixels of the films before distortion: {films}", highlight=False)
    console.print(table)
    console.print(
        "ratio: MRE / MRE of the same points on undistorted films; cut: landmarks no longer on the film, not scored; "
        "miss: not found, counted in SDR and >10 mm",
        highlight=False,
    )


def _row(distortion: Distortion, errors_px: Floats, baseline_px: Floats, sizes: Floats, cut: NDArray[np.bool_]) -> Row:
    in_mm = bool(np.isfinite(sizes).any())
    if not in_mm:
        sizes = np.ones(len(sizes))  # px: the statistics of summarise are those of mm
    metrics = summarise(errors_px, sizes)
    errors = to_mm(errors_px, sizes)
    near = detection_rate(errors, FAR_MM)
    return {
        "distortion": distortion.name,
        "strength": distortion.strength,
        "films": metrics.films_in_mm,
        "points": metrics.points_in_mm,
        "cut_off": int((cut & ~np.isnan(sizes)[:, None]).sum()),
        "missing": int(np.isinf(errors).sum()),
        "unit": "mm" if in_mm else "px",
        "mre": metrics.mre_mm,
        "median": metrics.median_mm,
        "p95": metrics.p95_mm,
        "sdr_2mm_percent": metrics.sdr["2"] if in_mm else None,
        "sdr_4mm_percent": metrics.sdr["4"] if in_mm else None,
        "over_10mm_percent": 100 - near if in_mm and near is not None else None,
        "mre_ratio": _ratio(errors, to_mm(baseline_px, sizes)),
    }


def _ratio(errors: Floats, baseline: Floats) -> float | None:
    both = np.isfinite(errors) & np.isfinite(baseline)
    if not both.any() or not baseline[both].any():
        return None
    return float(errors[both].mean() / baseline[both].mean())


def _spread(films: Sequence[Film], most: int | None) -> list[Film]:
    if most is None or most >= len(films):
        return list(films)
    # Evenly, because films are sorted: the first ones may all be of one machine.
    return [films[index * len(films) // most] for index in range(most)]


def _checked(points: Floats, shape: tuple[int, ...]) -> Floats:
    if np.shape(points) != shape:
        raise ValueError(f"the model must return one (x, y) per landmark, {shape}, got {np.shape(points)}")
    return points


def _inside(points: Floats, size: Size | tuple[int, ...]) -> NDArray[np.bool_]:
    """(K,) whether ``points`` (K, 2) lie on a film of ``size`` (height, width); False for NaN."""
    height, width = size
    x, y = points[:, 0], points[:, 1]
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
