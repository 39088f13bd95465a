"""The validation pass: loss on the maps, errors on the film."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader

from cephkit import geometry
from cephkit.data.dataset import Batch, FilmDataset
from cephkit.data.film import Film, pixel_sizes_mm, points_array
from cephkit.evaluation.metrics import Metrics, radial_errors, summarise
from cephkit.geometry import Floats
from cephkit.models.spec import ModelSpec
from cephkit.task.heatmaps import HeatmapTask
from cephkit.training.rehearsal import in_precision

MEAN = "mean"
"""Selects the model that is best on the mean of all data sets."""


@dataclass(frozen=True)
class Validation:
    """What one pass over the valid films gives."""

    loss: float
    """Mean loss per film."""
    empty_loss: float
    """The same for maps that are zero everywhere: a network at this value has learned nothing."""
    metrics: Metrics
    points: Floats
    """Predictions, (N, K, 2) film pixels; NaN where a landmark was not found."""
    by_source: dict[str, Metrics] = field(default_factory=dict)
    """The same of each data set, where there are several."""

    def error(self, best_by: str = MEAN) -> float | None:
        """What selects the best model: MRE in mm, or in pixels where no film has a pixel size.

        None where landmarks were not found: a mean over the others would flatter the network.

        Args:
            best_by: of several data sets, the one that counts; ``mean``: all alike, however many films they have,
                except those without pixel sizes where others have them.
        """
        judges = {name: each for name, each in self.by_source.items() if best_by in (MEAN, name)}
        counted = list(judges.values()) or [self.metrics]
        if any(metrics.missing for metrics in counted):
            return None
        in_mm = [metrics.mre_mm for metrics in counted if metrics.mre_mm is not None]
        errors = in_mm or [metrics.mre_pixels for metrics in counted if metrics.mre_pixels is not None]
        return sum(errors) / len(errors) if errors else None


class ValidFilms:
    """The films of a validation, and how many at once.

    Args:
        dataset: the films.
        truth: whose landmarks are right.
        make_loader: makes the loader over this process's share of them, given the films per pass.
        batch_size: films per pass.
    """

    def __init__(
        self, dataset: FilmDataset, truth: str, make_loader: Callable[[int], DataLoader[Batch]], batch_size: int
    ) -> None:
        self.dataset, self.truth, self.batch_size = dataset, truth, batch_size
        self._make_loader, self.loader = make_loader, make_loader(batch_size)

    def halve(self) -> None:
        """Take half as many films at once."""
        self.batch_size = max(1, self.batch_size // 2)
        self.loader = self._make_loader(self.batch_size)


def known_size(film: Film) -> geometry.Size:
    """The size of a film that has been decoded."""
    if film.size is None:
        raise ValueError(f"{film.path}: its size is not known; prepare() fills it in")
    return film.size


def film_points(cells: torch.Tensor, spec: ModelSpec, film_sizes: Sequence[geometry.Size]) -> Floats:
    """Points (B, K, 2) in cells of the maps as pixels of films of these sizes, (height, width)."""
    on_canvas = geometry.transform(geometry.grid_to_canvas(spec.heatmap_stride), cells.cpu().numpy())
    boxes = (geometry.letterbox(size, spec.canvas_size) for size in film_sizes)
    return np.stack([geometry.transform(box.to_film, xy) for box, xy in zip(boxes, on_canvas, strict=True)])


@torch.no_grad()
def validate(fabric: Fabric, model: nn.Module, task: HeatmapTask, valid: ValidFilms) -> Validation:
    """Predict the valid films (this process's share of them) and score them against the truth.

    The model is left in the mode that it was in.
    """
    films, spec = valid.dataset.films, task.spec
    points = torch.zeros(len(films), len(spec.symbols), 2, dtype=torch.float64)
    sums = torch.zeros(3, dtype=torch.float64)  # loss, loss of empty maps, films
    was_training = model.training
    network = in_precision(fabric, model.eval())
    for batch in valid.loader:
        found = task.validate(network, batch)
        rows = batch.index.tolist()
        sums += torch.tensor([float(found.loss), float(found.empty_loss), len(rows)], dtype=torch.float64)
        points[rows] = torch.from_numpy(film_points(found.points, spec, [known_size(films[row]) for row in rows]))
    model.train(was_training)
    if fabric.world_size > 1:
        points = torch.as_tensor(fabric.all_reduce(points.to(fabric.device), reduce_op="sum")).cpu()
        sums = torch.as_tensor(fabric.all_reduce(sums.to(fabric.device), reduce_op="sum")).cpu()
    goal = np.stack([points_array(film.points(valid.truth), spec.symbols) for film in films])
    errors, sizes = radial_errors(points.numpy(), goal), pixel_sizes_mm(films)
    sources = np.array([film.source for film in films])
    names = dict.fromkeys(sources.tolist())
    by_source = {name: summarise(errors[sources == name], sizes[sources == name]) for name in names if len(names) > 1}
    loss, empty, count = sums.tolist()
    return Validation(loss / count, empty / count, summarise(errors, sizes), points.numpy(), by_source)
