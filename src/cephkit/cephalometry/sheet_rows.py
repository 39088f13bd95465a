"""The tables of a sheet: one line a measurement, and what stands below them, as HTML."""

from collections.abc import Iterable, Sequence
from html import escape

from cephkit.cephalometry.norms import Norm
from cephkit.cephalometry.results import Result

UNITS = {"deg": "°", "mm": " mm", "%": " %", "ratio": ""}
LARGEST_SD = 3.0
"""Where the bar of deviations ends; a larger one stands at its end."""
ARROWS = {"below": "▼", "within": "●", "above": "▲"}
LONG_NAME = 14
"""Letters; a longer name is set smaller."""
_COLUMNS = "".join(f'<col class="{name}">' for name in ("name", "value", "error", "norms", "bars", "sds"))


def analysis_table(results: Sequence[Result]) -> str:
    """The measured of one analysis; ``results`` are all of that analysis and have a value."""
    rows = [
        _row(result, *(_deviation(results, index + step) for step in (-1, 0, 1)))
        for index, result in enumerate(results)
    ]
    return (
        f'<table><colgroup>{_COLUMNS}</colgroup><thead><tr><th colspan="6" scope="colgroup">'
        f"{escape(results[0].analysis)}</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def in_columns(results: Sequence[Result], columns: int) -> list[list[list[Result]]]:
    """The analyses in so many columns, in their order, so that the longest column is as short as can be."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.analysis, []).append(result)
    analyses = list(groups.values())
    limit = max((height([analysis]) for analysis in analyses), default=0.0)
    while len(placed := _filled(analyses, limit)) > columns:
        limit += 0.1
    return placed


def height(analyses: Sequence[Sequence[Result]]) -> float:
    """Lines of a column, the analyses' names among them."""
    return sum(len(analysis) + 1.4 for analysis in analyses)


def value_text(value: float, result: Result) -> str:
    """A value with its unit."""
    return f"{number(value, _digits(result))}{UNITS[result.unit]}"


def norm_text(norm: Norm, digits: int) -> str:
    """The figures of a norm, and whether it is a goal; which kind of norm it is otherwise stands with its source."""
    if norm.sd is not None and norm.mean is not None:
        return f"{number(norm.mean, digits, idle_zeros=False)} ± {number(norm.sd, digits + 1, idle_zeros=False)}"
    if norm.low is not None and norm.high is None:
        return f"\N{GREATER-THAN OR EQUAL TO} {number(norm.low, digits, idle_zeros=False)}"
    if norm.low is None and norm.high is not None:
        return f"\N{LESS-THAN OR EQUAL TO} {number(norm.high, digits, idle_zeros=False)}"
    if norm.low is not None and norm.high is not None:
        joint = "–" if norm.low >= 0 else " to "
        return joint.join(number(end, digits, idle_zeros=False) for end in (norm.low, norm.high))
    if norm.mean is None:
        return ""
    return number(norm.mean, digits, idle_zeros=False) + (" goal" if norm.kind == "goal" else "")


def number(value: float, digits: int, idle_zeros: bool = True) -> str:
    """A number with a minus sign that is one, and none before zero."""
    text = f"{value:.{digits}f}"
    if not idle_zeros and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text.removeprefix("-")


def grouped(named: Iterable[tuple[str, str]]) -> str:
    """(reason, name) as one line of HTML: each reason once, with the names that it is about."""
    groups: dict[str, dict[str, None]] = {}
    for reason, name in named:
        groups.setdefault(reason, {})[name] = None
    return "; ".join(f"<b>{escape(', '.join(names))}</b> {escape(reason)}" for reason, names in groups.items())


def _row(result: Result, before: float | None, deviation: float | None, after: float | None) -> str:
    assert result.value is not None
    error = "" if result.standard_error is None else f"±{number(result.standard_error, _digits(result))}"
    norm = "" if result.norm is None else norm_text(result.norm, _digits(result))
    withheld = "<i>withheld</i>" if result.norm_withheld else ""
    long = ' class="long"' if len(result.name) > LONG_NAME else ""
    cells = [
        f'<th scope="row"{long} title="{escape(_said(result))}">{escape(result.name)}</th>',
        f'<td>{escape(value_text(result.value, result))}</td><td class="se">{error}</td>',
        f'<td class="norm">{escape(norm) or withheld}</td>',
    ]
    if deviation is not None:
        cells.append(f'<td class="bar">{_bar(before, deviation, after)}</td><td>{_signed(deviation)}</td>')
    else:
        cells.append(f'<td colspan="2">{_against(result)}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _digits(result: Result) -> int:
    """Digits after the point: one, and of a ratio as many as tell three figures."""
    if result.unit != "ratio" or result.value is None:
        return 1
    size = abs(result.value)
    return 3 if size < 1 else 2 if size < 10 else 0


def _against(result: Result) -> str:
    """below, within or above a range; the difference from a goal."""
    where, difference = result.against_range, result.difference
    if where is not None:
        return f"{ARROWS[where]} {where}"
    if difference is None:
        return ""
    return f"Δ {_signed(difference, _digits(result))}"


def _bar(before: float | None, deviation: float, after: float | None) -> str:
    """The deviation in SDs on an axis from -3 to 3, joined with those of the rows above and below."""
    x = _clipped(deviation)
    path = [f"M{x:.2f} .5"]
    for neighbour, y in ((before, "0"), (after, "1")):
        if neighbour is not None:
            path.append(f"M{x:.2f} .5L{(x + _clipped(neighbour)) / 2:.2f} {y}")
    return (
        '<svg viewBox="-3.3 0 6.6 1" preserveAspectRatio="none" aria-hidden="true"><rect class="b2" x="-2" width="4" '
        'height="1"/><rect class="b1" x="-1" width="2" height="1"/><path class="zero" d="M0 0V1"/>'
        f'<path class="wiggle" d="{"".join(path)}"/><path class="dot{" far" * (abs(deviation) > 2)}" '
        f'd="M{x:.2f} .5h.001"/></svg>'
    )


def _deviation(results: Sequence[Result], index: int) -> float | None:
    return results[index].deviation_sd if 0 <= index < len(results) else None


def _clipped(deviation: float) -> float:
    return min(max(deviation, -LARGEST_SD), LARGEST_SD)


def _said(result: Result) -> str:
    """What a pointer on the name shows."""
    norm = result.norm
    parts = [
        result.note,
        "" if norm is None else f"norm: {norm.kind}, {norm.source}",
        "" if norm is None else str(norm.sample),
        "" if norm is None else norm.verification,
        "" if norm is None or norm.sd is None or norm.low is None else f"range {norm.low:g} to {norm.high:g}",
        "" if norm is None else norm.note,
        result.norm_withheld,
    ]
    return "; ".join(part for part in parts if part)


def _signed(value: float, digits: int = 1) -> str:
    text = number(value, digits)
    return text if text.startswith("\N{MINUS SIGN}") or not float(text) else f"+{text}"


def _filled(analyses: Sequence[list[Result]], limit: float) -> list[list[list[Result]]]:
    """Columns filled one after the other up to ``limit`` lines."""
    columns: list[list[list[Result]]] = []
    for analysis in analyses:
        if columns and height([*columns[-1], analysis]) <= limit + 1e-9:
            columns[-1].append(analysis)
        else:
            columns.append([analysis])
    return columns
