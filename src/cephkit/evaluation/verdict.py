"""A comparison of two models as text and tables: the verdict, what supports it, and a row for each landmark.

Two models are compared on the films and landmarks that both are scored on.
"""

from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from cephkit.errors import DataError, some
from cephkit.evaluation.compare import P_VALUE, Comparison, Difference, Unit
from cephkit.evaluation.metrics import THRESHOLDS_MM
from cephkit.evaluation.scoring import Scores
from cephkit.files import Row
from cephkit.geometry import Floats
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import in_known_order
from cephkit.screen import figure, figure_table


@dataclass(frozen=True)
class Paired:
    """Errors of A and B on the same films, landmarks and truth, and what could not be compared."""

    symbols: tuple[str, ...]
    errors_a: Floats
    """(N, K) in ``unit``; see ``radial_errors``."""
    errors_b: Floats
    unit: Unit
    """``mm``; ``px`` (film pixels) if no film has a pixel size."""
    schema: LandmarkSchema
    left_out: dict[str, list[str]]
    """Films and landmarks that are not compared, by reason."""


def paired(a: Scores, b: Scores) -> Paired:
    """Return the errors on the films and landmarks that both are scored on; in mm if any film has a pixel size.

    Raises:
        DataError: there is no such film or landmark.
    """
    rows_a = {(film.split, film.film_id): row for row, film in enumerate(a.films)}
    rows_b = {(film.split, film.film_id): row for row, film in enumerate(b.films)}
    with_truth = {*a.symbols, *b.symbols} - {*a.landmarks_without_truth, *b.landmarks_without_truth}
    scored_a, scored_b = (tuple(s for s in one.symbols if s in with_truth) for one in (a, b))
    schema = in_known_order(a.schema, b.schema)
    symbols = schema.in_order(set(scored_a) & set(scored_b))
    films = [film for film in rows_a if film in rows_b]
    if not symbols:
        raise DataError(
            "nothing to compare: no landmark is scored for both. "
            f"A has {' '.join(scored_a) or 'none'}; B has {' '.join(scored_b) or 'none'}"
        )
    if not films:
        raise DataError("nothing to compare: no film is scored for both")
    index_a, index_b = [rows_a[film] for film in films], [rows_b[film] for film in films]
    columns_a, columns_b = ([one.symbols.index(symbol) for symbol in symbols] for one in (a, b))
    spaced = bool(np.isfinite(a.pixel_sizes[index_a]).any())
    errors_a, errors_b = (a.errors_mm, b.errors_mm) if spaced else (a.errors_px, b.errors_px)
    errors_a, errors_b = errors_a[np.ix_(index_a, columns_a)], errors_b[np.ix_(index_b, columns_b)]
    if np.isnan(errors_a).all():
        raise DataError(f"nothing to compare: no film has a truth of {' '.join(symbols)} and a pixel size")
    neither = {*a.landmarks_not_predicted} & {*b.landmarks_not_predicted}
    left_out = {
        "landmarks_only_in_a": [s for s in scored_a if s not in symbols],
        "landmarks_only_in_b": [s for s in scored_b if s not in symbols],
        "landmarks_in_neither": list(schema.in_order(neither)),
        "films_only_in_a": [film_id for split, film_id in rows_a if (split, film_id) not in rows_b],
        "films_only_in_b": [film_id for split, film_id in rows_b if (split, film_id) not in rows_a],
        "films_without_pixel_size": [film for film in a.films_without_pixel_size if spaced],
    }
    return Paired(symbols, errors_a, errors_b, "mm" if spaced else "px", schema, left_out)


FEW_FILMS = 30
"""Below it percentile intervals are too narrow and p-values too small to be taken at face value."""

_PARTS = ("a", "b", "difference", "low", "high", "p", "p_holm")
LANDMARK_COLUMNS = (
    *("symbol", "title", "tissue", "unit", "films", "points", "points_both", "missing_a", "missing_b"),
    *(f"mre_{part}" for part in _PARTS),
    *(f"sdr_{key}mm_percent_{part}" for key in THRESHOLDS_MM for part in _PARTS),
)
"""Of landmarks.csv."""


def verdict(total: Comparison, unit: Unit) -> str:
    """Return one line: B is better, A is better, or no significant difference; and the figures behind it."""
    mre = total.mre
    if mre.difference is None:
        return "no significant difference: no point was found by both"
    if mre.ci95 is None or mre.p is None:
        return f"no significant difference: MRE {mre.difference:+.3f} {unit}, on too few films to resample"
    figures = (
        f"MRE B - A {mre.difference:+.3f} {unit}, 95 % interval {mre.ci95[0]:+.3f} to {mre.ci95[1]:+.3f}, "
        f"p = {_p(mre.p)}"
    )
    if total.contradicting:
        rates = ", ".join(f"SDR@{key}" for key in total.contradicting)
        return f"no significant difference: MRE and {rates} contradict each other ({figures})"
    return f"{f'{total.better} is better' if total.better else 'no significant difference'}: {figures}"


def landmark_rows(landmarks: dict[str, Comparison], schema: LandmarkSchema, unit: Unit) -> list[Row]:
    """Return a row per landmark, with the columns ``LANDMARK_COLUMNS``."""
    rows = []
    for symbol, one in landmarks.items():
        row: Row = {
            **{"symbol": symbol, "title": schema[symbol].title, "tissue": schema[symbol].tissue, "unit": unit},
            **{"films": one.films, "points": one.points, "points_both": one.points_both},
            **{"missing_a": one.missing_a, "missing_b": one.missing_b},
            **_cells("mre", one.mre),
        }
        for key in THRESHOLDS_MM:
            row |= _cells(f"sdr_{key}mm_percent", one.sdr.get(key, Difference(None, None, None)))
        rows.append(row)
    return rows


def notes(total: Comparison, landmarks: dict[str, Comparison], pair: Paired) -> list[str]:
    """Return what the table leaves out, one line each."""
    lines = [f"p: {P_VALUE}"]
    if total.films < FEW_FILMS:
        lines.append(f"only {total.films} films: intervals come out too narrow and p-values too small")
    for name, sign in (("B", -1), ("A", 1)):
        ahead = [s for s, one in landmarks.items() if one.mre.significant and sign * (one.mre.difference or 0.0) > 0]
        if ahead:
            lines.append(f"landmarks with a smaller MRE for {name} (p after Holm's correction): {' '.join(ahead)}")
    dropped = total.points - total.points_both
    if dropped:
        lines.append(
            f"NOT FOUND, each a miss in SDR: A {total.missing_a}, B {total.missing_b} points; "
            f"left out of the MRE of both: {dropped} points"
        )
    if pair.unit == "px":
        lines.append("no film has a pixel size: compared in film pixels, without SDR")
    reasons = {
        "landmarks_only_in_a": "landmarks that only A has, not compared",
        "landmarks_only_in_b": "landmarks that only B has, not compared",
        "landmarks_in_neither": "landmarks with a truth that neither found",
        "films_only_in_a": "films that only A is scored on, not compared",
        "films_only_in_b": "films that only B is scored on, not compared",
        "films_without_pixel_size": "films without a pixel size, not compared",
    }
    lines += [f"{text}: {some(pair.left_out[name], 10)}" for name, text in reasons.items() if pair.left_out[name]]
    return lines


def print_comparison(
    heading: str, total: Comparison, landmarks: dict[str, Comparison], pair: Paired, console: Console
) -> None:
    """Print ``heading``, the figures as a short table, notes, and the verdict last."""
    counts = f"films: {total.films}   landmarks: {len(landmarks)}   points: {total.points}"
    console.print(f"{heading}   {counts}", highlight=False, markup=False, soft_wrap=True)
    table = figure_table([""], ("A", "B", "B - A", "95 % interval", "p"))
    _add(table, f"MRE {pair.unit}", total.mre, 3)
    for key, rate in total.sdr.items():
        _add(table, f"SDR@{key} %", rate, 2)
    console.print(table)
    for line in notes(total, landmarks, pair):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(verdict(total, pair.unit), highlight=False, markup=False, soft_wrap=True, style="bold")


def _cells(name: str, one: Difference) -> Row:
    low, high = one.ci95 or (None, None)
    values = (one.a, one.b, one.difference, low, high, one.p, one.p_holm)
    return {f"{name}_{part}": value for part, value in zip(_PARTS, values, strict=True)}


def _add(table: Table, name: str, one: Difference, digits: int) -> None:
    interval = "-" if one.ci95 is None else f"{one.ci95[0]:+.{digits}f} to {one.ci95[1]:+.{digits}f}"
    plain = (figure(value, digits) for value in (one.a, one.b))
    gap = "-" if one.difference is None else f"{one.difference:+.{digits}f}"
    table.add_row(name, *plain, gap, interval, "-" if one.p is None else _p(one.p))


def _p(value: float) -> str:
    return f"{value:.2g}" if value < 0.001 else f"{value:.3f}"
