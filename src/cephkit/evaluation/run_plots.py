"""Figures of an evaluation that need more than the scores: learning curves, and calibration of expected errors."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from cephkit.evaluation.plots import BLUE, GREY, ORANGE, Omitted, Plot, style, svg_bytes
from cephkit.files import Row
from cephkit.geometry import Floats

BINS = 10
"""Of points with similar expected errors, equally many in each."""
FEWEST_BINNED = 50
CURVES = ("Train/EpochLoss", "Val/Loss", "Val/MRE_mm", "Val/MRE_pixels")
"""The columns of a run's ``epochs.csv`` that are drawn."""


def learning_curves(run_folder: Path | None) -> Plot | Omitted:
    """Loss and MRE by epoch, from ``epochs.csv`` of the run that made the model."""
    name, title = "learning_curves", "Learning curves"
    if run_folder is None:
        return Omitted(name, title, "")
    try:
        with (run_folder / "epochs.csv").open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except FileNotFoundError:
        return Omitted(name, title, "there is no epochs.csv beside the model")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return Omitted(name, title, f"epochs.csv cannot be read ({type(error).__name__})")
    columns: dict[str, Floats] = {
        key: np.array([_number(line.get(key)) for line in lines]) for key in ("epoch", *CURVES)
    }
    epochs, train, valid, mm, pixels = columns.values()
    unit, mre = ("mm", mm) if np.isfinite(mm).any() else ("pixels", pixels)
    if not np.isfinite(epochs).any() or not any(np.isfinite(values).any() for values in (train, valid, mre)):
        return Omitted(name, title, "epochs.csv has no finished epoch")
    with style():
        figure = Figure(figsize=(7.2, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot(epochs, train, color=GREY, linewidth=1.5, label="train")
        # Not every epoch is validated; lines would be broken there.
        validated = np.isfinite(valid)
        left.plot(epochs[validated], valid[validated], color=BLUE, linewidth=1.5, label="valid")
        left.legend()
        left.set_ylabel("loss")
        validated = np.isfinite(mre)
        right.plot(epochs[validated], mre[validated], color=BLUE, linewidth=1.5)
        right.set_ylabel(f"valid MRE, {unit}")
        best = None
        if np.isfinite(mre).any():
            best = int(np.nanargmin(np.where(np.isfinite(mre), mre, np.nan)))
            right.plot(epochs[best], mre[best], "o", color=ORANGE, markersize=5)
            text = f"{mre[best]:.2f}"
            right.annotate(text, (epochs[best], mre[best]), (0, 7), textcoords="offset points", ha="center")
        for ax in (left, right):
            ax.set_xlabel("epoch")
        _log_where_positive(left, train, valid)
        _log_where_positive(right, mre)
        svg = svg_bytes(figure)
    rows: list[Row] = [
        {key: float(values[index]) if np.isfinite(values[index]) else None for key, values in columns.items()}
        for index in range(len(lines))
    ]
    alt = f"Train and valid loss, and valid MRE, over {len(lines)} epochs."
    notes = ["MRE while training, on the run's own valid films."]
    if best is not None:
        notes.append(f"Smallest: {mre[best]:.3f} {unit} after epoch {epochs[best]:g}.")
    return Plot(name, title, alt, svg, ("epoch", *CURVES), rows, tuple(notes))


def calibration(content: Mapping[str, Any]) -> Plot | Omitted:
    """Expected against observed error in mm; many points are binned."""
    name, title = "calibration", "Calibration of the expected error"
    uncertainty = content.get("uncertainty")
    if not isinstance(uncertainty, Mapping) or not {"expected_mm", "observed_mm"} <= set(uncertainty):
        return Omitted(name, title, "")
    expected, observed = (np.array([_number(v) for v in uncertainty[key]]) for key in ("expected_mm", "observed_mm"))
    if expected.shape != observed.shape:
        return Omitted(name, title, f"{expected.size} errors are expected but {observed.size} observed")
    there = np.isfinite(expected) & np.isfinite(observed)
    if not there.any():
        return Omitted(name, title, "no point has an expected and an observed error")
    expected, observed = expected[there], observed[there]
    if expected.size >= FEWEST_BINNED:
        order = np.array_split(np.argsort(expected, kind="stable"), BINS)
        expected, observed = (np.array([values[part].mean() for part in order]) for values in (expected, observed))
    end = 1.08 * float(max(expected.max(), observed.max(), 0.1))
    with style():
        figure = Figure(figsize=(4.4, 4.2), layout="constrained")
        ax = figure.add_subplot()
        ax.plot([0, end], [0, end], color=GREY, linewidth=1, linestyle="--", label="perfect")
        ax.plot(expected, observed, "o-", color=BLUE, markersize=4.5, linewidth=1.4, label="this run")
        ax.set(xlim=(0, end), ylim=(0, end), aspect="equal", xlabel="expected error, mm", ylabel="observed error, mm")
        ax.legend(loc="upper left")
        svg = svg_bytes(figure)
    rows = [{"expected_mm": e, "observed_mm": o} for e, o in zip(expected.tolist(), observed.tolist(), strict=True)]
    alt = f"Observed against expected error in {len(rows)} points, with the diagonal of perfect calibration."
    notes = ("Means of tenths of the points, by expected error. Above the diagonal the model is overconfident.",)
    return Plot(name, title, alt, svg, ("expected_mm", "observed_mm"), rows, notes)


def _number(value: Any) -> float:
    """NaN for anything that is not a number: the file of a run may have been cut off or edited."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _log_where_positive(ax: Axes, *curves: Floats) -> None:
    """Use a logarithmic axis: early epochs are far worse than late ones. A likelihood can be negative, though."""
    values = np.concatenate(curves)
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() > 10 * values.min():
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_formatter(lambda value, _: "")
