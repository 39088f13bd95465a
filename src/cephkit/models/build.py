"""The network by name: a backbone from timm, a heatmap head of our own."""

import difflib
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from cephkit.errors import SettingsError
from cephkit.losses import build_loss
from cephkit.models.pretrained import find_weights, missing_parameters
from cephkit.models.spec import ModelSpec
from cephkit.models.weights_file import in_timms_names, weights_file
from cephkit.notice import Notify

MAX_WIDTH = 256
"""Channels of the joined map; backbones with fewer in all keep their number."""
FINE_WIDTH = 64
"""Channels at stride 2, where a map is four times as large."""


class HeatmapHead(nn.Module):
    """Joins features of several resolutions at stride 4 and turns them into one map per landmark.

    Layers: ``branches``, a 1x1 convolution per feature, their results enlarged to stride 4 and summed;
    ``join``, batch norm and ReLU; ``refine``, for stride 2 only: 1x1 convolution, bilinear x2, 3x3
    convolution, batch norm, ReLU; ``final``, the 1x1 convolution whose rows are the landmarks.

    Enlarging and joining the features first and mixing them by one 1x1 convolution would give the same
    numbers, as a 1x1 convolution and bilinear enlargement commute; mixing first saves most of the memory and
    arithmetic.

    Args:
        channels: of the features, finest (stride 4) first.
        landmarks: K, number of maps.
        stride: of the maps, 4 or 2.
        final_std: spread of the last layer's first weights; small, so that training starts from empty maps.
    """

    def __init__(self, channels: Sequence[int], landmarks: int, stride: int, final_std: float) -> None:
        super().__init__()
        width = min(MAX_WIDTH, sum(channels))
        branches = [nn.Conv2d(count, width, 1, bias=False) for count in channels]
        for branch in branches:
            # As one convolution over all joined channels would start.
            nn.init.normal_(branch.weight, std=(2 / sum(channels)) ** 0.5)
        self.branches = nn.ModuleList(branches)
        self.join = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.refine: nn.Module = nn.Identity()
        if stride == 2:
            self.refine = nn.Sequential(
                nn.Conv2d(width, FINE_WIDTH, 1),
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
                nn.Conv2d(FINE_WIDTH, FINE_WIDTH, 3, padding=1, bias=False),
                nn.BatchNorm2d(FINE_WIDTH),
                nn.ReLU(inplace=True),
            )
            width = FINE_WIDTH
        self.final = nn.Conv2d(width, landmarks, 1)
        nn.init.normal_(self.final.weight, std=final_std)
        nn.init.zeros_(self.final.bias)  # type: ignore[arg-type]

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Features [(B, C_i, H / s_i, W / s_i), ...], s_0 = 4, to maps (B, K, H / stride, W / stride)."""
        maps: Tensor = self.final(self.joined(features))
        return maps

    def joined(self, features: Sequence[Tensor]) -> Tensor:
        """What the last layer makes the maps from, (B, C, H / stride, W / stride)."""
        joined = self.branches[0](features[0])
        for branch, feature in zip(list(self.branches)[1:], features[1:], strict=True):
            joined = joined + functional.interpolate(
                branch(feature), size=joined.shape[-2:], mode="bilinear", align_corners=False
            )
        whole: Tensor = self.refine(self.join(joined))
        return whole


ALIASES = {"hrnet": "hrnet_w32"}
_BLOCK = re.compile(r"blocks\.\d+\.\d+")
_EXAMPLES = "hrnet_w18_small, hrnet_w18, hrnet_w32, hrnet_w48, resnet50, convnextv2_tiny, efficientnet_b0"


def backbone_name(model: str) -> str:
    """timm's name of the backbone of ``model``."""
    return ALIASES.get(model, model)


class LandmarkModel(nn.Module):
    """Backbone and head; grey films in, heatmaps out.

    Layers: ``mean`` and ``std``, the normalisation, buffers that travel with the weights; ``backbone``,
    timm's, one input channel; ``head``, see ``HeatmapHead``.

    **Shape**: (B, 1, H, W) in [0, 1], H and W multiples of 32 -> (B, K, H / stride, W / stride), the maps of
    ``spec.symbols``; the loss decides what they mean.
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
        self.head = HeatmapHead(channels, len(spec.symbols), spec.heatmap_stride, build_loss(spec.loss).final_std)

    def forward(self, films: Tensor) -> Tensor:
        maps: Tensor = self.head(self.features(films))
        return maps

    def with_signature(self, films: Tensor) -> tuple[Tensor, Tensor]:
        """The maps, and the films' signatures (B, D): mean and spread of the channels that maps are made from."""
        features = self.head.joined(self.features(films))
        pixels = features.float().flatten(2)
        mean = pixels.mean(-1)
        spread = (pixels - mean[..., None]).square().mean(-1).sqrt()
        return self.head.final(features), torch.cat((mean, spread), dim=-1)

    def features(self, films: Tensor) -> list[Tensor]:
        """The backbone's features, finest first, [(B, C_i, H / s_i, W / s_i), ...]."""
        features = self.backbone((films - self.mean) / self.std)
        features = [features[index] for index in self.levels]
        if self.channels_last_features:
            features = [feature.permute(0, 3, 1, 2) for feature in features]
        return features


def build_model(spec: ModelSpec, pretrained: bool, notify: Notify, weights: Path | None = None) -> LandmarkModel:
    """The network of ``spec`` with fresh head weights.

    Args:
        spec: what to build.
        pretrained: start the backbone from timm's ImageNet weights; where these cannot be had, one line says
            so and the weights are random.
        notify: takes lines for the user.
        weights: instead of a download, see ``weights_file``; in timm's naming, or EfficientNet-PyTorch's.

    Raises:
        SettingsError: unknown model or loss, a model without stride-4 feature, or ``weights`` that don't fit.
    """
    name = backbone_name(spec.model)
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=4)
        hint = f"did you mean {', '.join(close)}?" if close else f"some that work: {_EXAMPLES}"
        raise SettingsError(f"unknown model {spec.model!r}: neither hrnet nor a backbone of timm", hint)
    build_loss(spec.loss)  # an unknown one is refused before the backbone is built
    random_state = torch.get_rng_state()
    backbone = _create(spec, None)
    if weights is not None:
        backbone = _load(spec, weights_file(weights), random_state, backbone)
    elif pretrained and (found := find_weights(name, notify)) is not None:
        try:
            backbone = _load(spec, found, random_state, backbone)
        except SettingsError as error:
            notify(f"{error}. Training starts from random weights.")
    # Grey sees all three colour channels' filters summed, so the mean of their statistics fits best.
    entry: Any = backbone.pretrained_cfg
    return LandmarkModel(spec, backbone, sum(entry["mean"]) / 3, sum(entry["std"]) / 3)


def _create(spec: ModelSpec, weights: dict[str, Any] | None) -> nn.Module:
    """timm's feature extractor, with ``weights`` (where timm finds them) or random ones."""
    name = backbone_name(spec.model)
    options: dict[str, Any] = {}
    if name.startswith("hrnet"):
        # The four branches as they are, without the widening layers that lead to timm's classifier.
        options["feature_location"] = ""
    entry = timm.get_pretrained_cfg(name)
    if entry is not None and entry.fixed_input_size:
        options["img_size"] = spec.canvas_size
    if weights is not None:
        options |= {"pretrained": True, "pretrained_cfg_overlay": weights}
        return timm.create_model(name, features_only=True, in_chans=1, **options)
    try:
        backbone = timm.create_model(name, features_only=True, in_chans=1, **options)
    except Exception as error:  # a family's builder raises what it likes for arguments that it does not take
        raise SettingsError(
            f"model {spec.model!r}: timm cannot take features from it ({error})", f"some that work: {_EXAMPLES}"
        ) from error
    info: Any = backbone.feature_info
    if 4 not in info.reduction():
        raise SettingsError(
            f"model {spec.model!r} has features of strides {info.reduction()}, but none of stride 4",
            f"some that work: {_EXAMPLES}",
        )
    return backbone


def _load(spec: ModelSpec, weights: Path, random_state: Tensor, random: nn.Module) -> nn.Module:
    """Build ``random`` with the weights in a file, from ``random_state``: the head then starts as without them.

    timm renames their keys and sums the first layer's colours, but does not insist on finding them all.
    """
    name = backbone_name(spec.model)
    renamed = in_timms_names(weights, [key for key, _ in random.named_modules() if _BLOCK.fullmatch(key)])
    source = {"file": str(weights)} if renamed is None else {"state_dict": renamed}
    torch.set_rng_state(random_state)
    log = logging.getLogger("timm.models._builder")
    level = log.level
    log.setLevel(logging.ERROR)  # it lists every layer of the classifier that is rightly left out
    try:
        with missing_parameters() as missing:
            backbone = _create(spec, source)
    except Exception as error:  # timm, torch and safetensors each raise their own
        remedy = "give timm's state dict as .safetensors or .pth"
        raise SettingsError(f"not weights of {name} ({error})", remedy, weights) from error
    finally:
        log.setLevel(level)
    if absent := [key for key, parameter in backbone.named_parameters() if id(parameter) in missing]:
        count = len(list(backbone.parameters()))
        raise SettingsError(
            f"holds no weights for {len(absent)} of the {count} parameters of {name}, first {absent[0]}",
            "give a file with all of them under timm's names", weights,
        )  # fmt: skip
    return backbone
