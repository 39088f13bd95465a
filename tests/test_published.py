"""Published folders, among them hostile ones."""

import hashlib
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cephkit.checkpoint import Checkpoint, load_model, read_checkpoint, write_published
from cephkit.errors import CheckpointError
from cephkit.models.build import build_model
from cephkit.models.spec import ModelSpec
from cephkit.published import (
    CONFIG,
    LARGEST_CONFIG,
    WEIGHTS,
    fingerprint,
    is_published,
    read_config,
    with_tensors,
    write_content,
)

SPEC = ModelSpec("test_resnet", ("A", "N"), (64, 96))
EXTRAS = {
    "refiner": {"spec": {"width": 4}, "model": {"a.weight": torch.arange(6.0), "a.count": torch.tensor(3)}},
    "pose": {"mean": [[0.1, 0.2]], "largest": math.inf, "score": math.nan, "single": torch.ones(2)},
    "calibrations": {"plain": {"removed_bias": None, "is_local": False, "films": ["ab"]}},
}  # fmt: skip


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model(SPEC, pretrained=False, notify=lambda line: None)


def folder_of(root: Path, **changes: Any) -> Path:
    folder = root / "model"
    folder.mkdir()
    given: dict[str, Any] = {"config": {"lr": 0.1, "image_size": [64, 96]}, "epoch": 7, "metrics": {"mre_mm": 1.5}}
    weights = network().state_dict()
    write_published(folder, Checkpoint(SPEC, weights, **{**given, "versions": {"torch": "2"}, **changes}))
    return folder


def test_what_is_written_is_read_tensors_and_odd_numbers_too(tmp_path: Path) -> None:
    read = read_checkpoint(folder_of(tmp_path, extras=EXTRAS))
    assert (read.spec, read.epoch, read.metrics, read.training) == (SPEC, 7, {"mre_mm": 1.5}, None)
    assert (read.config, read.versions) == ({"lr": 0.1, "image_size": [64, 96]}, {"torch": "2"})
    assert all(torch.equal(read.model[name], tensor) for name, tensor in network().state_dict().items())
    stage = read.extras["refiner"]
    assert stage["spec"] == {"width": 4}
    assert torch.equal(stage["model"]["a.weight"], EXTRAS["refiner"]["model"]["a.weight"])  # type: ignore[index]
    assert stage["model"]["a.count"].item() == 3
    assert (read.extras["pose"]["mean"], read.extras["pose"]["largest"]) == ([[0.1, 0.2]], math.inf)
    assert math.isnan(read.extras["pose"]["score"])
    assert torch.equal(read.extras["pose"]["single"], torch.ones(2))
    assert read.extras["calibrations"] == EXTRAS["calibrations"]


def test_only_the_weights_to_predict_with_are_written(tmp_path: Path) -> None:
    average = {name: tensor + 1 for name, tensor in network().state_dict().items()}
    folder = folder_of(tmp_path, training={"ema": average, "optimizer": {}})
    read = read_checkpoint(folder)
    assert read.training is None
    assert all(torch.equal(read.model[name], average[name]) for name in average)


def test_the_hash_is_that_of_the_settings_which_name_the_weights(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    loaded = load_model(folder)
    assert loaded.meta["sha256"] == fingerprint(folder) == hashlib.sha256((folder / CONFIG).read_bytes()).hexdigest()
    assert loaded.name == "model"
    assert read_config(folder)["weights_sha256"] == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def test_without_its_settings_which_come_last_a_folder_is_no_model(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / CONFIG).unlink()
    assert not is_published(folder)
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    "extras",
    [{"a": object()}, {"a": b"bytes"}, {"a": {1: 2}}, {"a": {"$tensor": "model.x"}}, {"a": {2, 3}}],
    ids=["object", "bytes", "number as key", "a mark", "set"],
)
def test_what_json_cannot_hold_is_not_published(tmp_path: Path, extras: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match="cannot be published"):
        folder_of(tmp_path, extras=extras)
    assert not (tmp_path / "model" / CONFIG).exists()


def changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Change ``config.json`` as a hostile hand would, with all hashes right."""

    def apply(folder: Path) -> None:
        content = json.loads((folder / CONFIG).read_bytes())
        result = change(content)
        (folder / CONFIG).write_text(json.dumps(content if result is None else result), encoding="utf-8")

    return apply


def text(old: str, new: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = (folder / CONFIG).read_text(encoding="utf-8")
        assert old in content
        (folder / CONFIG).write_text(content.replace(old, new, 1), encoding="utf-8")

    return apply


def weights(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Change ``model.safetensors``, and its hash in ``config.json`` to fit."""

    def apply(folder: Path) -> None:
        new = change((folder / WEIGHTS).read_bytes())
        (folder / WEIGHTS).write_bytes(new)
        changed(lambda content: content.update(weights_sha256=hashlib.sha256(new).hexdigest()))(folder)

    return apply


def header(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def apply(content: bytes) -> bytes:
        (length,) = struct.unpack("<Q", content[:8])
        described = json.loads(content[8 : 8 + length])
        result = change(described)
        new = json.dumps(described if result is None else result).encode()
        return struct.pack("<Q", len(new)) + new + content[8 + length :]

    return weights(apply)


def first(described: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(value for name, value in described.items() if name.startswith("model."))
    return found


def nan_weights(content: bytes) -> bytes:
    return content[:-4000] + struct.pack("<f", math.nan) * 1000


HOSTILE: dict[str, Callable[[Path], None]] = {
    "not JSON": lambda folder: (folder / CONFIG).write_bytes(b"\x80\x02}q\x00."),
    "not UTF-8": lambda folder: (folder / CONFIG).write_bytes(b'{"a": "\xff"}'),
    "NUL": lambda folder: (folder / CONFIG).write_bytes(b"\x00" * 100),
    "empty": lambda folder: (folder / CONFIG).write_bytes(b""),
    "a list": changed(lambda content: [content]),
    "nested": lambda folder: (folder / CONFIG).write_bytes(b'{"extras": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "nested less": lambda folder: (folder / CONFIG).write_bytes(b'{"a": ' * 900 + b"1" + b"}" * 900),
    "a key twice": text('"epoch": 7', '"epoch": 7, "epoch": 8'),
    "NaN": text('"epoch": 7', '"epoch": NaN'),
    "infinite": text('"mre_mm": 1.5', '"mre_mm": 1e999'),
    "many digits": text('"epoch": 7', '"epoch": ' + "9" * 10_000),
    "other format": changed(lambda content: content.update(format="bert")),
    "newer": changed(lambda content: content.update(format_version=99)),
    "no format version": changed(lambda content: content.update(format_version="1")),
    "no spec": changed(lambda content: content.pop("spec") and None),
    "spec is a text": changed(lambda content: content.update(spec="hrnet")),
    "epoch is a text": changed(lambda content: content.update(epoch="7")),
    "canvas of a million": changed(lambda content: content["spec"].update(canvas_size=[10**9, "x"])),
    "schema is no schema": changed(lambda content: content["spec"].update(schema=[{"symbol": "X|"}])),
    "extras is a list": changed(lambda content: content.update(extras=[])),
    "config is null": changed(lambda content: content.update(config=None)),
    "no hash": changed(lambda content: content.pop("weights_sha256") and None),
    "other hash": changed(lambda content: content.update(weights_sha256="0" * 64)),
    "unknown tensor": changed(lambda content: content["extras"].update(a={"$tensor": "model.nothing"})),
    "unknown tensors": changed(lambda content: content["extras"].update(a={"$tensors": "nothing"})),
    "unknown mark": changed(lambda content: content["extras"].update(a={"$import": "os"})),
    "two marks": changed(lambda content: content["extras"].update(a={"$tensor": "x", "$number": "nan"})),
    "unknown number": changed(lambda content: content["extras"].update(a={"$number": "1; import os"})),
    "mark of a list": changed(lambda content: content["extras"].update(a={"$tensor": ["x"]})),
    "no weights at all": weights(lambda content: b""),
    "truncated weights": weights(lambda content: content[: len(content) // 2]),
    "weights with a tail": weights(lambda content: content + b"x" * 100),
    "pickle": weights(lambda content: b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\x00."),
    "huge header": weights(lambda content: struct.pack("<Q", 2**62) + content[8:]),
    "header of 20 MiB": weights(lambda content: struct.pack("<Q", 20 << 20) + b" " * (20 << 20) + content),
    "header twice a name": weights(
        lambda content: struct.pack("<Q", 43) + b'{"a": {"dtype": "F32"}, "a": {"dtype": "I8"}}'[:43] + content
    ),
    "offsets beyond the file": header(lambda described: first(described).update(data_offsets=[0, 2**40])),
    "negative shape": header(lambda described: first(described).update(shape=[-1, 4])),
    "huge shape": header(lambda described: first(described).update(shape=[2**62, 2**62])),
    "unknown type": header(lambda described: first(described).update(dtype="OBJECT")),
    "header is a list": header(lambda described: [described]),
    "a tensor less": header(lambda described: described.pop(next(iter(described))) and None),
    "NaN in the weights": weights(nan_weights),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_folder_is_one_clear_error(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path)
    HOSTILE[name](folder)
    with pytest.raises(CheckpointError) as caught:
        load_model(folder)
    message = str(caught.value)
    assert "model" in message
    assert "\n" not in message
    assert len(message) < 800


def test_a_tensor_that_the_network_lacks_and_one_of_another_shape_are_errors(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    state = dict(network().state_dict())
    name = next(iter(state))
    write_published(folder, Checkpoint(SPEC, {**state, "other": torch.ones(1)}))
    with pytest.raises(CheckpointError, match="1 are unknown, first other"):
        load_model(folder)
    write_published(folder, Checkpoint(SPEC, {**state, name: torch.ones(3, 5)}))
    with pytest.raises(CheckpointError, match="1 are of another shape"):
        load_model(folder)
    state.pop(name)
    write_published(folder, Checkpoint(SPEC, state))
    with pytest.raises(CheckpointError, match="1 are missing"):
        load_model(folder)


def test_a_huge_file_of_settings_is_not_read(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    with (folder / CONFIG).open("r+b") as file:
        file.truncate(LARGEST_CONFIG + 1)
    with pytest.raises(CheckpointError, match="too many"):
        read_config(folder)


def test_tensors_that_nothing_names_are_an_error(tmp_path: Path) -> None:
    write_content(tmp_path, {"model": {"a": torch.ones(1)}, "extras": {"b": torch.ones(2)}})
    config = read_config(tmp_path)
    assert set(with_tensors(tmp_path, config)["extras"]) == {"b"}
    with pytest.raises(CheckpointError, match=r"does not name: extras\.b"):
        with_tensors(tmp_path, {**config, "extras": {}})
