"""What people change on a film, and how the film stands after it.

An edit says what was there before and what is there after it, so that it can be taken back, and so that an edit made on
an outdated view is noticed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from cephkit.cephalometry.norms import Subject
from cephkit.data.about import OLDEST, Sex
from cephkit.data.spacing import Plane, Spacing
from cephkit.errors import SettingsError
from cephkit.geometry import Size
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.review.marks import Mark, check_on_film, parse_mark
from cephkit.review.parsing import (
    EditError,
    check_keys,
    parse_count,
    parse_flag,
    parse_number,
    parse_object,
    parse_text,
)

Kind: TypeAlias = Literal["points", "film", "spacing", "subject"]
LONGEST_ORIGIN = 200
"""Letters of a pixel size's origin."""
LONGEST_NAME = 100
"""Letters of a reviewer's name."""
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
            return replace(self, points={s: mark for s, mark in points.items() if isinstance(mark, Mark)})
        (change,) = edit.changes
        name = {"film": "confirmed"}.get(edit.kind, edit.kind)
        return replace(self, **{name: change.after})  # type: ignore[arg-type]


def plain(value: Value) -> Any:
    """Return ``value`` as plain types."""
    if isinstance(value, Subject):
        return {"age": value.age, "sex": value.sex}
    return value.to_dict() if isinstance(value, Mark | Spacing) else value


def parse_edit(
    content: Any,
    schema: LandmarkSchema | None = None,
    size: Size | None = None,
    latest: int | None = None,
    first: Mapping[str, Mark] | None = None,
) -> Edit:
    """Read an edit.

    Args:
        content: an object from JSON.
        schema: the landmarks that the film may have; None: any, as in a journal.
        size: (height, width) of the film, off which no point may be placed; None: unknown.
        latest: the film's revision, beyond which there is nothing to undo; None: unknown.
        first: points before all edits: labels may lie off the film, and may stay or go back there.

    Raises:
        EditError: it makes no sense.
    """
    given = parse_object(content, "the edit")
    kind: Kind = given.get("kind", "")
    if kind not in get_args(Kind):
        raise EditError(f"kind is {kind!r:.40}, expected one of {', '.join(get_args(Kind))}")
    check_keys(given, {"kind", "undoes", *(("changes",) if kind == "points" else ("before", "after"))}, "the edit")
    undoes = None if given.get("undoes") is None else parse_count(given["undoes"], "undoes")
    if undoes is not None and (undoes < 1 or (latest is not None and undoes > latest)):
        raise EditError(f"undoes is {undoes}, and there is no such revision")
    if kind != "points":
        missing = {"before", "after"} - given.keys()
        if missing:
            raise EditError(f"the edit lacks {' and '.join(sorted(missing))}")
        read = {"film": parse_flag, "spacing": parse_spacing, "subject": parse_subject}[kind]
        return Edit(kind, (Change(read(given["before"], "before"), read(given["after"], "after")),), undoes)
    changes = given.get("changes")
    if not isinstance(changes, list) or not changes:
        raise EditError(f"changes are {changes!r:.40}, expected a list")
    parsed = tuple(_change(each, schema, size, first or {}) for each in changes)
    if len({change.symbol for change in parsed}) < len(parsed):
        raise EditError("a landmark appears twice in one edit")
    return Edit("points", parsed, undoes)


def _change(
    content: Any, schema: LandmarkSchema | None, size: Size | None, first: Mapping[str, Mark]
) -> Change:  # fmt: skip
    given = parse_object(content, "a change")
    check_keys(given, {"symbol", "before", "after"}, "a change")
    symbol = given.get("symbol")
    if not isinstance(symbol, str) or (schema is not None and symbol not in schema):
        raise EditError(f"symbol is {symbol!r:.40}, which is not a landmark")
    if {"before", "after"} - given.keys():
        raise EditError(f"the change of {symbol} lacks before or after")
    before, after = parse_mark(given["before"], symbol), parse_mark(given["after"], symbol)
    there = first.get(symbol)
    if after is not None and size is not None and (there is None or there.at != after.at):
        check_on_film(after.at, symbol, size)
    return Change(before, after, symbol)


def parse_spacing(content: Any, name: str) -> Spacing | None:
    """Read a pixel size; null is none.

    Raises:
        EditError: it is something else, or no film's pixels have that size.
    """
    if content is None:
        return None
    given = parse_object(content, name)
    check_keys(given, {"row_mm", "column_mm", "origin", "plane"}, name)
    origin, plane = given.get("origin"), given.get("plane", "unknown")
    if not isinstance(origin, str) or not 0 < len(origin) <= LONGEST_ORIGIN:
        raise EditError(f"origin of {name} is {origin!r:.40}, expected a text of at most {LONGEST_ORIGIN} letters")
    if plane not in get_args(Plane):
        raise EditError(f"plane of {name} is {plane!r:.40}, expected one of {', '.join(get_args(Plane))}")
    row, column = (parse_number(given.get(side), f"{side} of {name}") for side in ("row_mm", "column_mm"))
    try:
        return Spacing(row, column, origin, plane)
    except SettingsError as error:
        raise EditError(str(error)) from error


def parse_subject(content: Any, name: str) -> Subject:
    """Read age and sex, either of which may be null.

    Raises:
        EditError: it is something else.
    """
    given = parse_object(content, name)
    check_keys(given, {"age", "sex"}, name)
    age, sex = given.get("age"), given.get("sex")
    if age is not None:
        age = parse_number(age, "age")
        if not 0 <= age <= OLDEST:
            raise EditError(f"age is {age:g}, expected 0 to {OLDEST:g} years")
    if sex is not None and sex not in get_args(Sex):
        raise EditError(f"sex is {sex!r:.40}, expected {' or '.join(get_args(Sex))}")
    return Subject(age, sex)


def parse_reviewer(content: Any) -> str:
    """Read a reviewer's typed name.

    Raises:
        EditError: it is not a text, or too long.
    """
    name = parse_text(content, "reviewer", LONGEST_NAME)
    return "".join(letter if letter.isprintable() else " " for letter in name).strip()
