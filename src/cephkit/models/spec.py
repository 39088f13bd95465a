"""What a network needs to be built again: the part of a checkpoint that is not weights."""

import math
from dataclasses import dataclass, fields
from typing import Any

from cephkit.errors import some
from cephkit.geometry import Size, grid_size
from cephkit.landmarks.schema import LandmarkSchema
from cephkit.landmarks.schema_file import schema_dict, schema_of
from cephkit.landmarks.shipped import KNOWN

LARGEST_CANVAS = 4096 * 4096
"""Pixels of a network's input at most: sixteen times the guide's; a pass of one film takes tens of GiB."""


@dataclass(frozen=True)
class ModelSpec:
    """A landmark network, from input size to decoder.

    Raises:
        ValueError: the canvas is not a multiple of 32 (the deepest stride of the backbones) or beyond
            ``LARGEST_CANVAS``, no landmark or one twice, a sigma that is not a positive number.
    """

    model: str
    """For ``build_model``: ``hrnet``, ``hrnet_w18``, ... or any timm backbone with a stride-4 feature."""
    symbols: tuple[str, ...]
    """Landmarks in the order of the heatmap channels."""
    canvas_size: Size
    """(height, width) of the network's input."""
    heatmap_stride: int = 4
    """Canvas pixels per heatmap cell: 4 or 2."""
    sigma: float = 1.0
    """Standard deviation of the target Gaussians, in heatmap cells."""
    loss: str = "adaptive_wing"
    """Decides what the heatmaps mean; a name in ``LOSSES``."""
    schema: LandmarkSchema = KNOWN
    """What the landmarks are; one that it lacks has no more than its symbol, as in plans of memory."""

    def __post_init__(self) -> None:
        if not self.symbols:
            raise ValueError("a landmark model needs at least one landmark")
        if any(side % 32 or side < 64 for side in self.canvas_size):
            height, width = self.canvas_size
            raise ValueError(f"image_size {height} {width}: both sides must be multiples of 32, 64 or more")
        if self.canvas_size[0] * self.canvas_size[1] > LARGEST_CANVAS:
            height, width = self.canvas_size
            raise ValueError(f"image_size {height} {width}: more than {LARGEST_CANVAS:,} pixels")
        if len(set(self.symbols)) < len(self.symbols):
            raise ValueError("a landmark is named twice")
        if not 0 < self.sigma < math.inf:
            raise ValueError(f"sigma must be above 0, got {self.sigma}")
        if self.heatmap_stride not in (2, 4):
            raise ValueError(f"heatmap_stride must be 2 or 4, got {self.heatmap_stride}")

    @property
    def grid_size(self) -> Size:
        """(height, width) of the heatmaps in cells."""
        return grid_size(self.canvas_size, self.heatmap_stride)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "schema"}
        own = self.schema.of(symbol for symbol in self.symbols if symbol in self.schema)
        described = {} if own.is_part_of(KNOWN) else {"schema": schema_dict(own, KNOWN)}
        return {**plain, "symbols": list(self.symbols), "canvas_size": list(self.canvas_size), **described}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "ModelSpec":
        """The spec that ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError, SettingsError: a key is missing or unknown, or a value is of another type.
        """
        height, width = plain["canvas_size"]
        symbols = tuple(plain["symbols"])
        for name, kind, values in (
            ("canvas_size", int, (height, width)), ("symbols", str, symbols), ("symbols", list, (plain["symbols"],)),
            ("model", str, (plain["model"],)), ("loss", str, (plain["loss"],)),
            ("heatmap_stride", int, (plain["heatmap_stride"],)), ("sigma", (int, float), (plain["sigma"],)),
        ):  # fmt: skip
            if any(isinstance(value, bool) or not isinstance(value, kind) for value in values):
                raise TypeError(f"{name} of the spec is {plain[name]!r}")
        schema = schema_of(plain["schema"], KNOWN, "schema of the spec") if "schema" in plain else KNOWN
        if unknown := [symbol for symbol in symbols if symbol not in schema]:
            raise ValueError(f"landmarks that it does not describe: {some(unknown)}")
        return cls(**{**plain, "symbols": symbols, "canvas_size": (height, width), "schema": schema})
