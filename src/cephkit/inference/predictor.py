"""From a film to landmarks in its own pixels, the way that evaluation and prediction take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cephkit.data.film import Points
from cephkit.data.pixels import pixel_hash, read_grey, to_canvas, to_uint8
from cephkit.errors import SettingsError
from cephkit.geometry import Size, grid_to_canvas, letterbox, transform
from cephkit.heatmaps.decode import decode
from cephkit.inference.device import half_type
from cephkit.models.spec import ModelSpec
from cephkit.training.checkpoint import LoadedModel

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """Landmarks of one film. A landmark that could not be found has NaN for its point and its score."""

    film_id: str
    size: Size
    """(height, width) of the film."""
    symbols: tuple[str, ...]
    points: Floats
    """(K, 2) film pixels (x, y), in the order of ``symbols``."""
    scores: Floats
    """(K,) height of the heatmap's peak: larger is surer, but it is no probability."""
    film_hash: str
    """``pixel_hash`` of the film, so that a result can be traced to its picture."""

    @property
    def found(self) -> Points:
        """The landmarks that were found, by symbol: those on the film, not in the canvas's border."""
        height, width = self.size
        pairs = zip(self.symbols, self.points.tolist(), strict=True)
        # NaN fails both comparisons.
        return {s: (x, y) for s, (x, y) in pairs if -0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5}

    @property
    def missing(self) -> tuple[str, ...]:
        """The landmarks that were not found."""
        return tuple(symbol for symbol in self.symbols if symbol not in self.found)


class Predictor:
    """A loaded network that takes films of any size.

    Films reach the network at the size that its checkpoint names, and at no other: there is nothing to set.
    """

    def __init__(self, loaded: LoadedModel, device: torch.device | str = "cpu", mixed_precision: bool = False) -> None:
        self.spec = loaded.spec
        self.device = torch.device(device)
        self.mixed_precision = mixed_precision
        self.model = loaded.model.to(self.device).eval()

    def predict_canvas(self, canvases: Tensor) -> tuple[Tensor, Tensor]:
        """Points (B, K, 2) float32 in canvas pixels and scores (B, K) of canvases (B, 1, H, W) uint8.

        A landmark that could not be found has NaN for both.

        Raises:
            SettingsError: the canvases are not of the size that the network was trained at.
        """
        points, scores = decode_or_nan(self._heatmaps(canvases), self.spec.loss)
        matrix = torch.from_numpy(grid_to_canvas(self.spec.heatmap_stride)).to(points)
        return points @ matrix[:2, :2].T + matrix[:2, 2], scores

    def predict_film(self, film: Path | str | NDArray[np.uint8] | NDArray[np.uint16], film_id: str = "") -> Prediction:
        """The landmarks of one film, given as a file or as grey pixels (H, W), uint8 or uint16.

        Args:
            film: the film.
            film_id: default: the file's name without its ending.

        Raises:
            FilmError: the file cannot be read as a film.
        """
        if isinstance(film, (str, Path)):
            film_id = film_id or Path(film).stem
            grey = read_grey(Path(film))
        else:
            grey = film
        canvas = to_canvas(to_uint8(grey), self.spec.canvas_size)
        size = (grey.shape[0], grey.shape[1])
        points, scores = film_points(self._heatmaps(torch.from_numpy(canvas)[None, None]), self.spec, [size])
        return Prediction(film_id, size, self.spec.symbols, points[0], scores[0], pixel_hash(grey))

    def _heatmaps(self, canvases: Tensor) -> Tensor:
        return predict_heatmaps(self.model, self.spec, canvases, self.device, self.mixed_precision)


@torch.no_grad()
def predict_heatmaps(
    model: nn.Module, spec: ModelSpec, canvases: Tensor, device: torch.device, mixed_precision: bool = False
) -> Tensor:
    """Heatmaps (B, K, h, w) float32 of canvases (B, 1, H, W) uint8. The model stays in its mode.

    Raises:
        SettingsError: the canvases are not of the size that the network was trained at.
    """
    if tuple(canvases.shape[-2:]) != tuple(spec.canvas_size) or canvases.dtype != torch.uint8:
        height, width = spec.canvas_size
        raise SettingsError(
            f"this network takes canvases of {height}x{width} (height x width) uint8, got "
            f"{canvases.shape[-2]}x{canvases.shape[-1]} {canvases.dtype}; make them with to_canvas"
        )
    images = canvases.to(device, non_blocking=True).float() / 255
    with torch.autocast(device.type, dtype=half_type(device), enabled=mixed_precision):
        heatmaps = model(images)
    return heatmaps.float()


def decode_or_nan(heatmaps: Tensor, loss: str) -> tuple[Tensor, Tensor]:
    """``decode``, with NaN for point and score where a map says nothing: not finite, or the same everywhere.

    Decoding such a map would still yield a point, and a made-up landmark is worse than none.
    """
    flat = heatmaps.float().flatten(2)
    usable = torch.isfinite(flat).all(-1) & (flat.amax(-1) > flat.amin(-1))
    points, scores = decode(torch.where(usable[..., None, None], heatmaps.float(), 0.0), loss)
    usable &= torch.isfinite(points).all(-1)
    return (
        torch.where(usable[..., None], points, torch.nan),
        torch.where(usable, scores, torch.nan),
    )


def film_points(heatmaps: Tensor, spec: ModelSpec, film_sizes: Sequence[Size]) -> tuple[Floats, Floats]:
    """Heatmaps (B, K, h, w) to film pixels.

    Args:
        heatmaps: what the network said of B films.
        spec: of the network.
        film_sizes: (height, width) of each film in its own pixels.

    Returns:
        Points (B, K, 2) float64 in film pixels and scores (B, K) float64; NaN where a landmark was not found.
    """
    cells, scores = decode_or_nan(heatmaps, spec.loss)
    on_canvas = transform(grid_to_canvas(spec.heatmap_stride), cells.cpu().numpy())
    boxes = (letterbox(size, spec.canvas_size) for size in film_sizes)
    points = [transform(box.to_film, film) for box, film in zip(boxes, on_canvas, strict=True)]
    return np.stack(points), scores.cpu().numpy().astype(np.float64)


def predict_batches(
    model: nn.Module,
    spec: ModelSpec,
    batches: Iterable[Sequence[Tensor]],
    film_sizes: Sequence[Size],
    device: torch.device,
    mixed_precision: bool = False,
) -> tuple[Floats, Floats]:
    """The landmarks of a whole data set.

    Args:
        model: in eval mode.
        spec: of the model.
        batches: of a loader over ``FilmDataset``: (canvas, points, mask, index), each film once.
        film_sizes: (height, width) of every film, by the data set's index.
        device: where the model is.
        mixed_precision: run the network in half precision; decoding is always float32.

    Returns:
        Points (N, K, 2) float64 in film pixels and scores (N, K) in the data set's order; NaN where a
        landmark was not found or no batch held the film.
    """
    shape = (len(film_sizes), len(spec.symbols))
    points, scores = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
    for canvas, *_, index in batches:
        films = index.tolist()
        heatmaps = predict_heatmaps(model, spec, canvas, device, mixed_precision)
        points[films], scores[films] = film_points(heatmaps, spec, [film_sizes[film] for film in films])
    return points, scores
