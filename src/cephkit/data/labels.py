"""Aariz's label files: landmarks and CVM stage of one film, read strictly, written in the same schema."""

from pathlib import Path
from typing import Any

from cephkit.data.film import Points
from cephkit.data.json_values import kind, number, read_json
from cephkit.data.names import film_name
from cephkit.errors import LabelError, SettingsError
from cephkit.files import short_name
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.landmarks.schema_file import schema_dict, schema_of
from cephkit.landmarks.shipped import KNOWN, in_known_order

LARGEST_BYTES = 4 * 2**20
_DATASET_NAME = "CEPHA29: Cephalometric Landmark Detection Dataset"
_USE_SCHEMA = "use Aariz's schema"
UNKNOWN = "correct or remove it; or describe it in a schema and name that with --landmarks"
"""What to do about a landmark that no schema has."""


def read_label(path: Path) -> dict[str, Any]:
    """Read the JSON object in ``path``.

    Raises:
        LabelError: unreadable, too large, or not a JSON object.
    """
    label = read_json(path, LARGEST_BYTES)
    if not isinstance(label, dict):
        raise LabelError(f"JSON holds {kind(label)}, expected an object", _USE_SCHEMA, path)
    return label


def landmarks_of(label: dict[str, Any], path: Path, schema: LandmarkSchema = KNOWN) -> tuple[Points, tuple[str, ...]]:
    """Return the points of ``label``, the content of ``path``, in the order of ``schema``, and harmless oddities.

    Landmarks are joined by ``landmark_id``, else ``symbol``; they come in any order, and further keys are ignored. A
    landmark that is not listed, or listed with ``"value": null``, is missing. Known landmarks that are not in the
    schema are left out.

    Raises:
        LabelError: another structure, an unknown landmark, a landmark twice, or a bad coordinate.
    """
    entries = label.get("landmarks")
    if not isinstance(entries, list):
        raise LabelError(f'"landmarks" is {kind(entries)}, expected a list', _USE_SCHEMA, path)
    points: Points = {}
    notes: list[str] = []
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise LabelError(f"landmark {position} is {kind(entry)}, expected an object", _USE_SCHEMA, path)
        symbol = _symbol(entry, position, path, notes, schema)
        if symbol is None:
            continue
        if symbol in points:
            raise LabelError(f"landmark {symbol} appears twice", "keep the right one", path)
        value = entry.get("value")
        if value is None:
            continue
        if not isinstance(value, dict):
            raise LabelError(f"value of {symbol} is {kind(value)}, expected x and y", _USE_SCHEMA, path)
        x, y = (number(value.get(axis), f"{axis} of {symbol}", path) for axis in ("x", "y"))
        points[symbol] = (x, y)
    named = label.get("ceph_id")
    if isinstance(named, str) and short_name(named) != film_name(path):
        notes.append(f"ceph_id {named!r:.80} is not the file's name")
    return {symbol: points[symbol] for symbol in schema.in_order(points)}, tuple(notes)


def read_landmarks(path: Path, schema: LandmarkSchema = KNOWN) -> tuple[Points, tuple[str, ...]]:
    """Read the points in ``path``, and notes on it; see ``landmarks_of``. The file may describe landmarks itself.

    Raises:
        LabelError: see ``read_label`` and ``landmarks_of``.
    """
    label = read_label(path)
    return landmarks_of(label, path, schema_of_label(label, schema, path))


def read_cvm_stage(path: Path) -> int:
    """Read the cervical vertebral maturation stage, 1 to 6.

    Raises:
        LabelError: not JSON, another structure, or another stage.
    """
    stage = read_label(path).get("cvm_stage")
    value = stage.get("value") if isinstance(stage, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value not in range(1, 7):
        raise LabelError(f"CVM stage is {value!r}, expected 1 to 6", "correct it", path)
    return int(value)


def landmarks_json(film_id: str, points: Points, schema: LandmarkSchema = KNOWN) -> dict[str, Any]:
    """Return ``points`` (film pixels) in Aariz's format, ready for ``json.dump``; in the order of ``schema``.

    Raises:
        KeyError: a symbol is not in the schema.
    """
    landmarks = []
    for symbol in schema.in_order(points):
        x, y = points[symbol]
        landmark = schema[symbol]
        landmarks.append(
            {
                "landmark_id": landmark.key,
                "title": landmark.title,
                "symbol": landmark.symbol,
                "value": {"x": float(x), "y": float(y)},
            }
        )
    # Aariz's field for the time stays empty: the same points give the same bytes.
    label = {"ceph_id": film_id, "landmarks": landmarks, "labeled_at": None, "dataset_name": _DATASET_NAME}
    own = schema.of(points)
    return label if own.is_part_of(KNOWN) else {**label, "schema": schema_dict(own, KNOWN)}


def schema_of_label(label: dict[str, Any], schema: LandmarkSchema, path: Path) -> LandmarkSchema:
    """Return ``schema`` with the landmarks that ``label``, the content of ``path``, describes itself.

    Raises:
        LabelError: its description is damaged, or contradicts ``schema``.
    """
    if label.get("schema") is None:
        return schema
    try:
        return in_known_order(schema, schema_of(label["schema"], KNOWN, '"schema"'))
    except SettingsError as error:
        raise LabelError(str(error), "correct it, or write the file anew", path) from error


def _symbol(entry: dict[str, Any], position: int, path: Path, notes: list[str], schema: LandmarkSchema) -> str | None:
    """Return the symbol of a landmark; None if it is known, but not in ``schema``."""
    landmark_id, written = entry.get("landmark_id"), entry.get("symbol")

    def found(landmarks: LandmarkSchema) -> tuple[Landmark | None, Landmark | None]:
        by_id, by_symbol = (
            landmarks.find(name) if isinstance(name, str) and name.strip() else None for name in (landmark_id, written)
        )
        return by_id, by_symbol

    by_id, by_symbol = found(schema)
    if by_id is not None and by_symbol is not None and by_symbol != by_id:
        notes.append(f"landmark {position} has the id of {by_id.symbol} and the symbol {written}; the id counts")
    landmark = by_id or by_symbol
    if landmark is None and not any(found(KNOWN)):
        raise LabelError(
            f"landmark {position} is unknown: id {landmark_id!r:.40}, symbol {written!r:.40}", UNKNOWN, path
        )
    return None if landmark is None else landmark.symbol
