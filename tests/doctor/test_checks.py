from pathlib import Path

from cephkit.doctor.checks import Check, exit_status, failure, gib, noted, ok, refused, warning
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
