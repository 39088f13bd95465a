"""Tables of films as spreadsheets save them."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cephkit.errors import DataError

LARGEST_BYTES = 64 * 2**20
DELIMITERS = (",", ";", "\t")
WORKBOOKS = {b"PK\x03\x04": "an Excel or LibreOffice workbook", b"\xd0\xcf\x11\xe0": "an old Excel workbook"}
BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


class Table(NamedTuple):
    """A table as it is written, all cells stripped."""

    head: list[str]
    lines: list[tuple[int, list[str]]]
    """The number of the line in the file, from 1, and its cells; lines without any text are left out."""


def read_table(path: Path, columns: Sequence[str], *, strict: bool = True) -> tuple[list[str], list[list[str]]]:
    """Read a table: its header in lower case and its other lines, all cells stripped.

    Cells are separated by commas, semicolons or tabs, whichever gives the header one of ``columns``; the text is UTF-8
    or UTF-16. A first line ``sep=;`` is honoured.

    Args:
        path: the table.
        columns: names of which the header must hold one.
        strict: refuse bytes that are not text; False replaces them.

    Raises:
        DataError: it cannot be read, is not text, is a workbook, or has no such column.
    """
    head, lines, _ = _read(path, columns, strict)
    return [name.lower() for name in head], [_cells(line) for line, _ in lines]


def numbered_table(path: Path, columns: Sequence[str]) -> Table:
    """Read a table as ``read_table`` does, with the numbers of its lines, and its header in the case it is written in.

    Raises:
        DataError: see ``read_table``.
    """
    head, lines, before = _read(path, columns, strict=True)
    numbered = [(number + before, _cells(line)) for line, number in lines]
    return Table(head, [(number, cells) for number, cells in numbered if any(cells)])


def _read(path: Path, columns: Sequence[str], strict: bool) -> tuple[list[str], list[tuple[list[str], int]], int]:
    """Return the header, each other line with the number of its last line of text, and the lines before the header."""
    text, before = _text(path, strict), 0
    first, _, rest = text.partition("\n")
    if first.strip().lower() in {f"sep={delimiter}" for delimiter in DELIMITERS}:
        text, first, before = rest, rest.partition("\n")[0], 1
    heads = {one: _cells(next(csv.reader([first.lower()], delimiter=one), [])) for one in DELIMITERS}
    delimiter = next((one for one in DELIMITERS if set(columns) & set(heads[one])), None)
    if delimiter is None:
        longest: list[str] = max(heads.values(), key=lambda head: len(head))
        found = ", ".join(longest) or "nothing"
        raise DataError(f"no column {' or '.join(columns)}, found {found[:200]}", "rename one", path)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lines = [(line, reader.line_num) for line in reader]
    except csv.Error as error:
        raise DataError(f"the table cannot be read: {error}", "correct it", path) from error
    return _cells(lines[0][0]), lines[1:], before


def _cells(line: list[str]) -> list[str]:
    return [cell.strip() for cell in line]


def surplus(head: Sequence[str], cells: Sequence[str]) -> str:
    """Explain, for an error, why a line has more cells than the header; empty if it has not."""
    if not any(cells[len(head) :]):
        return ""
    return f"{len(cells)} cells for {len(head)} columns: decimal commas between commas? use points, or semicolons"


def number(written: str) -> float:
    """Parse a number with a decimal point or a decimal comma.

    Raises:
        ValueError: it is not a number.
    """
    return float(written.replace(",", ".") if _DECIMAL_COMMA.fullmatch(written) else written)


def _text(path: Path, strict: bool) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DataError(f"larger than {LARGEST_BYTES >> 20} MiB, not a table of films", "give the right file", path)
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise DataError(
            f"the table cannot be read: {reason}", "check its name and that you may read it", path
        ) from error
    for start, kind in WORKBOOKS.items():
        if data.startswith(start):
            raise DataError(f"is {kind}, expected CSV", "save it as CSV UTF-8", path)
    encoding = next((encoding for mark, encoding in BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data[:200]:
        # Some programs omit UTF-16's byte order mark: half of the bytes of such a header are zeros.
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    try:
        text = data.decode(encoding, "strict" if strict else "replace")
    except UnicodeDecodeError as error:
        text = f"byte {error.start} is neither UTF-8 nor marked as UTF-16"
        raise DataError(text, "save it as CSV UTF-8", path) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
