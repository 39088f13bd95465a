"""The validation pass: loss on the maps, errors on the film."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader

from cephkit import geometry
from cephkit.data.dataset import FilmDataset
from cephkit.data.film import Film, pixel_sizes_mm, points_array
from cephkit.evaluation.metrics import Metrics, radial_errors, summarise
from cephkit.heatmaps.encode import gaussian_heatmaps
from cephkit.losses.loss import HeatmapLoss
from cephkit.models.spec import ModelSpec


@dataclass(frozen=True)
class Validation:
    """What one pass over the validation films gives."""

    loss: float
    """Mean loss per film."""
    trivial_loss: float
    """The same for a map that is zero everywhere: a network at this value has learned nothing."""
    metrics: Metrics
    points: NDArray[np.float64]
    """Predictions, (N, K, 2) film pixels; NaN where a landmark was not found."""

    @property
    def error(self) -> float | None:
        """What selects the best model: MRE in mm, or in pixels where no film has a pixel size.

        None where landmarks were not found: a mean over the others would flatter the network.
        """
        if self.metrics.missing:
            return None
        return self.metrics.mre_pixels if self.metrics.mre_mm is None else self.metrics.mre_mm


def to_network(canvases: torch.Tensor, device: torch.device, channels_last: bool) -> torch.Tensor:
    """(B, 1, H, W) uint8 canvases as the network takes them: float32 in [0, 1] on ``device``."""
    images = canvases.to(device, non_blocking=True).float().div_(255)
    return images.to(memory_format=torch.channels_last) if channels_last else images


def targets_on_grid(points: torch.Tensor, mask: torch.Tensor, spec: ModelSpec) -> torch.Tensor:
    """Target maps (B, K, h, w) float32 of ``points`` (B, K, 2), canvas pixels."""
    to_grid = torch.as_tensor(geometry.canvas_to_grid(spec.heatmap_stride), dtype=torch.float32, device=points.device)
    grid_points = points @ to_grid[:2, :2].T + to_grid[:2, 2]
    return gaussian_heatmaps(grid_points, mask, spec.grid_size, spec.sigma)


def known_size(film: Film) -> geometry.Size:
    """The size of a film that has been decoded."""
    if film.size is None:
        raise ValueError(f"{film.path}: its size is not known; prepare() fills it in")
    return film.size


def film_points(cells: torch.Tensor, spec: ModelSpec, film_sizes: Sequence[geometry.Size]) -> NDArray[np.float64]:
    """Points (B, K, 2) in cells of the maps as pixels of films of these sizes, (height, width)."""
    on_canvas = geometry.transform(geometry.grid_to_canvas(spec.heatmap_stride), cells.cpu().numpy())
    boxes = (geometry.letterbox(size, spec.canvas_size) for size in film_sizes)
    return np.stack([geometry.transform(box.to_film, xy) for box, xy in zip(boxes, on_canvas, strict=True)])


@torch.no_grad()
def validate(
    fabric: Fabric,
    model: nn.Module,
    spec: ModelSpec,
    loader: DataLoader[tuple[torch.Tensor, ...]],
    criterion: HeatmapLoss,
    truth: str,
    channels_last: bool,
) -> Validation:
    """Predict the films of ``loader`` (this process's share of them) and score them against ``truth``.

    The model is left in the mode that it was in.
    """
    dataset = loader.dataset
    assert isinstance(dataset, FilmDataset)
    films: Sequence[Film] = dataset.films
    points = torch.zeros(len(films), len(spec.symbols), 2, dtype=torch.float64)
    sums = torch.zeros(3, dtype=torch.float64)  # loss, trivial loss, films
    was_training = model.training
    model.eval()
    for canvases, canvas_points, mask, indices in loader:
        images = to_network(canvases, fabric.device, channels_last)
        mask = mask.to(fabric.device)
        target = targets_on_grid(canvas_points.to(fabric.device), mask, spec)
        with fabric.autocast():
            maps = model(images)
        maps = maps.float()
        sums[0] += float(criterion(maps, target, mask).sum())
        sums[1] += float(criterion.of_empty_maps(target, mask).sum())
        sums[2] += len(indices)
        rows = indices.tolist()
        cells, _ = criterion.locate(maps)
        points[rows] = torch.from_numpy(film_points(cells, spec, [known_size(films[row]) for row in rows]))
    model.train(was_training)
    if fabric.world_size > 1:
        points = torch.as_tensor(fabric.all_reduce(points.to(fabric.device), reduce_op="sum")).cpu()
        sums = torch.as_tensor(fabric.all_reduce(sums.to(fabric.device), reduce_op="sum")).cpu()
    goal = np.stack([points_array(film.points(truth), spec.symbols) for film in films])
    metrics = summarise(radial_errors(points.numpy(), goal), pixel_sizes_mm(films))
    loss, trivial, count = sums.tolist()
    return Validation(loss / count, trivial / count, metrics, points.numpy())
