"""From a backbone's features to heatmaps."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

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
