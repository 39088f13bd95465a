"""A comparison of two models as text and tables: the verdict, what supports it, and a row for each landmark."""

from rich.console import Console
from rich.table import Table

from cephkit.evaluation.compare import P_VALUE, Comparison, Difference, Unit
from cephkit.evaluation.metrics import THRESHOLDS_MM
from cephkit.evaluation.pairing import Paired
from cephkit.files import Row
from cephkit.landmarks import BY_SYMBOL
from cephkit.screen import figure, figure_table

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


def landmark_rows(landmarks: dict[str, Comparison], unit: Unit) -> list[Row]:
    """Return a row per landmark, with the columns ``LANDMARK_COLUMNS``."""
    rows = []
    for symbol, one in landmarks.items():
        row: Row = {
            **{"symbol": symbol, "title": BY_SYMBOL[symbol].title, "tissue": BY_SYMBOL[symbol].tissue, "unit": unit},
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
    lines += [f"{text}: {_some(pair.left_out[name])}" for name, text in reasons.items() if pair.left_out[name]]
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


def _some(names: list[str], most: int = 10) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return " ".join(names[:most]) + rest
