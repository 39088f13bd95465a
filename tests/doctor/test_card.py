from types import SimpleNamespace

import pytest
import torch

from cephkit.doctor.card import Card, device_check, half_check, read_card, video_memory_check
from cephkit.doctor.nvidia import Smi
from tests.doctor.answers import UUID, smi, smi_card

GIB, MIB = 2**30, 2**20
CUDA = torch.device("cuda")


def a_card(capability: tuple[int, int] = (8, 6), used_mib: int = 900) -> Card:
    return Card("RTX 3070 Ti", capability, 8 * GIB, 8 * GIB - used_mib * MIB, smi_card(used_mib))


def kernels(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: list(names))


def fake_device(monkeypatch: pytest.MonkeyPatch, uuid: str) -> None:
    properties = SimpleNamespace(name="RTX 3070 Ti", major=8, minor=6, uuid=uuid)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5 * GIB, 6 * GIB))


def test_nvidia_smi_is_believed_before_this_process_takes_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_device(monkeypatch, UUID)
    card = read_card(CUDA, smi(used_mib=900))
    assert (card.capability, card.total, card.free) == ((8, 6), 8192 * MIB, 7292 * MIB)
    assert card.smi is not None


def test_without_nvidia_smi_torch_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_device(monkeypatch, UUID)
    card = read_card(CUDA, Smi())
    assert (card.total, card.free, card.smi) == (6 * GIB, 5 * GIB, None)


def test_of_two_cards_the_one_with_the_same_id_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Smi(True, "", "1", "13.0", (smi_card(100), smi_card(900)))
    fake_device(monkeypatch, "another")
    assert read_card(CUDA, both).total == 6 * GIB


def test_a_card_that_torch_has_kernels_for(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels(monkeypatch, "sm_75", "sm_80", "sm_90")
    check = device_check("cuda", CUDA, a_card())
    assert (check.status, check.found) == ("ok", "RTX 3070 Ti, 8.0 GiB, compute capability 8.6")


@pytest.mark.parametrize("capability", [(6, 1), (12, 0)])
def test_a_card_too_old_or_too_new_for_this_torch(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int]) -> None:
    kernels(monkeypatch, "sm_75", "sm_80", "sm_86", "sm_90")
    check = device_check("cuda", CUDA, a_card(capability))
    assert check.status == "failure"
    assert "kernels only for sm_75 sm_80 sm_86 sm_90" in check.found


def test_intermediate_code_serves_later_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels(monkeypatch, "sm_90", "compute_90")
    assert device_check("cuda", CUDA, a_card((12, 0))).status == "ok"
    assert device_check("cuda", CUDA, a_card((8, 6))).status == "failure"


def test_no_card_is_a_warning() -> None:
    missing = device_check("cuda", torch.device("cpu"), None)
    assert missing.status == "warning"
    assert "torch finds no card for --device cuda" in missing.found
    assert device_check("cpu", torch.device("cpu"), None).found == "the CPU, as --device asks"
    assert device_check("mps", torch.device("mps"), None).status == "ok"


def test_bfloat16_is_native_from_compute_capability_8() -> None:
    ampere, turing, pascal = (half_check(a_card(one), True) for one in ((8, 6), (7, 5), (6, 1)))
    assert ampere is not None
    assert (ampere.status, ampere.found) == ("ok", "bfloat16 in hardware")
    assert turing is not None
    assert turing.status == "warning"
    assert "emulates bfloat16" in turing.found
    assert pascal is not None
    assert "without tensor cores" in pascal.found
    assert half_check(a_card(), False) is None


def test_free_video_memory_and_who_has_the_rest() -> None:
    check = video_memory_check(a_card(used_mib=900), None)
    assert check.status == "ok"
    assert check.found == "7.1 GiB of 8.0 GiB free, 900 MiB in use by python3 400 MiB, game.exe"


def test_a_crowded_card_is_a_warning() -> None:
    check = video_memory_check(a_card(used_mib=3000), None)
    assert check.status == "warning"
    assert "5.1 GiB of 8.0 GiB free, 2.9 GiB in use by" in check.found
    assert check.remedy.startswith("close")


def test_a_larger_vram_than_the_card_has_is_a_warning() -> None:
    assert video_memory_check(a_card(), 8).status == "ok"
    check = video_memory_check(a_card(), 12)
    assert check.status == "warning"
    assert "--vram is 12 GiB" in check.found
