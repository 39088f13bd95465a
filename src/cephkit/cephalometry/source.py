"""Landmarks to measure: label files in Aariz's schema, what ``cephkit predict`` adds to them, or films and a model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from cephkit.cephalometry.frame import Facing, covariance_of_error, covariance_of_region
from cephkit.data.film import Points
from cephkit.data.folder import films_in
from cephkit.data.label_faults import single_faults
from cephkit.data.labels import read_landmarks
from cephkit.data.opened import is_film_file
from cephkit.data.spacing import Plane, Spacing
from cephkit.errors import LabelError, SettingsError
from cephkit.geometry import Matrix

if TYPE_CHECKING:
    from cephkit.inference.model import Model, Shown

RESULT_ENDING = "_measurements.json"
"""Of the files that are written; never read as landmarks."""


@dataclass(frozen=True)
class Marked:
    """The landmarks of one film, film pixels, and what their file says about them."""

    path: Path
    points: Points
    facing: Facing | None = None
    covariances_px: dict[str, Matrix] | None = None
    """(2, 2) by symbol; None where the file says nothing of errors."""
    notes: tuple[str, ...] = ()
    spacing: Spacing | None = None
    film_file: str = ""
    """Name of the film's file; empty where the file does not say it."""
    film_hash: str = ""
    """``pixel_hash`` of the film."""
    said_by: str = ""
    """Whose landmarks these are: a model; empty where the file does not say it."""
    errors_rest_on: str = ""
    """What films its errors were learnt from; empty where the file does not say it."""
    look_regions: dict[str, Matrix] = field(default_factory=dict)
    """90 % regions, (2, 2) film pixels squared, of landmarks that need a look."""


def measured_files(given: Sequence[Path], recursive: bool = False) -> list[Path]:
    """The label files and films named by files and folders, each once, folders in order of name.

    A folder with label files stands for these, any other for its films, ``recursive`` for those in its folders too; a
    line on screen says what was passed over.

    Raises:
        SettingsError: a path does not exist, or a folder has neither.
    """
    files: list[Path] = []
    for path in given:
        labels = not path.is_dir() or any(map(_is_landmarks, path.iterdir()))
        files += label_files([path]) if labels else films_in(path, recursive=recursive, notify=print)
    return list({file.resolve(): file for file in files}.values())


def films_left_out(folder: Path) -> int:
    """How many films lie in a folder whose label files are measured."""
    return sum(map(is_film_file, folder.iterdir())) if any(map(_is_landmarks, folder.iterdir())) else 0


def label_files(given: Sequence[Path]) -> list[Path]:
    """The label files named by files and folders, each once, folders in order of name.

    Raises:
        SettingsError: a path does not exist, or a folder has no such file.
    """
    files: list[Path] = []
    for path in given:
        if not path.is_dir():
            if not path.exists():
                raise SettingsError(f"{path}: there is no such file or folder of landmarks")
            files.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if _is_landmarks(file))
        if not inside:
            raise SettingsError(
                f"{path}: holds no .json file; give the folder of one annotator, or that of cephkit predict"
            )
        files += inside
    return list({file.resolve(): file for file in files}.values())


def is_label_file(path: Path) -> bool:
    """Whether ``path`` is a label file by its name; else it is taken for a film."""
    return path.suffix.lower() == ".json"


def _is_landmarks(path: Path) -> bool:
    return is_label_file(path) and not path.name.endswith(RESULT_ENDING) and not path.name.startswith(".")


def marked_by(model: "Model", shown: "Shown", path: Path) -> Marked:
    """The landmarks that ``model`` finds on the film of ``path``, made ready for it."""
    (found,) = model.predict_shown([shown])
    doubts = (f"no lateral cephalogram? {found.doubt}",) if found.doubt else ()
    return Marked(
        path,
        found.found,
        found.facing if found.found else None,
        found.covariances or None,
        (*found.notes, *doubts),
        found.spacing,
        found.file,
        found.film_hash,
        _model_name(found.model),
        model.predictor.rests_on,
        found.look_regions,
    )


def read_marked(path: Path) -> Marked:
    """The landmarks in ``path``.

    ``facing``, ``spacing``, ``film``, ``regions_90``, ``expected_errors_px``, ``look``, ``notes`` and ``doubt`` are
    keys of cephkit predict; a region counts before an expected error, since it knows directions.

    Raises:
        LabelError: see ``read_landmarks``; or one of these keys holds something else.
    """
    label = read_landmarks(path)
    content = json.loads(path.read_bytes().decode("utf-8-sig"))
    facing = content.get("facing")
    if facing not in (None, "right", "left"):
        raise LabelError(f'"facing" is {facing!r:.40}, expected right or left', "correct it", path)
    errors, regions = _table(content, "expected_errors_px", path), _table(content, "regions_90", path)
    spread: dict[str, Matrix] = {}
    for symbol in label.points:
        if symbol in regions:
            spread[symbol] = covariance_of_region(_numbers(regions[symbol], (2, 2), f"regions_90 of {symbol}", path))
        elif symbol in errors:
            expected = _numbers(errors[symbol], (), f"expected_errors_px of {symbol}", path)
            spread[symbol] = covariance_of_error(float(expected))
    film, look = _table(content, "film", path), _texts(content, "look", path)
    facts = _table(content, "model", path)
    said_by = _model_name(facts)
    impossible = [fault for fault in single_faults(label.points) if fault.certain]
    if impossible and not said_by:  # what a model finds it judges itself
        raise LabelError("; ".join(fault.text for fault in impossible), impossible[0].remedy, path)
    doubt = _text(content, "doubt", path)
    doubts = (f"no lateral cephalogram? {doubt}",) if doubt else ()
    return Marked(
        path,
        label.points,
        facing,
        spread or None,
        (*label.notes, *_texts(content, "notes", path), *doubts),
        _spacing(_table(content, "spacing", path), path),
        _text(film, "file", path),
        _text(film, "hash", path),
        said_by,
        _text(facts, "errors_rest_on", path),
        {symbol: np.asarray(regions[symbol]) for symbol in label.points if symbol in regions and symbol in look},
    )


def _model_name(facts: Mapping[str, Any]) -> str:
    return ", ".join(str(facts[key]) for key in ("model", "checkpoint", "mode") if key in facts)


def _spacing(said: dict[str, Any], path: Path) -> Spacing | None:
    if not said:
        return None
    try:
        plane = str(said.get("plane", "unknown"))
        if plane not in get_args(Plane):
            raise ValueError(f"plane {plane!r:.40}")
        return Spacing(float(said["row_mm"]), float(said["column_mm"]), str(said["origin"]), plane)  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError, OverflowError, SettingsError) as error:
        raise LabelError(f'"spacing" cannot be used ({error!s:.200})', "correct it or remove it", path) from error


def _table(content: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    table = content.get(key) or {}
    if not isinstance(table, dict):
        raise LabelError(f'"{key}" is a {type(table).__name__}, expected an object', "correct it", path)
    return table


def _text(content: dict[str, Any], key: str, path: Path) -> str:
    value = content.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise LabelError(f'"{key}" is {value!r:.40}, expected a text', "correct it", path)
    return value


def _texts(content: dict[str, Any], key: str, path: Path) -> tuple[str, ...]:
    values = content.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise LabelError(f'"{key}" is {values!r:.40}, expected a list of texts', "correct it", path)
    return tuple(values)


def _numbers(value: object, shape: tuple[int, ...], name: str, path: Path) -> Matrix:
    """``value`` as a positive length, or as a matrix that is symmetric and positive."""
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        numbers = np.full((0,), np.nan)
    usable = numbers.shape == shape and bool(np.isfinite(numbers).all())
    if usable and shape:
        usable = bool(np.allclose(numbers, numbers.T)) and bool(np.linalg.eigvalsh(numbers).min() >= 0)
    elif usable:
        usable = float(numbers) >= 0
    if not usable:
        expected = "[[a, b], [b, c]] of an ellipse" if shape else "a length in pixels"
        raise LabelError(f"{name} is {value!r:.60}, expected {expected}", "correct it", path)
    return numbers
