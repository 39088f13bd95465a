"""One film, measured: its results with all that they depend on, for JSON, table and screen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cephkit.cephalometry.analyses import NOT_POSSIBLE
from cephkit.cephalometry.analyses import measure as measure_points
from cephkit.cephalometry.frame import facing_of
from cephkit.cephalometry.limits import LIMITS
from cephkit.cephalometry.norms import Subject, true_enlargement
from cephkit.cephalometry.results import COLUMNS, Result, class_text, shares_text
from cephkit.cephalometry.source import is_label_file
from cephkit.data.about import Sex
from cephkit.data.check import SELLA_NASION_MM
from cephkit.data.film import Points
from cephkit.data.label_faults import single_faults
from cephkit.data.spacing import Spacing
from cephkit.geometry import Facing, covariance_of_error
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.notice import NOTICE, VERSION
from cephkit.records.record import LandmarkRecord

TABLE_COLUMNS = (
    *("film", "file", *COLUMNS, "facing", "pixel_size_mm", "pixel_size_origin", "pixel_size_plane"),
    *("age", "sex", "doubt", "notice"),
)


@dataclass(frozen=True)
class MeasuredFilm:
    """What ``measure_film`` found."""

    name: str
    file: Path
    record: LandmarkRecord
    """The landmarks, with the spacing and the facing that they were measured by."""
    facing_origin: str
    subject: Subject
    expected_error_mm: float | None
    """Of landmarks whose error the record does not say."""
    results: tuple[Result, ...]
    notes: tuple[str, ...]

    @property
    def has_values(self) -> bool:
        """Whether anything could be measured."""
        return any(result.value is not None for result in self.results)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types."""
        record, spacing = self.record, self.record.spacing
        return {
            "film": self.name,
            "file": self.file.name,
            "film_hash": record.film_hash or None,
            "landmarks_by": record.made_by or None,
            "errors_rest_on": record.errors_rest_on or None,
            "facing": record.facing,
            "facing_origin": self.facing_origin,
            "pixel_size_mm": None if spacing is None else round(spacing.mean_mm, 6),
            "pixel_size_origin": None if spacing is None else spacing.origin,
            "pixel_size_plane": None if spacing is None else spacing.plane,
            "spacing": None if spacing is None else spacing.to_dict(),
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
        """Return a line for the screen."""
        ids = {result.measurement: result.value is not None for result in self.results}
        parts = [f"{self.file.name}: {sum(ids.values())} of {len(ids)} measurements"]
        parts += ["faces left"] if self.record.facing == "left" else []
        parts += [
            f"{result.name} {result.value:.2f}: {class_text(result)} ({result.class_rule})"
            for result in self.results
            if result.class_name is not None and result.measurement == "anb"
        ]
        return "; ".join([*parts, *(f"CHECK: {note}" for note in self.notes)])


def measure(
    record: LandmarkRecord,
    *,
    age: float | None = None,
    sex: Sex | None = None,
    enlargement_percent: float | None = None,
    analyses: Sequence[str] | None = None,
    expected_error_mm: float | None = None,
) -> tuple[Result, ...]:
    """Measure angles, distances and ratios of a face, with norms and standard errors; see ``analyses.measure``.

    Args:
        record: the landmarks; lengths need its spacing, standard errors its expected errors or regions.
        age: years, for norms that depend on it.
        sex: for norms that depend on it.
        enlargement_percent: by how much lengths on the film exceed the head's.
        analyses: names; None: all but ISBI.
        expected_error_mm: of landmarks whose error the record does not say; counts where there is a spacing.

    Raises:
        ValueError: an unknown analysis.
        SettingsError: an enlargement is given although the pixel size holds in the head.
    """
    spacing, spread = record.spacing, record.covariances
    if spacing is not None:
        enlargement_percent = true_enlargement(spacing.plane, enlargement_percent, record.where)
        if expected_error_mm is not None and _makes_a_head(record.points, spacing):
            to_px = np.diag([1 / spacing.column_mm, 1 / spacing.row_mm])
            default = to_px @ covariance_of_error(expected_error_mm) @ to_px
            spread = dict.fromkeys(record.points, default) | spread
    return measure_points(
        record.points,
        facing=record.facing,
        spacing=spacing,
        covariances_px=spread,
        subject=Subject(age, sex, enlargement_percent),
        analyses=analyses or None,
    )


def measure_film(
    name: str,
    file: Path,
    record: LandmarkRecord,
    subject: Subject,
    analyses: Sequence[str] = (),
    facing: Facing | None = None,
    expected_error_mm: float | None = None,
) -> MeasuredFilm:
    """Measure one film.

    Args:
        name: of its results.
        file: the label file or film that ``record`` comes from.
        record: its landmarks.
        subject: whose face it is.
        analyses: names; none: all but ISBI.
        facing: where the face looks; None: what the record says, else what the landmarks show.
        expected_error_mm: see ``measure``.

    Raises:
        SettingsError: an enlargement is given although the pixel size holds in the head.
    """
    points, spacing, by_landmarks = record.points, record.spacing, facing_of(record.points)
    doubts = [f"not a lateral cephalogram? {record.doubt}"] if record.doubt else []
    if record.facing and by_landmarks and by_landmarks != record.facing:
        doubts.append(f"the file says that the face looks {record.facing}, the landmarks say {by_landmarks}")
    if spacing is not None:
        enlargement = true_enlargement(spacing.plane, subject.enlargement_percent, file)
        subject = replace(subject, enlargement_percent=enlargement)
        doubts += _doubted_size(points, spacing)
    origin = "--facing"
    if facing is None:
        facing, origin = (record.facing, "file") if record.facing and points else (by_landmarks, "landmarks")
    measured = replace(record, facing=facing)
    results = measure(
        measured, age=subject.age, sex=subject.sex, enlargement_percent=subject.enlargement_percent,
        analyses=analyses, expected_error_mm=expected_error_mm,
    )  # fmt: skip
    faults = _label_doubts(points, spacing, record.schema) if is_label_file(file) else ()
    notes = (*record.notes, *doubts, *_withheld(results), *faults)
    return MeasuredFilm(name, file, measured, origin, subject, expected_error_mm, results, notes)


def _label_doubts(points: Points, spacing: Spacing | None, schema: LandmarkSchema) -> tuple[str, ...]:
    """Name landmarks of a label file that seem exchanged or out of place: measurements by them mean something else."""
    tall = 1.0 if spacing is None else spacing.row_mm / spacing.column_mm
    square = {symbol: (x, y * tall) for symbol, (x, y) in points.items()}
    return tuple(
        map(str, single_faults(square, schema))
    )  # certain ones too: those of a model are measured all the same


def table_rows(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row per measurement under ``TABLE_COLUMNS``, from ``MeasuredFilm.to_dict`` or its JSON file.

    Raises:
        KeyError, TypeError, AttributeError: it is something else.
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
    """Note values that are impossible for any face, however good the rest is."""
    impossible = {result.measurement: result for result in results if result.impossible}
    if not impossible:
        return ()
    reasons = list(dict.fromkeys(result.absent for result in impossible.values()))
    if len(reasons) == 1:
        return (f"{len(impossible)} measurements are withheld: {reasons[0]}",)
    names = ", ".join(result.name for result in impossible.values())
    return (f"withheld, because no face has such values: {names}; check the landmarks before you use the others",)


def _sella_nasion_mm(points: Points, spacing: Spacing) -> float | None:
    if not {"S", "N"} <= points.keys():
        return None
    (x1, y1), (x2, y2) = points["S"], points["N"]
    return math.hypot((x2 - x1) * spacing.column_mm, (y2 - y1) * spacing.row_mm)


def _makes_a_head(points: Points, spacing: Spacing) -> bool:
    """Tell whether the pixel size can be right; with a wrong one there is neither a length nor an error in mm."""
    size = _sella_nasion_mm(points, spacing)
    return size is None or LIMITS["s_n"].low <= size <= LIMITS["s_n"].high


def _doubted_size(points: Points, spacing: Spacing) -> list[str]:
    """Say why the film's lengths may be wrong."""
    (low, high), size = SELLA_NASION_MM, _sella_nasion_mm(points, spacing)
    # Without a head's size at all, the lengths are withheld.
    if size is None or low <= size <= high or not _makes_a_head(points, spacing):
        return []
    return [
        f"S-N would measure {size:.0f} mm, in a head it is {low:g} to {high:g}: the pixel size is doubtful, "
        "and with it all lengths"
    ]
