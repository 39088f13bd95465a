"""What every heatmap loss has: a formula, and how the maps that it trains are read."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from cephkit.heatmaps import distance_of_mass


class HeatmapLoss(nn.Module, ABC):
    """A loss and the meaning of its maps; a subclass sets ``final_std`` and defines the three abstract methods.

    Maps are (B, K, h, w), points (B, K, 2) as (x, y) in cells of the map.
    """

    final_std: float
    """Spread of the first weights of the network's last layer; small, so that training starts from empty maps."""

    @abstractmethod
    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Loss of each film, (B,) float32: the sum over the visible landmarks, divided by K.

        Args:
            prediction: the network's maps, any floating dtype.
            target: Gaussians in [0, 1].
            mask: (B, K) bool, True where the landmark is visible.
        """

    @abstractmethod
    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Points (B, K, 2) float32, at most one cell from the strongest cell, and scores (B, K) float32 in [0, 1].

        A map that is the same everywhere gives its first cell and a score near 0; see ``locate``.
        """

    @abstractmethod
    def mass(self, heatmaps: Tensor) -> Tensor:
        """How much each cell speaks for the landmark, (B, K, h, w), 0 or more."""

    def locate(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """``decode``, with NaN for point and score where a map holds no landmark: not finite, or the same everywhere.

        Decoding such a map would still yield a point, and an invented landmark is worse than none.
        """
        flat = heatmaps.float().flatten(2)
        usable = torch.isfinite(flat).all(-1) & (flat.amax(-1) > flat.amin(-1))
        points, scores = self.decode(torch.where(usable[..., None, None], heatmaps.float(), 0.0))
        usable &= torch.isfinite(points).all(-1)
        return torch.where(usable[..., None], points, torch.nan), torch.where(usable, scores, torch.nan)

    def spread(self, heatmaps: Tensor, points: Tensor) -> Tensor:
        """(B, K): root mean square distance, in cells, of a map's mass from the point found in it.

        A second peak far away counts by its distance: the spread is large when the network wavers between two places.
        """
        return distance_of_mass(self.mass(heatmaps), points)

    @torch.no_grad()
    def of_empty_maps(self, target: Tensor, mask: Tensor) -> Tensor:
        """Loss (B,) of a network whose maps are zero everywhere (for the softmax: uniform).

        A training run whose loss stays at this value has not learned anything.
        """
        value: Tensor = self(torch.zeros_like(target), target, mask)
        return value
