"""One page for one film: its tracing, all measurements beside their norms, and where everything comes from."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.results import BORDERLINE, Result, class_text
from cephkit.cephalometry.sheet_rows import analysis_table, grouped, height, in_columns, value_text
from cephkit.data.film import Points
from cephkit.data.spacing import Plane, Spacing
from cephkit.drawing.tracing import tracing_svg
from cephkit.landmarks import Facing
from cephkit.notice import NOTICE, VERSION

SHEET_ENDING = "_sheet.html"
"""Of the files that sheets are written to."""
PLANES: dict[Plane, str] = {
    "head": "lengths are those in the middle of the head",
    "detector": "measured at the detector, where lengths are larger than in the head",
    "film": "measured on the film, where lengths are larger than in the head",
    "unknown": "whether it holds in the head or at the detector is not known, so lengths may be enlarged",
}
FEW_ROWS = 30
"""Up to so many measurements are printed larger, in two columns."""
LARGEST_NOTES, LONGEST_NOTE, LONGEST_NAME, LONGEST_FACT = 3, 150, 50, 90
"""Notes, and letters of one, of the film's name and of other facts, that a page has room for."""
TABLES_MM, LOWEST_ROW_MM, HIGHEST_ROW_MM = 106.0, 2.8, 4.0
"""Height of the tables where it can be chosen, and of their lines."""


def sheet_html(
    name: str,
    grey: NDArray[np.uint8] | None,
    points: Points,
    results: Sequence[Result],
    *,
    facing: Facing | None = None,
    spacing: Spacing | None = None,
    subject: Subject | None = None,
    notes: Sequence[str] = (),
    regions: Mapping[str, ArrayLike] | None = None,
    source: str = "",
    errors_rest_on: str = "",
    film_hash: str = "",
) -> str:
    """A page of HTML that needs no other file and no network, and prints on one sheet of A4 or Letter.

    Args:
        name: of the film.
        grey: (H, W), the film; None: the tracing stands on white.
        points: landmarks by symbol, film pixels.
        results: of ``analyses.measure``.
        facing: where the face looks on the film.
        spacing: of the film's pixels, which the results were made with.
        subject: whose face it is.
        notes: doubts that a person should know of.
        regions: 90 % regions (2, 2) by symbol, film pixels squared, of the landmarks that need a look.
        source: who marked the landmarks, e.g. the model.
        errors_rest_on: what films the landmarks' errors were learnt from.
        film_hash: of the film.
    """
    measured = [result for result in results if result.value is not None]
    drawn = tracing_svg(points, grey, regions, spacing, f"Tracing of {name}")
    facts = _facts(film_hash, points, source, errors_rest_on, facing, spacing, subject or Subject())
    wide = " wide" if len(measured) <= FEW_ROWS else ""
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        # Names come from strangers: even what slipped through would load and run nothing.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}: cephalometric measurements</title>\n<style>\n{_css()}</style>\n</head>\n<body>\n"
        f'<div class="sheet{wide}">\n{_header(name)}\n{_looks(notes)}\n'
        f'<div class="top"><div class="film">{drawn}</div><div class="side">{facts}{_classes(measured)}</div></div>\n'
        f"{_key(bool(regions), measured)}\n{_tables(measured, bool(wide))}\n{_footer(results)}\n"
        "</div>\n</body>\n</html>\n"
    )
    # A file's name need not be UTF-8; the page must be.
    return page.encode("utf-8", "replace").decode("utf-8")


def _css() -> str:
    return files("cephkit.cephalometry").joinpath("sheet.css").read_text(encoding="utf-8")


def _header(name: str) -> str:
    return (
        f"<header><h1>Cephalometric measurements <small>{_cut(name, LONGEST_NAME)}</small></h1>"
        f'<span><span class="notice">{escape(NOTICE)}</span> cephkit {escape(VERSION)}</span></header>'
    )


def _tables(measured: Sequence[Result], wide: bool) -> str:
    """All measurements, in lines as high as the page has room for."""
    columns = in_columns(measured, 2 if wide else 3)
    lines = max(map(height, columns), default=1.0)
    row_mm = min(max(TABLES_MM / lines, LOWEST_ROW_MM), HIGHEST_ROW_MM)
    tables = "".join(f"<div>{''.join(map(analysis_table, column))}</div>" for column in columns)
    return f'<div class="tables" style="--row: {row_mm:.2f}mm">{tables}</div>'


def _facts(
    film_hash: str,
    points: Points,
    source: str,
    errors_rest_on: str,
    facing: Facing | None,
    spacing: Spacing | None,
    subject: Subject,
) -> str:
    face = ", ".join(
        part
        for part in (
            subject.sex or "sex not known",
            "age not known" if subject.age is None else f"{subject.age:g} years",
            "" if facing is None else f"looks {facing}",
        )
        if part
    )
    facts = {
        "Film hash": _cut(film_hash),
        "Landmarks": f"{len(points)}" + (f", {_cut(source)}" if source else ""),
        "Errors from": escape(errors_rest_on),
        "Face": face,
        "Pixel size": _pixel_size(spacing, subject.enlargement_percent),
    }
    rows = "".join(f"<dt>{key}</dt><dd>{said}</dd>" for key, said in facts.items() if said)
    return f"<dl>{rows}</dl>"


def _pixel_size(spacing: Spacing | None, enlargement_percent: float | None) -> str:
    if spacing is None:
        return "not known: angles and ratios only"
    sides = f"{spacing.mean_mm:.4g}" if spacing.is_square else f"{spacing.column_mm:.4g} x {spacing.row_mm:.4g}"
    plane = PLANES[spacing.plane]
    if enlargement_percent is not None and spacing.plane != "head":
        plane = f"lengths exceed those of the head by {enlargement_percent:g} %, as given"
    return f"{sides} mm ({_cut(spacing.origin)}); {plane}"


def _looks(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    shown = [_cut(note, LONGEST_NOTE) for note in notes[:LARGEST_NOTES]]
    if len(notes) > LARGEST_NOTES:
        shown.append(f"and {len(notes) - LARGEST_NOTES} more notes, which the JSON file has")
    return f'<ul class="look">{"".join(f"<li>{note}</li>" for note in shown)}</ul>'


def _cut(text: str, longest: int = LONGEST_FACT) -> str:
    """``text`` for HTML, its end left out where it is too long for a page."""
    return escape(text if len(text) <= longest else f"{text[:longest]}…")


def _classes(measured: Iterable[Result]) -> str:
    rows = []
    for result in measured:
        if result.value is None or not (result.class_name or result.class_withheld):
            continue
        said = escape(f"no class: {result.class_withheld}" if result.class_withheld else class_text(result))
        said = said.replace(BORDERLINE, f'<span class="border">{BORDERLINE}</span>')
        rows.append(
            f'<tr><td>{escape(result.name)}</td><td class="v">{escape(value_text(result.value, result))}</td>'
            f"<td>{said}<small>{escape(f'{result.class_question}; {result.class_rule}')}</small></td></tr>"
        )
    return f'<div><h2>Classes</h2><table class="classes">{"".join(rows)}</table></div>' if rows else ""


def _key(regions: bool, measured: Sequence[Result]) -> str:
    """What the signs mean."""
    said = ["<span>+ bone</span><span>× tooth</span><span>◦ soft tissue; outlines are schematic</span>"]
    if regions:
        said.append("<span>ellipse: look here, the true point is inside with 90 %</span>")
    if any(result.standard_error is not None for result in measured):
        said.append("<span>± standard error by the landmarks' errors</span>")
    if any(result.deviation_sd is not None for result in measured):
        said.append("<span>bar: deviation from the mean, shaded to 1 and 2 SD, number in SD</span>")
    if any(result.difference is not None and result.deviation_sd is None for result in measured):
        said.append("<span>Δ difference from a goal or mean without SD</span>")
    if any(result.norm is None and not result.norm_withheld for result in measured):
        said.append("<span>no norm: none, or none verified</span>")
    return f'<div class="key">{"".join(said)}</div>'


def _footer(results: Sequence[Result]) -> str:
    there = {result.name for result in results if result.value is not None}
    absent = [
        (f"({result.absent})", f"{result.analysis} {result.name}" if result.name in there else result.name)
        for result in results
        if result.value is None
    ]
    withheld = [
        (f"({result.norm_withheld})", f"{result.analysis} {result.name}")
        for result in results
        if result.value is not None and result.norm is None and result.norm_withheld
    ]
    lines = [
        f"<p><strong>Not measured:</strong> {grouped(absent)}.</p>" if absent else "",
        f"<p><strong>Norm withheld:</strong> {grouped(withheld)}.</p>" if withheld else "",
        _sources(results),
    ]
    return f"<footer>{''.join(lines)}</footer>"


def _sources(results: Sequence[Result]) -> str:
    """Where the norms shown come from, of what kind they are, whom they were made on, and how they were checked."""
    analyses: dict[str, dict[str, dict[str, None]]] = {}
    checked: dict[str, dict[str, None]] = {}
    for result in results:
        norm = result.norm
        if norm is not None and result.value is not None:
            kinds = analyses.setdefault(result.analysis, {}).setdefault(norm.source, {})
            kinds[", ".join(part for part in (norm.kind, str(norm.sample)) if part)] = None
            checked.setdefault(norm.verification, {})[result.analysis] = None
    said = [
        f"<b>{escape(analysis)}:</b> "
        + escape(", ".join(f"{source} ({'; '.join(kinds)})" for source, kinds in sources.items()))
        for analysis, sources in analyses.items()
    ]
    how = [
        escape(text if len(checked) == 1 else f"{', '.join(names)}: {text}") for text, names in checked.items() if text
    ]
    checks = f" <strong>Checked:</strong> {'. '.join(how)}." if how else ""
    return f"<p><strong>Norms:</strong> {'; '.join(said)}.{checks}</p>" if said else ""
