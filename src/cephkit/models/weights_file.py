"""Weights of a backbone that the user names: a file, or a package of the Python registry that holds one."""

import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cephkit.errors import SettingsError

ENDINGS = (".safetensors", ".pth")
_BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)\.(.+)")
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_EXPANDING = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2", "_project_conv": "conv_pwl",
    "_bn2": "bn3", "_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand",
}  # fmt: skip
_PLAIN = {
    "_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2",
    "_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand",
}  # fmt: skip


def weights_file(given: Path) -> Path:
    """Return the file that ``--weights`` names: itself, or the one in an installed package of that name.

    The package is not imported.

    Raises:
        SettingsError: there is neither.
    """
    if given.is_file():
        return given
    name = str(given).replace("-", "_")
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    folders = [] if spec is None else [Path(folder) for folder in spec.submodule_search_locations or ()]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in ENDINGS]
    if len(files) == 1:
        return files[0]
    if folders:
        listed = ", ".join(str(path) for path in files) or "none"
        raise SettingsError(f"--weights {given}: one file of weights expected in this package, there is {listed}")
    raise SettingsError("no such file", "name weights of the backbone, .safetensors or .pth", given)


def in_timms_names(path: Path, blocks: Sequence[str]) -> dict[str, Tensor] | None:
    """Return the weights in ``path`` under timm's names if they have those of EfficientNet-PyTorch; None otherwise.

    Both name the same layers: of lukemelas' EfficientNet-PyTorch and its descendants, and of timm's ``tf_efficientnet``
    family.

    Args:
        path: a file that torch can read without executing anything in it.
        blocks: timm's names of the backbone's blocks, in order.
    """
    if path.suffix != ".pth":
        return None
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # timm reads it next, and what is wrong is then reported
        return None
    if not isinstance(state, Mapping) or "_conv_stem.weight" not in state:
        return None
    expanding = {key.split(".")[1] for key in state if "._expand_conv." in key}
    return {_renamed(key, blocks, expanding): tensor for key, tensor in state.items()}


def _renamed(key: str, blocks: Sequence[str], expanding: set[str]) -> str:
    """timm's name; one that cannot be translated stays, and is then missing."""
    match = _BLOCK.fullmatch(key)
    if match is None:
        layer, _, rest = key.partition(".")
        return f"{_OUTSIDE.get(layer, layer)}.{rest}"
    number, layer, rest = match.groups()
    names = _EXPANDING if number in expanding else _PLAIN
    return f"{blocks[int(number)]}.{names[layer]}.{rest}" if int(number) < len(blocks) and layer in names else key
