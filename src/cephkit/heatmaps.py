"""Points to target heatmaps, and heatmaps to points, finer than a cell.

The peak's cell is the argmax of the lightly smoothed map. Around it the map is summed over the rows and
over the columns of a window. This leaves two profiles that are Gaussians where the peak is one, and whose
logarithms are parabolas; their apexes, found by least squares, are the point. As in DARK (Zhang et
al., Distribution-Aware Coordinate Representation for Human Pose Estimation, CVPR 2020) the logarithm makes
the result independent of the Gaussian's width and height; instead of a Taylor expansion at one cell, the fit
uses all cells of the window, weighted by their squared value (Guo, A Simple Algorithm
for Fitting a Gaussian Function, IEEE Signal Processing Magazine 2011), so that background hardly counts.
"""

import torch
from torch import Tensor
from torch.nn import functional

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


RADIUS = 2
"""The window is (2 * RADIUS + 1) cells wide."""
_FLOOR = 1e-4
"""Cells below this share of the peak are raised to it: the logarithm of noise around zero means nothing."""


def find_peaks(maps: Tensor) -> tuple[Tensor, Tensor]:
    """The peak of each map, finer than a cell.

    Args:
        maps: (B, K, h, w) float32, Gaussians.

    Returns:
        points (B, K, 2) float32, (x, y) in grid cells, at most one cell from the strongest cell, the first cell of a
        map that is the same everywhere; and the windows (B, K, n, n) of the maps around the strongest cells.
    """
    cell = smooth(maps).flatten(2).argmax(dim=-1)
    width = maps.shape[-1]
    row, column = cell // width, cell % width
    window = _windows(maps, row, column)
    # Rows and columns are weighted in the sums by what they hold, as in a matched filter.
    across, down = window.sum(dim=-2).clamp_min(0), window.sum(dim=-1).clamp_min(0)
    x = column + _apex((window * down[..., :, None]).sum(dim=-2)).clamp(-1, 1)
    y = row + _apex((window * across[..., None, :]).sum(dim=-1)).clamp(-1, 1)
    return torch.stack((x, y), dim=-1), window


def distance_of_mass(mass: Tensor, points: Tensor) -> Tensor:
    """(B, K): root mean square distance, in cells, of ``mass`` (B, K, h, w) from ``points`` (B, K, 2)."""
    moments = []
    for axis, place in ((-2, points[..., 0]), (-1, points[..., 1])):  # the sum over rows leaves x
        profile = mass.sum(axis)
        at = torch.arange(profile.shape[-1], device=mass.device, dtype=torch.float32)
        moments.append((profile * (at - place[..., None]) ** 2).sum(-1) / profile.sum(-1).clamp_min(1e-12))
    return (moments[0] + moments[1]).sqrt()


def smooth(maps: Tensor) -> Tensor:
    """(B, K, h, w) averaged with weights 1 2 1 both ways: so that no single noisy cell passes for the peak."""
    padded = functional.pad(maps, (1, 1, 1, 1), mode="replicate")
    across = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    return (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 16


def _windows(maps: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """(B, K, n, n): the n x n cells of each map around (``row``, ``column``), zero outside the map."""
    padded = functional.pad(maps, (RADIUS, RADIUS, RADIUS, RADIUS))
    steps = torch.arange(2 * RADIUS + 1, device=maps.device)
    rows = row[..., None] + steps
    columns = column[..., None] + steps
    index = rows[..., :, None] * padded.shape[-1] + columns[..., None, :]
    cells = padded.flatten(2).gather(-1, index.flatten(2))
    return torch.unflatten(cells, -1, (steps.numel(), steps.numel()))


def _apex(profile: Tensor) -> Tensor:
    """(B, K): where the Gaussian behind ``profile`` (B, K, n) has its peak, in cells from the middle one.

    0 where the profile has no peak.
    """
    value = (profile / profile.amax(dim=-1, keepdim=True).clamp_min(1e-12)).clamp(_FLOOR, 1.0)
    best = profile.argmax(dim=-1)
    # Positions from the greatest cell keep the sums below small and well conditioned.
    u = torch.arange(profile.shape[-1], device=profile.device, dtype=torch.float32) - best[..., None]
    log, weight = value.log(), value**2
    s0, s1, s2, s3, s4 = ((weight * u**power).sum(dim=-1) for power in range(5))
    t0, t1, t2 = ((weight * log * u**power).sum(dim=-1) for power in range(3))
    # Cramer's rule for the normal equations of log = c + b u + a u^2; the determinant cancels in -b / 2a.
    b = s0 * (t1 * s4 - t2 * s3) - t0 * (s1 * s4 - s2 * s3) + s2 * (s1 * t2 - s2 * t1)
    a = s0 * (s2 * t2 - s3 * t1) - s1 * (s1 * t2 - s2 * t1) + t0 * (s1 * s3 - s2 * s2)
    peaked = a < -1e-9
    return torch.where(peaked, best - RADIUS - b / (2 * torch.where(peaked, a, -1.0)), 0.0)
