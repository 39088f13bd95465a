"""Figures of an evaluation: the distribution of errors, over all points and per landmark.

Each figure is an SVG with its numbers beside it. The same scores give the same bytes.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cbook import boxplot_stats
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, Patch

from cephkit.data.film import points_array
from cephkit.evaluation.metrics import detection_rate, radial_errors, to_mm
from cephkit.evaluation.scoring import Scores
from cephkit.files import Row
from cephkit.geometry import Floats
from cephkit.landmarks.schema import TISSUE_NAMES, Landmark, Tissue

TISSUE_COLOURS: dict[Tissue, str] = {"bone": "#0072B2", "tooth": "#E69F00", "soft": "#CC5F2B"}
"""After Okabe and Ito's palette, for colour-blind people."""
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#6b6b6b"

MARKS_MM = (2.0, 2.5, 3.0, 4.0)
LARGEST_PANEL_MM = 8
CURVE_END_MM, STEPS_PER_MM = 8, 50
ELLIPSE_95 = 5.991
"""95 % quantile of chi-squared with two degrees of freedom: squared radius of the ellipse in standard deviations."""

_STYLE = {
    "svg.fonttype": "path",  # the same on machines without the font
    "svg.hashsalt": "cephkit",  # otherwise ids differ from run to run
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.edgecolor": "#888888",
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Plot:
    """A figure: an SVG file and the numbers in it."""

    name: str
    """Of its files, without an ending."""
    title: str
    alt: str
    """Description for screen readers."""
    svg: bytes
    columns: tuple[str, ...]
    rows: list[Row]
    notes: tuple[str, ...] = ()
    """What a reader must know, such as what is left out."""


@dataclass(frozen=True)
class Omitted:
    """A figure that cannot be drawn."""

    name: str
    title: str
    reason: str
    """Empty if the figure is not expected."""


@contextmanager
def style() -> Iterator[None]:
    """Draw and save figures in one style, whatever the user's matplotlib settings are."""
    with matplotlib.style.context(["default", _STYLE]):
        yield


def svg_bytes(figure: Figure) -> bytes:
    """``figure`` as an SVG file without date or version, so that the same figure gives the same bytes."""
    stream = io.BytesIO()
    nothing: Any = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(stream, format="svg", metadata=nothing)
    return stream.getvalue()


def annotator_distances_mm(scores: Scores) -> Floats:
    """(N, K) mm between senior and junior on the scored points; NaN where one is missing or there is no pixel size."""
    senior, junior = (
        np.stack([points_array(film.annotations.get(who, {}), scores.symbols) for film in scores.films])
        for who in ("senior", "junior")
    )
    distances = to_mm(radial_errors(junior * scores.stretches, senior * scores.stretches), scores.pixel_sizes)
    distances[~np.isfinite(distances) | np.isnan(scores.errors_mm)] = np.nan
    return distances


def cumulative(scores: Scores) -> Plot | Omitted:
    """Percent of points within an error, against that error in mm; missing predictions are never within."""
    name, title = "cumulative_error", "Cumulative error"
    errors = scores.errors_mm
    if np.isnan(errors).all():
        return _without_mm(name, title)
    # Division, not a running sum: 2 and 2.5 mm must be exact, or points on the edge count on the wrong side.
    thresholds = [step / STEPS_PER_MM for step in range(CURVE_END_MM * STEPS_PER_MM + 1)]
    curves = {"prediction": errors}
    distances = annotator_distances_mm(scores)
    if np.isfinite(distances).any():
        curves["annotators"] = distances
    shares = {curve: [detection_rate(values, t) or 0.0 for t in thresholds] for curve, values in curves.items()}
    with style():
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        ax = figure.add_subplot()
        if "annotators" in shares:
            label = "annotators, senior to junior"
            ax.plot(thresholds, shares["annotators"], color=GREY, linestyle="--", linewidth=1.4, label=label)
        label = f"prediction to truth ({scores.truth_source})"
        ax.plot(thresholds, shares["prediction"], color=BLUE, linewidth=2, label=label)
        for mark in MARKS_MM:
            share = shares["prediction"][round(mark * STEPS_PER_MM)]
            ax.plot([mark, mark], [0, share], color=BLUE, linewidth=0.8, alpha=0.5)
            ax.plot([mark], [share], "o", color=BLUE, markersize=4.5)
            # Along the lines, so that labels stay apart even if all marks lie close to 100 %.
            ax.text(mark - 0.06, 2, f"{mark:g} mm: {share:.1f} %", rotation=90, ha="right", va="bottom", fontsize=7.5)
        ax.set(xlim=(0, CURVE_END_MM), ylim=(0, 102), xlabel="error, mm", ylabel="points with at most this error, %")
        ax.legend(loc="lower right")
        svg = svg_bytes(figure)
    beyond = int((np.isfinite(errors) & (errors > CURVE_END_MM)).sum())
    notes = [f"Errors above {CURVE_END_MM} mm, right of the figure: {beyond}."] if beyond else []
    if "annotators" in shares:
        mean, count = float(np.nanmean(distances)), int(np.isfinite(distances).sum())
        notes.append(f"The two annotators are {mean:.2f} mm apart on average ({count} points marked by both).")
    rows = [
        {"curve": curve, "error_mm": threshold, "percent": share}
        for curve, values in shares.items()
        for threshold, share in zip(thresholds, values, strict=True)
    ]
    rates = ", ".join(f"{shares['prediction'][round(m * STEPS_PER_MM)]:.1f} % at {m:g} mm" for m in MARKS_MM)
    alt = f"Rising curve of the percentage of points within an error: {rates}."
    return Plot(name, title, alt, svg, ("curve", "error_mm", "percent"), rows, (*notes, *_missing_note(scores)))


def boxes(scores: Scores) -> Plot | Omitted:
    """Box plot of the errors of each landmark in mm, the hardest on top."""
    name, title = "landmark_errors", "Errors per landmark"
    values = {s: column[np.isfinite(column)] for s, column in zip(scores.symbols, scores.errors_mm.T, strict=True)}
    symbols = sorted((s for s in values if values[s].size), key=lambda s: float(np.median(values[s])))
    if not symbols:
        return _without_mm(name, title)
    stats = [boxplot_stats(values[symbol])[0] for symbol in symbols]
    # One gross error would squeeze all boxes against the axis.
    end = max(4.5, float(np.percentile(np.concatenate(list(values.values())), 99)) * 1.1)
    with style():
        figure = Figure(figsize=(7.2, 1.1 + 0.24 * len(symbols)), layout="constrained")
        ax = figure.add_subplot()
        drawn: Any = [{**stat, "fliers": stat["fliers"][stat["fliers"] <= end]} for stat in stats]
        parts = ax.bxp(
            drawn,
            orientation="horizontal",
            widths=0.62,
            patch_artist=True,
            flierprops={"marker": ".", "markersize": 5, "markeredgewidth": 0, "markerfacecolor": "#555555"},
            medianprops={"color": "black", "linewidth": 1.4},
            manage_ticks=False,
        )
        for box, symbol in zip(parts["boxes"], symbols, strict=True):
            box.set(facecolor=TISSUE_COLOURS[scores.schema[symbol].tissue], alpha=0.75, linewidth=0.6)
        far = [i + 1 for i, symbol in enumerate(symbols) for _ in range(int((values[symbol] > end).any()))]
        ax.plot([end] * len(far), far, ">", color=ORANGE, markersize=4.5, clip_on=False)
        ax.axvline(2, color=GREY, linewidth=1, linestyle=":")
        ax.set(xlim=(0, end), ylim=(0.3, len(symbols) + 0.7), xlabel="error, mm (dotted: 2 mm)")
        ax.set_yticks(range(1, len(symbols) + 1), symbols)
        ax.grid(visible=False, axis="y")
        tissues = {scores.schema[symbol].tissue for symbol in symbols}
        patches = [Patch(color=TISSUE_COLOURS[t], label=TISSUE_NAMES[t]) for t in TISSUE_COLOURS if t in tissues]
        ax.legend(handles=patches, loc="lower right", frameon=True, framealpha=0.9, edgecolor="none")
        svg = svg_bytes(figure)
    columns = (
        *("landmark", "tissue", "points", "missing", "mean_mm", "median_mm", "q1_mm", "q3_mm"),
        *("whisker_low_mm", "whisker_high_mm", "outliers"),
    )
    rows = []
    for symbol, stat in zip(symbols, stats, strict=True):
        missing = int(np.isinf(scores.errors_mm[:, scores.symbols.index(symbol)]).sum())
        keys = ("mean", "med", "q1", "q3", "whislo", "whishi")
        figures = (*(float(stat[key]) for key in keys), len(stat["fliers"]))
        row = (symbol, scores.schema[symbol].tissue, values[symbol].size, missing, *figures)
        rows.append(dict(zip(columns, row, strict=True)))
    notes = ["Box: quartiles and median; whiskers: the last errors within 1.5 box lengths; dots: errors beyond."]
    beyond = sum(int((column > end).sum()) for column in values.values())
    if beyond:
        notes.append(f"Errors above {end:.1f} mm, right of the figure and marked by an arrow: {beyond}.")
    alt = (
        f"Box plots of {len(symbols)} landmarks; {symbols[-1]} has the largest median error, {symbols[0]} the smallest."
    )
    return Plot(name, title, alt, svg, columns, rows, (*notes, *_missing_note(scores)))


def scatter(scores: Scores) -> Plot | Omitted:
    """Error in x and y of each landmark in mm, one panel each, with the 95 % ellipse."""
    name, title = "error_scatter", "Direction of the errors"
    gaps: Floats = (scores.predicted - scores.truth) * scores.pixel_sizes[:, None, None]
    there = np.asarray(np.isfinite(gaps).all(axis=-1), dtype=np.bool_)
    scored = [column for column in range(len(scores.symbols)) if there[:, column].any()]
    if not scored:
        return _without_mm(name, title)
    ellipses = {column: ellipse_95(gaps[there[:, column], column]) for column in scored}
    reach = [_reach(ellipse) for ellipse in ellipses.values() if ellipse is not None]
    end = float(np.clip(np.ceil(max(np.percentile(np.abs(gaps[there]), 99), *reach, 0)), 3, LARGEST_PANEL_MM))
    columns = ("kind", "landmark", "film", "dx_mm", "dy_mm", "half_axis_1_mm", "half_axis_2_mm", "angle_degrees")
    rows: list[Row] = []
    across = min(6, len(scored))
    down = -(-len(scored) // across)
    with style():
        width, height = 7.2 * across / 6 + 0.5, 1.35 * down + 0.5
        # Fixed margins in inches: fitting the layout of so many panels takes as long as drawing them.
        figure = Figure(figsize=(width, height))
        figure.subplots_adjust(0.55 / width, 0.5 / height, 1 - 0.08 / width, 1 - 0.22 / height, 0.12, 0.3)
        panels: Any = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        for index in range(len(scored), down * across):
            panels.flat[index].set_visible(False)
            panels.flat[index - across].tick_params(labelbottom=True)
        for ax, column in zip(panels.flat, scored, strict=False):
            symbol, found = scores.symbols[column], there[:, column]
            points = gaps[found, column]
            ids = [film.film_id for film, kept in zip(scores.films, found, strict=True) if kept]
            rows += [
                dict.fromkeys(columns) | {"kind": "point", "landmark": symbol, "film": film_id, "dx_mm": x, "dy_mm": y}
                for film_id, (x, y) in zip(ids, points.tolist(), strict=True)
            ]
            ellipse = ellipses[column]
            if ellipse is not None:
                rows.append(dict(zip(columns, ("ellipse", symbol, None, *ellipse), strict=True)))
            _panel(ax, scores.schema[symbol], points, ellipse, end)
        figure.supxlabel("error in x, mm (right on the film is right here)", fontsize=8)
        figure.supylabel("error in y, mm (down is down)", fontsize=8)
        svg = svg_bytes(figure)
    beyond = int((np.abs(gaps[there]) > end).any(axis=-1).sum())
    notes = ["Dotted circle: 2 mm. Ellipse: 95 % of a normal distribution with these errors' mean and covariance."]
    if beyond:
        notes.append(f"Points outside the panels, more than {end:g} mm away in x or y: {beyond}.")
    alt = f"Scatter of the error in x and y of {len(scored)} landmarks, with 95 % ellipses; numbers in the CSV file."
    return Plot(name, title, alt, svg, columns, rows, (*notes, *_missing_note(scores)))


def ellipse_95(points: Floats) -> tuple[float, float, float, float, float] | None:
    """The 95 % ellipse of ``points`` (n, 2): centre x, y, half axes (longer first), angle of the longer in degrees.

    None with fewer than three points, which do not define an ellipse.
    """
    if len(points) < 3:
        return None
    variances, axes = np.linalg.eigh(np.cov(points.T))
    # Rounding can leave the variance of points on a line just below zero.
    short, long = np.sqrt(ELLIPSE_95 * np.maximum(variances, 0))
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1])) % 180
    x, y = points.mean(axis=0)
    return float(x), float(y), float(long), float(short), float(angle)


def _reach(ellipse: tuple[float, float, float, float, float]) -> float:
    """Largest distance of the ellipse from (0, 0) in x or in y."""
    x, y, long, short, angle = ellipse
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return float(max(abs(x) + np.hypot(long * cos, short * sin), abs(y) + np.hypot(long * sin, short * cos)))


def _panel(
    ax: Axes,
    landmark: Landmark,
    points: Floats,
    ellipse: tuple[float, float, float, float, float] | None,
    end: float,
) -> None:
    colour = TISSUE_COLOURS[landmark.tissue]
    ax.axhline(0, color="#bbbbbb", linewidth=0.6)
    ax.axvline(0, color="#bbbbbb", linewidth=0.6)
    ax.add_patch(Circle((0, 0), 2, fill=False, edgecolor=GREY, linewidth=0.7, linestyle=":"))
    inside = (np.abs(points) <= end).all(axis=1)
    ax.plot(*points[inside].T, ".", color=colour, markersize=3.2, alpha=0.6, markeredgewidth=0)
    if ellipse is not None:
        x, y, long, short, angle = ellipse
        ax.add_patch(Ellipse((x, y), 2 * long, 2 * short, angle=angle, fill=False, edgecolor="black", linewidth=0.9))
    # y grows downwards, as on the film.
    ax.set(xlim=(-end, end), ylim=(end, -end), aspect="equal")
    ax.set_title(landmark.symbol, fontsize=8, pad=2)
    ticks = [tick for tick in (-6, -3, 0, 3, 6) if abs(tick) < end] if end > 4 else [-2, 0, 2]
    ax.set(xticks=ticks, yticks=ticks)
    ax.tick_params(labelsize=6.5, length=2)
    ax.grid(visible=False)


def _without_mm(name: str, title: str) -> Omitted:
    return Omitted(name, title, "no film with a pixel size has a prediction to judge, so there are no errors in mm")


def _missing_note(scores: Scores) -> tuple[str, ...]:
    missing = int(np.isinf(scores.errors_mm).sum())
    return (f"{missing} points without a prediction are not drawn; each is a miss in every SDR.",) if missing else ()
