import copy
import pickle
from collections.abc import Iterator

import pytest
import torch
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn

from cephkit.errors import SettingsError
from cephkit.memory.recompute import apply_recompute
from cephkit.memory.recover import Recompute
from cephkit.models.build import LandmarkModel, build_model
from cephkit.models.spec import ModelSpec

MODES: list[Recompute] = ["block", "stage"]
BACKBONES = ["hrnet_w18_small", "test_resnet", "convnext_atto"]
SIDE = 64


def build(name: str = "test_resnet") -> LandmarkModel:
    torch.manual_seed(0)
    spec = ModelSpec(name, ("S", "N", "Or"), (SIDE, SIDE))
    return build_model(spec, pretrained=False, notify=lambda line: None).train()


@pytest.fixture(scope="module")
def hrnet() -> LandmarkModel:
    """To copy: building it takes longer than a step."""
    return build("hrnet_w18_small")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def film_batch() -> Tensor:
    return torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(3))


def loss_of(model: nn.Module, films: Tensor | None = None) -> Tensor:
    return (model(film_batch() if films is None else films).float() - 1).square().sum()


def step(model: nn.Module, films: Tensor | None = None) -> dict[str, Tensor]:
    """All that a step leaves behind: loss, gradients, buffers, random state."""
    torch.manual_seed(1)
    model.zero_grad()
    loss = loss_of(model, films)
    loss.backward()
    gradients = {f"grad {name}": one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
    buffers = {name: one.clone() for name, one in model.named_buffers()}
    return {"loss": loss.detach(), "random": torch.get_rng_state(), **gradients, **buffers}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


def kept_bytes(model: nn.Module) -> int:
    """What a forward pass keeps for the backward pass, each storage once, without the weights."""
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss_of(model)
    return sum(one.untyped_storage().nbytes() for address, one in kept.items() if address not in weights)


def regions(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if "forward" in vars(module)]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_step_leaves_exactly_what_it_leaves_without(backbone: str) -> None:
    model = build(backbone)
    expected = step(copy.deepcopy(model))
    for mode in MODES:
        recomputed = copy.deepcopy(model)
        apply_recompute(recomputed, mode)
        assert_same(step(recomputed), expected)


def test_running_statistics_are_updated_once_per_step() -> None:
    model = build()
    apply_recompute(model, "block")
    statistics = model.backbone.get_buffer("bn1.running_mean")
    for _ in range(3):
        step(model)
    counts = {int(one) for name, one in model.named_buffers() if name.endswith("num_batches_tracked")}
    assert counts == {3}
    assert model.backbone.get_buffer("bn1.running_mean") is statistics


def test_frozen_normalisation_stays_frozen() -> None:
    model = build()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    before = {name: one.clone() for name, one in model.named_buffers()}
    expected = step(copy.deepcopy(model))
    apply_recompute(model, "block")
    assert_same(step(model), expected)
    assert all(torch.equal(one, before[name]) for name, one in model.named_buffers())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("mode", MODES)
def test_half_precision_in_channels_last(hrnet: LandmarkModel, mode: Recompute, dtype: torch.dtype) -> None:
    plain = copy.deepcopy(hrnet).to(memory_format=torch.channels_last)
    recomputed = copy.deepcopy(plain)
    apply_recompute(recomputed, mode)
    films = film_batch().contiguous(memory_format=torch.channels_last)
    left = []
    for model in (plain, recomputed):
        with torch.autocast("cpu", dtype=dtype):
            loss = loss_of(model, films)
        loss.backward()  # outside autocast, as in training; what runs again must be under it all the same
        left.append({name: one.grad for name, one in model.named_parameters()} | dict(model.named_buffers()))
    assert_same(left[1], left[0])


def test_random_layers_draw_the_same_numbers_again() -> None:
    model = build()
    for block in ("layer1", "layer2"):
        model.backbone.get_submodule(f"{block}.0").register_module("act2", nn.Dropout(0.5))
    expected = step(copy.deepcopy(model))
    apply_recompute(model, "block")
    assert_same(step(model), expected)


def test_accumulated_gradients_are_the_same(hrnet: LandmarkModel) -> None:
    sums = []
    for mode in ("none", "stage"):
        model = copy.deepcopy(hrnet)
        apply_recompute(model, mode)
        for films in film_batch().split(1):
            loss_of(model, torch.cat([films, films.flip(-1)])).backward()
        sums.append({name: one.grad for name, one in model.named_parameters()})
    assert_same(sums[1], sums[0])


def test_less_is_kept(hrnet: LandmarkModel) -> None:
    kept = {}
    for mode in ("none", "block", "stage"):
        apply_recompute(model := copy.deepcopy(hrnet), mode)
        kept[mode] = kept_bytes(model)
    assert kept["block"] < 0.6 * kept["none"]
    assert kept["stage"] < 0.85 * kept["block"]


def test_regions_of_hrnet(hrnet: LandmarkModel) -> None:
    apply_recompute(model := copy.deepcopy(hrnet), "stage")
    modules = ["backbone.stage2.0", "backbone.stage3.0", "backbone.stage4.0"]
    assert regions(model) == ["backbone.layer1.0", *modules, "head"]
    apply_recompute(model, "block")
    # one Bottleneck; two BasicBlocks in each of 2 + 3 + 4 branches; the head
    assert len(regions(model)) == 1 + 2 * (2 + 3 + 4) + 1


def test_modes_replace_each_other() -> None:
    model = build()
    plain = kept_bytes(model)
    apply_recompute(model, "block")
    block, kept = regions(model), kept_bytes(model)
    apply_recompute(model, "block")
    assert (regions(model), kept_bytes(model)) == (block, kept)
    apply_recompute(model, "none")
    assert (regions(model), kept_bytes(model)) == ([], plain)


def test_checkpoints_stay_the_same(hrnet: LandmarkModel) -> None:
    model = copy.deepcopy(hrnet)
    apply_recompute(model, "stage")
    assert list(model.state_dict()) == list(hrnet.state_dict())
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in hrnet.named_parameters()]
    assert [(name, type(one)) for name, one in model.named_modules()] == [
        (name, type(one)) for name, one in hrnet.named_modules()
    ]


def test_nothing_runs_again_without_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build().eval()
    with torch.no_grad():
        expected = model(film_batch())
    apply_recompute(model, "block")

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a region was set up where nothing is to be kept")

    monkeypatch.setattr("cephkit.memory.recompute.checkpoint", refuse)
    with torch.no_grad():
        assert torch.equal(model(film_batch()), expected)
    with torch.inference_mode():
        assert torch.equal(model(film_batch()), expected)
    with pytest.raises(AssertionError, match="region"):
        model(film_batch())


def test_copies_recompute_their_own_layers() -> None:
    model = build()
    apply_recompute(model, "block")
    expected = step(copy.deepcopy(model))
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), ModelEmaV3(model).module.train()]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))
    before = {name: one.clone() for name, one in model.named_buffers()}
    for one in copies:
        one.requires_grad_(True)
        assert regions(one) == regions(model)
        assert_same(step(one), expected)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(one, before[name]) for name, one in model.named_buffers())


def test_interrupted_backward_pass_leaves_the_statistics_in_place() -> None:
    model = build()
    apply_recompute(model, "block")
    calls = []

    def fail_the_second_time(*_: object) -> None:
        calls.append(None)
        if len(calls) == 2:
            raise RuntimeError("out of memory")

    handle = model.backbone.get_submodule("layer2.0.conv2").register_forward_pre_hook(fail_the_second_time)
    buffers = dict(model.named_buffers())
    with pytest.raises(RuntimeError, match="out of memory"):
        loss_of(model).backward()
    handle.remove()
    assert all(one is buffers[name] for name, one in model.named_buffers())
    step(model)
    assert int(model.backbone.get_buffer("bn1.num_batches_tracked")) == 2


def test_compiled_model_updates_its_statistics_once() -> None:
    expected = step(build())
    model = build()
    apply_recompute(model, "block")
    model.compile(backend="aot_eager")
    try:
        found = step(model)
    finally:
        torch.compiler.reset()
    assert found.keys() == expected.keys()
    for name, one in expected.items():
        if name != "random":
            torch.testing.assert_close(found[name], one, rtol=1e-4, atol=1e-3 * float(one.abs().max()), msg=name)


def test_backbone_without_blocks_is_refused() -> None:
    model = build("vgg11")
    for mode in MODES:
        with pytest.raises(SettingsError, match=r"vgg11.*--recompute none"):
            apply_recompute(model, mode)
    assert regions(model) == []
    apply_recompute(model, "none")
