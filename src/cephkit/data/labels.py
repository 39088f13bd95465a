"""Aariz's label files: landmarks and CVM stage of one film, read strictly, written in the same schema."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cephkit.data.film import FARTHEST_PX, Points
from cephkit.data.names import film_name
from cephkit.errors import LabelError
from cephkit.files import short_name
from cephkit.landmarks import BY_ID, BY_SYMBOL, SYMBOLS, canonical_symbol, in_canonical_order

LARGEST_BYTES = 4 * 2**20
_DATASET_NAME = "CEPHA29: Cephalometric Landmark Detection Dataset"


@dataclass(frozen=True)
class LandmarkFile:
    """What one annotator's file says; ``notes`` are oddities that leave the points usable."""

    points: Points
    notes: tuple[str, ...] = ()


def read_landmarks(path: Path) -> LandmarkFile:
    """The landmarks in ``path``: joined by ``landmark_id``, else ``symbol``; any order, extra keys ignored.

    A landmark that is not listed, or listed with ``"value": null``, is missing.

    Raises:
        LabelError: no JSON, another structure, a landmark unknown or there twice, or a bad coordinate.
    """
    label = _read_json(path)
    entries = label.get("landmarks")
    if not isinstance(entries, list):
        raise LabelError(f'"landmarks" is {_kind(entries)}, expected a list', "use Aariz's schema", path)
    points: Points = {}
    notes: list[str] = []
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise LabelError(f"landmark {position} is {_kind(entry)}, expected an object", "use Aariz's schema", path)
        symbol = _which(entry, position, path, notes)
        if symbol in points:
            raise LabelError(f"landmark {symbol} is there twice", "keep the right one", path)
        point = _point(entry.get("value"), symbol, path)
        if point is not None:
            points[symbol] = point
    named = label.get("ceph_id")
    if isinstance(named, str) and short_name(named) != film_name(path):
        notes.append(f"ceph_id {named!r:.80} is not the file's name")
    return LandmarkFile(points, tuple(notes))


def read_cvm_stage(path: Path) -> int:
    """The cervical vertebral maturation stage, 1 to 6.

    Raises:
        LabelError: no JSON, another structure, or another stage.
    """
    stage = _read_json(path).get("cvm_stage")
    value = stage.get("value") if isinstance(stage, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value not in range(1, 7):
        raise LabelError(f"CVM stage is {value!r}, expected 1 to 6", "correct it", path)
    return int(value)


def landmarks_json(film_id: str, points: Points) -> dict[str, Any]:
    """``points`` (film pixels) in Aariz's schema, ready for ``json.dump``; landmarks in canonical order.

    Raises:
        KeyError: a symbol is none of the 29.
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
    # Aariz's field for the time is kept empty: the same points give the same bytes.
    return {"ceph_id": film_id, "landmarks": landmarks, "labeled_at": None, "dataset_name": _DATASET_NAME}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if size == 0:
            raise LabelError("the file is empty", "copy it again", path)
        if size > LARGEST_BYTES:
            raise LabelError(f"{size} bytes are too many for a label file", "copy it again", path)
        label = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise LabelError(f"cannot be read: {error.strerror or error}", "check that you may read it", path) from error
    except (ValueError, RecursionError) as error:
        raise LabelError(f"not JSON: {error}", "copy it again or correct it", path) from error
    if not isinstance(label, dict):
        raise LabelError(f"JSON holds {_kind(label)}, expected an object", "use Aariz's schema", path)
    return label


def _which(entry: dict[str, Any], position: int, path: Path, notes: list[str]) -> str:
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


def _point(value: Any, symbol: str, path: Path) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise LabelError(f"value of {symbol} is {_kind(value)}, expected x and y", "use Aariz's schema", path)
    x, y = (_coordinate(value.get(axis), f"{axis} of {symbol}", path) for axis in ("x", "y"))
    return x, y


def _coordinate(value: Any, name: str, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LabelError(f"{name} is {value!r:.40}, expected a number", "correct it", path)
    if not abs(value) <= FARTHEST_PX:  # an integer may be too large for a float
        raise LabelError(f"{name} is not finite or far off any film", "correct it", path)
    return float(value)


def _kind(value: Any) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"
