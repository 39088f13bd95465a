"""Files on disk: written completely or not at all."""

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
from typing import Any, BinaryIO

from cephkit.errors import CephkitError

LONGEST_NAME = 150
"""Bytes of a name that may still get endings; file systems allow 255."""
_RUNS_AS_FORMULA = re.compile(r"'|[\x00-\x20]|\s|\ufeff|[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""Starts of cells that a spreadsheet may run as a formula, full-width signs included, or that ``cell`` guarded."""
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


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


def cell(text: str | None) -> str | None:
    """Guard ``text`` against spreadsheets that run it as a formula: put an apostrophe before = + - @ and white space.

    Also before an apostrophe, so that removing the first one always restores ``text``.
    """
    return f"'{text}" if text and _RUNS_AS_FORMULA.match(text) else text


def guarded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Guard all texts of ``row`` with ``cell``, since no list of columns says which of them strangers wrote.

    A text that is just a number, such as -4.50, stays one.
    """
    return {
        name: cell(value) if isinstance(value, str) and not _NUMBER.fullmatch(value) else value
        for name, value in row.items()
    }


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


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as JSON in UTF-8.

    Raises:
        ValueError: it holds a NaN or an infinity, which JSON does not have.
        CephkitError: see ``replacing_out``.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, utf8(f"{text}\n"))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write ``rows`` as CSV in UTF-8, each as it comes; None is an empty cell; texts are ``guarded``.

    Raises:
        CephkitError: see ``replacing_out``.
    """
    with replacing_out(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
        # csv quotes only the characters of its own line end, and a name may contain either.
        writer = csv.DictWriter(_Rows(text), columns, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(map(guarded, rows))
        text.detach()


class _Rows:
    """Takes rows that end in CR LF, one per call, and writes them with LF."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def write(self, row: str) -> int:
        return self._text.write(row.removesuffix("\r\n") + "\n")
