"""Tables of films as spreadsheets save them."""

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
    text = _text(path, strict)
    first, _, rest = text.partition("\n")
    if first.strip().lower() in {f"sep={delimiter}" for delimiter in DELIMITERS}:
        text, first = rest, rest.partition("\n")[0]
    heads = {one: _cells(next(csv.reader([first.lower()], delimiter=one), [])) for one in DELIMITERS}
    delimiter = next((one for one in DELIMITERS if set(columns) & set(heads[one])), None)
    if delimiter is None:
        longest: list[str] = max(heads.values(), key=lambda head: len(head))
        found = ", ".join(longest) or "nothing"
        raise DataError(f"no column {' or '.join(columns)}, found {found[:200]}", "rename one", path)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise DataError(f"the table cannot be read: {error}", "correct it", path) from error
    return heads[delimiter], [_cells(line) for line in lines[1:]]


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
