import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from cephkit.doctor import checks as module
from cephkit.doctor.checks import (
    Check,
    Report,
    exit_status,
    failure,
    gib,
    noted,
    ok,
    refused,
    summary,
    to_json,
    warning,
)
from cephkit.errors import DataError, Note


def test_the_worst_line_decides_the_exit_status() -> None:
    fine, doubtful, broken = ok("a", "x"), warning("b", "y", "do"), failure("c", "z", "do")
    assert exit_status([]) == exit_status([fine, fine]) == 0
    assert exit_status([fine, doubtful]) == 1
    assert exit_status([broken, doubtful, fine]) == 2


def test_an_error_splits_into_what_was_found_and_what_to_do() -> None:
    check = refused("data set", DataError("no such folder; checked twice", "name another", Path("D")), "other")
    assert check == Check("data set", "failure", "D: no such folder; checked twice", "name another")
    assert refused("data set", DataError("D: empty; or nearly"), "fill it") == (
        Check("data set", "failure", "D: empty; or nearly", "fill it")
    )


def test_a_note_is_a_warning_called_by_its_kind() -> None:
    assert noted(Note("machine map", "a row is missing", "add it")) == (
        Check("machine map", "warning", "a row is missing", "add it")
    )


def test_bytes_for_the_eye() -> None:
    assert gib(7.62 * 2**30) == "7.6 GiB"
    assert gib(46 * 2**20) == "46 MiB"


CHECKS = [
    ok("Python", "3.12"),
    warning("batch", "1 x 6", "use 2 x 3"),
    failure("films", "2 broken\na: x\nb: y", "mend"),
]


def test_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report.heading("All")
    report.add(CHECKS)
    report.end()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "All"
    assert lines[2] == "OK       Python                   3.12"
    assert lines[3].split() == ["WARNING", "batch", "1", "x", "6"]
    assert lines[4].strip() == "-> use 2 x 3"
    assert lines[5].startswith("FAILURE  films ")
    assert [line.strip() for line in lines[6:9]] == ["a: x", "b: y", "-> mend"]
    assert lines[-1].startswith("1 OK, 1 warning, 1 failure. Training would not work")


@pytest.mark.parametrize(("encoding", "marks"), [("utf-8", "✓!✗"), ("cp1252", None)])
def test_symbols_and_colours_on_a_terminal(monkeypatch: pytest.MonkeyPatch, encoding: str, marks: str | None) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    monkeypatch.setattr(
        module, "Console", lambda **kwargs: Console(**{**kwargs, "file": stream}, force_terminal=True, width=60)
    )
    report = Report()
    report.add([*CHECKS, warning("long", "word " * 30, "x")])
    report.end()
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert "\x1b[" in text
    assert all(mark in text for mark in marks or ("OK", "WARNING", "FAILURE"))
    assert text.count("word") == 30


def test_quiet_says_nothing_and_keeps_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(quiet=True)
    report.heading("All")
    report.add(CHECKS[0])
    report.end()
    assert capsys.readouterr().out == ""
    assert report.checks == CHECKS[:1]


def test_the_users_name_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path("C:/Users/somebody" if sys.platform == "win32" else "/home/somebody")
    monkeypatch.setattr(Path, "home", lambda: home)
    report = Report(quiet=True)
    report.add(failure("disk", f"{home / 'x'}: full", f"free {home}"))
    assert "somebody" not in str(report.checks)
    assert report.checks[0].remedy == "free ~"


def test_json_has_every_line_and_the_summary() -> None:
    plain = to_json(CHECKS)
    assert set(plain) == {"checks", "summary"}
    assert plain["checks"][1] == {"name": "batch", "status": "warning", "found": "1 x 6", "remedy": "use 2 x 3"}
    assert plain["summary"] == {"ok": 1, "warning": 1, "failure": 1, "exit_status": 2}
    assert summary([Check("a", "ok", "b")])["exit_status"] == 0
