import builtins
import sys
from typing import Any

import pytest
import torch

from cephkit.doctor import software
from cephkit.doctor.nvidia import Smi
from cephkit.doctor.software import driver_check, python_check, tensorboard_check, torch_check, torch_import_check
from tests.doctor.answers import smi


def build(monkeypatch: pytest.MonkeyPatch, cuda: str | None, available: bool = False) -> None:
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_this_python_will_do() -> None:
    check = python_check()
    assert check.status == "ok"
    assert check.found.startswith(".".join(map(str, sys.version_info[:3])))


def test_an_old_or_32_bit_python_will_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "maxsize", 2**31 - 1)
        narrow = python_check()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "version_info", (3, 10, 4))
        old = python_check()
    assert narrow.status == old.status == "failure"
    assert "32-bit" in narrow.found
    assert "Python 3.11 or newer" in old.remedy


def test_a_cpu_build_beside_a_card_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, cuda=None)
    check = torch_check(smi())
    assert check.status == "failure"
    assert "built for the CPU only, but this machine has a card: NVIDIA GeForce RTX 3070 Ti" in check.found
    assert "pytorch.org/get-started/locally" in check.remedy


@pytest.mark.parametrize("there", [Smi(), Smi(True, "fails"), Smi(True, "", "581.15", "13.0")])
def test_a_cpu_build_without_a_card_is_fine(monkeypatch: pytest.MonkeyPatch, there: Smi) -> None:
    build(monkeypatch, cuda=None)
    assert torch_check(there).status == "ok"


def test_a_cuda_build_that_works_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, cuda="12.8", available=True)
    check = torch_check(smi())
    assert check.status == "ok"
    assert check.found.endswith("built for CUDA 12.8")


def test_a_cuda_build_that_does_not_see_the_card_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, cuda="12.8")
    check = torch_check(smi())
    assert check.status == "failure"
    assert "cannot use NVIDIA GeForce RTX 3070 Ti with driver 581.15" in check.found
    assert "newest driver" in check.remedy
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    hidden = torch_check(smi())
    assert hidden.status == "failure"
    assert "CUDA_VISIBLE_DEVICES='-1' hides" in hidden.found


def test_a_torch_that_windows_cannot_load_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def broken(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "torch":
            raise OSError('[WinError 126] Error loading "c10.dll" or one of its dependencies.')
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", broken)
    check = torch_import_check()
    assert check is not None
    assert check.status == "failure"
    assert "WinError 126" in check.found
    assert "Visual C++" in check.remedy


def test_the_driver_must_serve_the_cuda_that_torch_was_built_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert driver_check(Smi()) is None
    build(monkeypatch, cuda="13.2")
    fine, old, silent = (driver_check(one) for one in (smi(cuda="13.0"), smi(cuda="12.4"), Smi(True, "it hangs")))
    assert fine is not None
    assert (fine.status, fine.found) == ("ok", "NVIDIA 581.15, supports CUDA up to 13.0")
    assert old is not None
    assert old.status == "failure"
    assert "up to 12.4; torch needs CUDA 13.2" in old.found
    assert silent is not None
    assert (silent.status, silent.found) == ("warning", "it hangs")


def test_tensorboard_must_be_there_and_load(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tensorboard_check().status == "ok"
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "torch.utils.tensorboard", None)
        broken = tensorboard_check()
    assert broken.status == "failure"
    assert "cannot be imported (ModuleNotFoundError" in broken.found
    monkeypatch.setattr(software.importlib.util, "find_spec", lambda name: None)
    absent = tensorboard_check()
    assert (absent.status, absent.found) == ("failure", "not installed")
