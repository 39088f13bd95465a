import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cephkit import cli
from cephkit.interrupt import Stopped, Terminated, ending_after_the_step, sigterm_like_ctrl_c, until

ROOT = Path(__file__).parents[1]


def test_ctrl_c_is_heard_once_and_the_second_one_interrupts(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with ending_after_the_step() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGINT)
        assert asked()
        assert asked.status == 130
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert capsys.readouterr().out.count("Ctrl-C: ending after this step") == 1


def test_sigterm_is_the_first_ctrl_c_and_comes_as_often_as_it_likes(capsys: pytest.CaptureFixture[str]) -> None:
    with ending_after_the_step() as asked:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
        assert asked()
        assert asked.status == 143
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().out == "SIGTERM: ending after this step, with a saved state\n"


def test_only_the_first_process_of_several_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    with ending_after_the_step() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked()
    assert capsys.readouterr().out == ""


def test_a_loop_ends_before_the_next_batch() -> None:
    seen: list[int] = []
    with pytest.raises(Stopped):
        seen.extend(until(lambda: len(seen) == 2)([1, 2, 3]))
    assert seen == [1, 2]
    assert list(until(lambda: False)([1, 2])) == [1, 2]


def test_sigterm_is_raised_once_so_that_clearing_up_is_not_disturbed() -> None:
    with sigterm_like_ctrl_c():
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert issubclass(Terminated, KeyboardInterrupt)


@pytest.mark.parametrize(
    ("number", "status", "said"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_every_command_ends_with_the_signals_status(
    number: int, status: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cephkit.commands import train as command

    def main(argv: list[str]) -> int:
        signal.raise_signal(number)
        raise AssertionError

    monkeypatch.setattr(command, "main", main)
    assert cli.main(["train"]) == status
    assert capsys.readouterr().err == f"{said}\n"


def test_what_was_stopped_says_how_to_go_on_and_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cephkit.commands import train as command

    def main(argv: list[str]) -> int:
        raise Stopped("stopped; the same command goes on from here", 143)

    monkeypatch.setattr(command, "main", main)
    assert cli.main(["train"]) == 143
    assert capsys.readouterr() == ("stopped; the same command goes on from here\n", "")


GROUP = """
import os, signal
from cephkit.interrupt import ending_after_the_step, ignore_stop_signals

with ending_after_the_step() as asked:
    here, there = os.pipe()
    ready, go = os.pipe()
    worker = os.fork()
    if not worker:
        ignore_stop_signals()
        os.write(there, b"r")
        os._exit(7 if os.read(ready, 1) == b"g" else 1)
    os.read(here, 1)
    other = os.fork()  # the worker's parent would be obeyed
    if not other:
        os.killpg(0, signal.NUMBER)
        os._exit(0)
    os.waitpid(other, 0)
    os.write(go, b"g")
    print("worker", os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]), asked())
"""
TERMINATED = """
import os, signal
from cephkit.interrupt import ignore_stop_signals

here, there = os.pipe()
worker = os.fork()
if not worker:
    ignore_stop_signals()
    os.write(there, b"r")
    signal.pause()
os.read(here, 1)
os.kill(worker, signal.SIGTERM)
print("worker", os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
@pytest.mark.parametrize(
    ("number", "line"),
    [
        ("SIGINT", "Ctrl-C: ending after this step, with a saved state (again: at once, without)"),
        ("SIGTERM", "SIGTERM: ending after this step, with a saved state"),
    ],
)
def test_a_signal_to_all_processes_of_a_run_is_handled_by_the_first_one_alone(number: str, line: str) -> None:
    # One signal a time: of two that wait, either may be handled first.
    command = [sys.executable, "-c", GROUP.replace("NUMBER", number)]
    done = subprocess.run(command, start_new_session=True, capture_output=True, text=True, cwd=ROOT, timeout=100)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [line, "worker 7 True"]
    assert done.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can say who sent a signal")
def test_a_worker_ends_when_the_process_that_started_it_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TERMINATED], capture_output=True, text=True, cwd=ROOT, timeout=100, check=True
    )
    assert done.stdout == "worker 0\n"
