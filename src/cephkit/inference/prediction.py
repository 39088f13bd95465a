"""The landmarks of one film: what prediction gives, as Python, JSON and table."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cephkit.cephalometry.analyses import measure
from cephkit.cephalometry.frame import Facing, covariance_of_region
from cephkit.cephalometry.norms import Subject, true_enlargement
from cephkit.cephalometry.results import Result
from cephkit.data.about import Sex
from cephkit.data.film import Points
from cephkit.data.labels import landmarks_json
from cephkit.data.spacing import Spacing
from cephkit.errors import SettingsError
from cephkit.files import guarded, utf8, write_whole
from cephkit.geometry import Size
from cephkit.landmarks import BY_SYMBOL
from cephkit.notice import NOTICE, VERSION

if TYPE_CHECKING:
    import pandas

Floats = NDArray[np.float64]

COLUMNS = (
    *("film", "file", "symbol", "title", "x_px", "y_px", "score", "x_mm", "y_mm"),
    *("expected_error_px", "expected_error_mm", "look"),
)
"""Of the table with a row per landmark."""
WEAK_SCORE = 0.1
"""Below it the heatmap has hardly a peak: worth a second look where no calibration says more."""
LOOK_MM = 2.0
"""A landmark whose expected error exceeds this needs a look: the field counts an error of 2 mm as a miss."""
LOOK_HEIGHT = 0.0085
"""The same without a pixel size, as a share of the film's height: 2 mm of 235."""


@dataclass(frozen=True)
class Prediction:
    """Landmarks of one film. A landmark that could not be found has NaN for its point and its score."""

    film_id: str
    size: Size
    """(height, width) of the film."""
    symbols: tuple[str, ...]
    points: Floats
    """(K, 2) film pixels (x, y), in the order of ``symbols``."""
    scores: Floats
    """(K,) height of the heatmap's peak: larger is surer, but it is no probability."""
    film_hash: str
    """``pixel_hash`` of the film, so that a result can be traced to its picture."""
    expected_errors: Floats | None = None
    """(K,) film pixels; None where the model has no calibration for this way of predicting."""
    regions: Floats | None = None
    """(K, 2, 2) film pixels squared: with probability 90 % the true point x has (x - p)' R^-1 (x - p) <= 1."""
    doubt: str = ""
    """Why this is no lateral cephalogram that the model understands; empty where it is one."""
    facing: Facing = "right"
    """Where the face looks; points are those of the film as it is, either way."""
    spacing: Spacing | None = None
    """mm per film pixel and who says so; None: nobody does, and there are no mm."""
    file: str = ""
    """Name of the film's file, without folders; empty for an array."""
    content: str = ""
    """Hash of the file's bytes; empty for an array."""
    orientation: int = 1
    """EXIF orientation; points belong to the film turned as it says, which is how viewers show it."""
    notes: tuple[str, ...] = ()
    """What is odd about the file or the face, and what the model does not know."""
    model: Mapping[str, Any] = field(default_factory=dict)
    """Which model said so: checkpoint, sha256, model, image_size, mode."""

    @property
    def found(self) -> Points:
        """The landmarks that were found, by symbol: those on the film, not in the canvas's border."""
        height, width = self.size
        pairs = zip(self.symbols, self.points.tolist(), strict=True)
        # NaN fails both comparisons.
        return {s: (x, y) for s, (x, y) in pairs if -0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5}

    @property
    def missing(self) -> tuple[str, ...]:
        """The landmarks that were not found."""
        return tuple(symbol for symbol in self.symbols if symbol not in self.found)

    @property
    def expected_errors_mm(self) -> Floats | None:
        """(K,) mm; None without a calibration or without a pixel size."""
        if self.expected_errors is None or self.spacing is None:
            return None
        return self.expected_errors * self.spacing.mean_mm

    @property
    def look(self) -> tuple[str, ...]:
        """The landmarks found that a person should check: expected to be off by 2 mm or more.

        Without a calibration, those with hardly a peak in their heatmap.
        """
        found = self.found
        if self.expected_errors is None:
            pairs = zip(self.symbols, self.scores.tolist(), strict=True)
            return tuple(symbol for symbol, score in pairs if symbol in found and score < WEAK_SCORE)
        limit = LOOK_MM / self.spacing.mean_mm if self.spacing is not None else LOOK_HEIGHT * self.size[0]
        errors = zip(self.symbols, self.expected_errors.tolist(), strict=True)
        return tuple(symbol for symbol, error in errors if symbol in found and error > limit)

    @property
    def look_regions(self) -> dict[str, Floats]:
        """The 90 % regions, (2, 2) film pixels squared, of the landmarks that need a look."""
        if self.regions is None:
            return {}
        look = self.look
        return {symbol: region for symbol, region in zip(self.symbols, self.regions, strict=True) if symbol in look}

    @property
    def covariances(self) -> dict[str, Floats]:
        """(2, 2) film pixels squared by symbol, of the landmarks found; empty without a calibration."""
        if self.regions is None:
            return {}
        found, pairs = self.found, zip(self.symbols, self.regions, strict=True)
        return {symbol: covariance_of_region(region) for symbol, region in pairs if symbol in found}

    def withheld(self) -> "Prediction":
        """The same without its landmarks: a picture that is no film has none, whatever a network says."""
        nothing = np.full_like(self.points, np.nan)
        return replace(self, points=nothing, scores=nothing[:, 0], expected_errors=None, regions=None)

    def measure(
        self,
        *,
        age: float | None = None,
        sex: Sex | None = None,
        enlargement_percent: float | None = None,
        analyses: Sequence[str] | None = None,
    ) -> tuple[Result, ...]:
        """Angles, distances and ratios of this face, with norms and standard errors; see ``analyses.measure``.

        Raises:
            ValueError: an unknown analysis.
            SettingsError: an enlargement is given although the pixel size holds in the head.
        """
        if self.spacing is not None:
            enlargement_percent = true_enlargement(self.spacing.plane, enlargement_percent)
        return measure(
            self.found,
            facing=self.facing,
            spacing=self.spacing,
            covariances_px=self.covariances,
            subject=Subject(age, sex, enlargement_percent),
            analyses=analyses,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain types: Aariz's schema with keys of our own beside Aariz's; landmarks not found are absent.

        ``regions_90`` are [[a, b], [b, c]] in square pixels, see ``regions``.
        """
        found = {symbol: (round(x, 3), round(y, 3)) for symbol, (x, y) in self.found.items()}
        scores = dict(zip(self.symbols, self.scores.tolist(), strict=True))
        height, width = self.size
        film: dict[str, Any] = {"file": self.file, "hash": self.film_hash, "content": self.content}
        film |= {"width": width, "height": height, "orientation": self.orientation}
        return {
            **landmarks_json(self.film_id, found),
            "missing": list(self.missing),
            "scores": {symbol: round(scores[symbol], 4) for symbol in found},
            **self._errors(),
            "look": list(self.look),
            "facing": self.facing,
            "doubt": self.doubt,
            "notes": list(self.notes),
            "spacing": None if self.spacing is None else self.spacing.to_dict(),
            "film": film,
            "model": dict(self.model),
            "cephkit": VERSION,
            "notice": NOTICE,
        }

    def to_json(self, path: Path | str | None = None) -> str:
        """``to_dict`` as JSON text, written to ``path`` too where one is given.

        Raises:
            CephkitError: it cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if path is not None:
            write_whole(Path(path), utf8(text))
        return text

    def to_csv(self, path: Path | str | None = None) -> str:
        """A row per landmark under ``COLUMNS``, written to ``path`` too where one is given.

        Raises:
            CephkitError: it cannot be written.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(guarded, landmark_rows(self.to_dict())))
        if path is not None:
            write_whole(Path(path), utf8(text.getvalue()))
        return text.getvalue()

    def to_frame(self) -> "pandas.DataFrame":
        """A pandas table with a row per landmark, ``COLUMNS`` wide.

        Raises:
            SettingsError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise SettingsError('to_frame needs pandas: pip install "cephkit[frames]"; or use to_csv') from error
        table = pandas.DataFrame(landmark_rows(self.to_dict()), columns=list(COLUMNS))
        return table.assign(look=table["look"] == "yes")

    def _errors(self) -> dict[str, Any]:
        if self.expected_errors is None or self.regions is None:
            return {}
        errors = dict(zip(self.symbols, self.expected_errors.tolist(), strict=True))
        regions = dict(zip(self.symbols, self.regions.round(2).tolist(), strict=True))
        return {
            "expected_errors_px": {symbol: round(errors[symbol], 2) for symbol in self.found},
            "regions_90": {symbol: regions[symbol] for symbol in self.found},
        }


def landmark_rows(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows under ``COLUMNS`` of what ``Prediction.to_dict`` gave; empty where not found, and for mm without spacing.

    Raises:
        KeyError, TypeError: it is something else.
    """
    spacing, errors, scores = content.get("spacing"), content.get("expected_errors_px", {}), content["scores"]
    rows = []
    for landmark in content["landmarks"]:
        symbol, x, y = landmark["symbol"], landmark["value"]["x"], landmark["value"]["y"]
        row = {"x_px": x, "y_px": y, "score": scores.get(symbol), "expected_error_px": errors.get(symbol)}
        if spacing is not None:
            row |= {"x_mm": round(x * spacing["column_mm"], 3), "y_mm": round(y * spacing["row_mm"], 3)}
            if symbol in errors:
                mean_mm = float(np.sqrt(spacing["row_mm"] * spacing["column_mm"]))
                row["expected_error_mm"] = round(errors[symbol] * mean_mm, 2)
        row["look"] = "yes" if symbol in content["look"] else None
        rows.append({"symbol": symbol, **row})
    there = {row["symbol"] for row in rows}  # a person may have added what was missing
    rows += [{"symbol": symbol} for symbol in content["missing"] if symbol not in there]
    order = list(BY_SYMBOL)
    shared = {"film": content["ceph_id"], "file": content["film"]["file"]}
    rows.sort(key=lambda row: order.index(row["symbol"]))
    return [{**shared, "title": BY_SYMBOL[row["symbol"]].title, **row} for row in rows]
