"""What a network needs to be built again: the part of a checkpoint that is not weights."""

from dataclasses import asdict, dataclass
from typing import Any

from cephkit.geometry import Size, grid_size


@dataclass(frozen=True)
class ModelSpec:
    """A landmark network, from input size to decoder.

    Raises:
        ValueError: the canvas is no multiple of 32 (the deepest stride of the backbones), or no landmark.
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
    """Decides what the heatmaps mean: Gaussians in [0, 1], or logits of a softmax over the map."""

    def __post_init__(self) -> None:
        if not self.symbols:
            raise ValueError("a landmark model needs at least one landmark")
        if any(side % 32 or side < 64 for side in self.canvas_size):
            height, width = self.canvas_size
            raise ValueError(f"image_size {height} {width}: both sides must be multiples of 32, 64 or more")
        if self.heatmap_stride not in (2, 4):
            raise ValueError(f"heatmap_stride must be 2 or 4, got {self.heatmap_stride}")

    @property
    def grid_size(self) -> Size:
        """(height, width) of the heatmaps in cells."""
        return grid_size(self.canvas_size, self.heatmap_stride)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        plain = asdict(self)
        return {**plain, "symbols": list(self.symbols), "canvas_size": list(self.canvas_size)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "ModelSpec":
        """The spec that ``to_dict`` wrote.

        Raises:
            TypeError: a key is missing or unknown.
        """
        height, width = plain["canvas_size"]
        return cls(**{**plain, "symbols": tuple(plain["symbols"]), "canvas_size": (int(height), int(width))})
