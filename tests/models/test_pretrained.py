"""Deadlines of the network's calls."""

import socket
import threading

import pytest
import torch
from torch import nn

from cephkit.models import pretrained
from cephkit.models.pretrained import missing_parameters, reachable, within


def test_silent_name_servers_cost_no_more_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[bool] = []
    silence = threading.Event()
    monkeypatch.setattr(pretrained, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.append(silence.wait(20)))
    assert not reachable("http://silent.invalid")
    assert not answered  # nobody waited for the name server
    silence.set()


def test_a_server_that_answers_byte_by_byte_costs_no_more_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "PROBE_SECONDS", 0.5)
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(200):
            if over.wait(0.1):
                break
            connection.sendall(b"x")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        assert not reachable(f"http://127.0.0.1:{server.getsockname()[1]}")
        assert thread.is_alive()  # still answering
        over.set()
        thread.join()


def test_work_in_time_gives_its_result_or_its_error() -> None:
    assert within(5, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)


def test_a_download_that_stalls_ends_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(pretrained, "DOWNLOAD_SECONDS", 0.1)
    monkeypatch.setattr(pretrained.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(pretrained, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(pretrained, "reachable", lambda _: True)
    monkeypatch.setattr(pretrained, "hf_hub_download", lambda *_: never.wait(20))
    lines: list[str] = []
    assert pretrained.find_weights("hrnet_w18", lines.append) is None
    assert "the download took more than" in lines[0]
    assert "Training starts from random weights" in lines[0]
    never.set()


class Whole(nn.Sequential):
    """A classifier that loads ``state`` while it is built, as timm's do."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        super().__init__(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), nn.Linear(3, 1))
        self.load_state_dict(state, strict=False)


def names(missing: dict[int, nn.Parameter], network: nn.Module) -> list[str]:
    return [name for name, parameter in network.named_parameters() if id(parameter) in missing]


def test_what_loading_missed_is_known_by_the_names_of_the_part_that_is_kept() -> None:
    state = Whole({}).state_dict()
    for key in ("0.bias", "1.1.weight", "2.bias"):
        del state[key]
    with missing_parameters() as missing:
        kept = nn.ModuleDict({"stem": (whole := Whole(state))[0], "body": whole[1]})
    assert names(missing, kept) == ["stem.bias", "body.1.weight"]  # the classifier's own is rightly left out
    with missing_parameters() as missing:
        whole = Whole(Whole({}).state_dict())
    assert names(missing, whole) == []


def test_networks_are_watched_in_the_block_alone() -> None:
    with missing_parameters() as missing:
        network = Whole({})
        inner = nn.Sequential(nn.Linear(1, 1))
    inner.load_state_dict({}, strict=False)
    Whole({})
    assert names(missing, network) == [name for name, _ in network.named_parameters()]
    assert names(missing, inner) == []
