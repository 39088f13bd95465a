"""A disk that is full: whoever asks is told, and nothing that was saved is lost."""

import errno
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from cephkit.data.aariz import read_aariz
from cephkit.data.labels import read_landmarks
from tests.review.sessions import (
    FACE,
    SAME_ORIGIN,
    body,
    browser,
    confirmed,
    face_edit,
    folder_session,
    placed,
    write_films,
)


class Disk:
    """Can be filled: then files can be opened, and nothing can be written or linked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def fill(self) -> None:
        def full(*arguments: object, **settings: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        owners = {"write": os, "fsync": os, "link": os, "symlink_to": Path, "write_bytes": Path, "copyfile": shutil}
        for name, owner in owners.items():
            self._monkeypatch.setattr(owner, name, full)

    def free(self) -> None:
        self._monkeypatch.undo()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def page(tmp_path: Path, out: Path) -> Iterator[TestClient]:
    with browser(folder_session(write_films(tmp_path / "films"), out)) as client:
        yield client


def post(page: TestClient, path: str, content: dict[str, Any]) -> tuple[int, Any]:
    answer = page.post(f"/api/{path}", json=content, headers=SAME_ORIGIN)
    return answer.status_code, answer.json()


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_edits_are_refused_and_those_before_stay(page: TestClient, out: Path, disk: Disk) -> None:
    assert post(page, "films/0/edits", body(0, face_edit())) == (200, {"revision": 1})
    before = files(out)
    disk.fill()
    for n, revision in ((0, 1), (1, 0)):
        status, answer = post(page, f"films/{n}/edits", body(revision, placed("Pog", (9, 9))))
        assert (status, "No space left" in answer["error"], "free disk space" in answer["error"]) == (507, True, True)
    assert page.get("/api/films/0").json()["state"]["points"].keys() == FACE.keys()
    disk.free()
    assert {path: content for path, content in files(out).items() if content} == before
    assert post(page, "films/0/edits", body(1, placed("Pog", (9, 9)))) == (200, {"revision": 2})
    assert post(page, "films/1/edits", body(0, placed("Pog", (9, 9)))) == (200, {"revision": 1})


def test_what_is_made_of_an_edit_is_made_later(
    page: TestClient, out: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(page, "films/0/edits", body(0, face_edit()))[0] == 200
    journal = "cephkit.review.journal._append"

    def room_for_the_journal(path: Path, data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data)

    monkeypatch.setattr(journal, room_for_the_journal)
    disk.fill()
    status, answer = post(page, "films/0/edits", body(1, confirmed()))
    assert (status, answer["revision"]) == (200, 2)
    assert answer["warning"].startswith("the edit is saved, but not in all files that are made of it: ")
    disk.free()
    assert post(page, "films/0/edits", body(2, placed("Pog", (9, 9)))) == (200, {"revision": 3})
    (film,) = read_aariz(out, ("train",)).films
    assert film.annotations["senior"].keys() == {*FACE, "Pog"}
    assert read_landmarks(out / "labels" / "f0.json")[0].keys() == {*FACE, "Pog"}


def test_a_map_that_could_not_be_written_is_written_with_the_next_edit(
    page: TestClient, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **settings: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    post(page, "films/0/edits", body(0, face_edit()))
    for revision, flag in ((1, True), (3, False)):
        with monkeypatch.context() as patched:
            patched.setattr("cephkit.review.training_set.csv_lines", full)
            status, answer = post(page, "films/0/edits", body(revision, confirmed(not flag, flag)))
        assert (status, "cephalogram_machine_mappings.csv" in answer["warning"]) == (200, True)
        before = page.get("/api/films/0").json()["state"]["points"].get("Pog")
        assert "warning" not in post(page, "films/0/edits", body(revision + 1, placed("Pog", (revision, 9), before)))[1]
        assert ("f0," in (out / "cephalogram_machine_mappings.csv").read_text()) == flag


def test_an_export_says_so_and_the_last_one_stays(page: TestClient, out: Path, disk: Disk) -> None:
    for n in range(2):
        post(page, f"films/{n}/edits", body(0, face_edit()))
    asked = {"format": "aariz", "which": "all"}
    assert post(page, "export", asked)[1]["files"] == 2
    before = files(out / "export")
    post(page, "films/1/edits", body(1, {"kind": "points", "changes": [
        {"symbol": symbol, "before": {"at": list(at), "origin": "placed", "confirmed": False}, "after": None}
        for symbol, at in FACE.items()
    ]}))  # fmt: skip
    disk.fill()
    status, answer = post(page, "export", asked)
    disk.free()
    assert (status, "No space left" in answer["error"]) == (507, True)
    assert files(out / "export") == before
    assert post(page, "export", asked)[1]["files"] == 1
    assert {path.name for path in files(out / "export")} == {".written.json", "f0.json"}


def test_what_is_only_looked_at_still_comes(page: TestClient, out: Path, disk: Disk) -> None:
    post(page, "films/0/edits", body(0, face_edit()))
    disk.fill()
    picture = page.get("/api/films/0/thumbnail")
    assert Image.open(io.BytesIO(picture.content)).size == (133, 160)
    assert page.get("/api/films/0/sheet.html").status_code == 200
    assert page.get("/api/films/0/sheet.pdf").content.startswith(b"%PDF-")
    assert page.get("/api/measurements.csv").text.count("f0.png")
    disk.free()
    assert not list(out.rglob("*.tmp"))
