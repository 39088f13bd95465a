"""Reads one film's landmarks from JSON: ``cephkit predict``'s files, and label files in Aariz's schema."""

import json
import math
from pathlib import Path
from typing import Any, get_args

import numpy as np

from cephkit.data.film import FARTHEST_PX, Points
from cephkit.data.json_values import count, number, table, text, texts
from cephkit.data.label_faults import single_faults
from cephkit.data.labels import landmarks_of, read_label, schema_of_label
from cephkit.data.names import film_name
from cephkit.data.spacing import Plane, Spacing
from cephkit.errors import LabelError, SettingsError
from cephkit.geometry import Facing, Matrix, Size
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN
from cephkit.records.record import LandmarkRecord


def read_record(path: Path | str, schema: LandmarkSchema = KNOWN) -> LandmarkRecord:
    """Read the landmarks of ``schema`` in ``path``, of the film that the file is named after.

    Raises:
        LabelError: see ``record_of``; or people marked landmarks that no face can have.
    """
    path = Path(path)
    record = record_of(read_label(path), path, schema)
    if not record.made_by:  # a model judges what it finds itself
        faults = [fault for fault in single_faults(record.points, record.schema) if fault.certain]
        if faults:
            raise LabelError("; ".join(fault.text for fault in faults), faults[0].remedy, path)
    return record


def record_of(content: dict[str, Any], path: Path, schema: LandmarkSchema = KNOWN) -> LandmarkRecord:
    """Read the JSON object ``content`` of ``path``. Only ``landmarks`` is required; unknown keys are ignored.

    Landmarks are those of ``schema``, and those that the file itself describes.

    Raises:
        LabelError: see ``landmarks_of``; or a key holds something other than ``LandmarkRecord.to_dict`` writes.
    """
    schema = schema_of_label(content, schema, path)
    points, oddities = landmarks_of(content, path, schema)
    film = table(content, "film", path)
    scores, errors = table(content, "scores", path), table(content, "expected_errors_px", path)
    regions = table(content, "regions_90", path)
    return LandmarkRecord(
        points=points,
        missing=_missing(content, points, schema, path),
        schema=schema,
        scores={s: number(scores[s], f"scores of {s}", path) for s in points if s in scores},
        expected_errors={s: _error(errors[s], f"expected_errors_px of {s}", path) for s in points if s in errors},
        regions={s: _region(regions[s], f"regions_90 of {s}", path) for s in points if s in regions},
        needs_review=texts(content, "look", path),
        facing=_facing(content, path),
        doubt=text(content, "doubt", path),
        notes=(*oddities, *texts(content, "notes", path)),
        spacing=_spacing(table(content, "spacing", path), path),
        film_id=film_name(path),
        file=text(film, "file", path),
        film_hash=text(film, "hash", path),
        content=text(film, "content", path),
        size=_size(film, path),
        orientation=_orientation(film, path),
        model=_model(content, path),
        run=text(content, "run", path),
        where=str(path),
    )


def _missing(content: dict[str, Any], points: Points, schema: LandmarkSchema, path: Path) -> tuple[str, ...]:
    listed = texts(content, "missing", path)
    try:
        symbols = dict.fromkeys(map(schema.symbol_of, listed))
    except KeyError as error:
        reason = f'"missing" is {list(listed)!r:.60}, expected symbols of landmarks'
        raise LabelError(reason, "correct it", path) from error
    return tuple(symbol for symbol in symbols if symbol not in points)  # a person may have marked it since


def _error(value: Any, name: str, path: Path) -> float:
    error = number(value, name, path)
    if error < 0:
        raise LabelError(f"{name} is {value!r:.40}, expected a length in pixels", "correct it", path)
    return error


def region_of(value: Any) -> Matrix:
    """Return the 90 % region (2, 2) that plain types hold.

    Raises:
        ValueError: they hold something else.
    """
    try:
        (a, b), (c, d) = ([float(entry) for entry in row] for row in value)
    except (TypeError, ValueError, OverflowError):
        a = b = c = d = float("nan")
    if not (
        0 <= min(a, d) <= max(a, d) <= FARTHEST_PX**2
        and a * d >= b * c
        and math.isclose(b, c, rel_tol=1e-5, abs_tol=1e-8)
    ):
        raise ValueError(f"{value!r:.60}, expected [[a, b], [b, c]] of an ellipse")
    return np.array([[a, b], [c, d]])


def _region(value: Any, name: str, path: Path) -> Matrix:
    try:
        return region_of(value)
    except ValueError as error:
        raise LabelError(f"{name} is {error}", "correct it", path) from error


def _facing(content: dict[str, Any], path: Path) -> Facing | None:
    facing: Facing | None = content.get("facing")
    if facing not in (None, *get_args(Facing)):
        raise LabelError(f'"facing" is {facing!r:.40}, expected right or left', "correct it", path)
    return facing


def _spacing(given: dict[str, Any], path: Path) -> Spacing | None:
    if not given:
        return None
    plane = given.get("plane", "unknown")
    if plane not in get_args(Plane):
        raise LabelError(
            f'"plane" of the spacing is {plane!r:.40}, expected one of {", ".join(get_args(Plane))}', "correct it", path
        )
    row, column = (number(given.get(name), f"{name} of the spacing", path) for name in ("row_mm", "column_mm"))
    try:
        return Spacing(row, column, text(given, "origin", path), plane)
    except SettingsError as error:
        raise LabelError(f'"spacing" cannot be used ({error!s:.200})', "correct it or remove it", path) from error


def _size(film: dict[str, Any], path: Path) -> Size | None:
    height, width = film.get("height"), film.get("width")
    if height is None and width is None:
        return None
    return count(height, "height of the film", path), count(width, "width of the film", path)


def _model(content: dict[str, Any], path: Path) -> dict[str, Any]:
    model = table(content, "model", path)
    try:
        json.dumps(model, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise LabelError(f'"model" cannot be written again ({error!s:.80})', "correct it", path) from error
    return model


def _orientation(film: dict[str, Any], path: Path) -> int:
    orientation = film.get("orientation")
    if orientation is None:
        return 1
    if isinstance(orientation, bool) or orientation not in range(1, 9):
        raise LabelError(f'"orientation" is {orientation!r:.40}, expected 1 to 8', "correct it", path)
    return int(orientation)
