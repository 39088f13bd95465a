"""One film's landmarks, whoever marked them: a model, people, or another tool."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cephkit.data.film import Points
from cephkit.data.labels import landmarks_json
from cephkit.data.spacing import Spacing
from cephkit.errors import SettingsError
from cephkit.files import csv_bytes, json_bytes, write_whole
from cephkit.geometry import Facing, Matrix, Size, covariance_of_error, covariance_of_region
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.schema_file import schema_dict
from cephkit.landmarks.shipped import KNOWN
from cephkit.notice import NOTICE, VERSION

if TYPE_CHECKING:
    import pandas


COLUMNS = (
    *("film", "file", "symbol", "title", "x_px", "y_px", "score", "x_mm", "y_mm"),
    *("expected_error_px", "expected_error_mm", "look"),
)
"""``look``: yes where the landmark needs review."""


PLACES = {"x_px": 3, "y_px": 3, "score": 4, "x_mm": 3, "y_mm": 3, "expected_error_px": 2, "expected_error_mm": 2}
"""Decimal places of figures, as in the record's JSON."""

WEAK_SCORE = 0.1
"""A heatmap with a lower score has hardly a peak."""
REVIEW_MM = 2.0
"""A landmark whose expected error exceeds this needs review: the field counts an error of 2 mm as a miss."""
REVIEW_HEIGHT = 0.0085
"""The same without a pixel size, as a share of the film's height: 2 mm of 235."""


@dataclass(frozen=True)
class LandmarkRecord:
    """Landmarks of one film, and what is known of them and of the film. Figures by symbol; lengths in film pixels."""

    points: Points
    """(x, y) of the landmarks found, pixel centres at integers; all lie on the film."""
    missing: tuple[str, ...] = ()
    """Landmarks that were searched for and not found."""
    schema: LandmarkSchema = KNOWN
    """What the landmarks are; others than these cannot be in the record."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Height of the heatmap's peak: larger is surer, but it is not a probability."""
    expected_errors: Mapping[str, float] = field(default_factory=dict)
    """Empty where errors are unknown: labels, or a model without a calibration for its way of predicting."""
    regions: Mapping[str, Matrix] = field(default_factory=dict)
    """(2, 2) square pixels: with probability 90 % the true point x has (x - p)' R^-1 (x - p) <= 1."""
    needs_review: tuple[str, ...] = ()
    """Landmarks that a person should check; see ``reviewed``."""
    facing: Facing | None = None
    """Where the face looks on the film; points are those of the film as it is, either way."""
    doubt: str = ""
    """Why this may not be a lateral cephalogram; empty where nothing speaks against it."""
    notes: tuple[str, ...] = ()
    """What is odd about the file or the face, and what the model lacks."""
    spacing: Spacing | None = None
    """mm per film pixel, and the source of that; None: unknown, and there are no mm."""
    film_id: str = ""
    file: str = ""
    """Name of the film's file, without folders; empty for an array, or where unknown."""
    other_files: tuple[str, ...] = ()
    """What else the file may be called, where another tool's name for it is ambiguous, likeliest first."""
    film_hash: str = ""
    """``pixel_hash`` of the film: traces a result to its picture."""
    content: str = ""
    """Hash of the bytes of the film's file."""
    size: Size | None = None
    """(height, width) of the film."""
    orientation: int = 1
    """EXIF orientation; points belong to the film turned accordingly, which is how viewers show it."""
    model: Mapping[str, Any] = field(default_factory=dict)
    """The model that found the landmarks: checkpoint, sha256, model, image_size, mode; empty for people."""
    run: str = ""
    """Digest of the model and settings of ``cephkit predict``."""
    where: str = ""
    """Where the record was read: the file, and what in it."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The landmarks that were searched for, found or not, in canonical order."""
        return self.schema.in_order((*self.points, *self.missing))

    @property
    def own_schema(self) -> LandmarkSchema | None:
        """The landmarks that were searched for, if cephkit does not know all of them by itself."""
        own = self.schema.of(self.symbols)
        return None if own.is_part_of(KNOWN) else own

    @property
    def expected_errors_mm(self) -> dict[str, float]:
        """By symbol; empty without a calibration or a pixel size."""
        if self.spacing is None:
            return {}
        mean_mm = self.spacing.mean_mm
        return {symbol: error * mean_mm for symbol, error in self.expected_errors.items()}

    @property
    def covariances(self) -> dict[str, Matrix]:
        """(2, 2) square pixels by symbol, of landmarks of known error; a region counts before an expected error."""
        of_errors = {symbol: covariance_of_error(error) for symbol, error in self.expected_errors.items()}
        return of_errors | {symbol: covariance_of_region(region) for symbol, region in self.regions.items()}

    @property
    def review_regions(self) -> dict[str, Matrix]:
        """The 90 % regions of the landmarks that need review."""
        return {symbol: self.regions[symbol] for symbol in self.needs_review if symbol in self.regions}

    @property
    def made_by(self) -> str:
        """Model, checkpoint and mode; empty for people."""
        return ", ".join(str(self.model[key]) for key in ("model", "checkpoint", "mode") if key in self.model)

    @property
    def errors_rest_on(self) -> str:
        """The films that the expected errors were learnt from; empty if unknown."""
        return str(self.model.get("errors_rest_on") or "")

    def reviewed(self) -> "LandmarkRecord":
        """Return the record with ``needs_review``: the landmarks that are expected to be off by more than 2 mm.

        Without a calibration, those whose heatmap has hardly a peak.
        """
        if not self.expected_errors:
            return replace(self, needs_review=tuple(s for s, score in self.scores.items() if score < WEAK_SCORE))
        if self.spacing is not None:
            limit = REVIEW_MM / self.spacing.mean_mm
        else:
            limit = math.inf if self.size is None else REVIEW_HEIGHT * self.size[0]
        return replace(self, needs_review=tuple(s for s, error in self.expected_errors.items() if error > limit))

    def without(self, symbols: Iterable[str]) -> "LandmarkRecord":
        """Return the record without the landmarks ``symbols``, as if they had not been searched for."""
        left = set(symbols)

        def kept(figures: Mapping[str, Any]) -> dict[str, Any]:
            return {symbol: figure for symbol, figure in figures.items() if symbol not in left}

        return replace(
            self, points=kept(self.points), scores=kept(self.scores), regions=kept(self.regions),
            expected_errors=kept(self.expected_errors), missing=tuple(s for s in self.missing if s not in left),
            needs_review=tuple(s for s in self.needs_review if s not in left),
        )  # fmt: skip

    def within(self, schema: LandmarkSchema) -> "LandmarkRecord":
        """Return the record without the landmarks that ``schema`` lacks."""
        return replace(self.without(symbol for symbol in self.symbols if symbol not in schema), schema=schema)

    def outside(self, tolerance: float = 0.0) -> dict[str, tuple[float, float]]:
        """Return the points that lie more than ``tolerance`` pixels off the film; none if its size is unknown."""
        if self.size is None:
            return {}
        low, right, bottom = -0.5 - tolerance, self.size[1] - 0.5 + tolerance, self.size[0] - 0.5 + tolerance
        return {s: (x, y) for s, (x, y) in self.points.items() if not (low <= x <= right and low <= y <= bottom)}

    def to_dict(self) -> dict[str, Any]:
        """Return plain types: Aariz's schema with further keys; landmarks not found are absent.

        ``regions_90`` are [[a, b], [b, c]] in square pixels, see ``regions``; ``look`` are those that need review.
        """
        height, width = self.size or (None, None)
        points = {symbol: (round(x, 3), round(y, 3)) for symbol, (x, y) in self.points.items()}
        errors = {symbol: round(error, 2) for symbol, error in self.expected_errors.items()}
        regions = {symbol: region.round(2).tolist() for symbol, region in self.regions.items()}
        return {
            **landmarks_json(self.film_id, points, self.schema),
            "missing": list(self.missing),
            "scores": {symbol: round(score, 4) for symbol, score in self.scores.items()},
            **({"expected_errors_px": errors} if errors else {}),
            **({"regions_90": regions} if regions else {}),
            "look": list(self.needs_review),
            "facing": self.facing,
            "doubt": self.doubt,
            "notes": list(self.notes),
            "spacing": None if self.spacing is None else self.spacing.to_dict(),
            "film": {
                "file": self.file,
                "hash": self.film_hash,
                "content": self.content,
                "width": width,
                "height": height,
                "orientation": self.orientation,
            },
            "model": dict(self.model),
            "cephkit": VERSION,
            "notice": NOTICE,
            **({"run": self.run} if self.run else {}),
            **({"schema": schema_dict(own, KNOWN)} if (own := self.own_schema) else {}),
        }

    def to_json(self, path: Path | str | None = None) -> str:
        """Return ``to_dict`` as JSON text, and write it to ``path`` if one is given.

        Raises:
            CephkitError: it cannot be written.
        """
        content = json_bytes(self.to_dict())
        if path is not None:
            write_whole(Path(path), content)
        return content.decode()

    def to_csv(self, path: Path | str | None = None) -> str:
        """Return a row per landmark, and write them to ``path`` if one is given.

        Raises:
            CephkitError: it cannot be written.
        """
        table = csv_bytes(COLUMNS, landmark_rows([self]))
        if path is not None:
            write_whole(Path(path), table)
        return table.decode()

    def to_frame(self) -> "pandas.DataFrame":
        """Return a pandas table with a row per landmark.

        Raises:
            SettingsError: pandas is not installed.
        """
        return records_frame([self])


def landmark_rows(records: Iterable[LandmarkRecord]) -> Iterator[dict[str, Any]]:
    """Yield rows under ``COLUMNS``, film by film, in canonical order; cells are empty where a figure is unknown."""
    for record in records:
        for symbol in record.symbols:
            row = {"film": record.film_id, "file": record.file, "symbol": symbol, "title": record.schema[symbol].title}
            look = "yes" if symbol in record.needs_review else None
            yield {**row, **figures(record, symbol), "look": look}


def figures(record: LandmarkRecord, symbol: str) -> dict[str, float]:
    """Return a landmark's known figures, rounded to ``PLACES``; mm come from rounded pixels. Empty if it is missing."""
    if symbol not in record.points:
        return {}
    x, y = (round(value, PLACES["x_px"]) for value in record.points[symbol])
    found = {"x_px": x, "y_px": y}
    if symbol in record.scores:
        found["score"] = record.scores[symbol]
    if symbol in record.expected_errors:
        found["expected_error_px"] = round(record.expected_errors[symbol], PLACES["expected_error_px"])
    if record.spacing is not None:
        found |= {"x_mm": x * record.spacing.column_mm, "y_mm": y * record.spacing.row_mm}
        if "expected_error_px" in found:
            found["expected_error_mm"] = found["expected_error_px"] * record.spacing.mean_mm
    return {name: round(value, PLACES[name]) for name, value in found.items()}


def records_frame(records: Iterable[LandmarkRecord]) -> "pandas.DataFrame":
    """Return ``landmark_rows`` as a pandas table; ``look`` is True or False.

    Raises:
        SettingsError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise SettingsError('to_frame needs pandas: pip install "cephkit[frames]"; or use to_csv') from error
    table = pandas.DataFrame(list(landmark_rows(records)), columns=list(COLUMNS))
    return table.assign(look=table["look"] == "yes")
