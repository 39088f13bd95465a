"""What ``cephkit predict`` leaves behind: JSON and an overlay per film, one table for all films."""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import cephkit
from cephkit import NOTICE
from cephkit.data.labels import landmarks_json
from cephkit.errors import SettingsError
from cephkit.files import write_csv
from cephkit.inference.predictor import Prediction, Predictor
from cephkit.landmarks import BY_SYMBOL

TABLE = "landmarks.csv"
COLUMNS = (
    *("film", "file", "symbol", "title", "x_px", "y_px", "score", "x_mm", "y_mm"),
    *("expected_error_px", "expected_error_mm", "look"),
)
WEAK_SCORE = 0.1
"""Below it the heatmap has hardly a peak: worth a second look where no calibration says more."""
LOOK_MM = 2.0
"""A landmark whose expected error exceeds this needs a look: the field counts an error of 2 mm as a miss."""
LOOK_HEIGHT = 0.0085
"""The same without a pixel size, as a share of the film's height: 2 mm of 235."""


def needs_look(prediction: Prediction, pixel_size_mm: float | None) -> tuple[str, ...]:
    """The landmarks found that a person should check: expected to be off by 2 mm or more.

    Without a calibration, those with hardly a peak in their heatmap.
    """
    pairs = zip(prediction.symbols, prediction.scores.tolist(), strict=True)
    if prediction.expected_errors is None:
        return tuple(symbol for symbol, score in pairs if symbol in prediction.found and score < WEAK_SCORE)
    limit = LOOK_MM / pixel_size_mm if pixel_size_mm is not None else LOOK_HEIGHT * prediction.size[0]
    errors = zip(prediction.symbols, prediction.expected_errors.tolist(), strict=True)
    return tuple(symbol for symbol, error in errors if symbol in prediction.found and error > limit)


def look_regions(prediction: Prediction, pixel_size_mm: float | None) -> dict[str, NDArray[np.float64]]:
    """The 90 % regions of the landmarks that need a look."""
    if prediction.regions is None:
        return {}
    regions = dict(zip(prediction.symbols, prediction.regions, strict=True))
    return {symbol: regions[symbol] for symbol in needs_look(prediction, pixel_size_mm)}


def film_json(
    name: str, file: Path, prediction: Prediction, predictor: Predictor, pixel_size_mm: float | None = None
) -> dict[str, Any]:
    """A prediction in Aariz's schema, with keys of our own beside Aariz's; landmarks not found are absent.

    ``regions_90`` are [[a, b], [b, c]] in square pixels: with probability 90 % the true point x of a landmark
    found at p has (x - p)' R^-1 (x - p) <= 1.
    """
    loaded = predictor.loaded[0]
    scores = dict(zip(prediction.symbols, prediction.scores.tolist(), strict=True))
    found = {symbol: (round(x, 3), round(y, 3)) for symbol, (x, y) in prediction.found.items()}
    height, width = prediction.size
    return {
        **landmarks_json(name, found),
        "missing": list(prediction.missing),
        "scores": {symbol: round(scores[symbol], 4) for symbol in found},
        **_errors(prediction),
        "look": list(needs_look(prediction, pixel_size_mm)),
        "facing": prediction.facing,
        "doubt": prediction.doubt,
        "film": {"file": file.name, "hash": prediction.film_hash, "width": width, "height": height},
        "model": {
            "checkpoint": loaded.path.name,
            "sha256": loaded.meta["sha256"],
            "model": loaded.spec.model,
            "image_size": list(loaded.spec.canvas_size),
            "mode": predictor.mode,
            **({"ensemble": [model.path.name for model in predictor.loaded]} if len(predictor.loaded) > 1 else {}),
        },
        "cephkit": cephkit.__version__,
        "notice": NOTICE,
    }


def _errors(prediction: Prediction) -> dict[str, Any]:
    if prediction.expected_errors is None or prediction.regions is None:
        return {}
    errors = dict(zip(prediction.symbols, prediction.expected_errors.tolist(), strict=True))
    regions = dict(zip(prediction.symbols, prediction.regions.round(2).tolist(), strict=True))
    return {
        "expected_errors_px": {symbol: round(errors[symbol], 2) for symbol in prediction.found},
        "regions_90": {symbol: regions[symbol] for symbol in prediction.found},
    }


def film_rows(name: str, file: Path, prediction: Prediction, pixel_size_mm: float | None) -> list[dict[str, Any]]:
    """One row per landmark; empty cells where it was not found, and for mm without a pixel size."""
    rows = []
    look = needs_look(prediction, pixel_size_mm)
    for index, (symbol, score) in enumerate(zip(prediction.symbols, prediction.scores.tolist(), strict=True)):
        row: dict[str, Any] = {
            "film": name,
            "file": file.name,
            "symbol": symbol,
            "title": BY_SYMBOL[symbol].title,
        }
        if symbol in prediction.found:
            x, y = prediction.found[symbol]
            row |= {"x_px": f"{x:.3f}", "y_px": f"{y:.3f}", "score": f"{score:.4f}"}
            if pixel_size_mm is not None:
                row |= {"x_mm": f"{x * pixel_size_mm:.3f}", "y_mm": f"{y * pixel_size_mm:.3f}"}
            if prediction.expected_errors is not None:
                error = float(prediction.expected_errors[index])
                row["expected_error_px"] = f"{error:.2f}"
                if pixel_size_mm is not None:
                    row["expected_error_mm"] = f"{error * pixel_size_mm:.2f}"
            row["look"] = "yes" if symbol in look else ""
        rows.append(row)
    return rows


@dataclass
class ResultFolder:
    """Names results so that no film's replace another's, nor any file that is not ours.

    Raises:
        SettingsError: the folder has a ``landmarks.csv`` that is not ours.
    """

    folder: Path
    inputs: Iterable[Path] = ()
    """Films that are being read; never written over."""

    def __post_init__(self) -> None:
        self._taken: set[str] = set()
        self._inputs = {path.resolve() for path in self.inputs}
        self._rows = self._read_table()

    def name_for(self, file: Path, film_hash: str) -> str:
        """A name for the results of ``file``: its stem, with a number where another film has that name."""
        number = 1
        while True:
            name = file.stem if number == 1 else f"{file.stem}-{number}"
            if name.casefold() not in self._taken and self._is_free(name, film_hash):
                self._taken.add(name.casefold())
                return name
            number += 1

    def json_path(self, name: str) -> Path:
        """Where the landmarks go."""
        return self.folder / f"{name}.json"

    def overlay_path(self, name: str) -> Path:
        """Where the picture goes."""
        return self.folder / f"{name}_overlay.png"

    def write_table(self, rows: list[dict[str, Any]]) -> Path:
        """``landmarks.csv`` with ``rows`` and those of films of earlier runs."""
        now = {row["film"] for row in rows}
        path = self.folder / TABLE
        write_csv(path, COLUMNS, [*(row for row in self._rows if row["film"] not in now), *rows])
        return path

    def _is_free(self, name: str, film_hash: str) -> bool:
        json_path, overlay_path = self.json_path(name), self.overlay_path(name)
        if {json_path.resolve(), overlay_path.resolve()} & self._inputs:
            return False
        if not json_path.exists():
            return not overlay_path.exists()
        try:
            content = json.loads(json_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        film = content.get("film") if isinstance(content, dict) else None
        return isinstance(film, dict) and film.get("hash") == film_hash

    def _read_table(self) -> list[dict[str, Any]]:
        path = self.folder / TABLE
        if not path.exists():
            return []
        try:
            with path.open(encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file)
                rows = list(reader)
        except (OSError, ValueError, csv.Error) as error:
            raise SettingsError(f"{path}: cannot be read ({error}); choose another --out") from error
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise SettingsError(f"{path}: is no table of cephkit predict; choose another --out")
        return rows
