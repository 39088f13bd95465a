"""Files of predicted landmarks: ``{film id: {symbol: [x, y]}}`` in film pixels, from whatever model.

``null`` in place of ``[x, y]`` says that the model looked for the landmark and did not find it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cephkit.cephalometry.source import RESULT_ENDING
from cephkit.data.film import FARTHEST_PX
from cephkit.errors import LabelError
from cephkit.landmarks import BY_ID, canonical_symbol

FilmPoints = dict[str, tuple[float, float] | None]
Predictions = dict[str, FilmPoints]

_SHOWN = 20


class _UnusableFileError(ValueError):
    """Why a file cannot be read as predictions."""


def read_predictions(path: Path) -> Predictions:
    """The predictions in ``path``: one JSON file, or a folder of the files that ``cephkit predict`` writes.

    A file in Aariz's schema (one film, ``ceph_id`` and ``landmarks``) is understood too.

    Raises:
        LabelError: no such file, no JSON, or anything that is not a known symbol with two finite numbers; all
            that is wrong is listed at once.
    """
    if not path.exists():
        raise LabelError(f"{path}: there is no such file; give a JSON file {{film id: {{symbol: [x, y]}}}}")
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.glob("[!.]*.json") if not file.name.endswith(RESULT_ENDING))
    if not files:
        raise LabelError(f"{path}: holds no .json file; give the folder that cephkit predict wrote")
    predictions: Predictions = {}
    wrong: list[str] = []
    for file in files:
        try:
            films = _films(_read_json(file))
        except _UnusableFileError as error:
            wrong.append(f"{file.name}: {error}")
            continue
        for film_id, points in films:
            if film_id in predictions:
                wrong.append(f"{file.name}: film {_short(film_id)} is there a second time")
            predictions[film_id] = _points(film_id, points, wrong)
    if wrong:
        raise LabelError(
            f"{path}: cannot be used as predictions:\n{listed(wrong)}\n"
            "Expected {film id: {symbol: [x, y]}} with x and y in pixels of the original film."
        )
    if not predictions:
        raise LabelError(f"{path}: holds no film; expected {{film id: {{symbol: [x, y]}}}}")
    return predictions


def listed(lines: list[str]) -> str:
    """``lines`` indented, one below the other; a long list ends with how many more there are."""
    rest = [f"... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join(f"  {line}" for line in lines[:_SHOWN] + rest)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_no_repeats)
    except OSError as error:
        raise _UnusableFileError(f"cannot be read ({error.strerror})") from error
    except RecursionError as error:
        raise _UnusableFileError("is nested too deeply") from error
    except _UnusableFileError:
        raise
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
        raise _UnusableFileError(f"is no JSON ({error!s:.80})") from error
    if not isinstance(content, dict):
        raise _UnusableFileError(f"holds a {type(content).__name__} where an object of films is expected")
    return content


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise _UnusableFileError(f"names {', '.join(map(_short, repeated[:5]))} twice in one object")
    return content


def _films(content: Mapping[str, Any]) -> list[tuple[str, Any]]:
    marks = content.get("landmarks")
    if "ceph_id" not in content or not isinstance(marks, list):
        return list(content.items())
    missing = content.get("missing") or []
    if not isinstance(missing, list) or not all(isinstance(symbol, str) for symbol in missing):
        raise _UnusableFileError(f'"missing" is {_short(missing)}, expected a list of symbols')
    points: dict[str, Any] = dict.fromkeys(missing)
    for mark in marks:
        known = isinstance(mark, dict) and (BY_ID.get(str(mark.get("landmark_id"))) or mark.get("symbol"))
        value = mark.get("value") if isinstance(mark, dict) else None
        symbol = known if isinstance(known, str) else getattr(known, "symbol", repr(mark)[:60])
        points[symbol] = [value.get("x"), value.get("y")] if isinstance(value, dict) else value
    return [(str(content["ceph_id"]), points)]


def _points(film_id: str, points: Any, wrong: list[str]) -> FilmPoints:
    """The points of one film; what cannot be used is added to ``wrong``."""
    if not isinstance(points, dict):
        wrong.append(f"film {_short(film_id)}: expected {{symbol: [x, y]}}, got {_short(points)}")
        return {}
    usable: FilmPoints = {}
    for name, value in points.items():
        try:
            symbol = canonical_symbol(name)
        except KeyError:
            wrong.append(f"film {_short(film_id)}: {_short(name)} is none of the 29 landmark symbols")
            continue
        if symbol in usable:
            wrong.append(f"film {_short(film_id)}: {symbol} is there twice")
        elif value is None:
            usable[symbol] = None
        elif isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)):
            usable[symbol] = (float(value[0]), float(value[1]))
        else:
            wrong.append(f"film {_short(film_id)}, {symbol}: expected [x, y], two finite numbers, got {_short(value)}")
    return usable


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float)) and abs(value) <= FARTHEST_PX


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
