"""Files on disk: whole or not at all."""

import contextlib
import hashlib
import json
import os
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cephkit.errors import CephkitError


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
