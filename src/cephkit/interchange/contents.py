"""The files that an exporter makes: their names, and functions that return their content."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from cephkit.errors import SettingsError
from cephkit.files import write_whole

Files: TypeAlias = Mapping[str, Callable[[], bytes]]
"""Name -> a function that returns the content; called one after the other, so that few films are in memory."""


def json_bytes(content: Any) -> bytes:
    """Return ``content`` as JSON in UTF-8."""
    return f"{json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)}\n".encode()


def write_files(folder: Path, files: Files, inputs: Sequence[Path], overwrite: bool) -> list[Path]:
    """Write ``files`` into ``folder``, each whole or not at all; write nothing if one of them may not be written.

    Args:
        folder: made if there is none.
        files: what to write.
        inputs: files that are being read; never written over.
        overwrite: replace existing files.

    Raises:
        SettingsError: a file exists and ``overwrite`` is not set, or it is one of ``inputs``.
        CephkitError: a file cannot be written.
    """
    paths = {folder / name: make for name, make in files.items()}
    read = {path.resolve() for path in inputs}
    for path in paths:
        if path.resolve() in read:
            raise SettingsError(f"{path} is being read; choose another --out")
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise SettingsError(f"{there[0]}{more}: already there; choose another --out, or use --overwrite")
    for path, make in paths.items():
        write_whole(path, make())
    return list(paths)
