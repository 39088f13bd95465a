"""Hostile films: each ends in an error that names file, reason and remedy, within 2 s of processor time and 1 GB.

Each is opened in a process of its own (``hostile_run``); ``-rP`` shows what they took.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.dicom.hostile import dicoms
from tests.data.hostile_pictures import pictures

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked and measured")
pytest.importorskip("jpeg_ls", reason="pyjpegls is not installed")

FILES = pictures() | dicoms()
NO_FILES: dict[str, Callable[[Path], Any]] = {
    "folder.png": Path.mkdir,
    "missing.png": lambda path: None,
    "broken link.png": lambda path: path.symlink_to(path.with_name("nowhere.png")),
    "link to itself.png": lambda path: path.symlink_to(path),
    "link to zeros without end.dcm": lambda path: path.symlink_to("/dev/zero"),
    "pipe.jpg": os.mkfifo if hasattr(os, "mkfifo") else lambda path: None,
    "ten gigabytes of nothing.tif": lambda path: (path.touch(), os.truncate(path, 10 << 30)),
    "unreadable.png": lambda path: (path.touch(), path.chmod(0)),  # to root it is empty instead
}
MOST_MEGABYTES, MOST_SECONDS = 1000, 2


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("hostile")
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    for name, make in NO_FILES.items():
        make(folder / name)
    command = [sys.executable, "-m", "tests.data.hostile_run", *(str(folder / name) for name in (*FILES, *NO_FILES))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    return {result["file"]: result for result in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", [*FILES, *NO_FILES])
def test_a_hostile_film_is_refused_in_time(outcomes: dict[str, dict[str, Any]], name: str) -> None:
    result = outcomes[name]
    print(f"{result['seconds']:.2f} s, {result['peak_mb']} MB: {result['message']}")
    assert result["outcome"] == "refused", result["message"]
    assert f"{name}: " in result["message"]
    assert len(result["reason"]) > 5
    assert len(result["remedy"]) > 10
    assert result["peak_mb"] < MOST_MEGABYTES
    assert result["seconds"] < MOST_SECONDS
