"""Files of predicted landmarks: ``{film id: {symbol: [x, y]}}`` in film pixels, from any model.

``null`` instead of ``[x, y]`` says that the model searched for the landmark and did not find it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cephkit.cephalometry.source import RESULT_ENDING
from cephkit.data.film import Points
from cephkit.data.json_values import kind, number, read_json, text
from cephkit.errors import LabelError
from cephkit.landmarks import canonical_symbol
from cephkit.records.reader import record_of
from cephkit.records.record import LandmarkRecord

MOST_LISTED = 20


def read_predictions(path: Path) -> dict[str, LandmarkRecord]:
    """Read predictions by film id: one JSON file, or a folder of those that ``cephkit predict`` writes.

    A file in Aariz's schema (one film, ``ceph_id`` and ``landmarks``) is understood too.

    Raises:
        LabelError: no such file, not JSON, or anything other than a known symbol with two finite numbers; lists all
            that is wrong.
    """
    if not path.exists():
        raise LabelError(f"{path}: there is no such file; give a JSON file {{film id: {{symbol: [x, y]}}}}")
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.glob("[!.]*.json") if not file.name.endswith(RESULT_ENDING))
    if not files:
        raise LabelError(f"{path}: holds no .json file; give the folder that cephkit predict wrote")
    predictions: dict[str, LandmarkRecord] = {}
    wrong: list[str] = []
    for file in files:
        try:
            for record in _records(file, wrong):
                if record.film_id in predictions:
                    wrong.append(f"{file.name}: film {_short(record.film_id)} appears a second time")
                predictions[record.film_id] = record
        except LabelError as error:
            wrong.append(f"{file.name}: {error.text}")
    if wrong:
        raise LabelError(
            f"{path}: cannot be used as predictions:\n{listed(wrong)}\n"
            "Expected {film id: {symbol: [x, y]}} with x and y in pixels of the original film."
        )
    if not predictions:
        raise LabelError(f"{path}: holds no film; expected {{film id: {{symbol: [x, y]}}}}")
    return predictions


def predictions_json(records: Sequence[LandmarkRecord]) -> dict[str, dict[str, tuple[float, float] | None]]:
    """Return ``records`` as a file of predictions, ready for ``json.dump``; landmarks in canonical order."""
    return {record.film_id: {symbol: record.points.get(symbol) for symbol in record.symbols} for record in records}


def listed(lines: Sequence[str]) -> str:
    """Join ``lines``, indented, one below the other; a long list ends with how many more there are."""
    rest = [f"... and {len(lines) - MOST_LISTED} more"] if len(lines) > MOST_LISTED else []
    return "\n".join(f"  {line}" for line in [*lines[:MOST_LISTED], *rest])


def _records(file: Path, wrong: list[str]) -> Iterator[LandmarkRecord]:
    """Yield the films in ``file``; add what is wrong with single landmarks to ``wrong``."""
    content = read_json(file, unique_keys=True)
    if not isinstance(content, dict):
        raise LabelError(f"holds {kind(content)}, expected an object of films")
    if "ceph_id" in content and isinstance(content.get("landmarks"), list):
        record = record_of(content, file)
        yield replace(record, film_id=text(content, "ceph_id", file) or record.film_id)
        return
    for film_id, landmarks in content.items():
        if isinstance(landmarks, dict):
            yield _record(film_id, landmarks, wrong)
        else:
            wrong.append(f"film {_short(film_id)}: expected {{symbol: [x, y]}}, got {_short(landmarks)}")


def _record(film_id: str, landmarks: Mapping[str, Any], wrong: list[str]) -> LandmarkRecord:
    points: Points = {}
    missing: list[str] = []
    for name, value in landmarks.items():
        try:
            symbol = canonical_symbol(name)
        except KeyError:
            wrong.append(f"film {_short(film_id)}: {_short(name)} is not one of the 29 landmark symbols")
            continue
        if symbol in points or symbol in missing:
            wrong.append(f"film {_short(film_id)}: {symbol} appears twice")
        elif value is None:
            missing.append(symbol)
        else:
            try:
                x, y = (number(each, symbol, film_id) for each in (value if isinstance(value, list) else ()))
                points[symbol] = (x, y)
            except (ValueError, LabelError):
                film = f"film {_short(film_id)}, {symbol}"
                wrong.append(f"{film}: expected [x, y], two finite numbers, got {_short(value)}")
    return LandmarkRecord(points, tuple(missing), film_id=film_id)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
