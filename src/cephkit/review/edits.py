"""What people change on a film, and how the film stands after it.

An edit says what was there before and what is there after it, so that it can be taken back, and so that an edit made on
an outdated view is noticed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from cephkit.cephalometry.norms import Subject
from cephkit.data.about import OLDEST, Sex
from cephkit.data.film import FARTHEST_PX
from cephkit.data.spacing import Plane, Spacing
from cephkit.errors import CephkitError, SettingsError
from cephkit.geometry import Size
from cephkit.landmarks import BY_SYMBOL

Origin: TypeAlias = Literal["predicted", "label", "corrected", "placed", "found_again"]
"""Where a point comes from: a model, a label that was there, or a person."""
Kind: TypeAlias = Literal["points", "film", "spacing", "subject"]
LONGEST_ORIGIN = 200
"""Letters of a pixel size's origin."""
LONGEST_NAME = 100
"""Letters of a reviewer's name."""


class EditError(CephkitError):
    """An edit that makes no sense; ``str()`` says why."""

    kind = "edit"


@dataclass(frozen=True)
class Mark:
    """A landmark's point as it stands."""

    at: tuple[float, float]
    """(x, y), film pixels, pixel centres at integers."""
    origin: Origin
    confirmed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain types."""
        return {"at": list(self.at), "origin": self.origin, "confirmed": self.confirmed}


Value: TypeAlias = Mark | bool | Spacing | Subject | None


@dataclass(frozen=True)
class Change:
    """What was there before an edit, and after it."""

    before: Value
    after: Value
    symbol: str = ""
    """Of an edit of points."""


@dataclass(frozen=True)
class Edit:
    """One step: points moved, placed, removed or confirmed, or the film's own flag, pixel size or person changed."""

    kind: Kind
    changes: tuple[Change, ...]
    """Of ``points`` one per landmark, otherwise one."""
    undoes: int | None = None
    """Revision that this edit takes back."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, as ``parse_edit`` reads them."""
        undoes = {} if self.undoes is None else {"undoes": self.undoes}
        if self.kind == "points":
            changes = [
                {"symbol": each.symbol, "before": plain(each.before), "after": plain(each.after)}
                for each in self.changes
            ]
            return {"kind": self.kind, "changes": changes, **undoes}
        (change,) = self.changes
        return {"kind": self.kind, "before": plain(change.before), "after": plain(change.after), **undoes}


@dataclass(frozen=True)
class Standing:
    """A film as it stands: what was there at first, changed by all edits since."""

    points: Mapping[str, Mark] = field(default_factory=dict)
    confirmed: bool = False
    """The whole film."""
    spacing: Spacing | None = None
    subject: Subject = field(default_factory=Subject)

    def value(self, kind: Kind, symbol: str = "") -> Value:
        """Return what an edit of ``kind`` would change."""
        if kind == "points":
            return self.points.get(symbol)
        if kind == "film":
            return self.confirmed
        return self.spacing if kind == "spacing" else self.subject

    def fits(self, edit: Edit) -> bool:
        """Tell whether the film stands as ``edit`` was made on it."""
        return all(self.value(edit.kind, change.symbol) == change.before for change in edit.changes)

    def after(self, edit: Edit) -> "Standing":
        """Return the film as it stands after ``edit``."""
        if edit.kind == "points":
            points = {**self.points, **{change.symbol: change.after for change in edit.changes}}
            marks = {symbol: points.get(symbol) for symbol in BY_SYMBOL}
            return replace(self, points={s: mark for s, mark in marks.items() if isinstance(mark, Mark)})
        (change,) = edit.changes
        name = {"film": "confirmed"}.get(edit.kind, edit.kind)
        return replace(self, **{name: change.after})  # type: ignore[arg-type]


def plain(value: Value) -> Any:
    """Return ``value`` as plain types."""
    if isinstance(value, Subject):
        return {"age": value.age, "sex": value.sex}
    return value.to_dict() if isinstance(value, Mark | Spacing) else value


def parse_edit(
    content: Any, size: Size | None = None, latest: int | None = None, first: Mapping[str, Mark] | None = None
) -> Edit:  # fmt: skip
    """Read an edit.

    Args:
        content: an object from JSON.
        size: (height, width) of the film, off which no point may be placed; None: unknown.
        latest: the film's revision, beyond which there is nothing to undo; None: unknown.
        first: points before all edits: labels may lie off the film, and may stay or go back there.

    Raises:
        EditError: it makes no sense.
    """
    given = _object(content, "the edit")
    kind: Kind = given.get("kind", "")
    if kind not in get_args(Kind):
        raise EditError(f"kind is {kind!r:.40}, expected one of {', '.join(get_args(Kind))}")
    _only(given, {"kind", "undoes", *(("changes",) if kind == "points" else ("before", "after"))}, "the edit")
    undoes = None if given.get("undoes") is None else parse_count(given["undoes"], "undoes")
    if undoes is not None and (undoes < 1 or (latest is not None and undoes > latest)):
        raise EditError(f"undoes is {undoes}, and there is no such revision")
    if kind != "points":
        missing = {"before", "after"} - given.keys()
        if missing:
            raise EditError(f"the edit lacks {' and '.join(sorted(missing))}")
        read = {"film": _flag, "spacing": parse_spacing, "subject": parse_subject}[kind]
        return Edit(kind, (Change(read(given["before"], "before"), read(given["after"], "after")),), undoes)
    changes = given.get("changes")
    if not isinstance(changes, list) or not changes:
        raise EditError(f"changes are {changes!r:.40}, expected a list")
    parsed = tuple(_change(each, size, first or {}) for each in changes)
    if len({change.symbol for change in parsed}) < len(parsed):
        raise EditError("a landmark appears twice in one edit")
    return Edit("points", parsed, undoes)


def _change(content: Any, size: Size | None, first: Mapping[str, Mark]) -> Change:
    given = _object(content, "a change")
    _only(given, {"symbol", "before", "after"}, "a change")
    symbol = given.get("symbol")
    if not isinstance(symbol, str) or symbol not in BY_SYMBOL:
        raise EditError(f"symbol is {symbol!r:.40}, which is not a landmark")
    if {"before", "after"} - given.keys():
        raise EditError(f"the change of {symbol} lacks before or after")
    before, after = parse_mark(given["before"], symbol), parse_mark(given["after"], symbol)
    there = first.get(symbol)
    if after is not None and size is not None and (there is None or there.at != after.at):
        check_on_film(after.at, symbol, size)
    return Change(before, after, symbol)


def parse_mark(content: Any, symbol: str) -> Mark | None:
    """Read a point with its origin; null is none.

    Raises:
        EditError: it is something else.
    """
    if content is None:
        return None
    given = _object(content, symbol)
    _only(given, {"at", "origin", "confirmed"}, symbol)
    origin: Origin = given.get("origin", "")
    if origin not in get_args(Origin):
        raise EditError(f"origin of {symbol} is {origin!r:.40}, expected one of {', '.join(get_args(Origin))}")
    return Mark(parse_point(given.get("at"), symbol), origin, _flag(given.get("confirmed"), f"confirmed of {symbol}"))


def parse_point(content: Any, symbol: str) -> tuple[float, float]:
    """Read [x, y].

    Raises:
        EditError: it is something else, or no film is that large.
    """
    if not isinstance(content, list) or len(content) != 2:
        raise EditError(f"{symbol} is at {content!r:.40}, expected [x, y]")
    return _number(content[0], f"x of {symbol}"), _number(content[1], f"y of {symbol}")


def check_on_film(point: tuple[float, float], symbol: str, size: Size) -> None:
    """Check that a point lies on a film of ``size`` (height, width).

    Raises:
        EditError: it does not.
    """
    (x, y), (height, width) = point, size
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise EditError(f"{symbol} ({x:.1f}, {y:.1f}) lies off the film of {width}x{height} pixels")


def parse_spacing(content: Any, name: str) -> Spacing | None:
    """Read a pixel size; null is none.

    Raises:
        EditError: it is something else, or no film's pixels have that size.
    """
    if content is None:
        return None
    given = _object(content, name)
    _only(given, {"row_mm", "column_mm", "origin", "plane"}, name)
    origin, plane = given.get("origin"), given.get("plane", "unknown")
    if not isinstance(origin, str) or not 0 < len(origin) <= LONGEST_ORIGIN:
        raise EditError(f"origin of {name} is {origin!r:.40}, expected a text of at most {LONGEST_ORIGIN} letters")
    if plane not in get_args(Plane):
        raise EditError(f"plane of {name} is {plane!r:.40}, expected one of {', '.join(get_args(Plane))}")
    row, column = (_number(given.get(side), f"{side} of {name}") for side in ("row_mm", "column_mm"))
    try:
        return Spacing(row, column, origin, plane)
    except SettingsError as error:
        raise EditError(str(error)) from error


def parse_subject(content: Any, name: str) -> Subject:
    """Read age and sex, either of which may be null.

    Raises:
        EditError: it is something else.
    """
    given = _object(content, name)
    _only(given, {"age", "sex"}, name)
    age, sex = given.get("age"), given.get("sex")
    if age is not None:
        age = _number(age, "age")
        if not 0 <= age <= OLDEST:
            raise EditError(f"age is {age:g}, expected 0 to {OLDEST:g} years")
    if sex is not None and sex not in get_args(Sex):
        raise EditError(f"sex is {sex!r:.40}, expected {' or '.join(get_args(Sex))}")
    return Subject(age, sex)


def parse_count(content: Any, name: str) -> int:
    """Read a whole number, 0 or more.

    Raises:
        EditError: it is something else.
    """
    if isinstance(content, bool) or not isinstance(content, int) or content < 0:
        raise EditError(f"{name} is {content!r:.40}, expected a whole number")
    return content


def parse_reviewer(content: Any) -> str:
    """Read a reviewer's typed name.

    Raises:
        EditError: it is not a text, or too long.
    """
    if not isinstance(content, str) or len(content) > LONGEST_NAME:
        raise EditError(f"reviewer is {content!r:.40}, expected a text of at most {LONGEST_NAME} letters")
    return "".join(letter if letter.isprintable() else " " for letter in content).strip()


def _number(content: Any, name: str) -> float:
    is_number = isinstance(content, int | float) and not isinstance(content, bool)
    # An integer may be too large for a float, and comparing it is exact.
    if not is_number or not math.isfinite(content if isinstance(content, float) else 0) or abs(content) > FARTHEST_PX:
        raise EditError(f"{name} is {content!r:.40}, expected a number")
    return float(content)


def _flag(content: Any, name: str) -> bool:
    if not isinstance(content, bool):
        raise EditError(f"{name} is {content!r:.40}, expected true or false")
    return content


def _object(content: Any, name: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise EditError(f"{name} is {content!r:.40}, expected an object")
    return content


def _only(given: dict[str, Any], known: set[str], name: str) -> None:
    if unknown := sorted(given.keys() - known):
        raise EditError(f"{name} has {unknown[0]!r:.40}, which is not known; known: {', '.join(sorted(known))}")
