"""The measurements of a face while its landmarks are moved, as the page's table needs them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cephkit.cephalometry.analyses import ANALYSES
from cephkit.cephalometry.measured import MeasuredFilm, measure_film
from cephkit.cephalometry.measures import MEASUREMENTS
from cephkit.cephalometry.norms import Norm, Subject
from cephkit.cephalometry.results import Result
from cephkit.data.names import LABEL_ENDING
from cephkit.geometry import CHI2_90, Matrix, covariance_of_error
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.records.record import LandmarkRecord
from cephkit.review.edits import Standing, parse_spacing, parse_subject
from cephkit.review.marks import parse_marks
from cephkit.review.parsing import EditError

MARKING_ERROR_MM = 1.5
"""Expected error of a person's mark: the points of two orthodontists are 2.4 mm apart (root mean square, the median
landmark of ISBI 2015), so each is 1.7 mm off, which is 1.5 on average."""
FILM_MM = 235.0
"""Height of a film whose pixel size is not known."""
_NEEDS = {entry.id: list(entry.needs) for entry in MEASUREMENTS}


def asked_standing(content: Mapping[str, Any], size: tuple[int, int], schema: LandmarkSchema) -> Standing:
    """Return the face that the page asks about.

    Args:
        content: {points, spacing, subject}, from JSON; points as edits have them, since origins tell their errors.
        size: (height, width) of the film.
        schema: the landmarks that the film may have.

    Raises:
        EditError: it makes no sense.
    """
    return Standing(
        parse_marks(content.get("points"), size, schema),
        spacing=parse_spacing(content.get("spacing"), "spacing"),
        subject=parse_subject(content.get("subject") or {}, "subject"),
    )


def parse_analyses(content: Any) -> tuple[str, ...]:
    """Read names of analyses; none: all that are not for request only.

    Raises:
        EditError: it is something else.
    """
    names = [] if content is None else content
    if not isinstance(names, list) or not all(name in ANALYSES for name in names):
        raise EditError(f"analyses are {names!r:.60}, expected some of {', '.join(ANALYSES)}")
    return tuple(dict.fromkeys(names))


def measured(record: LandmarkRecord, subject: Subject, analyses: Sequence[str] = ()) -> MeasuredFilm:
    """Measure a face; what no model says of a landmark's error is taken to be that of a person's mark.

    Args:
        record: of ``record.standing_record``.
        subject: whose face it is.
        analyses: names; none: all but ISBI.
    """
    by_people = [symbol for symbol in record.points if symbol not in {*record.regions, *record.expected_errors}]
    regions = {**record.regions, **dict.fromkeys(by_people, marking_region(record))}
    labels = Path(f"{record.film_id}{LABEL_ENDING}")  # in label files faults are looked for
    film = measure_film(record.film_id, labels, replace(record, regions=regions), subject, analyses)
    return replace(film, record=replace(film.record, regions=record.regions), file=Path(record.file))


def marking_region(record: LandmarkRecord) -> Matrix:
    """Return the 90 % region (2, 2) of a person's mark, film pixels squared."""
    if record.spacing is not None:
        to_px = np.diag([1 / record.spacing.column_mm, 1 / record.spacing.row_mm])
    else:
        assert record.size is not None
        to_px = np.eye(2) * (record.size[0] / FILM_MM)
    return np.asarray(to_px @ covariance_of_error(MARKING_ERROR_MM) @ to_px * CHI2_90)


def numbers(film: MeasuredFilm) -> dict[str, Any]:
    """Return the rows of the page's table, and notes."""
    return {"rows": [row(result) for result in film.results], "notes": list(film.notes)}


def row(result: Result) -> dict[str, Any]:
    """Return one measurement in one analysis as plain types."""
    figures = result.to_dict()
    return {
        **{name: figures[name] for name in _FIGURES},
        **{name: figures[name] or "" for name in _TEXTS},
        "norm": None if result.norm is None else norm_dict(result.norm, figures),
        "landmarks": _NEEDS[result.measurement],
    }


def norm_dict(norm: Norm, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return a norm as plain types; its figures rounded as in ``figures``."""
    rounded = {name: figures[f"norm_{name}"] for name in ("mean", "sd", "low", "high")}
    return {**rounded, "source": norm.source, "kind": norm.kind, "sample": str(norm.sample), "note": norm.note}


_FIGURES = (
    *("measurement", "analysis", "name", "unit", "value", "standard_error", "difference", "deviation_sd"),
    *("against_range", "class", "class_probabilities"),
)
_TEXTS = ("absent", "norm_withheld", "class_question", "class_rule", "class_withheld", "note")
