"""The network by name: a backbone from timm, a heatmap head of our own."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from cephkit.errors import SettingsError
from cephkit.models.head import HeatmapHead
from cephkit.models.pretrained import find_weights
from cephkit.models.spec import ModelSpec

ALIASES = {"hrnet": "hrnet_w32"}
_EXAMPLES = "hrnet_w18_small, hrnet_w18, hrnet_w32, hrnet_w48, resnet50, convnextv2_tiny, efficientnet_b0"
_FINAL_STD = {"adaptive_wing": 0.001, "softmax": 0.01}


def backbone_name(model: str) -> str:
    """timm's name of the backbone of ``model``."""
    return ALIASES.get(model, model)


class LandmarkModel(nn.Module):
    """Backbone and head; grey films in, heatmaps out.

    Layers: ``mean`` and ``std``, the normalisation, buffers that travel with the weights; ``backbone``, timm's, one
    input channel; ``head``, see ``HeatmapHead``.

    **Shape**: (B, 1, H, W) in [0, 1], H and W multiples of 32 -> (B, K, H / stride, W / stride), the heatmaps
    (adaptive_wing) or logits (softmax) of ``spec.symbols``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: ModelSpec, backbone: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        info: Any = backbone.feature_info
        reductions = info.reduction()
        # Finer features than stride 4 (a stem's, mostly) cost more memory than they are worth.
        self.levels = [index for index, reduction in enumerate(reductions) if reduction >= 4]
        self.channels_last_features = getattr(backbone, "output_fmt", None) == "NHWC"
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.backbone = backbone
        channels = [info.channels()[index] for index in self.levels]
        self.head = HeatmapHead(channels, len(spec.symbols), spec.heatmap_stride, _FINAL_STD[spec.loss])

    def forward(self, films: Tensor) -> Tensor:
        features = self.backbone((films - self.mean) / self.std)
        features = [features[index] for index in self.levels]
        if self.channels_last_features:
            features = [feature.permute(0, 3, 1, 2) for feature in features]
        maps: Tensor = self.head(features)
        return maps


def build_model(
    spec: ModelSpec, pretrained: bool, say: Callable[[str], None], weights: Path | None = None
) -> LandmarkModel:
    """The network of ``spec`` with fresh head weights.

    Args:
        spec: what to build.
        pretrained: start the backbone from timm's ImageNet weights; where these cannot be had, one line says so and
            the weights are random.
        say: takes lines for the user.
        weights: a local file (.safetensors, .pth) of the backbone in timm's naming, in place of timm's download.

    Raises:
        SettingsError: unknown model or loss, a model without stride-4 feature, or weights that do not fit.
    """
    name = backbone_name(spec.model)
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=4)
        hint = f"did you mean {', '.join(close)}?" if close else f"some that work: {_EXAMPLES}"
        raise SettingsError(f"unknown model {spec.model!r}: neither hrnet nor a backbone of timm; {hint}")
    if spec.loss not in _FINAL_STD:
        raise SettingsError(f"unknown loss {spec.loss!r}: use one of {', '.join(_FINAL_STD)}")
    if weights is None and pretrained:
        weights = find_weights(name, say)
        required = False
    else:
        required = weights is not None
    backbone = _backbone(spec, None)
    if weights is not None:
        try:
            backbone = _load(spec, weights, backbone)
        except SettingsError as error:
            if required:
                raise
            say(f"{error} Training starts from random weights.")
    reductions = backbone.feature_info.reduction()  # type: ignore[union-attr, operator]
    if 4 not in reductions:
        raise SettingsError(
            f"model {spec.model!r} has features of strides {reductions}, but needs one of stride 4; "
            f"some that work: {_EXAMPLES}"
        )
    # Grey sees all three colour channels' filters summed, so the mean of their statistics fits best.
    entry: Any = backbone.pretrained_cfg
    return LandmarkModel(spec, backbone, sum(entry["mean"]) / 3, sum(entry["std"]) / 3)


def _backbone(spec: ModelSpec, weights: Path | None) -> nn.Module:
    name = backbone_name(spec.model)
    options: dict[str, Any] = {}
    if name.startswith("hrnet"):
        # The four branches as they are, without the widening layers that lead to timm's classifier.
        options["feature_location"] = ""
    entry = timm.get_pretrained_cfg(name)
    if entry is not None and entry.fixed_input_size:
        options["img_size"] = spec.canvas_size
    if weights is not None:
        options["pretrained_cfg_overlay"] = {"file": str(weights)}
    try:
        return timm.create_model(
            name, features_only=True, in_chans=1, pretrained=weights is not None, **options
        )
    except (RuntimeError, TypeError, AttributeError) as error:
        if weights is not None:
            raise
        raise SettingsError(
            f"model {spec.model!r}: timm cannot take features from it ({error}); some that work: {_EXAMPLES}"
        ) from error


def _load(spec: ModelSpec, weights: Path, fresh: nn.Module) -> nn.Module:
    """The backbone with ``weights``; timm renames keys and sums the first layer's colours."""
    try:
        backbone = _backbone(spec, weights)
    except Exception as error:
        raise SettingsError(
            f"{weights}: not usable as weights of {backbone_name(spec.model)} ({error}); "
            "expected a state dict in timm's naming, .safetensors or .pth"
        ) from error
    return backbone
