from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensorMode

from cephkit.augment.augmentation import Augmentation
from cephkit.config import TrainConfig
from cephkit.data.dataset import Batch
from cephkit.errors import SettingsError
from cephkit.memory import trace
from cephkit.memory.ledger import Ledger
from cephkit.memory.trace import Workload, fake_model, trace_training, trace_validation
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec
from tests.memory.test_ledger import profiled_peak

SPEC = ModelSpec("hrnet_w18_small", tuple(f"landmark {index}" for index in range(4)), (128, 128))
SMALL = Workload(SPEC, augment=False)
MIB = 2**20


def peak(timeline: trace.Timeline) -> int:
    return int(timeline.live.sum(axis=1).max())


@pytest.mark.parametrize("mode", ["none", "block", "stage"])
def test_memory_is_affine_in_the_batch_at_every_operation(mode: trace.Recompute) -> None:
    one, two, five = trace_training(SMALL, (1, 2, 5), mode)
    assert len(one.live) == len(two.live) == len(five.live)
    predicted = one.live + 4 * (two.live - one.live)
    # 512 bytes a block are all that can differ.
    assert np.abs(predicted - five.live).max() < 0.005 * peak(five)
    assert predicted.sum(axis=1).max() == pytest.approx(peak(five), rel=1e-3)
    assert one.flops.sum() * 5 == pytest.approx(five.flops.sum(), rel=1e-9)


def test_recomputation_trades_memory_for_arithmetic() -> None:
    none, block, stage = (trace_training(SMALL, (12,), mode)[0] for mode in ("none", "block", "stage"))
    assert peak(none) > 1.2 * peak(block)
    assert peak(block) > 1.05 * peak(stage)
    assert none.flops.sum() < block.flops.sum() <= stage.flops.sum() < 1.5 * none.flops.sum()


def test_activations_follow_the_area_and_the_precision() -> None:
    half, full = (trace_training(replace(SMALL, mixed_precision=mixed), (12,), "none")[0] for mixed in (True, False))
    large = replace(SMALL, spec=replace(SPEC, canvas_size=(256, 128)))
    assert peak(half) == pytest.approx(0.7 * peak(full), rel=0.03)  # weights and gradients stay in full precision
    assert peak(trace_training(large, (12,), "none")[0]) == pytest.approx(2 * peak(half), rel=0.03)


def test_validation_needs_less_than_training() -> None:
    (validation,), (training,) = trace_validation(SMALL, (2,)), trace_training(SMALL, (2,), "none")
    assert peak(validation) < 0.5 * peak(training)
    assert validation.gradients.max() == 0
    one, two, five = trace_validation(SMALL, (1, 2, 5))
    assert (one.live + 4 * (two.live - one.live)).sum(axis=1).max() == pytest.approx(peak(five), rel=5e-3)


def real_step(workload: Workload, batch: int) -> Callable[[], None]:
    """A training step with real tensors, on the CPU."""
    spec = workload.spec
    torch.manual_seed(0)
    model = build_model(spec, pretrained=False, notify=lambda line: None).train()
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    films = Batch(
        torch.zeros(batch, 1, *spec.canvas_size, dtype=torch.uint8), torch.full((batch, len(spec.symbols), 2), 60.0),
        torch.ones(batch, len(spec.symbols), dtype=torch.bool), torch.arange(batch),
    )  # fmt: skip
    task = trace.fake_task(workload)

    def network(images: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=workload.mixed_precision):
            maps: torch.Tensor = model(images)
        return maps

    def step() -> None:
        with trace.CudaAutocast():
            loss = task(network, films).loss
        loss.backward()

    return step


@pytest.mark.parametrize("mixed_precision", [False, True], ids=["float32", "half"])
def test_traced_bytes_are_those_of_a_real_step(mixed_precision: bool) -> None:
    workload = replace(SMALL, mixed_precision=mixed_precision, spec=replace(SPEC, canvas_size=(256, 256)))
    (traced,) = trace_training(workload, (2,), "none")
    step = real_step(workload, 2)
    step()  # what is made once and kept
    measured = profiled_peak(step)
    assert measured > 40 * MIB
    assert peak(traced) == pytest.approx(measured, rel=0.05)


def test_gradients_appear_while_the_backward_pass_goes_on() -> None:
    (traced,) = trace_training(SMALL, (1,), "none")
    with FakeTensorMode():
        weights = sum(weight.nbytes for weight in fake_model(SMALL).parameters())
    assert traced.gradients[0] == 0
    assert traced.gradients[-1] == pytest.approx(weights, rel=0.05)  # and at most what the last operation finishes


@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="this PyTorch knows no CUDA")
@pytest.mark.parametrize("function", trace.FLOAT32_ON_CUDA, ids=lambda function: function.__name__)
def test_cuda_autocast_computes_in_float32_what_the_trace_does(function: Callable[..., torch.Tensor]) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "interpolate": (None, 2.0), "layer_norm": ((8,),), "group_norm": (2,), "softmax": (-1,), "log_softmax": (-1,),
    }  # fmt: skip

    def result(device: str) -> torch.dtype:
        images = torch.empty(1, 4, 8, 8, device=device, dtype=torch.bfloat16)
        torch.set_autocast_dtype(device, torch.bfloat16)
        torch.set_autocast_enabled(device, True)
        try:
            made: torch.Tensor = function(images, *arguments[function.__name__])
        finally:
            torch.set_autocast_enabled(device, False)
        return made.dtype

    with FakeTensorMode():
        assert result("cuda") == torch.float32
        assert result("cpu") == torch.bfloat16
        with trace.CudaAutocast():
            assert result("cpu") == torch.float32
        assert result("cpu") == torch.bfloat16


def test_augmentation_is_within_its_assumption() -> None:
    augmentation = Augmentation()
    films, points, mask = torch.rand(2, 1, 256, 256), torch.rand(2, 4, 2) * 256, torch.ones(2, 4, dtype=torch.bool)
    most = 0
    for seed in range(8):
        torch.manual_seed(seed)
        with Ledger([films, points, mask]) as ledger:
            augmentation(films, points, mask)
        most = max(most, peak(ledger.timeline()) + films.nbytes)
    assert 0.75 * trace.AUGMENTATION_CANVASES < most / films.nbytes <= trace.AUGMENTATION_CANVASES - 0.25
    with_it, without = (trace_training(replace(SMALL, augment=on), (2,), "none")[0] for on in (True, False))
    assert len(with_it.live) == len(without.live) + 1
    assert with_it.live[0, 0] == trace.AUGMENTATION_CANVASES * 2 * 128 * 128 * 4


def test_channels_last_is_traced_too() -> None:
    (last,) = trace_training(replace(SMALL, channels_last=True), (2,), "none")
    (first,) = trace_training(SMALL, (2,), "none")
    assert peak(last) == pytest.approx(peak(first), rel=0.1)


def test_workload_of_a_training_run() -> None:
    config = TrainConfig(model="hrnet_w18", image_size=(512, 256), mixed_precision=True, use_ema=True, augment=False)
    workload = Workload.of(config, landmarks=19)
    assert workload.spec.canvas_size == (512, 256)
    assert len(workload.spec.symbols) == 19
    assert (workload.mixed_precision, workload.use_ema, workload.augment) == (True, True, False)
    smaller = workload.resized("hrnet_w18_small", 0.75)
    assert (smaller.spec.model, smaller.spec.canvas_size) == ("hrnet_w18_small", (384, 192))


def test_a_network_that_cannot_be_built_on_meta_tensors_is_built_on_real_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def build(spec: ModelSpec, **options: Any) -> Any:
        built.append(torch.get_default_device().type)
        if built[-1] == "meta":
            raise RuntimeError("Tensor.item() cannot be called on meta tensors")
        return build_model(spec, **options)

    monkeypatch.setattr(trace, "build_model", build)
    with FakeTensorMode():
        model = fake_model(SMALL)
        assert type(next(model.parameters()).data).__name__ == "FakeTensor"
    assert built == ["meta", "cpu"]


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(SettingsError, match="hrnet_w18_smal"):
        trace_training(replace(SMALL, spec=replace(SPEC, model="hrnet_w18_smal")), (1,), "none")
