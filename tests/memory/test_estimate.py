import numpy as np
import pytest
import torch
from torch import nn

from cephkit.memory import GIB
from cephkit.memory.estimate import Assumptions, Estimator
from cephkit.memory.ledger import Ledger
from cephkit.memory.trace import Workload, trace_training
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec

SPEC = ModelSpec("hrnet_w18_small", tuple(f"landmark {index}" for index in range(4)), (128, 128))
GUIDE = Workload(ModelSpec("hrnet", tuple(f"landmark {index}" for index in range(29)), (1024, 1024)))


@pytest.fixture(scope="module")
def small() -> Estimator:
    return Estimator(Workload(SPEC))


def weight_bytes(spec: ModelSpec) -> tuple[int, int]:
    """Of weights and buffers."""
    model = build_model(spec, pretrained=False, notify=lambda line: None)
    weights = sum(-(-weight.nbytes // 512) * 512 for weight in model.parameters())
    return weights, sum(-(-buffer.nbytes // 512) * 512 for buffer in model.buffers())


def test_what_stays_is_counted_once_each(small: Estimator) -> None:
    weights, buffers = weight_bytes(SPEC)
    memory = small.memory(2, 3, "none")
    assert memory.weights == weights + 2 * buffers
    assert memory.gradients == weights
    assert memory.optimizer == 2 * weights
    assert memory.ema == 0
    averaged = Estimator(Workload(SPEC, use_ema=True)).memory(2, 3, "none")
    assert averaged.ema == weights + buffers
    assert averaged.allocated - memory.allocated == weights + buffers


def test_lines_add_up(small: Estimator) -> None:
    memory = small.memory(8, 3, "none")
    tensors = memory.weights + memory.gradients + memory.optimizer + memory.inputs + memory.activations
    assert memory.allocated == tensors + memory.temporaries + memory.workspace
    assert memory.fragmentation == int(0.08 * memory.allocated)
    assert memory.process == memory.allocated + memory.fragmentation + int(0.45 * GIB)
    assert memory.card == memory.process + int(0.8 * GIB)
    assert memory.peak_of == "training"
    assert memory.training_peak <= memory.allocated
    assert memory.validation_peak < memory.training_peak
    plain = memory.to_dict()
    assert plain["card"] == memory.card
    assert plain["activations"] == memory.activations


def test_without_assumptions_the_process_needs_its_tensors_only() -> None:
    bare = Estimator(Workload(SPEC), Assumptions(0, 0, 0, 0)).memory(2, 3, "none")
    assert bare.card == bare.allocated == bare.training_peak


def test_a_step_too_small_for_its_optimiser_peaks_there(small: Estimator) -> None:
    weights, buffers = weight_bytes(SPEC)
    memory = small.memory(1, 1, "stage")
    assert memory.peak_of == "update"
    # Weights, gradients, two averages and the roots of one; buffers and their copy.
    assert memory.update_peak == pytest.approx(5 * weights + 2 * buffers, rel=0.01)
    assert memory.allocated == memory.update_peak


def test_adamw_holds_what_is_assumed() -> None:
    weight = nn.Parameter(torch.ones(1024, 64))
    weight.grad = torch.ones_like(weight)
    with Ledger([weight, weight.grad]) as ledger:
        optimizer = torch.optim.AdamW([weight], foreach=True)
        optimizer.step()
        optimizer.step()
    live = ledger.timeline().live.sum(axis=1)
    assert live.max() == pytest.approx(3 * weight.nbytes, rel=0.01)
    assert len(optimizer.state[weight]) == 3


def test_more_films_and_less_recomputation_need_more(small: Estimator) -> None:
    needs = {
        (size, mode): small.memory(size, 2, mode).allocated
        for size in (1, 2, 3, 7)
        for mode in ("none", "block", "stage")
    }
    for mode in ("none", "block", "stage"):
        assert (np.diff([needs[size, mode] for size in (1, 2, 3, 7)]) > 0).all()
    for size in (2, 3, 7):
        assert needs[size, "none"] > needs[size, "block"] > needs[size, "stage"]


def test_any_batch_follows_from_two_traces(small: Estimator) -> None:
    direct = Estimator(small.workload, traced=(5,))
    predicted, traced = small.memory(5, 2, "block"), direct.memory(5, 2, "block")
    assert predicted.allocated == pytest.approx(traced.allocated, rel=1e-3)
    assert predicted.validation_peak == pytest.approx(traced.validation_peak, rel=1e-3)
    assert small.flops(5, "block") == pytest.approx(direct.flops(5, "block"), rel=1e-9)


def test_with_one_trace_others_are_made_when_needed(small: Estimator) -> None:
    only = Estimator(small.workload, traced=(1,))
    assert only.flops(5, "block") == pytest.approx(small.flops(5, "block"), rel=1e-9)


def test_accumulation_adds_the_gradients(small: Estimator) -> None:
    one, three = small.memory(8, 1, "none"), small.memory(8, 3, "none")
    assert three.gradients == weight_bytes(SPEC)[0]
    assert 0 <= one.gradients < 0.2 * three.gradients  # hardly any is finished where the activations are most
    assert three.training_peak - one.training_peak == pytest.approx(three.gradients, rel=0.2)


def test_time_per_film(small: Estimator) -> None:
    seconds = {
        (size, mode): small.film_seconds(size, 1, mode) for size in (1, 8) for mode in ("none", "block", "stage")
    }
    assert seconds[1, "none"] > seconds[8, "none"]  # starting operations takes its time
    for size in (1, 8):
        assert seconds[size, "none"] < seconds[size, "block"] <= 1.05 * seconds[size, "stage"]
        assert seconds[size, "stage"] < 1.8 * seconds[size, "none"]
    assert small.film_seconds(1, 6, "none") < small.film_seconds(1, 1, "none")  # fewer updates


def test_the_guides_network_with_recomputation() -> None:
    """HRNet-W32 at 1024x1024 in half precision, two films."""
    (traced,) = trace_training(GUIDE, (2,), "stage")
    needed = int((traced.live.sum(axis=1) + traced.workspace).max()) + 4 * weight_bytes(GUIDE.spec)[0]
    assert needed == pytest.approx(1.61 * GIB, rel=0.02)


@pytest.mark.slow
def test_the_guides_network_fits_where_it_should() -> None:
    guide = Estimator(GUIDE)
    cards = [guide.memory(size, steps, "none").card / GIB for size, steps in ((2, 3), (2, 2), (1, 6))]
    assert cards[0] == cards[1] < 7
    assert cards[2] < 4.5
    assert guide.memory(2, 3, "block").allocated <= 3.0 * GIB
    assert guide.memory(2, 3, "stage").allocated <= 1.8 * GIB
    assert guide.memory(6, 1, "stage").card < 8e9
    assert guide.memory(6, 1, "block").card < 8 * GIB


@pytest.mark.slow
def test_larger_networks_and_films_fit_with_recomputation() -> None:
    large = Estimator(Workload(ModelSpec("hrnet_w48", GUIDE.spec.symbols, (1024, 1024)))).memory(6, 1, "stage")
    assert large.card < 8e9
    fine = Estimator(Workload(ModelSpec("hrnet", GUIDE.spec.symbols, (2048, 2048)))).memory(1, 6, "block")
    assert fine.card < 8e9
