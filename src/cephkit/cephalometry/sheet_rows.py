"""The rows of a sheet's tables, one per measurement, and how they are set in columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cephkit.cephalometry.norms import Norm
from cephkit.cephalometry.results import Result

UNITS = {"deg": "°", "mm": " mm", "%": " %", "ratio": ""}
LARGEST_SD = 3.0
"""End of the axis of deviations; larger ones are drawn there."""
ARROWS = {"below": "▼", "within": "●", "above": "▲"}
WITHHELD = "withheld"
"""Stands in place of a norm that does not fit this face."""
LONG_NAME = 14
"""Letters; longer names are set smaller."""


@dataclass(frozen=True)
class Bar:
    """A deviation in SDs on an axis from -3 to 3, joined with those of the rows above and below."""

    x: float
    ends: tuple[tuple[float, int], ...]
    """Where the lines from the deviation leave the row: x, and 0 at its top or 1 at its bottom."""
    is_far: bool
    """Beyond 2 SD."""

    @property
    def path(self) -> str:
        """The lines, in SVG."""
        return f"M{self.x:.2f} .5" + "".join(f"M{self.x:.2f} .5L{x:.2f} {y}" for x, y in self.ends)

    @property
    def dot(self) -> str:
        """The deviation, in SVG."""
        return f"M{self.x:.2f} .5h.001"


@dataclass(frozen=True)
class SheetRow:
    """One measurement, as texts."""

    name: str
    hint: str
    """Tooltip of the name."""
    value: str
    error: str
    norm: str
    """``withheld`` if there is one, but not for this face."""
    is_withheld: bool
    difference: str
    """From the norm: in SD with a bar, otherwise in the measurement's unit or against a range."""
    bar: Bar | None
    is_long: bool
    """Whether the name must be set smaller."""


def sheet_rows(results: Sequence[Result]) -> list[SheetRow]:
    """The rows of one analysis, all of whose ``results`` have a value."""
    deviations = [None, *(result.deviation_sd for result in results), None]
    return [
        _row(result, *around)
        for result, around in zip(results, zip(deviations, deviations[1:], deviations[2:], strict=False), strict=True)
    ]


def in_columns(results: Sequence[Result], columns: int) -> list[list[list[Result]]]:
    """The analyses in at most ``columns`` columns, in their order, the longest column as short as possible."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.analysis, []).append(result)
    analyses = list(groups.values())
    limit = max((height([analysis]) for analysis in analyses), default=0.0)
    while len(placed := _filled(analyses, limit)) > columns:
        limit += 0.1
    return placed


def height(analyses: Sequence[Sequence[Result]]) -> float:
    """Lines of a column, including the names of the analyses."""
    return sum(len(analysis) + 1.4 for analysis in analyses)


def value_text(value: float, result: Result) -> str:
    """A value with its unit."""
    return f"{number(value, _digits(result))}{UNITS[result.unit]}"


def norm_text(norm: Norm, digits: int) -> str:
    """The figures of a norm, and whether it is a goal; other kinds are given with the source."""
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
    """A number with a typographic minus sign, and none before zero."""
    text = f"{value:.{digits}f}"
    if not idle_zeros and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text.removeprefix("-")


def by_reason(named: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """(reason, name) to (names, reason), each reason once."""
    groups: dict[str, dict[str, None]] = {}
    for reason, name in named:
        groups.setdefault(reason, {})[name] = None
    return [(", ".join(names), reason) for reason, names in groups.items()]


def _row(result: Result, before: float | None, deviation: float | None, after: float | None) -> SheetRow:
    assert result.value is not None
    digits = _digits(result)
    norm = "" if result.norm is None else norm_text(result.norm, digits)
    is_withheld = bool(result.norm_withheld) and not norm
    return SheetRow(
        result.name,
        _hint(result),
        value_text(result.value, result),
        "" if result.standard_error is None else f"±{number(result.standard_error, digits)}",
        WITHHELD if is_withheld else norm,
        is_withheld,
        _against(result) if deviation is None else _signed(deviation),
        None if deviation is None else _bar(before, deviation, after),
        len(result.name) > LONG_NAME,
    )


def _digits(result: Result) -> int:
    """Decimals: one; for a ratio as many as give three significant figures."""
    if result.unit != "ratio" or result.value is None:
        return 1
    size = abs(result.value)
    return 3 if size < 1 else 2 if size < 10 else 0


def _against(result: Result) -> str:
    """Position relative to a range, or difference from a goal."""
    where, difference = result.against_range, result.difference
    if where is not None:
        return f"{ARROWS[where]} {where}"
    if difference is None:
        return ""
    return f"Δ {_signed(difference, _digits(result))}"


def _bar(before: float | None, deviation: float, after: float | None) -> Bar:
    x = _clipped(deviation)
    ends = (((x + _clipped(neighbour)) / 2, y) for neighbour, y in ((before, 0), (after, 1)) if neighbour is not None)
    return Bar(x, tuple(ends), abs(deviation) > 2)


def _clipped(deviation: float) -> float:
    return min(max(deviation, -LARGEST_SD), LARGEST_SD)


def _hint(result: Result) -> str:
    norm = result.norm
    of_norm = norm and (
        f"norm: {norm.kind}, {norm.source}",
        str(norm.sample),
        norm.verification,
        "" if norm.sd is None or norm.low is None else f"range {norm.low:g} to {norm.high:g}",
        norm.note,
    )
    return "; ".join(part for part in (result.note, *(of_norm or ()), result.norm_withheld) if part)


def _signed(value: float, digits: int = 1) -> str:
    text = number(value, digits)
    return text if text.startswith("\N{MINUS SIGN}") or not float(text) else f"+{text}"


def _filled(analyses: Sequence[list[Result]], limit: float) -> list[list[list[Result]]]:
    """Columns filled in turn, up to ``limit`` lines each."""
    columns: list[list[list[Result]]] = []
    for analysis in analyses:
        if columns and height([*columns[-1], analysis]) <= limit + 1e-9:
            columns[-1].append(analysis)
        else:
            columns.append([analysis])
    return columns
