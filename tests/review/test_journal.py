"""The journal: nothing acknowledged is lost, nothing torn is read."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from cephkit.review.edits import parse_edit
from cephkit.review.journal import Entry, Journal, JournalError, UnsavedError, now
from tests.review.sessions import confirmed, placed

FIRST: dict[str, Any] = {"revision": 0, "time": "", "film": {"file": "f.png"}, "base": {"points": {}}}


def entry(revision: int, edit: dict[str, Any] | None = None) -> Entry:
    return Entry(revision, now(), "Ann", parse_edit(edit or placed("A", (revision, 2))))


def journal_of(folder: Path, count: int = 3) -> tuple[Journal, list[Entry]]:
    journal, entries = Journal(folder / "journal" / "f.jsonl"), [entry(revision) for revision in range(1, count + 1)]
    journal.append([FIRST, entries[0].to_dict()])
    for each in entries[1:]:
        journal.append([each.to_dict()])
    return journal, entries


def test_what_was_written_is_read(tmp_path: Path) -> None:
    journal, entries = journal_of(tmp_path)
    kept = journal.read()
    assert kept is not None
    assert (kept.film, kept.base, list(kept.entries)) == (FIRST["film"], FIRST["base"], entries)


def test_without_a_file_there_is_nothing(tmp_path: Path) -> None:
    assert Journal(tmp_path / "f.jsonl").read() is None


def test_cut_at_any_byte_all_whole_lines_are_kept_and_the_rest_is_set_aside(tmp_path: Path) -> None:
    journal, _ = journal_of(tmp_path)
    whole = journal.path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        journal.path.write_bytes(whole[:cut])
        torn = journal.path.with_suffix(".torn")
        torn.unlink(missing_ok=True)
        kept = journal.read()
        lines = sum(end <= cut for end in ends)
        assert (0 if kept is None else 1 + len(kept.entries)) == lines
        end = max((end for end in ends if end <= cut), default=0)
        assert journal.path.read_bytes() == whole[:end]
        assert (torn.read_bytes() if torn.exists() else b"") == whole[end:cut]
    journal.path.write_bytes(whole[:-5])
    journal.read()
    journal.append([entry(3).to_dict()])  # the edit that was interrupted, made again
    kept = journal.read()
    assert kept is not None
    assert [each.revision for each in kept.entries] == [1, 2, 3]


@pytest.mark.parametrize("tail", [b"\0" * 40, b"\0" * 40 + b"\n", b"half\n", b"ab\rcd", b"[1]\n"])
def test_what_a_power_cut_leaves_at_the_end_is_set_aside(tmp_path: Path, tail: bytes) -> None:
    journal, entries = journal_of(tmp_path)
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole + tail)
    kept = journal.read()
    assert kept is not None
    assert list(kept.entries) == entries
    assert journal.path.read_bytes() == whole
    assert journal.path.with_suffix(".torn").read_bytes() == tail


@pytest.mark.parametrize(
    ("line", "content", "said"),
    [
        (0, b"{}", "line 1 does not say what was there at first"),
        (1, b"junk", "line 2 is not JSON"),
        (2, b'{"revision": 7}', "line 3 is revision 7"),
        (2, b'{"revision": 2, "edit": {"kind": "dance"}}', "line 3 holds no edit"),
    ],
)
def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(
    tmp_path: Path, line: int, content: bytes, said: str
) -> None:
    journal, _ = journal_of(tmp_path)
    lines = journal.path.read_bytes().splitlines()
    lines[line] = content
    damaged = b"\n".join(lines) + b"\n"
    journal.path.write_bytes(damaged)
    with pytest.raises(JournalError, match=said):
        journal.read()
    assert journal.path.read_bytes() == damaged


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, _ = journal_of(tmp_path)
    before = journal.path.read_bytes()
    real = os.write

    def full(handle: int, data: bytes) -> int:
        return real(handle, data[:7])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(UnsavedError, match="the disk is full"):
        journal.append([entry(4).to_dict()])
    monkeypatch.undo()
    assert journal.path.read_bytes() == before

    def broken(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(UnsavedError, match="the edit is not saved"):
        journal.append([entry(4).to_dict()])
    monkeypatch.undo()
    assert journal.path.read_bytes() == before


def test_a_line_is_plain_json_with_who_and_when(tmp_path: Path) -> None:
    journal, _ = journal_of(tmp_path, 1)
    journal.append([Entry(2, "2026-01-01T00:00:00+00:00", "دکتر", parse_edit(confirmed())).to_dict()])
    last = json.loads(journal.path.read_text(encoding="utf-8").splitlines()[-1])
    assert last == {
        "revision": 2, "time": "2026-01-01T00:00:00+00:00", "reviewer": "دکتر", "edit": confirmed()
    }  # fmt: skip
