"""Results on disk: whole or not at all."""

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cephkit.errors import CephkitError


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` beside ``path`` and rename, so that no reader ever meets half a file.

    Raises:
        CephkitError: it cannot be written: no permission, disk full, or open in another program (Windows).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise CephkitError(
            f"{path}: cannot be written ({error.strerror or error}); close it in other programs, "
            "free disk space, or choose another --out"
        ) from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """``content`` as JSON, UTF-8.

    Raises:
        ValueError: a NaN or an infinity, because JSON has neither.
        CephkitError: see ``write_whole``.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, f"{text}\n".encode())


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """``rows`` as CSV, UTF-8, one line each; None is an empty cell.

    Raises:
        CephkitError: see ``write_whole``.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())
