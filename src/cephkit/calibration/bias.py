"""How far a model lies from a user's annotators, landmark by landmark, as a table."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from cephkit.calibration.local import fit_bias
from cephkit.data.film import Film, pixel_sizes_mm
from cephkit.files import Row
from cephkit.geometry import Floats
from cephkit.screen import figure, figure_table

COLUMNS = (
    *("landmark", "films", "unit", "forward", "down", "forward_standard_error", "down_standard_error", "bias"),
    *("mre", "mre_without_bias"),
)
"""``forward`` and ``down``: the annotators' point from the model's, towards the face's front and towards the chin."""
NOTEWORTHY_GAIN = 0.95
"""Of the error that is left without bias, below which removing it is advised."""


def bias_rows(
    residuals: Floats, moved: Floats, units: Floats, films: Sequence[Film], symbols: Sequence[str], faces_left: bool
) -> list[Row]:
    """A row under ``COLUMNS`` per landmark, in mm where all films have a pixel size, else in film pixels.

    Args:
        residuals: (N, K, 2) truth minus prediction, canvas pixels, in the frame of the network's canvases.
        moved: the same without the bias that the other films show.
        units: (N,) film pixels to a canvas pixel.
        films: the N films.
        symbols: the K landmarks.
        faces_left: whether faces look left on the network's canvases.
    """
    sizes = pixel_sizes_mm(films)
    in_mm = bool(np.isfinite(sizes).all())
    factor = (units * sizes if in_mm else units)[:, None, None] * np.array([-1.0 if faces_left else 1.0, 1.0])
    gaps, left = residuals * factor, moved * factor
    bias = fit_bias(gaps)
    rows = []
    for column, symbol in enumerate(symbols):
        forward, down = bias.mean[column].tolist()
        forward_error, down_error = bias.standard_error[column].tolist()
        figures = {
            "forward": forward,
            "down": down,
            "forward_standard_error": forward_error,
            "down_standard_error": down_error,
            "bias": float(np.hypot(forward, down)),
            "mre": _mean(gaps[:, column]),
            "mre_without_bias": _mean(left[:, column]),
        }
        rounded = {name: round(value, 3) if np.isfinite(value) else None for name, value in figures.items()}
        rows.append({"landmark": symbol, "films": int(bias.films[column]), "unit": "mm" if in_mm else "px", **rounded})
    return rows


def print_bias(rows: Sequence[Row], console: Console, removed: bool) -> None:
    """``rows`` as a table, the largest bias first, and what removing it does to films that had no part in it."""
    unit = rows[0]["unit"]
    headings = ("films", f"forward {unit}", f"down {unit}", "bias", f"MRE {unit}", "without bias")
    table = figure_table([""], headings)
    for row in sorted(rows, key=lambda row: -(row["bias"] or 0.0)):
        sides = (f"{figure(row[side], 2)} ± {figure(row[f'{side}_standard_error'], 2)}" for side in ("forward", "down"))
        figures = (figure(row[name], 2) for name in ("bias", "mre", "mre_without_bias"))
        table.add_row(row["landmark"], str(row["films"]), *sides, *figures)
    console.print(table)
    console.print("forward, down: the annotators' points relative to the model's, ± standard error", highlight=False)
    before, after = (_total(rows, name) for name in ("mre", "mre_without_bias"))
    console.print(
        f"MRE of these films {before:.2f} {unit}; without the bias that the other films have, {after:.2f} {unit}",
        highlight=False,
    )
    if not removed and after < NOTEWORTHY_GAIN * before:
        console.print("to remove it from every prediction, re-run with --remove_bias", highlight=False)


def _mean(gaps: Floats) -> float:
    length = np.hypot(*gaps.T)
    return float(length[np.isfinite(length)].mean()) if np.isfinite(length).any() else np.nan


def _total(rows: Sequence[Row], name: str) -> float:
    known = [(row[name], row["films"]) for row in rows if row[name] is not None]
    return float(np.average([value for value, _ in known], weights=[films for _, films in known])) if known else np.nan
