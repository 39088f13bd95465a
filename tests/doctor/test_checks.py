from cephkit.doctor.checks import Check, exit_status, failure, gib, ok, refused, warning
from cephkit.errors import DataError


def test_the_worst_line_decides_the_exit_status() -> None:
    fine, doubtful, broken = ok("a", "x"), warning("b", "y", "do"), failure("c", "z", "do")
    assert exit_status([]) == exit_status([fine, fine]) == 0
    assert exit_status([fine, doubtful]) == 1
    assert exit_status([broken, doubtful, fine]) == 2


def test_an_error_splits_into_what_was_found_and_what_to_do() -> None:
    told = refused("data set", DataError("D: no such folder; looked twice; name another"), "other")
    assert told == Check("data set", "failure", "D: no such folder; looked twice", "name another")
    assert refused("data set", DataError("D: empty"), "fill it").remedy == "fill it"


def test_bytes_for_the_eye() -> None:
    assert gib(7.62 * 2**30) == "7.6 GiB"
    assert gib(46 * 2**20) == "46 MiB"
