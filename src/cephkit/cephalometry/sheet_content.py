"""What stands on the sheet of one film: texts, tables and tracing, whether it becomes HTML or PDF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.cephalometry.measured import MeasuredFilm
from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.results import BORDERLINE, Result, class_text
from cephkit.cephalometry.sheet_rows import SheetRow, by_reason, height, in_columns, sheet_rows, value_text
from cephkit.data.film import Points
from cephkit.data.spacing import Plane, Spacing
from cephkit.drawing.tracing import tracing_svg
from cephkit.geometry import Facing
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN
from cephkit.notice import NOTICE, VERSION

Span: TypeAlias = tuple[str, str]
"""How a text is set, ``strong``, ``name`` or plain (empty), and the text."""

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


@dataclass(frozen=True)
class ClassRow:
    """The class of one measurement, as texts."""

    name: str
    value: str
    text: str
    """The class, or why there is none."""
    border: str
    """Follows the class if it is not certain enough."""
    reason: str
    """The question and the rule."""


@dataclass(frozen=True)
class SheetContent:
    """All that a sheet says, in the order in which it says it."""

    title: str
    """Of the file."""
    headline: str
    name: str
    """Of the film, shortened."""
    notice: str
    version: str
    notes: list[str]
    tracing: str
    """SVG."""
    tracing_title: str
    """For those who cannot see the tracing."""
    facts: dict[str, str]
    classes_title: str
    classes: list[ClassRow]
    key: list[str]
    """What the signs mean."""
    columns: list[list[tuple[str, list[SheetRow]]]]
    """Analyses with their rows."""
    is_wide: bool
    """Whether there are few measurements, which are printed larger."""
    row_mm: float
    """Height of a row."""
    footer: list[list[Span]]
    """Paragraphs."""


def sheet_of(film: MeasuredFilm, grey: NDArray[np.uint8] | None = None) -> SheetContent:
    """What stands on the sheet of a film that was measured; see ``sheet_content``."""
    record = film.record
    return sheet_content(
        film.name, grey, record.points, film.results, facing=record.facing, spacing=record.spacing,
        subject=film.subject, notes=film.notes, regions=record.review_regions, source=record.made_by,
        errors_rest_on=record.errors_rest_on, film_hash=record.film_hash, schema=record.schema,
    )  # fmt: skip


def sheet_content(
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
    schema: LandmarkSchema = KNOWN,
) -> SheetContent:
    """What stands on the sheet of a face.

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
        schema: the landmarks'.
    """
    measured = [result for result in results if result.value is not None]
    is_wide = len(measured) <= FEW_ROWS
    columns = in_columns(measured, 2 if is_wide else 3)
    row_mm = TABLES_MM / max(map(height, columns), default=1.0)
    title = f"Tracing of {name}"
    return SheetContent(
        title=f"{name}: cephalometric measurements",
        headline="Cephalometric measurements",
        name=_shortened(name, LONGEST_NAME),
        notice=NOTICE,
        version=f"cephkit {VERSION}",
        notes=_notes(notes),
        tracing=tracing_svg(points, grey, regions, spacing, title, schema),
        tracing_title=title,
        facts={
            "Film hash": _shortened(film_hash),
            "Landmarks": f"{len(points)}" + (f", {_shortened(source)}" if source else ""),
            "Errors from": _shortened(errors_rest_on, LONGEST_NOTE),
            "Face": _face(facing, subject or Subject()),
            "Pixel size": _pixel_size(spacing, subject.enlargement_percent if subject else None),
        },
        classes_title="Classes",
        classes=[_class_row(result) for result in measured if result.class_name or result.class_withheld],
        key=_key(bool(regions), measured),
        columns=[[(analysis[0].analysis, sheet_rows(analysis)) for analysis in column] for column in columns],
        is_wide=is_wide,
        row_mm=min(max(row_mm, LOWEST_ROW_MM), HIGHEST_ROW_MM),
        footer=[paragraph for paragraph in (_absent(results), _withheld(measured), _norms(measured)) if paragraph],
    )


def _class_row(result: Result) -> ClassRow:
    assert result.value is not None
    text = class_text(result)
    border = BORDERLINE if text.endswith(BORDERLINE) else ""
    return ClassRow(
        result.name,
        value_text(result.value, result),
        f"no class: {result.class_withheld}" if result.class_withheld else text.removesuffix(border),
        "" if result.class_withheld else border,
        f"{result.class_question}; {result.class_rule}",
    )


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


def _absent(results: Sequence[Result]) -> list[Span]:
    """Names of what was not measured and why; with their analysis if another analysis has a value of that name."""
    measured = {result.name for result in results if result.value is not None}
    groups = by_reason(
        (result.absent, f"{result.analysis} {result.name}" if result.name in measured else result.name)
        for result in results
        if result.value is None
    )
    return _reasons("Not measured:", groups)


def _withheld(measured: Sequence[Result]) -> list[Span]:
    """Names of the measurements whose norm does not fit this face, and why."""
    groups = by_reason(
        (result.norm_withheld, f"{result.analysis} {result.name}")
        for result in measured
        if result.norm is None and result.norm_withheld
    )
    return _reasons("Norm withheld:", groups)


def _reasons(title: str, groups: Sequence[tuple[str, str]]) -> list[Span]:
    return _paragraph(title, [span for names, reason in groups for span in (("name", names), ("", f" ({reason}); "))])


def _norms(measured: Sequence[Result]) -> list[Span]:
    """By analysis: sources, kinds and samples of its norms. And how the norms were checked."""
    analyses: dict[str, dict[str, dict[str, None]]] = {}
    checked: dict[str, dict[str, None]] = {}
    for result in measured:
        norm = result.norm
        if norm is not None:
            kinds = analyses.setdefault(result.analysis, {}).setdefault(norm.source, {})
            kinds[", ".join(part for part in (norm.kind, str(norm.sample)) if part)] = None
            checked.setdefault(norm.verification, {})[result.analysis] = None
    named: list[Span] = []
    for analysis, sources in analyses.items():
        texts = ", ".join(f"{source} ({'; '.join(kinds)})" for source, kinds in sources.items())
        named += [("name", f"{analysis}:"), ("", f" {texts}; ")]
    checks = [text if len(checked) == 1 else f"{', '.join(names)}: {text}" for text, names in checked.items() if text]
    verified = _paragraph("Checked:", [("", ". ".join(checks))] if checks else [])
    return [*_paragraph("Norms:", named), *([("", " "), *verified] if verified else [])]


def _paragraph(title: str, spans: Sequence[Span]) -> list[Span]:
    """``spans``, each of which ends with a semicolon, as a sentence with its title; nothing if there are none."""
    if not spans:
        return []
    *others, (look, text) = spans
    return [("strong", title), ("", " "), *others, (look, f"{text.removesuffix('; ')}.")]
