"""Points to target heatmaps."""

import torch
from torch import Tensor

from cephkit.geometry import Size


def gaussian_heatmaps(points: Tensor, mask: Tensor, size: Size, sigma: float) -> Tensor:
    """One Gaussian of peak 1 per landmark, centred at the landmark's exact place, never at a rounded one.

    Args:
        points: (B, K, 2) grid cells, cell centres at integers; anything where the mask is False.
        mask: (B, K) bool, True where the landmark is there.
        size: (h, w) cells.
        sigma: standard deviation in cells.

    Returns:
        (B, K, h, w) float32 in [0, 1]; the maps of masked landmarks are zero.
    """
    height, width = size
    x, y = torch.where(mask[..., None], points.float(), 0.0).unbind(-1)
    columns = torch.arange(width, device=points.device, dtype=torch.float32)
    rows = torch.arange(height, device=points.device, dtype=torch.float32)
    scale = -0.5 / sigma**2
    # A Gaussian is the product of one in x and one in y: h + w exponentials per map instead of h * w.
    across = torch.exp(scale * (columns - x[..., None]) ** 2)
    down = torch.exp(scale * (rows - y[..., None]) ** 2) * mask[..., None]
    return down[..., :, None] * across[..., None, :]
