"""Weights under EfficientNet-PyTorch's names, and weights in an installed package."""

import re
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from cephkit.errors import SettingsError
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec
from cephkit.models.weights_file import in_timms_names, weights_file

LITE = ModelSpec("tf_efficientnet_lite0", ("A", "N"), (64, 64))
SQUEEZING = "tf_efficientnet_b0"
"""A relative whose blocks have squeeze and excitation."""


def blocks_of(network: nn.Module) -> list[str]:
    return [name for name, _ in network.named_modules() if re.fullmatch(r"blocks\.\d+\.\d+", name)]


def in_their_names(network: nn.Module) -> dict[str, Tensor]:
    """The state of a network of timm as EfficientNet-PyTorch would name it."""
    blocks = blocks_of(network)
    found = {}
    for key, tensor in network.state_dict().items():
        match = re.fullmatch(r"(blocks\.\d+\.\d+)\.(.+)\.(\w+)", key)
        if match is None:
            layer, rest = key.split(".", 1)
            layer = {"bn1": "_bn0", "bn2": "_bn1", "classifier": "_fc"}.get(layer, f"_{layer}")
            found[f"{layer}.{rest}"] = tensor
            continue
        block, layer, rest = match.groups()
        expands = f"{block}.conv_pwl.weight" in network.state_dict()
        names = {
            "conv_dw": "_depthwise_conv", "se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand",
            **(
                {"conv_pw": "_expand_conv", "conv_pwl": "_project_conv", "bn1": "_bn0", "bn2": "_bn1", "bn3": "_bn2"}
                if expands
                else {"conv_pw": "_project_conv", "bn1": "_bn1", "bn2": "_bn2"}
            ),
        }  # fmt: skip
        found[f"_blocks.{blocks.index(block)}.{names[layer]}.{rest}"] = tensor
    return found


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", SQUEEZING])
def test_every_weight_finds_its_place(name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = timm.create_model(name, pretrained=False)
    torch.save(in_their_names(network), tmp_path / "theirs.pth")
    renamed = in_timms_names(tmp_path / "theirs.pth", blocks_of(network))
    assert renamed is not None
    state = network.state_dict()
    assert renamed.keys() == state.keys()
    assert all(renamed[key].equal(state[key]) for key in state)


def test_a_model_starts_from_them(tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    torch.save(in_their_names(network), tmp_path / "theirs.pth")
    torch.save(network.state_dict(), tmp_path / "timms.pth")
    built = []
    for name in ("theirs.pth", "timms.pth"):
        torch.manual_seed(3)
        built.append(build_model(LITE, pretrained=False, notify=print, weights=tmp_path / name).state_dict())
    assert all(built[0][key].equal(built[1][key]) for key in built[0])
    deepest = next(key for key in built[0] if key.endswith("blocks.1.0.conv_dw.weight"))
    assert built[0][deepest].equal(network.state_dict()["blocks.1.0.conv_dw.weight"])


def test_missing_weights_are_named(tmp_path: Path) -> None:
    state = in_their_names(timm.create_model("tf_efficientnet_lite0", pretrained=False))
    state.pop("_blocks.3._depthwise_conv.weight")
    torch.save(state, tmp_path / "gap.pth")
    with pytest.raises(SettingsError, match=r"holds no weights for 1 of .*blocks\.2\.0\.conv_dw\.weight"):
        build_model(LITE, pretrained=False, notify=print, weights=tmp_path / "gap.pth")


def test_other_files_are_left_to_timm(tmp_path: Path) -> None:
    torch.save({"conv_stem.weight": torch.zeros(1)}, tmp_path / "timms.pth")
    (tmp_path / "broken.pth").write_bytes(b"no file of torch")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("timms.pth", "broken.pth", "list.pth", "absent.pth", "weights.safetensors"):
        assert in_timms_names(tmp_path / name, ["blocks.0.0"]) is None


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that must not be imported."""
    folder = tmp_path / "site" / "made_up_weights"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


def test_a_package_is_as_good_as_its_file(package: Path) -> None:
    (package / "models" / "weights.pth").write_bytes(b"")
    for name in ("made_up_weights", "made-up-weights"):
        assert weights_file(Path(name)) == package / "models" / "weights.pth"


def test_a_file_comes_before_a_package(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made_up_weights").write_bytes(b"")
    assert weights_file(Path("made_up_weights")) == Path("made_up_weights")


def test_a_package_with_none_or_several_is_refused(package: Path) -> None:
    with pytest.raises(SettingsError, match="one file of weights expected in this package, there is none"):
        weights_file(Path("made_up_weights"))
    for name in ("a.pth", "b.safetensors"):
        (package / name).write_bytes(b"")
    with pytest.raises(SettingsError, match=r"there is .*a\.pth, .*b\.safetensors"):
        weights_file(Path("made_up_weights"))


@pytest.mark.parametrize("given", ["gone.pth", "no_such_package", "folder/gone.pth", "a b", ""])
def test_neither_file_nor_package(given: str) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        weights_file(Path(given))
