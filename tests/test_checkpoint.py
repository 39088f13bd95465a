import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from cephkit.checkpoint import (
    Checkpoint,
    check_room,
    checkpoint_bytes,
    load_model,
    read_checkpoint,
    write_checkpoint,
)
from cephkit.errors import CheckpointError
from cephkit.landmarks.schema import Landmark, LandmarkSchema
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec

SPEC = ModelSpec("test_resnet", ("A", "N"), (64, 96))


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model(SPEC, pretrained=False, notify=lambda line: None)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    weights = network().state_dict()
    path = tmp_path / "deep" / "checkpoint_best.pth"
    write_checkpoint(path, Checkpoint(SPEC, weights, {"lr": 0.1, "image_size": [64, 96]}, 7, {"mre_mm": 1.5}))
    read = read_checkpoint(path)
    assert (read.spec, read.epoch, read.metrics) == (SPEC, 7, {"mre_mm": 1.5})
    assert read.config == {"lr": 0.1, "image_size": [64, 96]}
    assert all(torch.equal(read.model[name], tensor) for name, tensor in weights.items())
    assert set(read.versions) == {"cephkit", "python", "torch", "timm"}
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint_best.pth"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint_latest.pth"
    write_checkpoint(path, Checkpoint(SPEC, network().state_dict(), epoch=1))

    def power_cut(content: object, file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", power_cut)
    with pytest.raises(CheckpointError, match=r"could not be written.*No space left.*--save_dir"):
        write_checkpoint(path, Checkpoint(SPEC, {}, epoch=2))
    assert read_checkpoint(path).epoch == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_loaded_model_predicts_as_the_saved_one_and_uses_the_average_where_there_is_one(
    tmp_path: Path,
) -> None:
    model = network()
    average = {name: tensor * 0 for name, tensor in model.state_dict().items()}
    image = torch.rand(1, 1, 64, 96)
    write_checkpoint(tmp_path / "best.pth", Checkpoint(SPEC, model.state_dict()))
    write_checkpoint(tmp_path / "latest.pth", Checkpoint(SPEC, model.state_dict(), training={"ema": average}))
    loaded = load_model(tmp_path / "best.pth")
    assert not loaded.model.training
    assert torch.equal(loaded.model(image), model.eval()(image))
    assert len(loaded.meta["sha256"]) == 64
    averaged = load_model(tmp_path / "latest.pth").model.state_dict()
    assert all(not tensor.any() for tensor in averaged.values())


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("evil"),))


def test_hostile_torn_and_foreign_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = tmp_path / "whole.pth"
    write_checkpoint(whole, Checkpoint(SPEC, network().state_dict()))
    content = whole.read_bytes()
    files = {
        "empty.pth": b"",
        "torn.pth": content[: len(content) // 2],
        "text.pth": b"not a checkpoint",
        "evil.pth": pickle.dumps({"format": "cephkit", "model": Evil()}),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CheckpointError, match=name):
            read_checkpoint(tmp_path / name)
    assert not (tmp_path / "evil").exists()
    torch.save({"state_dict": {}}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="not a cephkit checkpoint"):
        read_checkpoint(tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="there is no such checkpoint"):
        read_checkpoint(tmp_path / "missing.pth")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    weights = dict(network().state_dict())
    dropped = next(iter(weights))
    del weights[dropped]
    write_checkpoint(tmp_path / "part.pth", Checkpoint(SPEC, weights))
    with pytest.raises(CheckpointError, match=f"(?s)do not fit test_resnet.*{dropped}"):
        load_model(tmp_path / "part.pth")
    wider = ModelSpec("test_resnet", ("A", "N", "S"), (64, 96))
    write_checkpoint(tmp_path / "wider.pth", Checkpoint(wider, network().state_dict()))
    with pytest.raises(CheckpointError, match="do not fit"):
        load_model(tmp_path / "wider.pth")


MANY = LandmarkSchema("many", tuple(Landmark(f"X{n}", f"Point {n}", "bone") for n in range(500)))


def test_a_network_that_the_weights_do_not_fit_is_never_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, weights = tmp_path / "c.pth", network().state_dict()
    built: list[bool] = []

    def build(*arguments: object, **more: object) -> object:
        built.append(torch.get_default_device().type == "meta")
        return build_model(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("cephkit.models.build.build_model", build)
    for spec in (
        ModelSpec("convnextv2_huge", ("A", "N"), (64, 96)),  # 2.6 GB
        ModelSpec("test_resnet", MANY.symbols, (64, 96), schema=MANY),
        ModelSpec("test_resnet", ("A", "N"), (64, 96), heatmap_stride=2),
    ):
        write_checkpoint(path, Checkpoint(spec, weights))
        with pytest.raises(CheckpointError, match=r"c\.pth: the weights do not fit .*; .*train again") as caught:
            load_model(path)
        assert len(str(caught.value)) < 700 + len(str(path))
    assert set(built) == {True}


def test_a_checkpoint_of_a_newer_cephkit_is_refused(tmp_path: Path) -> None:
    torch.save({"format": "cephkit", "format_version": 99}, tmp_path / "new.pth")
    with pytest.raises(CheckpointError, match=r"format 99.*upgrade"):
        read_checkpoint(tmp_path / "new.pth")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("training", torch.zeros(3)), ("training", [1]), ("training", {"ema": torch.zeros(2)}),
        ("training", {"ema": None, "optimizer": 3, "progress": {}, "random": []}), ("training", {1: 2}),
        ("model", torch.zeros(2)), ("model", {"x": 3}), ("model", None), ("config", None), ("config", 5),
        ("epoch", "3"), ("epoch", -1), ("epoch", True), ("epoch", torch.ones(1)), ("metrics", 3.0), ("versions", "1"),
        ("extras", [1]), ("format_version", "1"), ("format_version", torch.ones(2)), ("spec", 3), ("spec", None),
    ],
)  # fmt: skip
def test_a_field_of_a_wrong_type_is_named(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "c.pth"
    write_checkpoint(path, Checkpoint(SPEC, {}))
    content = torch.load(path, weights_only=True)
    torch.save({**content, field: value}, path)
    with pytest.raises(CheckpointError, match=f"damaged or was changed by hand.*{field}"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("canvas_size", [float("inf"), 64]), ("canvas_size", [20480, 20480]), ("canvas_size", [64]),
        ("canvas_size", [-64, 64]), ("canvas_size", 3), ("symbols", "AN"), ("symbols", ["A", "A"]), ("symbols", [1]),
        ("sigma", float("nan")), ("sigma", "1"), ("heatmap_stride", 4.0), ("model", 3), ("loss", ["softmax"]),
        ("extra", 1),
    ],
)  # fmt: skip
def test_a_spec_of_wrong_values_is_refused(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "c.pth"
    write_checkpoint(path, Checkpoint(SPEC, {}))
    content = torch.load(path, weights_only=True)
    torch.save({**content, "spec": {**content["spec"], field: value}}, path)
    with pytest.raises(CheckpointError, match="damaged or was changed by hand"):
        read_checkpoint(path)


def test_a_network_that_takes_other_arguments_is_refused(tmp_path: Path) -> None:
    import timm

    path = tmp_path / "c.pth"
    for name in ("test_vit", "levit_128", "naflexvit_base_patch16_gap"):
        if timm.is_model(name):
            write_checkpoint(path, Checkpoint(ModelSpec(name, ("A", "N"), (64, 96)), {}))
            with pytest.raises(CheckpointError, match="the weights do not fit"):
                load_model(path)


def test_a_run_that_goes_on_needs_room_for_one_more_state_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, state = checkpoint_bytes(2**20, averaged=True)
    assert (weights, state) == (4 * 2**20, 16 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=20 * 2**20))
    for resumes in (False, True):
        with pytest.raises(CheckpointError, match="need 36 MiB of disk, 20 MiB are free"):
            check_room(tmp_path, 2**20, True, resumes)
    (tmp_path / "checkpoint_latest.pth").write_bytes(bytes(state))
    (tmp_path / "checkpoint_best.pth").write_bytes(bytes(weights))
    check_room(tmp_path, 2**20, True, resumes=True)
    with pytest.raises(CheckpointError):
        check_room(tmp_path, 2**20, True)  # a new run moves the old ones aside, and they stay
