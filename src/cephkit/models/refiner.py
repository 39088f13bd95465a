"""The second stage: a small network that corrects each landmark in a crop near the film's own resolution.

The first stage takes the whole film, at the price of large pixels. The refiner takes two square crops around a first
guess, one fine and one ``COARSE`` times as wide, and predicts where in the fine one the landmark lies. One network
serves all landmarks; the landmark's number is one of its inputs.
"""

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cephkit.geometry import Size
from cephkit.models.spec import LARGEST_CANVAS

CROP = 64
"""Side of a crop, in pixels of the detail canvas (fine) or ``COARSE`` times as many (coarse)."""
COARSE = 4
STRIDE = 2
"""Crop pixels per cell of the map that the network draws."""
WIDTH = 32
MOST_WIDTH = 256
"""Largest width in a checkpoint: one that claims more is damaged, and would fill the memory before its weights are
checked."""


@dataclass(frozen=True)
class RefinerSpec:
    """A refiner, from the size of its canvas to its landmarks."""

    symbols: tuple[str, ...]
    """Landmarks in the order of the network's maps."""
    canvas_size: Size
    """(height, width) of the detail canvas that crops are taken from."""
    width: int = WIDTH
    """Channels of the first level; the next have two and three times as many."""
    share: float = 0.7
    """How far the result moves from the first stage's point to this one's: the two err differently, so a point between
    them is better than either (docs/results.md). Chosen when the training is finished."""

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        return {**asdict(self), "symbols": list(self.symbols), "canvas_size": list(self.canvas_size)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "RefinerSpec":
        """The spec that ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a key is missing or unknown, or a value cannot be one.
        """
        height, width = (int(side) for side in plain["canvas_size"])
        spec = cls(**{**plain, "symbols": tuple(plain["symbols"]), "canvas_size": (height, width)})
        if min(height, width) < CROP or height * width > LARGEST_CANVAS:
            raise ValueError(f"canvas_size {height} {width}")
        if type(spec.width) is not int or not 1 <= spec.width <= MOST_WIDTH:
            raise ValueError(f"width {spec.width!r:.20}")
        if not 0 <= spec.share <= 1:
            raise ValueError(f"share {spec.share!r:.20}")
        if not all(isinstance(symbol, str) for symbol in spec.symbols):
            raise TypeError("symbols are not texts")
        return spec


class _Block(nn.Module):
    """Two 3x3 convolutions around a shortcut; the landmark shifts what comes between them."""

    def __init__(self, channels: int, landmarks: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shift = nn.Embedding(landmarks, channels)
        nn.init.normal_(self.shift.weight, std=0.1)
        self.second = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(channels, channels, 3, padding=1, bias=False))

    def forward(self, features: Tensor, landmark: Tensor) -> Tensor:
        out = self.first(features.clone()) + self.shift(landmark)[:, :, None, None]
        result: Tensor = features + self.second(out)
        return result


class Refiner(nn.Module):
    """An hourglass over the two crops.

    **Shape**: crops (N, 2, CROP, CROP) float32 in [0, 1], landmark (N,) int64 -> (N, g, g) logits of where the
    landmark lies, g = CROP / STRIDE.
    """

    def __init__(self, spec: RefinerSpec) -> None:
        super().__init__()
        landmarks, width = len(spec.symbols), spec.width
        widths = (width, 2 * width, 3 * width)
        # Halved at once: at full crop resolution a layer costs four times as much.
        downs: list[nn.Module] = [nn.Conv2d(2, width, 5, STRIDE, 2, bias=False)]
        downs += [
            nn.Sequential(nn.BatchNorm2d(before), nn.ReLU(), nn.Conv2d(before, after, 3, 2, 1, bias=False))
            for before, after in pairwise(widths)
        ]
        self.downs = nn.ModuleList(downs)
        self.blocks = nn.ModuleList(_Block(channels, landmarks) for channels in (*widths, widths[-1]))
        self.ups = nn.ModuleList(nn.Conv2d(deep, shallow, 1) for shallow, deep in pairwise(widths))
        self.merged = nn.ModuleList(_Block(channels, landmarks) for channels in widths[:-1])
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        # One row a landmark.
        self.final = nn.Embedding(landmarks, width)
        nn.init.normal_(self.final.weight, std=0.01)

    def forward(self, crops: Tensor, landmark: Tensor) -> Tensor:
        features = crops * 4 - 2
        levels = []
        for down, block in zip(self.downs, self.blocks, strict=False):  # the last block stays for the deepest level
            features = block(down(features), landmark)
            levels.append(features)
        features = self.blocks[-1](features, landmark)
        # The way up begins at the deepest level, which therefore has no ``up``.
        for level, up, merged in reversed(list(zip(levels, self.ups, self.merged, strict=False))):
            enlarged = functional.interpolate(up(features), scale_factor=2, mode="bilinear", align_corners=False)
            features = merged(level + enlarged, landmark)
        joined = self.last(features)
        return torch.einsum("nchw,nc->nhw", joined, self.final(landmark).to(joined.dtype))


def take_crops(canvases: Tensor, centres: Tensor, turns: Tensor | None = None) -> Tensor:
    """Fine and coarse crops about points.

    Args:
        canvases: (B, 1, H, W) float32 in [0, 1], detail canvases.
        centres: (B, K, 2) canvas pixels (x, y), finite.
        turns: (B, 2, 2), from a step in crop pixels to one in canvas pixels; None: the same.

    Returns:
        (B, K, 2, CROP, CROP) float32; black beyond the canvas.
    """
    films = canvases.shape[0]
    coarse = functional.avg_pool2d(canvases, COARSE)
    steps = torch.arange(CROP, device=canvases.device, dtype=torch.float32) - (CROP - 1) / 2
    offsets = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)  # (CROP, CROP, 2), (x, y)
    if turns is None:
        turns = torch.eye(2, device=canvases.device).expand(films, 2, 2)
    turned = torch.einsum("bij,hwj->bhwi", turns, offsets)
    crops = []
    for source, factor in ((canvases, 1), (coarse, COARSE)):
        places = centres[:, :, None, None, :] + factor * turned[:, None]  # (B, K, CROP, CROP, 2)
        # Pixel centres at integers; grid_sample counts from -1 to 1 between the outer edges of what is sampled.
        size = torch.tensor((source.shape[-1], source.shape[-2]), device=canvases.device, dtype=torch.float32)
        grid = (2 * places + 1) / (size * factor) - 1
        sampled = functional.grid_sample(source, grid.flatten(1, 2), mode="bilinear", align_corners=False)
        crops.append(torch.unflatten(sampled, 2, (centres.shape[1], CROP))[:, 0])
    return torch.stack(crops, dim=2)


def cell_offsets(device: torch.device | str) -> Tensor:
    """(g,) crop pixels from a crop's centre to the centres of the map's cells."""
    cells = CROP // STRIDE
    return (torch.arange(cells, device=device, dtype=torch.float32) - (cells - 1) / 2) * STRIDE


def expected_offsets(maps: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of the distribution in each map, and how wide it is.

    Args:
        maps: (..., g, g) logits.

    Returns:
        Offsets (..., 2) float32 from the crop's centre in crop pixels (x, y), and spread (...), the root of
        the summed variances, in crop pixels.
    """
    places = cell_offsets(maps.device)
    probability = torch.unflatten(maps.float().flatten(-2).softmax(-1), -1, maps.shape[-2:])
    moments = []
    for axis in (-2, -1):  # the sum over rows leaves x
        profile = probability.sum(axis)
        mean = (profile * places).sum(-1)
        moments.append((mean, (profile * (places - mean[..., None]) ** 2).sum(-1)))
    (x, x_variance), (y, y_variance) = moments
    return torch.stack((x, y), -1), (x_variance + y_variance).sqrt()


def rotation_and_scale(degrees: Tensor, scale: Tensor) -> Tensor:
    """(B, 2, 2) that turn by ``degrees`` (B,) and enlarge by ``scale`` (B,)."""
    angle = degrees * (math.pi / 180)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    return torch.stack((torch.stack((cos, -sin), -1), torch.stack((sin, cos), -1)), -2)
