import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from cephkit.doctor import nvidia
from cephkit.doctor.nvidia import Program, Smi, ask_nvidia_smi
from tests.doctor.answers import UUID, answer

MIB = 2**20


def run_gives(monkeypatch: pytest.MonkeyPatch, result: Any) -> None:
    def run(*args: Any, **kwargs: Any) -> Any:
        assert kwargs["timeout"] <= 10
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(nvidia.shutil, "which", lambda name: name)
    monkeypatch.setattr(nvidia.subprocess, "run", run)


def done(status: int, out: bytes) -> SimpleNamespace:
    return SimpleNamespace(returncode=status, stdout=out, stderr=b"")


def test_driver_cards_and_programs_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    run_gives(monkeypatch, done(0, answer(used_mib=900)))
    smi = ask_nvidia_smi()
    assert (smi.installed, smi.problem, smi.driver, smi.cuda) == (True, "", "581.15", "13.0")
    (card,) = smi.cards
    assert (card.name, card.uuid) == ("NVIDIA GeForce RTX 3070 Ti", f"GPU-{UUID}")
    # What the driver reserves is not free either.
    assert (card.total, card.used) == (8192 * MIB, 900 * MIB)


def test_programs_have_no_paths_and_no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    run_gives(monkeypatch, done(0, answer()))
    programs = ask_nvidia_smi().cards[0].programs
    assert programs == (Program("game.exe", None), Program("python3", 400 * MIB))
    assert "somebody" not in str(programs).lower()


def test_no_nvidia_smi_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia.shutil, "which", lambda name: None)
    assert ask_nvidia_smi() == Smi()


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (subprocess.TimeoutExpired("nvidia-smi", 10), "does not answer within 10 s"),
        (PermissionError(13, "Permission denied"), "cannot be started (Permission denied)"),
        (done(9, b"NVIDIA-SMI has failed: no driver\nmore"), "status 9: NVIDIA-SMI has failed: no driver"),
        (done(0, b"not XML"), "cannot be read"),
        (done(0, b"<html></html>"), "cannot be read"),
    ],
)
def test_whatever_goes_wrong_is_told_and_never_raised(
    monkeypatch: pytest.MonkeyPatch, result: Any, message: str
) -> None:
    run_gives(monkeypatch, result)
    smi = ask_nvidia_smi()
    assert smi.installed
    assert message in smi.problem
    assert smi.cards == ()


def test_figures_that_the_driver_withholds_are_zero_or_none() -> None:
    bare = b"<nvidia_smi_log><gpu><fb_memory_usage><total>N/A</total></fb_memory_usage></gpu></nvidia_smi_log>"
    (card,) = nvidia.read_answer(bare).cards
    assert (card.name, card.total, card.used, card.programs) == ("", 0, 0, ())
