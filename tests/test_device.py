import pytest
import torch

from cephkit.device import choose_device, half_pays, half_type
from cephkit.errors import SettingsError


def test_the_cpu_is_the_cpu() -> None:
    said: list[str] = []
    assert choose_device("cpu", said.append) == torch.device("cpu")
    assert said == []


def test_without_a_card_it_says_so_and_takes_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    said: list[str] = []
    assert choose_device("cuda:3", said.append) == torch.device("cpu")
    assert len(said) == 1
    assert "using the CPU instead" in said[0]


def test_a_card_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device("cuda:0", print) == torch.device("cuda:0")
    with pytest.raises(SettingsError, match="1 CUDA card"):
        choose_device("cuda:1", print)


@pytest.mark.parametrize(
    ("cuda", "metal", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_best_there_is_without_a_line(
    cuda: bool, metal: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: metal)
    lines: list[str] = []
    assert choose_device("auto", lines.append) == torch.device(chosen)
    assert lines == []


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "meta"])
def test_an_unknown_device_is_an_error(name: str) -> None:
    with pytest.raises(SettingsError, match="--device"):
        choose_device(name, print)


@pytest.mark.parametrize(("capability", "kind"), [((7, 5), torch.float16), ((8, 6), torch.bfloat16)])
def test_half_precision_is_what_the_card_has_natively(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], kind: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert half_type(torch.device("cuda:0")) == kind
    assert half_type(torch.device("cpu")) == torch.bfloat16


def test_half_precision_pays_on_a_cpu_only_if_it_has_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    for native in (True, False):
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda native=native: native)
        assert half_pays(torch.device("cpu")) is native
        assert half_pays(torch.device("cuda"))
