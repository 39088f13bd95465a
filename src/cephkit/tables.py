"""CSV tables: UTF-8, a comma, LF, no cell that a spreadsheet would run as a formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from cephkit.errors import SettingsError
from cephkit.files import replacing_out, utf8

Row: TypeAlias = dict[str, Any]
"""Column -> value; None is an empty cell."""

_RUNS_AS_FORMULA = re.compile(r"'|[\x00-\x20]|\s|\ufeff|[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""Start of a text that a spreadsheet may run, full-width signs included, or that ``cell`` has already guarded."""
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def cell(value: Any) -> Any:
    """``value`` as a cell that no spreadsheet runs as a formula: an apostrophe is put before = + - @ and white space.

    An apostrophe gets one too, so that removing the first one restores every text. Numbers stay as they are, also those
    that are text, such as "-4.50".
    """
    risky = isinstance(value, str) and _RUNS_AS_FORMULA.match(value) and not _NUMBER.fullmatch(value)
    return f"'{value}" if risky else value


def csv_line(columns: Sequence[str], row: Mapping[str, Any]) -> bytes:
    """One line of a table.

    Raises:
        ValueError: ``row`` has a column that is not in ``columns``.
    """
    if unknown := row.keys() - set(columns):
        raise ValueError(f"the table has no columns {sorted(unknown)}")
    text = io.StringIO(newline="")
    # csv quotes only the characters of its own line end, and a name may contain either.
    csv.writer(text, lineterminator="\r\n").writerow([cell(row.get(name)) for name in columns])
    return utf8(text.getvalue().removesuffix("\r\n") + "\n")


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """The lines of a table, its header first."""
    yield csv_line(columns, dict(zip(columns, columns, strict=True)))
    yield from (csv_line(columns, row) for row in rows)


def csv_bytes(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A whole table."""
    return b"".join(csv_lines(columns, rows))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table row by row, replacing ``path`` once it is complete.

    Raises:
        CephkitError: see ``replacing_out``.
    """
    with replacing_out(path) as file:
        file.writelines(csv_lines(columns, rows))


def columns_of(path: Path) -> tuple[str, ...] | None:
    """The header of the table at ``path``; None if there is no such file.

    Raises:
        SettingsError: it cannot be read.
    """
    if not path.exists():
        return None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(next(csv.reader(file), []))
    except (OSError, ValueError, csv.Error) as error:  # not text, not a table, or a field of megabytes
        raise SettingsError(f"{path}: cannot be read ({error}); choose another --out") from error
