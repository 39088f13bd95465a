"""Networks by name: shapes, first weights, weights from files, and clear refusals."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from cephkit.errors import SettingsError
from cephkit.models import pretrained
from cephkit.models.build import LandmarkModel, build_model
from cephkit.models.spec import ModelSpec

SYMBOLS = ("A", "ANS", "B")


def quiet(line: str) -> None:
    raise AssertionError(f"nothing should be said, but: {line}")


def spec(model: str = "resnet10t", **changes: object) -> ModelSpec:
    return ModelSpec(**{"model": model, "symbols": SYMBOLS, "canvas_size": (64, 96), **changes})  # type: ignore[arg-type]


def backbone_weights(model: str) -> dict[str, Tensor]:
    """timm's own classifier with random weights: the format in which pretrained ones come."""
    torch.manual_seed(11)
    return {key: value.clone() for key, value in timm.create_model(model, pretrained=False).state_dict().items()}


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "try_to_load_from_cache", lambda *_: None)


@pytest.mark.parametrize("model", ["hrnet_w18_small", "resnet10t", "convnext_atto", "efficientnet_b0"])
@pytest.mark.parametrize("stride", [4, 2])
def test_maps_have_one_channel_per_landmark_at_the_stride(model: str, stride: int) -> None:
    wanted = spec(model, heatmap_stride=stride)
    network = build_model(wanted, pretrained=False, notify=quiet).eval()
    with torch.no_grad():
        maps = network(torch.rand(2, 1, 64, 96))
    assert maps.shape == (2, 3, *wanted.grid_size)


@pytest.mark.parametrize("stride", [4, 2])
def test_a_look_gives_the_maps_and_what_was_seen_on_the_whole(stride: int) -> None:
    network = build_model(spec("resnet10t", heatmap_stride=stride), pretrained=False, notify=quiet).eval()
    films = torch.rand(2, 1, 64, 96)
    seen: list[torch.Tensor] = []
    network.head.final.register_forward_hook(lambda module, given, made: seen.append(given[0]))
    with torch.no_grad():
        maps, whole = network.with_signature(films)
        assert torch.equal(maps, network(films))
    expected = torch.cat((seen[0].mean((-2, -1)), seen[0].std((-2, -1), correction=0)), dim=-1)
    torch.testing.assert_close(whole, expected)


def test_backbones_with_channels_last_features_work() -> None:
    network = build_model(spec("swin_tiny_patch4_window7_224"), pretrained=False, notify=quiet).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 1, 64, 96)).shape == (1, 3, 16, 24)


def test_hrnet_is_hrnet_w32_with_its_four_branches() -> None:
    network = build_model(spec("hrnet"), pretrained=False, notify=quiet)
    assert isinstance(network, LandmarkModel)
    assert [branch.in_channels for branch in network.head.branches] == [32, 64, 128, 256]
    assert not any("incre_modules" in key for key in network.state_dict())  # no classifier layers


def test_branches_first_equals_joining_first() -> None:
    """The head's shortcut, against the plain way: enlarge, join, one convolution."""
    head = build_model(spec("resnet10t"), pretrained=False, notify=quiet).head.eval()
    channels = [branch.in_channels for branch in head.branches]
    features = [torch.randn(1, count, 32 >> level, 48 >> level) for level, count in enumerate(channels)]
    enlarged = [
        torch.nn.functional.interpolate(feature, size=(32, 48), mode="bilinear", align_corners=False)
        for feature in features
    ]
    weight = torch.cat([branch.weight for branch in head.branches], dim=1)
    joined = torch.nn.functional.conv2d(torch.cat(enlarged, dim=1), weight)
    with torch.no_grad():
        torch.testing.assert_close(head(features), head.final(head.join(joined)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("loss", "largest"), [("adaptive_wing", 0.1), ("softmax", 1.0)])
def test_training_starts_near_empty_maps(loss: str, largest: float) -> None:
    torch.manual_seed(0)
    network = build_model(spec(loss=loss), pretrained=False, notify=quiet).train()
    assert network(torch.rand(2, 1, 64, 96)).abs().max() < largest


def test_normalisation_is_part_of_the_weights() -> None:
    network = build_model(spec(), pretrained=False, notify=quiet)
    state = network.state_dict()
    assert float(state["mean"]) == pytest.approx((0.485 + 0.456 + 0.406) / 3)
    assert float(state["std"]) == pytest.approx((0.229 + 0.224 + 0.225) / 3)


def test_maps_stay_finite_in_bfloat16_and_channels_last() -> None:
    network = build_model(spec(), pretrained=False, notify=quiet).to(memory_format=torch.channels_last)
    films = torch.rand(2, 1, 64, 96)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = network(films)
    assert maps.dtype == torch.bfloat16
    assert torch.isfinite(maps).all()
    maps.float().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_same_seed_same_weights() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(5)
        states.append(build_model(spec(), pretrained=False, notify=quiet).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_unknown_model_names_its_neighbours() -> None:
    with pytest.raises(SettingsError, match=r"'hrnet_w33'.*hrnet_w32"):
        build_model(spec("hrnet_w33"), pretrained=False, notify=quiet)


def test_model_without_stride_4_names_its_strides_and_some_that_work() -> None:
    with pytest.raises(SettingsError, match=r"strides \[16, 16, 16\].*hrnet_w18_small"):
        build_model(spec("vit_tiny_patch16_224"), pretrained=False, notify=quiet)


def test_unknown_loss_is_refused() -> None:
    with pytest.raises(SettingsError, match="mse"):
        build_model(spec(loss="mse"), pretrained=False, notify=quiet)


def test_without_network_one_line_says_so_and_weights_are_random(
    monkeypatch: pytest.MonkeyPatch, no_cache: None
) -> None:
    monkeypatch.setattr(pretrained.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(pretrained.constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens on discard
    lines: list[str] = []
    torch.manual_seed(5)
    network = build_model(spec(), pretrained=True, notify=lines.append)
    assert len(lines) == 1
    assert "resnet10t" in lines[0]
    assert "cannot be reached" in lines[0]
    assert "random weights" in lines[0]
    torch.manual_seed(5)
    plain = build_model(spec(), pretrained=False, notify=quiet)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), plain.parameters(), strict=True))


def test_offline_switch_of_the_hub_is_honoured(monkeypatch: pytest.MonkeyPatch, no_cache: None) -> None:
    monkeypatch.setattr(pretrained.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(pretrained, "reachable", lambda url: pytest.fail("asked the network while offline"))
    lines: list[str] = []
    build_model(spec(), pretrained=True, notify=lines.append)
    assert len(lines) == 1
    assert "HF_HUB_OFFLINE" in lines[0]


def test_failed_download_goes_on_with_random_weights(monkeypatch: pytest.MonkeyPatch, no_cache: None) -> None:
    def fail(*_: object) -> str:
        raise OSError("connection reset")

    monkeypatch.setattr(pretrained.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(pretrained, "reachable", lambda url: True)
    monkeypatch.setattr(pretrained, "hf_hub_download", fail)
    lines: list[str] = []
    build_model(spec(), pretrained=True, notify=lines.append)
    assert len(lines) == 1
    assert "could not be fetched (OSError)" in lines[0]


def test_model_without_published_weights_says_so(no_cache: None) -> None:
    lines: list[str] = []
    build_model(spec("resnetblur18"), pretrained=True, notify=lines.append)
    assert len(lines) == 1
    assert "timm publishes none" in lines[0]


@pytest.mark.parametrize("cached", [True, False], ids=["cache", "file"])
@pytest.mark.parametrize("model", ["resnet10t", "hrnet_w18_small", "convnext_atto"])
def test_pretrained_weights_arrive_with_colours_summed(
    model: str, cached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = backbone_weights(model)
    path = tmp_path / "model.safetensors"
    save_file(weights, path)
    lines: list[str] = []
    if cached:
        monkeypatch.setattr(pretrained, "try_to_load_from_cache", lambda *_: str(path))
        network = build_model(spec(model), pretrained=True, notify=lines.append)
    else:
        network = build_model(spec(model), pretrained=False, notify=quiet, weights=path)
    assert len(lines) == int(cached)
    mine = dict(network.backbone.named_parameters())
    first = next(key for key, value in weights.items() if value.ndim == 4)
    if model != "convnext_atto":  # whose layers timm renames
        assert torch.equal(mine[first], weights[first].sum(dim=1, keepdim=True))
        shared = [key for key in mine if key != first]
        assert len(shared) > 30
        assert all(torch.equal(mine[key], weights[key]) for key in shared)


def test_weights_in_pth_files_and_under_state_dict_work(tmp_path: Path) -> None:
    weights = backbone_weights("resnet10t")
    torch.save({"state_dict": weights}, tmp_path / "weights.pth")
    network = build_model(spec(), pretrained=False, notify=quiet, weights=tmp_path / "weights.pth")
    assert torch.equal(network.backbone.layer1[0].conv1.weight, weights["layer1.0.conv1.weight"])


def test_weights_with_gaps_are_refused_by_name(tmp_path: Path) -> None:
    weights = backbone_weights("resnet10t")
    del weights["layer2.0.conv1.weight"]
    save_file(weights, tmp_path / "gap.safetensors")
    with pytest.raises(SettingsError, match=r"gap\.safetensors.*1 of the.*layer2\.0\.conv1\.weight"):
        build_model(spec(), pretrained=False, notify=quiet, weights=tmp_path / "gap.safetensors")


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    save_file(backbone_weights("convnext_atto"), tmp_path / "other.safetensors")
    with pytest.raises(SettingsError, match=r"other\.safetensors.*resnet10t"):
        build_model(spec(), pretrained=False, notify=quiet, weights=tmp_path / "other.safetensors")


def test_missing_and_broken_weight_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.pth: no such file"):
        build_model(spec(), pretrained=False, notify=quiet, weights=tmp_path / "gone.pth")
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    with pytest.raises(SettingsError, match=r"broken\.pth"):
        build_model(spec(), pretrained=False, notify=quiet, weights=tmp_path / "broken.pth")
