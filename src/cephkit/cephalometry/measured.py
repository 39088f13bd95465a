"""One film, measured: its results with all that they depend on, for JSON, table and screen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cephkit.cephalometry.analyses import NOT_POSSIBLE, measure
from cephkit.cephalometry.frame import Facing, covariance_of_error, facing_of
from cephkit.cephalometry.limits import LIMITS
from cephkit.cephalometry.norms import Subject, true_enlargement
from cephkit.cephalometry.results import COLUMNS, Result, class_text, shares_text
from cephkit.cephalometry.source import Marked, is_label_file
from cephkit.data.check import SELLA_NASION_MM
from cephkit.data.film import Points
from cephkit.data.label_faults import single_faults
from cephkit.data.spacing import Spacing
from cephkit.notice import NOTICE, VERSION

TABLE_COLUMNS = (
    *("film", "file", *COLUMNS, "facing", "pixel_size_mm", "pixel_size_origin", "pixel_size_plane"),
    *("age", "sex", "doubt", "notice"),
)


@dataclass(frozen=True)
class MeasuredFilm:
    """What ``measure_film`` found."""

    name: str
    marked: Marked
    facing: Facing | None
    facing_origin: str
    spacing: Spacing | None
    subject: Subject
    expected_error_mm: float | None
    """Of landmarks whose error the file did not say."""
    results: tuple[Result, ...]
    notes: tuple[str, ...]

    @property
    def has_values(self) -> bool:
        """Whether anything could be measured."""
        return any(result.value is not None for result in self.results)

    def to_dict(self) -> dict[str, Any]:
        """Plain types."""
        return {
            "film": self.name,
            "file": self.marked.path.name,
            "film_hash": self.marked.film_hash or None,
            "landmarks_by": self.marked.said_by or None,
            "errors_rest_on": self.marked.errors_rest_on or None,
            "facing": self.facing,
            "facing_origin": self.facing_origin,
            **self._pixel_size(),
            "spacing": None if self.spacing is None else self.spacing.to_dict(),
            "age": self.subject.age,
            "sex": self.subject.sex,
            "enlargement_percent": self.subject.enlargement_percent,
            "expected_error_mm": self.expected_error_mm,
            "notes": list(self.notes),
            "measurements": [result.to_dict() for result in self.results],
            "not_possible": NOT_POSSIBLE,
            "cephkit": VERSION,
            "notice": NOTICE,
        }

    def line(self) -> str:
        """What the screen says of it."""
        ids = {result.measurement: result.value is not None for result in self.results}
        said = f"{self.marked.path.name}: {sum(ids.values())} of {len(ids)} measurements"
        said += "; faces left" if self.facing == "left" else ""
        classes = [
            f"{result.name} {result.value:.2f}: {class_text(result)} ({result.class_rule})"
            for result in self.results
            if result.class_name is not None and result.measurement == "anb"
        ]
        said += "".join(f"; {text}" for text in classes)
        return said + "".join(f"; LOOK: {note}" for note in self.notes)

    def _pixel_size(self) -> dict[str, Any]:
        spacing = self.spacing
        return {
            "pixel_size_mm": None if spacing is None else round(spacing.mean_mm, 6),
            "pixel_size_origin": None if spacing is None else spacing.origin,
            "pixel_size_plane": None if spacing is None else spacing.plane,
        }


def measure_film(
    name: str,
    marked: Marked,
    spacing: Spacing | None,
    subject: Subject,
    analyses: tuple[str, ...] = (),
    facing: Facing | None = None,
    expected_error_mm: float | None = None,
) -> MeasuredFilm:
    """Measure one film.

    Args:
        name: of its results.
        marked: its landmarks.
        spacing: mm per pixel.
        subject: whose face it is.
        analyses: names; none: all but ISBI.
        facing: where the face looks; None: what the file says, else what the landmarks show.
        expected_error_mm: of landmarks whose error the file does not say; counts where there is a spacing.

    Raises:
        SettingsError: an enlargement is given although the pixel size holds in the head.
    """
    if spacing is not None:
        subject = replace(
            subject, enlargement_percent=true_enlargement(spacing.plane, subject.enlargement_percent, marked.path)
        )
    origin = "--facing"
    if facing is None:
        facing, origin = (marked.facing, "file") if marked.facing else (facing_of(marked.points), "landmarks")
    spread = dict(marked.covariances_px or {})
    if expected_error_mm is not None and spacing is not None and _makes_a_head(marked.points, spacing):
        to_px = np.diag([1 / spacing.column_mm, 1 / spacing.row_mm])
        default = to_px @ covariance_of_error(expected_error_mm) @ to_px
        spread = {symbol: spread.get(symbol, default) for symbol in marked.points}
    results = measure(
        marked.points,
        facing=facing,
        spacing=spacing,
        covariances_px=spread,
        subject=subject,
        analyses=analyses or None,
    )
    notes = (*marked.notes, *_doubts(marked, spacing), *_withheld(results), *_label_doubts(marked, spacing))
    return MeasuredFilm(name, marked, facing, origin, spacing, subject, expected_error_mm, results, notes)


def _label_doubts(marked: Marked, spacing: Spacing | None) -> tuple[str, ...]:
    """Landmarks of a label file that look exchanged or out of place: what is measured by them is another thing."""
    if not is_label_file(marked.path):
        return ()
    tall = 1.0 if spacing is None else spacing.row_mm / spacing.column_mm
    square = {symbol: (x, y * tall) for symbol, (x, y) in marked.points.items()}
    return tuple(map(str, single_faults(square)))  # certain ones too: those of a model are measured all the same


def table_rows(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row per measurement under ``TABLE_COLUMNS``, from ``MeasuredFilm.to_dict`` or the JSON file that holds it.

    Raises:
        KeyError, TypeError, AttributeError: it is none.
    """
    shared = {name: content.get(name) for name in TABLE_COLUMNS if name not in COLUMNS}
    shared["doubt"] = "; ".join(content["notes"]) or None
    return [
        {
            **shared,
            **{name: result.get(name) for name in COLUMNS},
            "class_probabilities": shares_text(result.get("class_probabilities")) or None,
        }
        for result in content["measurements"]
    ]


def _withheld(results: Sequence[Result]) -> tuple[str, ...]:
    """That there are values such as no face has, however the rest looks."""
    impossible = {result.measurement: result for result in results if result.impossible}
    if not impossible:
        return ()
    reasons = list(dict.fromkeys(result.absent for result in impossible.values()))
    if len(reasons) == 1:
        return (f"{len(impossible)} measurements are withheld: {reasons[0]}",)
    names = ", ".join(result.name for result in impossible.values())
    return (f"withheld, because no face has such values: {names}; look at the landmarks before the others are used",)


def _sella_nasion_mm(points: Points, spacing: Spacing) -> float | None:
    if not {"S", "N"} <= points.keys():
        return None
    (x1, y1), (x2, y2) = points["S"], points["N"]
    return math.hypot((x2 - x1) * spacing.column_mm, (y2 - y1) * spacing.row_mm)


def _makes_a_head(points: Points, spacing: Spacing) -> bool:
    """Whether a mm is one: by a pixel size that is wrong there is neither a length nor an error."""
    size = _sella_nasion_mm(points, spacing)
    return size is None or LIMITS["s_n"].low <= size <= LIMITS["s_n"].high


def _doubts(marked: Marked, spacing: Spacing | None) -> tuple[str, ...]:
    """Why the film's lengths, or its side, may be wrong."""
    doubts = []
    seen = facing_of(marked.points)
    if marked.facing is not None and seen is not None and seen != marked.facing:
        doubts.append(f"the file says that the face looks {marked.facing}, the landmarks say {seen}")
    if spacing is not None and _makes_a_head(marked.points, spacing):  # else all lengths are withheld
        (low, high), size = SELLA_NASION_MM, _sella_nasion_mm(marked.points, spacing)
        if size is not None and not low <= size <= high:
            doubts.append(
                f"S-N would measure {size:.0f} mm, in a head it is {low:g} to {high:g}: the pixel size is doubtful, "
                "and with it all lengths"
            )
    return tuple(doubts)
