"""Tables of films as spreadsheets save them, and the comparison of names that people and file systems write."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from cephkit.errors import DataError

LARGEST_BYTES = 64 * 2**20
DELIMITERS = (",", ";", "\t")
WORKBOOKS = {b"PK\x03\x04": "an Excel or LibreOffice workbook", b"\xd0\xcf\x11\xe0": "an old Excel workbook"}
BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


def read_table(path: Path, columns: Sequence[str], *, strict: bool = True) -> tuple[list[str], list[list[str]]]:
    """The head of a table in small letters, and its other lines, all cells without the space around them.

    Cells are separated by commas, semicolons or tabs, whichever gives the head one of ``columns``; text is UTF-8 or
    UTF-16. A first line ``sep=;`` counts.

    Args:
        path: the table.
        columns: names of which the head must hold one.
        strict: refuse bytes that are no text; False replaces them.

    Raises:
        DataError: unreadable, no text, a workbook, or without such a column.
    """
    text = _text(path, strict)
    first, _, rest = text.partition("\n")
    if first.strip().lower() in {f"sep={delimiter}" for delimiter in DELIMITERS}:
        text, first = rest, rest.partition("\n")[0]
    heads = {one: _cells(next(csv.reader([first.lower()], delimiter=one), [])) for one in DELIMITERS}
    delimiter = next((one for one in DELIMITERS if set(columns) & set(heads[one])), None)
    if delimiter is None:
        longest: list[str] = max(heads.values(), key=lambda head: len(head))
        found = ", ".join(longest) or "nothing"
        raise DataError(f"{path}: no column {' or '.join(columns)}, found {found[:200]}; name one so")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise DataError(f"{path}: the table cannot be read: {error}; correct it") from error
    return heads[delimiter], [_cells(line) for line in lines[1:]]


def _cells(line: list[str]) -> list[str]:
    return [cell.strip() for cell in line]


def surplus(head: Sequence[str], cells: Sequence[str]) -> str:
    """Why a line has more cells than the head, for an error; empty where it has not."""
    if not any(cells[len(head) :]):
        return ""
    return f"{len(cells)} cells for {len(head)} columns: decimal commas between commas? use points, or semicolons"


def number(written: str) -> float:
    """``written`` as a number, with a decimal point or a decimal comma.

    Raises:
        ValueError: it is none.
    """
    return float(written.replace(",", ".") if _DECIMAL_COMMA.fullmatch(written) else written)


def _text(path: Path, strict: bool) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DataError(f"{path}: more than {LARGEST_BYTES >> 20} MiB are no table of films; give the right file")
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise DataError(
            f"{path}: the table cannot be read: {reason}; check its name and that you may read it"
        ) from error
    for start, kind in WORKBOOKS.items():
        if data.startswith(start):
            raise DataError(f"{path}: is {kind}, expected CSV; save it as CSV UTF-8")
    encoding = next((encoding for mark, encoding in BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data[:200]:
        # Some programs leave UTF-16's mark out: half of the bytes of such a head are zeros.
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    try:
        text = data.decode(encoding, "strict" if strict else "replace")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is neither UTF-8 nor marked as UTF-16; save it as CSV UTF-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
