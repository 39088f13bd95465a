"""A landmark's point as it stands: where it lies, where it comes from, and what the model that found it again said."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from cephkit.geometry import Size
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.records.reader import region_of
from cephkit.records.record import LandmarkRecord
from cephkit.review.parsing import EditError, check_keys, parse_flag, parse_number, parse_object

Origin: TypeAlias = Literal["predicted", "label", "corrected", "placed", "found_again"]
"""Where a point comes from: a model, a label that was there, or a person."""
Region: TypeAlias = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Found:
    """What a model said of a point that it found while people held others; kept with the point, wherever that goes."""

    model: Mapping[str, Any] = field(default_factory=dict)
    """As in ``LandmarkRecord``."""
    score: float | None = None
    expected_error_px: float | None = None
    region_90: Region | None = None
    """Square pixels, as in ``LandmarkRecord``."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain types."""
        region = None if self.region_90 is None else [list(row) for row in self.region_90]
        return {
            "model": dict(self.model), "score": self.score, "expected_error_px": self.expected_error_px,
            "region_90": region,
        }  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """A landmark's point as it stands."""

    at: tuple[float, float]
    """(x, y), film pixels, pixel centres at integers."""
    origin: Origin
    confirmed: bool = False
    found: Found | None = None
    """Of points found again; None if that is not known."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, as ``parse_mark`` reads them."""
        found = {} if self.found is None else {"found": self.found.to_dict()}
        return {"at": list(self.at), "origin": self.origin, "confirmed": self.confirmed, **found}


def found_marks(record: LandmarkRecord) -> dict[str, Mark]:
    """Return the points of a ``record`` of ``find_again``, each with what the model said of it."""
    marks = {}
    for symbol, at in record.points.items():
        region = record.regions.get(symbol)
        rows = None if region is None else _rows(region.tolist())
        said = Found(record.model, record.scores.get(symbol), record.expected_errors.get(symbol), rows)
        marks[symbol] = Mark(at, "found_again", found=said)
    return marks


def parse_mark(content: Any, symbol: str) -> Mark | None:
    """Read a point with its origin; null is none.

    Raises:
        EditError: it is something else.
    """
    if content is None:
        return None
    given = parse_object(content, symbol)
    check_keys(given, {"at", "origin", "confirmed", "found"}, symbol)
    origin: Origin = given.get("origin", "")
    if origin not in get_args(Origin):
        raise EditError(f"origin of {symbol} is {origin!r:.40}, expected one of {', '.join(get_args(Origin))}")
    found = given.get("found")
    if found is not None and origin != "found_again":
        raise EditError(f"{symbol} is {origin} and has what a model said of a point found again")
    return Mark(
        parse_point(given.get("at"), symbol), origin, parse_flag(given.get("confirmed"), f"confirmed of {symbol}"),
        None if found is None else _found(found, symbol),
    )  # fmt: skip


def parse_marks(content: Any, size: Size, schema: LandmarkSchema) -> dict[str, Mark]:
    """Read {symbol: point with its origin}, in the order of ``schema``.

    Raises:
        EditError: it is something else, a landmark is not in the schema, or a point other than a label lies off a film
            of ``size``.
    """
    read = {symbol: parse_mark(each, symbol) for symbol, each in _by_symbol(content, schema).items()}
    marks = {symbol: mark for symbol, mark in read.items() if mark is not None}
    for symbol, mark in marks.items():
        if mark.origin != "label":
            check_on_film(mark.at, symbol, size)
    return marks


def parse_points(content: Any, size: Size, schema: LandmarkSchema) -> dict[str, tuple[float, float]]:
    """Read {symbol: [x, y]}, in the order of ``schema``.

    Raises:
        EditError: it is something else, a landmark is not in the schema, or a point lies off a film of ``size``.
    """
    points = {symbol: parse_point(each, symbol) for symbol, each in _by_symbol(content, schema).items()}
    for symbol, at in points.items():
        check_on_film(at, symbol, size)
    return points


def parse_point(content: Any, symbol: str) -> tuple[float, float]:
    """Read [x, y].

    Raises:
        EditError: it is something else, or no film is that large.
    """
    if not isinstance(content, list) or len(content) != 2:
        raise EditError(f"{symbol} is at {content!r:.40}, expected [x, y]")
    return parse_number(content[0], f"x of {symbol}"), parse_number(content[1], f"y of {symbol}")


def check_on_film(point: tuple[float, float], symbol: str, size: Size) -> None:
    """Check that a point lies on a film of ``size`` (height, width).

    Raises:
        EditError: it does not.
    """
    (x, y), (height, width) = point, size
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise EditError(f"{symbol} ({x:.1f}, {y:.1f}) lies off the film of {width}x{height} pixels")


def _by_symbol(content: Any, schema: LandmarkSchema) -> dict[str, Any]:
    given = parse_object(content, "points")
    for symbol in given:
        if symbol not in schema:
            raise EditError(f"{symbol!r:.40} is not a landmark")
    return {symbol: given[symbol] for symbol in schema.symbols if symbol in given}


def _found(content: Any, symbol: str) -> Found:
    given = parse_object(content, f"found of {symbol}")
    check_keys(given, {"model", "score", "expected_error_px", "region_90"}, f"found of {symbol}")
    score, error, region = (given.get(name) for name in ("score", "expected_error_px", "region_90"))
    if error is not None and parse_number(error, f"expected_error_px of {symbol}") < 0:
        raise EditError(f"expected_error_px of {symbol} is {error!r:.40}, expected a length")
    model = parse_object(given.get("model"), f"model of {symbol}")
    try:
        json.dumps(model, allow_nan=False)
        rows = None if region is None else _rows(region_of(region).tolist())
    except (ValueError, RecursionError) as error_:
        raise EditError(f"what found {symbol} cannot be used ({error_!s:.80})") from error_
    return Found(
        model, None if score is None else parse_number(score, f"score of {symbol}"),
        None if error is None else float(error), rows,
    )  # fmt: skip


def _rows(region: list[list[float]]) -> Region:
    (a, b), (c, d) = region
    return (a, b), (c, d)
