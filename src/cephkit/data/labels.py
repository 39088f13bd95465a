"""Aariz's label files: landmarks and CVM stage of one film, read strictly, written in the same schema."""

from pathlib import Path
from typing import Any

from cephkit.data.film import Points
from cephkit.data.json_values import kind, number, read_json
from cephkit.data.names import film_name
from cephkit.errors import LabelError
from cephkit.files import short_name
from cephkit.landmarks import BY_ID, BY_SYMBOL, SYMBOLS, canonical_symbol, in_canonical_order

LARGEST_BYTES = 4 * 2**20
_DATASET_NAME = "CEPHA29: Cephalometric Landmark Detection Dataset"
_USE_SCHEMA = "use Aariz's schema"


def read_label(path: Path) -> dict[str, Any]:
    """Read the JSON object in ``path``.

    Raises:
        LabelError: unreadable, too large, or not a JSON object.
    """
    label = read_json(path, LARGEST_BYTES)
    if not isinstance(label, dict):
        raise LabelError(f"JSON holds {kind(label)}, expected an object", _USE_SCHEMA, path)
    return label


def landmarks_of(label: dict[str, Any], path: Path) -> tuple[Points, tuple[str, ...]]:
    """Return the points of ``label``, the content of ``path``, in canonical order, and harmless oddities.

    Landmarks are joined by ``landmark_id``, else ``symbol``; they come in any order, and further keys are ignored. A
    landmark that is not listed, or listed with ``"value": null``, is missing.

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
        symbol = _symbol(entry, position, path, notes)
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
    return {symbol: points[symbol] for symbol in in_canonical_order(points)}, tuple(notes)


def read_landmarks(path: Path) -> tuple[Points, tuple[str, ...]]:
    """Read the points in ``path``, and notes on it; see ``landmarks_of``.

    Raises:
        LabelError: see ``read_label`` and ``landmarks_of``.
    """
    return landmarks_of(read_label(path), path)


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


def landmarks_json(film_id: str, points: Points) -> dict[str, Any]:
    """Return ``points`` (film pixels) in Aariz's schema, ready for ``json.dump``; landmarks in canonical order.

    Raises:
        KeyError: a symbol is not one of the 29.
    """
    landmarks = []
    for symbol in in_canonical_order(points):
        x, y = points[symbol]
        landmark = BY_SYMBOL[symbol]
        landmarks.append(
            {
                "landmark_id": landmark.landmark_id,
                "title": landmark.title,
                "symbol": landmark.symbol,
                "value": {"x": float(x), "y": float(y)},
            }
        )
    # Aariz's field for the time stays empty: the same points give the same bytes.
    return {"ceph_id": film_id, "landmarks": landmarks, "labeled_at": None, "dataset_name": _DATASET_NAME}


def _symbol(entry: dict[str, Any], position: int, path: Path, notes: list[str]) -> str:
    landmark_id, written = entry.get("landmark_id"), entry.get("symbol")
    try:
        by_symbol = canonical_symbol(written) if isinstance(written, str) else None
    except KeyError:
        by_symbol = None
    by_id = BY_ID.get(landmark_id.strip()) if isinstance(landmark_id, str) else None
    if by_id is None:
        if by_symbol is None:
            reason = f"landmark {position} is unknown: id {landmark_id!r:.40}, symbol {written!r:.40}"
            raise LabelError(reason, f"remove it; known symbols: {' '.join(SYMBOLS)}", path)
        return by_symbol
    if by_symbol is not None and by_symbol != by_id.symbol:
        notes.append(f"landmark {position} has the id of {by_id.symbol} and the symbol {by_symbol}; the id counts")
    return by_id.symbol
