"""Random changes to training films, on the batch and on its device.

Which changes, and nearly how strong, follows the augmentation sweep of the CL-Detection 2024 winner. No mirroring:
training films always face right. No shear and no noise: the sweep found both harmful.
"""

from dataclasses import dataclass

import torch
from kornia.augmentation import RandomAffine
from kornia.filters import gaussian_blur2d
from kornia.geometry.linalg import transform_points
from torch import Tensor, nn

from cephkit.augment.artefacts import Artefacts


@dataclass(frozen=True)
class AugmentSettings:
    """Strengths and probabilities; a strength or probability of 0 switches a change off.

    Raises:
        ValueError: a value outside its range.
    """

    rotation_degrees: float = 10.0
    """Rotation about the canvas centre, up to this much either way."""
    scale: float = 0.12
    """Enlargement or reduction, alike in x and y, up to this share."""
    translation: float = 0.03
    """Shift in x and in y, up to this share of the canvas side."""
    gamma: tuple[float, float] = (0.3, 2.0)
    """Exponents of the grey values, darker (above 1) as often as brighter (below 1). (1, 1): off."""
    invert_probability: float = 0.15
    """Black to white: some films are stored that way."""
    blur_probability: float = 0.2
    blur_sigma: float = 0.003
    """Greatest standard deviation of the blur, as a share of the canvas height."""
    cutout_probability: float = 0.5
    cutout_patches: int = 2
    """A film that gets patches gets 1 to this many; landmarks under them stay, to be inferred."""
    cutout_side: tuple[float, float] = (0.05, 0.2)
    """Least and greatest side of a patch, as a share of the canvas side."""
    artefact_probability: float = 0.0
    """Of each kind of X-ray artefact."""

    def __post_init__(self) -> None:
        chances = (self.invert_probability, self.blur_probability, self.cutout_probability, self.artefact_probability)
        shares = (*chances, *self.cutout_side)
        if not all(0 <= share <= 1 for share in shares):
            raise ValueError(f"probabilities and patch sides must lie between 0 and 1: {self}")
        if not 0 <= self.scale < 1 or not 0 <= self.translation < 1 or self.rotation_degrees < 0:
            raise ValueError(f"scale and translation must lie in [0, 1), rotation must not be negative: {self}")
        if not 0 < self.gamma[0] <= 1 <= self.gamma[1]:
            raise ValueError(f"gamma must enclose 1 and be positive, got {self.gamma}")
        if self.cutout_side[0] > self.cutout_side[1] or self.blur_sigma < 0 or self.cutout_patches < 0:
            raise ValueError(f"cutout_side must be (least, greatest); no strength may be negative: {self}")


class Augmentation(nn.Module):
    """Augments each film of a batch independently: one warp, then its grey values.

    All random numbers come from torch's global CPU generator, on any device: the same seed gives the
    same films everywhere, and nothing waits for the device.
    """

    def __init__(self, settings: AugmentSettings | None = None) -> None:
        super().__init__()
        self.settings = s = settings or AugmentSettings()
        self.warp = RandomAffine(
            degrees=s.rotation_degrees,
            translate=(s.translation, s.translation),
            scale=(1 - s.scale, 1 + s.scale),
            p=1.0,
        )
        self.artefacts = Artefacts(s.artefact_probability) if s.artefact_probability > 0 else nn.Identity()
        self.warps = s.rotation_degrees > 0 or s.scale > 0 or s.translation > 0

    @torch.no_grad()
    def forward(self, canvas: Tensor, points: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Augmented canvas, its points, and which of them are still on it.

        Args:
            canvas: (B, 1, H, W) float32 in [0, 1].
            points: (B, K, 2) float32 canvas pixels.
            mask: (B, K) bool.
        """
        if self.warps:
            canvas = self.warp(canvas)
            matrix = self.warp.transform_matrix
            assert matrix is not None  # set by the call above
            points = transform_points(matrix, points)
            size = points.new_tensor((canvas.shape[-1], canvas.shape[-2]))
            # A pixel reaches half a pixel beyond its centre.
            mask = mask & ((points >= -0.5) & (points <= size - 0.5)).all(dim=-1)
        canvas = self._cutout(self._invert(self._gamma(self._blur(self.artefacts(canvas)))))
        return canvas.clamp(0, 1), points, mask

    def _chance(self, canvas: Tensor, probability: float) -> Tensor:
        """(B,) bool on the CPU."""
        return torch.rand(canvas.shape[0]) < probability

    def _blur(self, canvas: Tensor) -> Tensor:
        """Gaussian blur of some films, each with its own sigma."""
        greatest = self.settings.blur_sigma * canvas.shape[-2]
        chosen = self._chance(canvas, self.settings.blur_probability)
        sigma = (torch.rand(canvas.shape[0]) * greatest).clamp_min(1e-3)
        if greatest == 0 or not chosen.any():
            return canvas
        kernel = 2 * int(3 * greatest + 0.5) + 1
        index = chosen.nonzero()[:, 0]
        blurred = gaussian_blur2d(
            canvas[index.to(canvas.device)], kernel, sigma[index, None].expand(-1, 2).to(canvas.device)
        )
        return canvas.index_copy(0, index.to(canvas.device), blurred.to(canvas.dtype))

    def _gamma(self, canvas: Tensor) -> Tensor:
        """Raise each film to its own power, log-uniform on either side of 1."""
        low, high = self.settings.gamma
        u = 2 * torch.rand(canvas.shape[0], 1, 1, 1) - 1
        gamma = torch.where(u < 0, low ** (-u), high**u)
        return canvas if low == high else canvas.clamp_min(0) ** gamma.to(canvas.device)

    def _invert(self, canvas: Tensor) -> Tensor:
        inverted = self._chance(canvas, self.settings.invert_probability).to(canvas.device)
        return torch.where(inverted[:, None, None, None], 1 - canvas, canvas)

    def _cutout(self, canvas: Tensor) -> Tensor:
        """Draw black rectangles, whole or cut by the border."""
        films, _, height, width = canvas.shape
        patches = self.settings.cutout_patches
        count = torch.randint(1, patches + 1, (films, 1)) if patches else torch.zeros(films, 1)
        chosen = self._chance(canvas, self.settings.cutout_probability)[:, None]
        used = chosen & (torch.arange(patches) < count)
        low, high = self.settings.cutout_side
        half_side = (low + (high - low) * torch.rand(films, patches, 2)) / 2
        centre = torch.rand(films, patches, 2)
        if not used.any():
            return canvas
        used, half_side, centre = (part.to(canvas.device) for part in (used, half_side, centre))
        inside = []
        for axis, length in ((0, width), (1, height)):
            place = torch.arange(length, device=canvas.device) / length
            inside.append((place - centre[..., axis, None]).abs() < half_side[..., axis, None])
        across, down = inside
        patch = (used[..., None, None] & down[..., :, None] & across[..., None, :]).any(dim=1, keepdim=True)
        return canvas.masked_fill(patch, 0.0)
