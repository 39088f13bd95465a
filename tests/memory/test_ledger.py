import os

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.profiler import ProfilerActivity, profile

from cephkit.memory.ledger import ACTIVATIONS, INPUT, PHASES, TEMPORARIES, Ledger, Timeline, block_bytes

KIB = 1024


def live(ledger: Ledger) -> list[int]:
    return ledger.timeline().live.sum(axis=1).tolist()


def test_memory_counts_in_blocks_of_512_bytes() -> None:
    assert [block_bytes(n) for n in (0, 1, 512, 513)] == [0, 512, 512, 1024]


@pytest.mark.parametrize("fake", [True, False], ids=["fake", "real"])
def test_a_storage_counts_once_and_until_its_last_view_is_gone(fake: bool) -> None:
    with FakeTensorMode() if fake else torch.no_grad(), Ledger() as ledger:
        first = torch.zeros(2 * KIB)  # 8 KiB
        view = first.view(2, KIB).t()
        del first
        second = view + 1  # another 8
        del view
        third = second * 2  # the first is gone
        second.mul_(3)
    assert third.numel() == 2 * KIB
    assert live(ledger)[-3:] == [16 * KIB, 16 * KIB, 16 * KIB]
    assert live(ledger)[0] == 8 * KIB


def test_known_tensors_do_not_count() -> None:
    weight = torch.zeros(KIB)
    with Ledger([weight]) as ledger:
        weight.view(2, -1).add_(1)
    assert live(ledger) == [0]


def test_bytes_belong_to_the_phase_that_made_them() -> None:
    weight = torch.ones(KIB, requires_grad=True)
    with Ledger([weight]) as ledger:
        images = torch.ones(KIB)
        ledger.phase = ACTIVATIONS
        maps = (weight * images).exp()
        ledger.phase = TEMPORARIES
        maps.backward(torch.ones(KIB))
    worst = dict(zip(PHASES, ledger.timeline().live.max(axis=0).tolist(), strict=True))
    # exp keeps its result; the product before it is gone by then.
    assert (worst[INPUT], worst[ACTIVATIONS]) == (4 * KIB, 8 * KIB)
    assert ledger.timeline().live[-1, PHASES.index(ACTIVATIONS)] == 4 * KIB  # maps, held here
    assert worst[TEMPORARIES] >= 8 * KIB


def test_finished_gradients_are_counted() -> None:
    network = nn.Sequential(nn.Linear(128, 128, bias=False), nn.Linear(128, 128, bias=False))
    with Ledger(network.parameters()) as ledger, ledger.watching(network):
        network(torch.ones(4, 128)).sum().backward()
    gradients = ledger.timeline().gradients
    assert gradients[0] == 0
    assert gradients[-1] == 128 * 128 * 4  # the first layer's is finished by the last operation itself
    assert (np.diff(gradients) >= 0).all()


def test_arithmetic_and_traffic_of_an_operation() -> None:
    with FakeTensorMode(), Ledger() as ledger:
        images, weight = torch.empty(1, 2, 8, 8), torch.empty(4, 2, 3, 3)
        torch.conv2d(images, weight, padding=1)
    timeline = ledger.timeline()
    assert timeline.flops[-1] == 2 * (4 * 8 * 8) * (2 * 3 * 3)
    assert timeline.workspace[-1] == timeline.moved[-1] == 4 * (2 * 64 + 4 * 18 + 4 * 64)
    assert timeline.workspace[:-1].sum() == 0


def test_a_timeline_survives_its_table() -> None:
    with Ledger() as ledger:
        torch.ones(3) + 1
    timeline = ledger.timeline()
    again = Timeline.from_table(timeline.table)
    for name in ("live", "gradients", "workspace", "flops", "moved"):
        assert (getattr(timeline, name) == getattr(again, name)).all()


def small_step() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU())
    network(torch.rand(2, 1, 64, 64)).square().mean().backward()


def test_peak_is_that_of_pytorchs_own_tracker() -> None:
    from torch.distributed._tools.mem_tracker import MemTracker

    tracker = MemTracker()
    with FakeTensorMode(), tracker:
        small_step()
    with FakeTensorMode(), Ledger() as ledger:
        small_step()
    peak = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]["Total"]
    assert max(live(ledger)) == pytest.approx(peak, rel=0.02)  # it does not round on the CPU


def allocator_peak(events: list[tuple[int, int]]) -> int:
    """Greatest sum of allocations less releases, from (time, bytes)."""
    return int(np.cumsum([nbytes for _, nbytes in sorted(events, key=lambda event: event[0])]).max())


def profiled_peak(step: object) -> int:
    """Bytes at the peak of ``step()`` as the CPU's allocator counts them."""
    assert callable(step)
    os.environ.setdefault("KINETO_LOG_LEVEL", "5")
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    assert profiler.profiler is not None
    events = profiler.profiler.kineto_results.events()
    return allocator_peak([(event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]"])


def test_peak_is_the_allocators() -> None:
    small_step()  # what is made once and kept
    with Ledger() as ledger:
        small_step()
    assert max(live(ledger)) == pytest.approx(profiled_peak(small_step), rel=0.02)
