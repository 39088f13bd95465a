"""One film, measured: its results with all that they depend on, for JSON, table and screen."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import cephkit
from cephkit import NOTICE
from cephkit.cephalometry.analyses import NOT_POSSIBLE, measure
from cephkit.cephalometry.frame import Facing, covariance_of_error, facing_of
from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.results import COLUMNS, Result
from cephkit.cephalometry.source import Marked, is_label_file
from cephkit.data.check import SELLA_NASION_MM
from cephkit.data.label_faults import single_faults
from cephkit.data.spacing import Spacing

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
            "cephkit": cephkit.__version__,
            "notice": NOTICE,
        }

    def rows(self) -> list[dict[str, Any]]:
        """A row per measurement under ``TABLE_COLUMNS``."""
        shared = {
            "film": self.name,
            "file": self.marked.path.name,
            "facing": self.facing,
            **self._pixel_size(),
            "age": self.subject.age,
            "sex": self.subject.sex,
            "doubt": "; ".join(self.notes) or None,
            "notice": NOTICE,
        }
        return [{**shared, **result.to_dict()} for result in self.results]

    def line(self) -> str:
        """What the screen says of it."""
        ids = {result.measurement: result.value is not None for result in self.results}
        said = f"{self.marked.path.name}: {sum(ids.values())} of {len(ids)} measurements"
        said += "; faces left" if self.facing == "left" else ""
        classes = [
            f"{result.name} {result.value:.2f}: {result.class_name} ({result.class_rule})"
            + (", ON THE BORDER" if result.class_on_border else "")
            + (", border not judged" if result.class_on_border is None else "")
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
        analyses: names; none: all.
        facing: where the face looks; None: what the file says, else what the landmarks show.
        expected_error_mm: of landmarks whose error the file does not say; counts where there is a spacing.
    """
    origin = "--facing"
    if facing is None:
        facing, origin = (marked.facing, "file") if marked.facing else (facing_of(marked.points), "landmarks")
    spread = dict(marked.covariances_px or {})
    if expected_error_mm is not None and spacing is not None:
        to_px = np.diag([1 / spacing.column_mm, 1 / spacing.row_mm])
        default = to_px @ covariance_of_error(expected_error_mm) @ to_px
        spread = {symbol: spread.get(symbol, default) for symbol in marked.points}
    results = measure(
        marked.points,
        facing=facing,
        pixel_size_mm=None if spacing is None else (spacing.column_mm, spacing.row_mm),
        covariances_px=spread,
        subject=subject,
        analyses=analyses or None,
    )
    notes = (*marked.notes, *_doubts(marked, spacing), *_label_doubts(marked, spacing))
    return MeasuredFilm(name, marked, facing, origin, spacing, subject, expected_error_mm, results, notes)


def _label_doubts(marked: Marked, spacing: Spacing | None) -> tuple[str, ...]:
    """Landmarks of a label file that look exchanged or out of place: what is measured by them is another thing."""
    if not is_label_file(marked.path):
        return ()
    tall = 1.0 if spacing is None else spacing.row_mm / spacing.column_mm
    square = {symbol: (x, y * tall) for symbol, (x, y) in marked.points.items()}
    return tuple(map(str, single_faults(square)))  # certain ones too: those of a model are measured all the same


def _doubts(marked: Marked, spacing: Spacing | None) -> tuple[str, ...]:
    """Why the film's lengths, or its side, may be wrong."""
    doubts = []
    seen = facing_of(marked.points)
    if marked.facing is not None and seen is not None and seen != marked.facing:
        doubts.append(f"the file says that the face looks {marked.facing}, the landmarks say {seen}")
    if spacing is not None and {"S", "N"} <= marked.points.keys():
        low, high = SELLA_NASION_MM
        (x1, y1), (x2, y2) = marked.points["S"], marked.points["N"]
        size = math.hypot((x2 - x1) * spacing.column_mm, (y2 - y1) * spacing.row_mm)
        if not low <= size <= high:
            doubts.append(
                f"S-N would measure {size:.0f} mm, in a head it is {low:g} to {high:g}: the pixel size is doubtful, "
                "and with it all lengths"
            )
    return tuple(doubts)
