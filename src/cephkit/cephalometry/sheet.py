"""One page for one film: its tracing, all measurements with their norms, and the sources of everything."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.results import BORDERLINE, Result, class_text
from cephkit.cephalometry.sheet_rows import by_reason, height, in_columns, sheet_rows, value_text
from cephkit.data.film import Points
from cephkit.data.spacing import Plane, Spacing
from cephkit.drawing.tracing import tracing_svg
from cephkit.landmarks import Facing
from cephkit.notice import NOTICE, VERSION
from cephkit.pages import render

SHEET_ENDING = "_sheet.html"
"""Ending of the files of sheets."""
PLANES: dict[Plane, str] = {
    "head": "lengths are those in the middle of the head",
    "detector": "measured at the detector, where lengths are larger than in the head",
    "film": "measured on the film, where lengths are larger than in the head",
    "unknown": "whether it applies in the head or at the detector is not known, so lengths may be enlarged",
}
FEW_ROWS = 30
"""Up to this number, measurements are printed larger, in two columns."""
MOST_NOTES, LONGEST_NOTE, LONGEST_NAME, LONGEST_FACT = 3, 150, 50, 90
"""Number of notes, and letters of a note, of the film's name and of other facts, that fit on a page."""
TABLES_MM, LOWEST_ROW_MM, HIGHEST_ROW_MM = 106.0, 2.8, 4.0
"""Height of the tables if it can be chosen, and limits of the height of a line."""


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
    """A self-contained HTML page that prints on one sheet of A4 or Letter.

    Args:
        name: of the film.
        grey: (H, W), the film; None: the tracing is drawn on white.
        points: landmarks by symbol, film pixels.
        results: of ``analyses.measure``.
        facing: the direction in which the face points on the film.
        spacing: of the film's pixels, as used for the results.
        subject: whose face it is.
        notes: doubts that a reader should know about.
        regions: 90 % regions (2, 2) by symbol, film pixels squared, of the landmarks that need review.
        source: of the landmarks, e.g. the model.
        errors_rest_on: the films that the landmarks' errors were estimated on.
        film_hash: of the film.
    """
    measured = [result for result in results if result.value is not None]
    is_wide = len(measured) <= FEW_ROWS
    columns = in_columns(measured, 2 if is_wide else 3)
    row_mm = TABLES_MM / max(map(height, columns), default=1.0)
    norms, checks = _norms(measured)
    page = render(
        "cephalometry/templates/sheet.html.j2",
        name=name,
        heading=_shortened(name, LONGEST_NAME),
        notice=NOTICE,
        version=VERSION,
        is_wide=is_wide,
        notes=_notes(notes),
        tracing=Markup(tracing_svg(points, grey, regions, spacing, f"Tracing of {name}")),
        facts={
            "Film hash": _shortened(film_hash),
            "Landmarks": f"{len(points)}" + (f", {_shortened(source)}" if source else ""),
            "Errors from": errors_rest_on,
            "Face": _face(facing, subject or Subject()),
            "Pixel size": _pixel_size(spacing, subject.enlargement_percent if subject else None),
        },
        classes=[result for result in measured if result.class_name or result.class_withheld],
        value_text=value_text,
        class_text=class_text,
        border=BORDERLINE,
        key=_key(bool(regions), measured),
        row_mm=f"{min(max(row_mm, LOWEST_ROW_MM), HIGHEST_ROW_MM):.2f}",
        columns=[[(analysis[0].analysis, sheet_rows(analysis)) for analysis in column] for column in columns],
        absent=_absent(results),
        withheld=by_reason(
            (result.norm_withheld, f"{result.analysis} {result.name}")
            for result in measured
            if result.norm is None and result.norm_withheld
        ),
        norms=norms,
        checks=checks,
    )
    # A file's name need not be UTF-8; the page must be.
    return page.encode("utf-8", "replace").decode("utf-8")


def _face(facing: Facing | None, subject: Subject) -> str:
    age = "age not known" if subject.age is None else f"{subject.age:g} years"
    return ", ".join([subject.sex or "sex not known", age, *([f"faces {facing}"] if facing else [])])


def _pixel_size(spacing: Spacing | None, enlargement_percent: float | None) -> str:
    if spacing is None:
        return "not known: angles and ratios only"
    sides = f"{spacing.mean_mm:.4g}" if spacing.is_square else f"{spacing.column_mm:.4g} x {spacing.row_mm:.4g}"
    plane = PLANES[spacing.plane]
    if enlargement_percent is not None and spacing.plane != "head":
        plane = f"lengths exceed those of the head by {enlargement_percent:g} %, as given"
    return f"{sides} mm ({_shortened(spacing.origin)}); {plane}"


def _notes(notes: Sequence[str]) -> list[str]:
    kept = [_shortened(note, LONGEST_NOTE) for note in notes[:MOST_NOTES]]
    more = len(notes) - len(kept)
    return [*kept, f"and {more} more notes, see the JSON file"] if more else kept


def _shortened(text: str, longest: int = LONGEST_FACT) -> str:
    """``text``, cut off at its end if it is too long for a page."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def _key(has_regions: bool, measured: Sequence[Result]) -> list[str]:
    """What the signs on this page mean."""
    meanings = {
        "+ bone": True,
        "× tooth": True,
        "◦ soft tissue; outlines are schematic": True,
        "ellipse: needs review, the true point is inside with 90 % probability": has_regions,
        "± standard error from the landmarks' errors": any(r.standard_error is not None for r in measured),
        "bar: deviation from the mean, shaded to 1 and 2 SD, number in SD": any(
            result.deviation_sd is not None for result in measured
        ),
        "Δ difference from a goal or mean without SD": any(
            result.difference is not None and result.deviation_sd is None for result in measured
        ),
        "no norm: none, or none verified": any(r.norm is None and not r.norm_withheld for r in measured),
    }
    return [text for text, is_used in meanings.items() if is_used]


def _absent(results: Sequence[Result]) -> list[tuple[str, str]]:
    """Names of what was not measured and why; with their analysis if another analysis has a value of that name."""
    measured = {result.name for result in results if result.value is not None}
    return by_reason(
        (result.absent, f"{result.analysis} {result.name}" if result.name in measured else result.name)
        for result in results
        if result.value is None
    )


def _norms(measured: Sequence[Result]) -> tuple[dict[str, str], list[str]]:
    """By analysis: sources, kinds and samples of its norms. And how the norms were checked."""
    analyses: dict[str, dict[str, dict[str, None]]] = {}
    checked: dict[str, dict[str, None]] = {}
    for result in measured:
        norm = result.norm
        if norm is not None:
            kinds = analyses.setdefault(result.analysis, {}).setdefault(norm.source, {})
            kinds[", ".join(part for part in (norm.kind, str(norm.sample)) if part)] = None
            checked.setdefault(norm.verification, {})[result.analysis] = None
    norms = {
        analysis: ", ".join(f"{source} ({'; '.join(kinds)})" for source, kinds in sources.items())
        for analysis, sources in analyses.items()
    }
    checks = [text if len(checked) == 1 else f"{', '.join(names)}: {text}" for text, names in checked.items() if text]
    return norms, checks
