"""The network by name: a backbone from timm, a heatmap head of our own."""

import difflib
import logging
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from cephkit.errors import SettingsError
from cephkit.losses import build_loss
from cephkit.models.head import HeatmapHead
from cephkit.models.pretrained import find_weights
from cephkit.models.spec import ModelSpec
from cephkit.notice import Notify

ALIASES = {"hrnet": "hrnet_w32"}
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
        weights: a local file (.safetensors, .pth) of the backbone in timm's naming, instead of a download.

    Raises:
        SettingsError: unknown model or loss, a model without stride-4 feature, or ``weights`` that don't fit.
    """
    name = backbone_name(spec.model)
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=4)
        hint = f"did you mean {', '.join(close)}?" if close else f"some that work: {_EXAMPLES}"
        raise SettingsError(f"unknown model {spec.model!r}: neither hrnet nor a backbone of timm; {hint}")
    build_loss(spec.loss)  # an unknown one is refused before the backbone is built
    random_state = torch.get_rng_state()
    backbone = _create(spec, None)
    if weights is not None:
        backbone = _load(spec, weights, backbone, random_state)
    elif pretrained and (found := find_weights(name, notify)) is not None:
        try:
            backbone = _load(spec, found, backbone, random_state)
        except SettingsError as error:
            notify(f"{error}. Training starts from random weights.")
    # Grey sees all three colour channels' filters summed, so the mean of their statistics fits best.
    entry: Any = backbone.pretrained_cfg
    return LandmarkModel(spec, backbone, sum(entry["mean"]) / 3, sum(entry["std"]) / 3)


def _create(spec: ModelSpec, weights: Path | None) -> nn.Module:
    """timm's feature extractor, with the weights in a file or random ones."""
    name = backbone_name(spec.model)
    options: dict[str, Any] = {}
    if name.startswith("hrnet"):
        # The four branches as they are, without the widening layers that lead to timm's classifier.
        options["feature_location"] = ""
    entry = timm.get_pretrained_cfg(name)
    if entry is not None and entry.fixed_input_size:
        options["img_size"] = spec.canvas_size
    if weights is not None:
        options |= {"pretrained": True, "pretrained_cfg_overlay": {"file": str(weights)}}
        return timm.create_model(name, features_only=True, in_chans=1, **options)
    try:
        backbone = timm.create_model(name, features_only=True, in_chans=1, **options)
    except Exception as error:  # a family's builder raises what it likes for arguments that it does not take
        raise SettingsError(
            f"model {spec.model!r}: timm cannot take features from it ({error}); some that work: {_EXAMPLES}"
        ) from error
    info: Any = backbone.feature_info
    if 4 not in info.reduction():
        raise SettingsError(
            f"model {spec.model!r} has features of strides {info.reduction()}, but none of stride 4; "
            f"some that work: {_EXAMPLES}"
        )
    return backbone


def _load(spec: ModelSpec, weights: Path, fresh: nn.Module, random_state: Tensor) -> nn.Module:
    """The backbone with the weights in a file.

    timm renames their keys and sums the first layer's colours, but does not insist on finding them all; so
    the result is compared with ``fresh``, made from ``random_state``: a layer that still has the same random
    weights was not in the file.
    """
    name = backbone_name(spec.model)
    if not weights.is_file():
        raise SettingsError(f"{weights}: no such file; expected weights of {name}, .safetensors or .pth")
    torch.set_rng_state(random_state)
    log = logging.getLogger("timm.models._builder")
    level = log.level
    log.setLevel(logging.ERROR)  # it lists every layer of the classifier that is rightly left out
    try:
        backbone = _create(spec, weights)
    except Exception as error:  # timm, torch and safetensors each raise their own
        raise SettingsError(
            f"{weights}: not weights of {name} ({error}); expected timm's state dict, .safetensors or .pth"
        ) from error
    finally:
        log.setLevel(level)
    pairs = zip(backbone.named_parameters(), fresh.parameters(), strict=True)
    random = [key for (key, new), old in pairs if new.min() < new.max() and torch.equal(new, old)]
    if random:
        count = len(list(backbone.parameters()))
        raise SettingsError(
            f"{weights}: holds no weights for {len(random)} of the {count} parameters of {name}, "
            f"first {random[0]}; expected all of them under timm's names"
        )
    return backbone
