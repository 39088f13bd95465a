"""Landmarks to measure: label files in Aariz's schema, and what ``cephkit predict`` adds to them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cephkit.cephalometry.frame import Facing, covariance_of_error, covariance_of_region
from cephkit.data.film import Points
from cephkit.data.labels import BrokenLabelError, read_landmarks
from cephkit.errors import SettingsError
from cephkit.geometry import Matrix

RESULT_ENDING = "_measurements.json"
"""Of the files that are written; never read as landmarks."""


@dataclass(frozen=True)
class Marked:
    """The landmarks of one film, film pixels, and what the file says about them."""

    path: Path
    points: Points
    facing: Facing | None = None
    covariances_px: dict[str, Matrix] | None = None
    """(2, 2) by symbol; None where the file says nothing of errors."""
    notes: tuple[str, ...] = ()


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
        inside = sorted(
            file
            for file in path.iterdir()
            if file.suffix.lower() == ".json"
            and not file.name.endswith(RESULT_ENDING)
            and not file.name.startswith(".")
        )
        if not inside:
            raise SettingsError(
                f"{path}: holds no .json file; give the folder of one annotator, or that of cephkit predict"
            )
        files += inside
    return list({file.resolve(): file for file in files}.values())


def read_marked(path: Path) -> Marked:
    """The landmarks in ``path``.

    ``facing``, ``regions_90`` and ``expected_errors_px`` are keys of cephkit predict; a region counts before an
    expected error, since it knows directions.

    Raises:
        LabelError: see ``read_landmarks``; or one of these keys holds something else.
    """
    label = read_landmarks(path)
    content = json.loads(path.read_bytes().decode("utf-8-sig"))
    facing = content.get("facing")
    if facing not in (None, "right", "left"):
        raise BrokenLabelError(f'"facing" is {facing!r:.40}, expected right or left', "correct it", path)
    errors, regions = _table(content, "expected_errors_px", path), _table(content, "regions_90", path)
    spread: dict[str, Matrix] = {}
    for symbol in label.points:
        if symbol in regions:
            spread[symbol] = covariance_of_region(_numbers(regions[symbol], (2, 2), f"regions_90 of {symbol}", path))
        elif symbol in errors:
            expected = _numbers(errors[symbol], (), f"expected_errors_px of {symbol}", path)
            spread[symbol] = covariance_of_error(float(expected))
    return Marked(path, label.points, facing, spread or None, label.notes)


def _table(content: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    table = content.get(key) or {}
    if not isinstance(table, dict):
        raise BrokenLabelError(f'"{key}" is a {type(table).__name__}, expected an object', "correct it", path)
    return table


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
        raise BrokenLabelError(f"{name} is {value!r:.60}, expected {expected}", "correct it", path)
    return numbers
