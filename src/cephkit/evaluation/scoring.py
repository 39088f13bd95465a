"""Predicted points against the truth of a set of films.

Files of predictions are ``{film id: {symbol: [x, y]}}`` in film pixels, from any model. ``null`` instead of ``[x, y]``
says that the model searched for the landmark and did not find it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cephkit.cephalometry.source import RESULT_ENDING
from cephkit.data.film import Film, Points, pixel_sizes_mm, points_array, stretches
from cephkit.data.json_values import kind, number, read_json, text
from cephkit.errors import DataError, LabelError
from cephkit.evaluation.metrics import Metrics, radial_errors, summarise, to_mm
from cephkit.geometry import Floats
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.shipped import KNOWN, in_known_order
from cephkit.records.reader import record_of
from cephkit.records.record import LandmarkRecord

MOST_LISTED = 20


def read_predictions(path: Path, schema: LandmarkSchema = KNOWN) -> dict[str, LandmarkRecord]:
    """Read predictions by film id: one JSON file, or a folder of those that ``cephkit predict`` writes.

    Landmarks are those of ``schema``, and those that the files themselves describe.

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
            for record in _records(file, schema, wrong):
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


def _records(file: Path, schema: LandmarkSchema, wrong: list[str]) -> Iterator[LandmarkRecord]:
    """Yield the films in ``file``; add what is wrong with single landmarks to ``wrong``."""
    content = read_json(file, unique_keys=True)
    if not isinstance(content, dict):
        raise LabelError(f"holds {kind(content)}, expected an object of films")
    if "ceph_id" in content and isinstance(content.get("landmarks"), list):
        record = record_of(content, file, schema)
        yield replace(record, film_id=text(content, "ceph_id", file) or record.film_id)
        return
    for film_id, landmarks in content.items():
        if isinstance(landmarks, dict):
            yield _record(film_id, landmarks, schema, wrong)
        else:
            wrong.append(f"film {_short(film_id)}: expected {{symbol: [x, y]}}, got {_short(landmarks)}")


def _record(film_id: str, landmarks: Mapping[str, Any], schema: LandmarkSchema, wrong: list[str]) -> LandmarkRecord:
    points: Points = {}
    missing: list[str] = []
    for name, value in landmarks.items():
        try:
            symbol = schema.symbol_of(name)
        except KeyError:
            wrong.append(f"film {_short(film_id)}: {_short(name)} is not the symbol of a landmark that is known")
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
    return LandmarkRecord(points, tuple(missing), schema, film_id=film_id)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


@dataclass(frozen=True)
class Scores:
    """Films with their predicted points and the truth, and the errors."""

    films: tuple[Film, ...]
    symbols: tuple[str, ...]
    """The landmarks that were predicted."""
    predicted: Floats
    """(N, K, 2) film pixels, NaN where a landmark was not found."""
    truth_source: str
    """``senior``, ``junior``, ``mean`` or ``official``."""
    schema: LandmarkSchema = KNOWN
    """What the landmarks are."""

    @cached_property
    def truth(self) -> Floats:
        """(N, K, 2) film pixels, NaN where there is none."""
        return np.stack([points_array(film.points(self.truth_source), self.symbols) for film in self.films])

    @cached_property
    def errors_px(self) -> Floats:
        """(N, K); see ``radial_errors``. Of pixels that are not square, the shorter side counts."""
        return radial_errors(self.predicted * self.stretches, self.truth * self.stretches)

    @cached_property
    def stretches(self) -> Floats:
        """(N, 1, 2): by how much a film's pixels are wider and higher than their shorter side."""
        return stretches(self.films)

    @cached_property
    def pixel_sizes(self) -> Floats:
        """(N,) mm per film pixel, NaN where unknown."""
        return pixel_sizes_mm(self.films)

    @cached_property
    def errors_mm(self) -> Floats:
        """(N, K); NaN also on films without a pixel size."""
        return to_mm(self.errors_px, self.pixel_sizes)

    @property
    def unit(self) -> str:
        """``mm`` where at least one film has a pixel size, otherwise ``px``."""
        return "mm" if np.isfinite(self.pixel_sizes).any() else "px"

    @property
    def errors(self) -> Floats:
        """(N, K) in ``unit``."""
        return self.errors_mm if self.unit == "mm" else self.errors_px

    def metrics(self, draws: int = 0, seed: int = 0) -> Metrics:
        """The figures over all films and landmarks; see ``summarise``."""
        return summarise(self.errors_px, self.pixel_sizes, draws, seed)

    @property
    def films_without_pixel_size(self) -> list[str]:
        """Films that count in pixels, never in mm."""
        return [film.film_id for film in self.films if film.spacing is None]

    @property
    def landmarks_not_predicted(self) -> list[str]:
        """Landmarks with a truth that the model does not know; they are not scored."""
        return [symbol for symbol in self._with_truth if symbol not in self.symbols]

    @property
    def landmarks_without_truth(self) -> list[str]:
        """Landmarks that were predicted and have no truth on any of the films; they are not scored."""
        return [symbol for symbol in self.symbols if symbol not in self._with_truth]

    @cached_property
    def _with_truth(self) -> tuple[str, ...]:
        return symbols_with_truth(self.films, self.truth_source, self.schema)

    @property
    def not_found(self) -> list[dict[str, str]]:
        """Every landmark that has a truth and no prediction."""
        rows, columns = np.nonzero(np.isinf(self.errors_px))
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return [{"film": self.films[row].film_id, "landmark": self.symbols[column]} for row, column in pairs]

    def records(self) -> list[LandmarkRecord]:
        """The landmarks that were found on each film."""
        records = []
        for film, predicted in zip(self.films, self.predicted, strict=True):
            pairs = [(symbol, (float(x), float(y))) for symbol, (x, y) in zip(self.symbols, predicted, strict=True)]
            points = {symbol: point for symbol, point in pairs if np.isfinite(point).all()}
            missing = tuple(symbol for symbol in self.symbols if symbol not in points)
            records.append(LandmarkRecord(points, missing, self.schema, film_id=film.film_id))
        return records


def symbols_with_truth(films: Sequence[Film], truth_source: str, schema: LandmarkSchema) -> tuple[str, ...]:
    """Landmarks that at least one film has a truth for."""
    return schema.in_order(symbol for film in films for symbol in film.points(truth_source))


def score_predictions(
    films: Sequence[Film],
    predictions: Mapping[str, LandmarkRecord],
    truth_source: str,
    allow_missing: bool = False,
    schema: LandmarkSchema = KNOWN,
) -> Scores:
    """Scores of predictions by film id; ``schema`` is that of the films' landmarks.

    A landmark that no film of the file has is one that its model does not know, and is not scored. One that
    only some films lack is missing there.

    Raises:
        DataError: there is nothing to score, or a film or landmark is missing without a ``null`` that says so
            and without ``allow_missing``.
    """
    schema = in_known_order(schema, *{id(record.schema): record.schema for record in predictions.values()}.values())
    symbols = schema.in_order(symbol for record in predictions.values() for symbol in record.symbols)
    scored = set(symbols) & set(symbols_with_truth(films, truth_source, schema))
    if not scored:
        raise DataError(f"nothing to score: no film has both a prediction and a {truth_source} truth")
    absent = []
    for film in films:
        record = predictions.get(film.film_id)
        known = () if record is None else record.symbols
        lacking = [s for s in symbols if s in scored and s in film.points(truth_source) and s not in known]
        if record is None and lacking:
            absent.append(f"film {film.film_id}: no prediction at all")
        elif lacking:
            absent.append(f"film {film.film_id}: {' '.join(lacking)}")
    if absent and not allow_missing:
        raise DataError(
            f"predictions are missing for {len(absent)} of {len(films)} films:\n{listed(absent)}\n"
            "Add them, write null where the model found nothing, or use --allow_missing: each then counts "
            "as missing and as a miss in every SDR."
        )
    predicted = np.full((len(films), len(symbols), 2), np.nan)
    for row, film in enumerate(films):
        if film.film_id in predictions:
            predicted[row] = points_array(predictions[film.film_id].points, symbols)
    return Scores(tuple(films), symbols, predicted, truth_source, schema)
