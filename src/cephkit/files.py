"""Files on disk, written completely or not at all; CSV tables without a cell that a spreadsheet runs as a formula."""

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from cephkit.errors import CephkitError, SettingsError

LONGEST_NAME = 150
"""Bytes of a name that may still get endings; file systems allow 255."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that replaces ``path``: written beside it, flushed to disk, then renamed.

    After an error or a power cut the old file is there or the new one, never half of one.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not from tempfile: its files are readable only by their owner, and would stay so after renaming.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def replacing_out(path: Path) -> Iterator[BinaryIO]:
    """Do as ``replacing`` does, with an error for users.

    Raises:
        CephkitError: it cannot be written: no permission, disk full, or (Windows) open in another program.
    """
    try:
        with replacing(path) as file:
            yield file
    except BrokenPipeError:  # of the screen, while rows came in, not of this file
        raise
    except OSError as error:
        remedy = "close it in other programs, free disk space, or choose another --out"
        raise CephkitError(f"cannot be written ({error.strerror or error})", remedy, path) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` so that no reader ever finds half a file.

    Raises:
        CephkitError: see ``replacing_out``.
    """
    with replacing_out(path) as file:
        file.write(content)


def utf8(text: str) -> bytes:
    """Encode ``text`` as UTF-8; bytes of a file name that is not UTF-8 become ``\\udc..``."""
    return text.encode("utf-8", "backslashreplace")


def short_name(name: str) -> str:
    """Return ``name``, cut to fit a file system with an ending added; a hash tells cut names apart.

    Names that differ only by case or Unicode form (NFC, NFD) have the same hash.
    """
    if len(_bytes(name)) <= LONGEST_NAME:
        return name
    name = unicodedata.normalize("NFC", name)
    if len(_bytes(name)) <= LONGEST_NAME:
        return name
    digest = hashlib.blake2b(_bytes(name.casefold()), digest_size=4).hexdigest()
    while len(_bytes(name)) > LONGEST_NAME - len(digest) - 1:
        name = name[:-1]
    return f"{name}-{digest}"


def _bytes(name: str) -> bytes:
    """Encode as file systems do; names from other people's files may hold half characters, which these reject."""
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")


def json_bytes(content: Any) -> bytes:
    """``content`` as JSON for people, in UTF-8.

    Raises:
        ValueError: it holds a NaN or an infinity, which JSON does not have.
    """
    return utf8(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as JSON in UTF-8.

    Raises:
        ValueError: it holds a NaN or an infinity, which JSON does not have.
        CephkitError: see ``replacing_out``.
    """
    write_whole(path, json_bytes(content))


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


def csv_line(columns: Sequence[str], row: Mapping[str, Any], verbatim: bool = False) -> bytes:
    """One line of a table; ``verbatim`` ones have their texts as they are, for programs only.

    Raises:
        ValueError: ``row`` has a column that is not in ``columns``.
    """
    if unknown := row.keys() - set(columns):
        raise ValueError(f"the table has no columns {sorted(unknown)}")
    text = io.StringIO(newline="")
    # csv quotes only the characters of its own line end, and a name may contain either.
    csv.writer(text, lineterminator="\r\n").writerow(
        [row.get(name) if verbatim else cell(row.get(name)) for name in columns]
    )
    return utf8(text.getvalue().removesuffix("\r\n") + "\n")


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], verbatim: bool = False) -> Iterator[bytes]:
    """The lines of a table, its header first; see ``csv_line``."""
    yield csv_line(columns, dict(zip(columns, columns, strict=True)))
    yield from (csv_line(columns, row, verbatim) for row in rows)


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
