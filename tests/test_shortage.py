"""What a machine runs short of becomes one message with the remedy."""

import errno
import re

import pytest

from cephkit import cli
from cephkit.shortage import shortage

KILLED = "DataLoader worker (pid 4242) is killed by signal: Killed. "
BUS = (
    "DataLoader worker (pid 4242) is killed by signal: Bus error. It is possible that dataloader's workers are out of "
    "shared memory. Please try to raise your shared memory limit."
)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError(KILLED), r"a loader worker \(process 4242\) was killed from outside.*--num_workers 0"),
        (RuntimeError("DataLoader worker (pid(s) 17, 18) exited unexpectedly"), r"process 17, 18\) was killed"),
        (RuntimeError(BUS), "shared memory .*--num_workers 0.*--shm-size"),
        (
            RuntimeError("unable to allocate shared memory(shm) for file </torch_1_2_0>: No space left on device (28)"),
            "shared memory .*too small",
        ),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
                "to allocate 8 bytes. Error code 12 (Cannot allocate memory)"
            ),
            "memory ran out .*--num_workers 0",
        ),
        (MemoryError(), "memory ran out"),
        (MemoryError("Caught MemoryError in DataLoader worker process 0.\nOriginal Traceback"), "memory ran out"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory ran out"),
        (OSError(errno.EMFILE, "Too many open files"), "too many open files.*ulimit -n"),
        (RuntimeError("received 0 items of ancdata"), "too many open files"),
        (RuntimeError("CUDA out of memory. Tried to allocate 20 MiB\nmore"), r"\(CUDA out of memory.*20 MiB\); use"),
    ],
)
def test_shortages_are_known_and_told_in_one_line(error: Exception, message: str) -> None:
    note = shortage(error)
    assert note is not None
    assert "\n" not in str(note)
    assert re.search(message, str(note))
    assert note.remedy


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes do not fit"), OSError(errno.ENOENT, "No such file", "a.png"), ValueError(KILLED)]
)
def test_other_errors_are_not(error: Exception) -> None:
    assert shortage(error) is None


def test_locks_that_cannot_be_made_are_shared_memory_that_is_missing() -> None:
    code = compile(
        "raise FileNotFoundError(2, 'No such file or directory')", "/lib/multiprocessing/synchronize.py", "exec"
    )
    with pytest.raises(OSError, match="No such file") as caught:
        exec(code)
    assert "/dev/shm" in str(shortage(caught.value))


@pytest.mark.parametrize("error", ["EOFError()", "ConnectionResetError(104, 'Connection reset by peer')"])
def test_a_worker_that_dies_while_handing_over_a_batch_was_killed(error: str) -> None:
    with pytest.raises((EOFError, ConnectionError)) as caught:
        exec(compile(f"raise {error}", "/lib/multiprocessing/connection.py", "exec"))
    assert "a loader worker was killed" in str(shortage(caught.value))
    assert shortage(eval(error)) is None


def test_a_shortage_ends_a_command_with_status_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cephkit.commands import train as command

    def main(argv: list[str]) -> int:
        raise RuntimeError(KILLED)

    monkeypatch.setattr(command, "main", main)
    assert cli.main(["train"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: a loader worker (process 4242)")
    assert message.count("\n") == 1
