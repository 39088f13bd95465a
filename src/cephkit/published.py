"""Published folders: a model as ``config.json`` and ``model.safetensors``, which hold what a ``.pth`` file holds.

``config.json`` has the plain values, and the SHA-256 of ``model.safetensors``; its own SHA-256 therefore stands for
both. Tensors are named by where they belong: ``model.NAME`` are the network's, ``extras.refiner.model.NAME`` those of
a second stage. Nothing in either file is executed. Both are checked as files that anybody may have written.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cephkit.errors import CheckpointError, some
from cephkit.files import json_bytes, write_whole

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, WEIGHTS, CARD, ONNX = "config.json", "model.safetensors", "README.md", "model.onnx"
LARGEST_CONFIG = 16 << 20
LARGEST_HEADER = 16 << 20
LARGEST_WEIGHTS = 8 << 30
"""Bytes; the largest backbone of timm has 3.5 GB."""
HASH_KEY = "weights_sha256"
"""In ``config.json``: the hash of ``model.safetensors``."""
TENSOR, TENSORS, NUMBER = "$tensor", "$tensors", "$number"
"""Stand for a tensor, for all tensors whose names begin so, and for a number that JSON lacks."""
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def is_published(path: Path) -> bool:
    """Whether ``path`` is a published folder."""
    return (path / CONFIG).is_file() and (path / WEIGHTS).is_file()


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 of ``config.json``: that of the model."""
    return _sha256(folder / CONFIG)


def write_content(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the content of a checkpoint, without what only a resume needs.

    ``config.json`` comes last: without it the folder is not a model.

    Raises:
        CheckpointError: the content holds what cannot be published.
        CephkitError: a file cannot be written.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    kept = {name: value for name, value in content.items() if name not in ("training", "model")}
    try:
        plain = {name: _plain(value, name, tensors) for name, value in kept.items()}
        for name, tensor in content["model"].items():
            tensors[f"model.{name}"] = tensor
        # Without contiguous() and clone() weights that share memory, or lie in it in another order, are refused.
        weights = save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()})
        plain[HASH_KEY] = hashlib.sha256(weights).hexdigest()
        written = json_bytes(plain)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"holds what cannot be published ({error!s:.200})", "train or calibrate it again"
        ) from error
    write_whole(folder / WEIGHTS, weights)
    write_whole(folder / CONFIG, written)


def _plain(value: Any, place: str, tensors: "dict[str, Tensor]") -> Any:
    """Return ``value`` as JSON has it; its tensors go to ``tensors``."""
    from torch import Tensor

    if isinstance(value, Tensor):
        tensors[place] = value
        return {TENSOR: place}
    if isinstance(value, dict):
        if odd := [key for key in value if not isinstance(key, str) or key.startswith("$")]:
            raise TypeError(f"{place}: the key {odd[0]!r:.40}")
        if value and all(isinstance(each, Tensor) for each in value.values()):
            tensors.update({f"{place}.{key}": each for key, each in value.items()})
            return {TENSORS: place}
        return {key: _plain(each, f"{place}.{key}", tensors) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, f"{place}.{index}", tensors) for index, each in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        return {NUMBER: str(float(value))}
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{place}: a {type(value).__name__}")


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json``.

    Raises:
        CheckpointError: it is missing, too large, or not JSON with each key once and finite numbers.
    """
    path = folder / CONFIG
    try:
        content = json.loads(
            _bytes(path, LARGEST_CONFIG).decode("utf-8"),
            object_pairs_hook=_object, parse_constant=_not_a_number, parse_float=_finite,
        )  # fmt: skip
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"{error!s:.100}") from error
    if not isinstance(content, dict):
        raise _damaged(path, f"holds a {type(content).__name__}, not an object")
    return content


def with_tensors(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``config``, as ``read_config`` read it, with its tensors: the content of a checkpoint.

    Raises:
        CheckpointError: ``model.safetensors`` is not the file that ``config`` names, or not whole.
    """
    tensors = _read_tensors(folder / WEIGHTS, config.get(HASH_KEY))
    content = {name: value for name, value in config.items() if name != HASH_KEY}
    network = {name.removeprefix("model."): tensors.pop(name) for name in list(tensors) if name.startswith("model.")}
    try:
        content = {name: _restored(value, tensors) for name, value in content.items()}
    except (KeyError, TypeError, RecursionError) as error:
        raise _damaged(folder / CONFIG, f"{error!s:.100}") from error
    if tensors:
        raise _damaged(folder / WEIGHTS, f"tensors that {CONFIG} does not name: {some([n[:60] for n in tensors], 3)}")
    return {**content, "model": network, "training": None}


def _restored(value: Any, tensors: "dict[str, Tensor]") -> Any:
    """Return what ``_plain`` was given, taking each tensor out of ``tensors``."""
    if isinstance(value, list):
        return [_restored(each, tensors) for each in value]
    if not isinstance(value, dict):
        return value
    marks = [key for key in value if key.startswith("$")]
    if not marks:
        return {key: _restored(each, tensors) for key, each in value.items()}
    mark, named = marks[0], value[marks[0]]
    if len(value) > 1 or not isinstance(named, str):
        raise TypeError(f"{mark:.40} with {named!r:.40}")
    if mark == NUMBER:
        return _NUMBERS[named]
    if mark == TENSOR:
        return tensors.pop(named)
    if mark != TENSORS:
        raise TypeError(f"unknown mark {mark:.40}")
    found = {name: tensors.pop(name) for name in list(tensors) if name.startswith(f"{named}.")}
    if not found:
        raise KeyError(f"no tensors {named:.60}")
    return {name.removeprefix(f"{named}."): tensor for name, tensor in found.items()}


def _read_tensors(path: Path, wanted: object) -> "dict[str, Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load

    _check_header(path)
    content = _bytes(path, LARGEST_WEIGHTS)  # not mapped: the file may change, or be moved, while the tensors are used
    if not isinstance(wanted, str) or hashlib.sha256(content).hexdigest() != wanted:
        raise _damaged(path, f"its SHA-256 is not the one that {CONFIG} names")
    try:
        tensors: dict[str, Tensor] = load(content)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise _damaged(path, f"{error!s:.100}") from error
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise _damaged(path, f"{name:.60} holds numbers that are not finite")
    return tensors


def _check_header(path: Path) -> None:
    """Check that the header is small and names each tensor once."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(LARGEST_HEADER, size - 8):
                raise _damaged(path, f"a header of {length} bytes in a file of {size}")
            json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_object)
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"{error!s:.100}") from error


def _bytes(path: Path, largest: int) -> bytes:
    try:
        if (size := path.stat().st_size) > largest:
            raise _damaged(path, f"{size} bytes are too many")
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key appears twice in one object")
    return content


def _not_a_number(text: str) -> float:
    raise ValueError(f"{text} is not a number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.40} is too large a number")
    return number


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"is damaged or was changed by hand ({reason})", "publish or fetch it again", path)


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"cannot be read ({error.strerror or error})", f"a published folder has {CONFIG} and {WEIGHTS}", path
    )
