"""Weights of one landmark model start another."""

import pytest
import torch

from cephkit.errors import CheckpointError
from cephkit.models.adapt import adapt_state
from cephkit.models.build import LandmarkModel, build_model
from cephkit.models.spec import ModelSpec


def made(symbols: tuple[str, ...], seed: int, stride: int = 4, side: int = 64) -> tuple[LandmarkModel, ModelSpec]:
    spec = ModelSpec("resnet10t", symbols, (side, side), heatmap_stride=stride)
    torch.manual_seed(seed)
    model = build_model(spec, pretrained=False, notify=lambda line: None).eval()
    torch.nn.init.normal_(model.head.final.bias)
    return model, spec


def test_landmarks_keep_their_maps_in_another_order_and_company() -> None:
    old, old_spec = made(("A", "ANS", "B", "Me"), seed=0)
    new, new_spec = made(("Me", "N", "A"), seed=1, side=96)
    before = {key: value.clone() for key, value in new.state_dict().items()}
    state, fresh = adapt_state(old.state_dict(), old_spec, new_spec, new.state_dict())
    assert fresh == ["N"]
    assert all(torch.equal(new.state_dict()[key], value) for key, value in before.items())  # not touched yet
    new.load_state_dict(state, strict=True)
    film = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        was, now = old(film), new(film)
    torch.testing.assert_close(now[0, 0], was[0, 3])
    torch.testing.assert_close(now[0, 2], was[0, 0])
    assert torch.equal(new.head.final.weight[1], before["head.final.weight"][1])
    assert torch.equal(new.head.final.bias[1], before["head.final.bias"][1])


def test_same_landmarks_take_everything_over() -> None:
    old, spec = made(("A", "B"), seed=0)
    new, _ = made(("A", "B"), seed=1)
    state, fresh = adapt_state(old.state_dict(), spec, spec, new.state_dict())
    assert fresh == []
    assert all(torch.equal(state[key], value) for key, value in old.state_dict().items())


def test_no_common_landmark_keeps_the_backbone() -> None:
    old, old_spec = made(("A", "B"), seed=0)
    new, new_spec = made(("N",), seed=1)
    state, fresh = adapt_state(old.state_dict(), old_spec, new_spec, new.state_dict())
    assert fresh == ["N"]
    assert torch.equal(state["head.final.weight"], new.state_dict()["head.final.weight"])
    assert torch.equal(state["backbone.layer1.0.conv1.weight"], old.state_dict()["backbone.layer1.0.conv1.weight"])


@pytest.mark.parametrize(("was", "becomes"), [(4, 2), (2, 4)])
def test_another_stride_names_the_layers_that_start_afresh(was: int, becomes: int) -> None:
    old, old_spec = made(("A", "B"), seed=0, stride=was)
    new, new_spec = made(("A", "B"), seed=1, stride=becomes)
    state, fresh = adapt_state(old.state_dict(), old_spec, new_spec, new.state_dict())
    new.load_state_dict(state, strict=True)
    assert fresh[:2] == ["A", "B"]
    assert "head.final.weight" in fresh
    assert ("head.refine.0.weight" in fresh) == (becomes == 2)
    assert torch.equal(state["head.branches.0.weight"], old.state_dict()["head.branches.0.weight"])


def test_another_backbone_is_refused_with_both_names() -> None:
    old, old_spec = made(("A",), seed=0)
    other = ModelSpec("resnet18", ("A",), (64, 64))
    with pytest.raises(CheckpointError, match=r"resnet10t.*resnet18"):
        adapt_state(old.state_dict(), old_spec, other, {})


def test_hrnet_and_its_full_name_are_one() -> None:
    short, long = ModelSpec("hrnet", ("A",), (64, 64)), ModelSpec("hrnet_w32", ("A",), (64, 64))
    assert adapt_state({}, short, long, {}) == ({}, [])


def test_torn_weights_are_refused_by_layer() -> None:
    old, spec = made(("A",), seed=0)
    state = dict(old.state_dict())
    del state["backbone.conv1.0.weight"]
    with pytest.raises(CheckpointError, match=r"backbone\.conv1\.0\.weight has nothing"):
        adapt_state(state, spec, spec, old.state_dict())
