"""Files on disk: whole or not at all."""

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

_RUNS_AS_FORMULA = re.compile(r"'|[\x00-\x20]|\s|\ufeff|[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""What a cell begins with that a spreadsheet may run, full-width signs included, or that ``cell`` has put there."""
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write in place of ``path``: beside it first, flushed to the disk, then renamed.

    After an error or a power cut the old file is there, or the new one, never half of one.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not from tempfile: its files are readable by their owner alone, and would stay so under their new name.
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
    """As ``replacing``, for results.

    Raises:
        CephkitError: it cannot be written: no permission, disk full, or open in another program (Windows).
    """
    try:
        with replacing(path) as file:
            yield file
    except BrokenPipeError:  # the screen's, while rows came: not this file's
        raise
    except OSError as error:
        raise CephkitError(
            f"{path}: cannot be written ({error.strerror or error}); close it in other programs, "
            "free disk space, or choose another --out"
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content``, so that no reader ever meets half a file.

    Raises:
        CephkitError: see ``replacing_out``.
    """
    with replacing_out(path) as file:
        file.write(content)


def utf8(text: str) -> bytes:
    """``text`` as UTF-8; of a file's name that is none, the odd bytes as ``\\udc..``."""
    return text.encode("utf-8", "backslashreplace")


def cell(text: str | None) -> str | None:
    """``text`` so that no spreadsheet runs it as a formula: an apostrophe goes before = + - @ and white space.

    One goes before an apostrophe too, so that taking the first one away gives ``text`` back in every case.
    """
    return f"'{text}" if text and _RUNS_AS_FORMULA.match(text) else text


def guarded(row: Mapping[str, Any]) -> dict[str, Any]:
    """``row`` with all its texts as ``cell`` has them: which of them strangers wrote, no list of columns can know.

    A text that is a number as a whole, such as -4.50, stays one.
    """
    return {
        name: cell(value) if isinstance(value, str) and not _NUMBER.fullmatch(value) else value
        for name, value in row.items()
    }


def short_name(name: str, most: int = 150) -> str:
    """``name`` for files that get endings: one too long for a file system is cut, and told apart by its hash.

    Names that differ only by case or Unicode form (NFC, NFD) have one hash.
    """
    if len(_bytes(name)) <= most:
        return name
    name = unicodedata.normalize("NFC", name)
    if len(_bytes(name)) <= most:
        return name
    digest = hashlib.blake2b(_bytes(name.casefold()), digest_size=4).hexdigest()
    while len(_bytes(name)) > most - len(digest) - 1:
        name = name[:-1]
    return f"{name}-{digest}"


def _bytes(name: str) -> bytes:
    """As a file system has it; names in others' files may hold halves of characters, which none has."""
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """``content`` as JSON, UTF-8.

    Raises:
        ValueError: a NaN or an infinity, because JSON has neither.
        CephkitError: see ``replacing_out``.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, utf8(f"{text}\n"))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """``rows`` as CSV, UTF-8, one line each, as they come; None is an empty cell; texts are ``guarded``.

    Raises:
        CephkitError: see ``replacing_out``.
    """
    with replacing_out(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
        # csv quotes the characters of its line end alone, and a name may hold either.
        writer = csv.DictWriter(_Rows(text), columns, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(map(guarded, rows))
        text.detach()


class _Rows:
    """Takes rows that end in CR LF, one a call, and writes them with LF."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def write(self, row: str) -> int:
        return self._text.write(row.removesuffix("\r\n") + "\n")
