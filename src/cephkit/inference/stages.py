"""Runs one model on a batch of films: its first stage, and its second if it has one."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cephkit.checkpoint import LoadedModel
from cephkit.device import half_pays, half_type
from cephkit.errors import CheckpointError
from cephkit.geometry import Floats, Letterbox, Size, grid_to_canvas, invert, letterbox, transform
from cephkit.heatmaps import smooth
from cephkit.inference.views import View, warp
from cephkit.losses import build_loss
from cephkit.models.refiner import Refiner, RefinerSpec, expected_offsets, take_crops

HEIGHT_WEIGHT = 4.0
"""How much the logarithm of a peak's height counts beside that of a prior: a low peak is not a probability."""
FARTHEST_SDS = 5.0
"""Places farther than this from a prior's count alike, so that it cannot make a landmark of a map's noise."""
PEAK_CELLS = 4
"""Half the side of the window that a peak of a heatmap fills."""
Matrices = Floats
"""(B, 3, 3), film pixels to the pixels of the film turned upright or mirrored."""


@dataclass(frozen=True)
class Prior:
    """Where the landmarks of B films lie by other evidence than the picture; lengths in film pixels.

    It decides between the places that a heatmap proposes, and does not move them.
    """

    points: Floats
    """(B, K, 2); NaN: nothing is known."""
    covariances: Floats
    """(B, K, 2, 2)."""

    def logarithm(self, places: Floats) -> Floats:
        """Return the logarithm (B, K, P) of the density at ``places`` (B, P, 2): 0 at its peak, and where unknown."""
        gaps = places[:, None] - self.points[:, :, None]
        known: NDArray[np.bool_] = np.asarray(np.isfinite(self.points).all(-1))[..., None]
        inverse = np.linalg.inv(np.where(known[..., None], self.covariances, np.eye(2)))
        squares = np.einsum("bkpi,bkij,bkpj->bkp", gaps, inverse, gaps)
        return np.where(known, -0.5 * np.minimum(squares, FARTHEST_SDS**2), 0.0)


@dataclass(frozen=True)
class StageOutput:
    """What one stage finds on one view of B films; lengths in film pixels."""

    points: Floats
    """(B, K, 2); NaN where a landmark was not found."""
    scores: Floats
    """(B, K) height of the heatmap's peak."""
    spreads: Floats
    """(B, K) root mean square distance of the heatmap's mass from the point."""
    signatures: Floats | None = None
    """(B, D); see ``LandmarkModel.with_signature``. The second stage has none."""


@dataclass(frozen=True)
class ModelOutput:
    """What one model finds on all V views of B films; lengths in film pixels."""

    guesses: Floats
    """(V, B, K, 2) of the first stage."""
    points: Floats
    """(V, B, K, 2): the second stage's, if there is one, else the first's."""
    features: Floats
    """(B, K, F): score, and the first stage's spread; from a second stage also its spread and how far it moved."""
    signatures: Floats | None = None
    """(B, D) of the first view."""


class Stages:
    """A model on its device.

    Args:
        loaded: the model.
        symbols: wanted order of the landmarks.
        device: where to compute.
        mixed_precision: run the networks in half precision.
        refine: use the second stage, if there is one.

    Raises:
        CheckpointError: the second stage in the checkpoint is damaged.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        symbols: Sequence[str],
        device: torch.device,
        mixed_precision: bool = False,
        refine: bool = True,
    ) -> None:
        self.spec, self.device, self.loss = loaded.spec, device, build_loss(loaded.spec.loss)
        self.mixed_precision = mixed_precision and half_pays(device)
        self.model: Any = loaded.model.to(device).eval()
        self.order = [loaded.spec.symbols.index(symbol) for symbol in symbols]
        self.symbols = tuple(symbols)
        self.refiner = load_refiner(loaded, device) if refine and "refiner" in loaded.extras else None
        self.digest = weights_digest(self.model) + ("" if self.refiner is None else weights_digest(self.refiner))

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Sizes of the canvases that the stages take."""
        own = (self.spec.canvas_size,)
        return own if self.refiner is None else (*own, self.refiner.spec.canvas_size)

    def run(
        self,
        canvases: Mapping[Size, Tensor],
        sizes: Sequence[Size],
        turns: Matrices,
        views: Sequence[View],
        first: StageOutput | None = None,
        prior: Prior | None = None,
    ) -> ModelOutput:
        """Run both stages on all ``views`` of the films, turned by ``turns``.

        ``first`` is the first stage's output on the first view, if it is known already.
        """
        outputs = [
            first if first is not None and index == 0 else self.run_first(canvases, sizes, turns, view, prior)
            for index, view in enumerate(views)
        ]
        guesses = np.stack([each.points for each in outputs])
        scores = np.mean([each.scores for each in outputs], axis=0)
        spreads = np.mean([each.spreads for each in outputs], axis=0)
        signatures = outputs[0].signatures
        if self.refiner is None:
            return ModelOutput(guesses, guesses, np.stack((scores, spreads), axis=-1), signatures)
        middle = guesses.mean(axis=0)
        refined = [self.run_second(canvases, sizes, turns, view, middle) for view in views]
        seconds = np.stack([each.points for each in refined])
        width = np.mean([each.spreads for each in refined], axis=0)
        shift = np.linalg.norm(seconds.mean(axis=0) - middle, axis=-1)
        features = np.stack((scores, spreads, width, shift), axis=-1)
        return ModelOutput(guesses, middle + self.refiner.spec.share * (seconds - middle), features, signatures)

    @torch.no_grad()
    def run_first(
        self,
        canvases: Mapping[Size, Tensor],
        sizes: Sequence[Size],
        turns: Matrices,
        view: View,
        prior: Prior | None = None,
    ) -> StageOutput:
        """Run the first stage on one view of the films, turned by ``turns``."""
        spec, boxes = self.spec, [letterbox(size, self.spec.canvas_size) for size in sizes]
        ways = np.stack(
            [view.matrix(spec.canvas_size) @ on_canvas(turn, box) for turn, box in zip(turns, boxes, strict=True)]
        )
        heatmaps, signatures = self.heatmaps(warp(self.images(canvases[spec.canvas_size]), ways, view.gamma))
        heatmaps = heatmaps[:, self.order]
        if prior is not None:
            to_film = np.stack([box.to_film @ invert(way) for box, way in zip(boxes, ways, strict=True)])
            heatmaps = self.chosen(heatmaps, prior, to_film @ grid_to_canvas(spec.heatmap_stride))
        cells, scores = self.loss.locate(heatmaps)
        spreads = self.loss.spread(heatmaps, cells)
        on_view = transform(grid_to_canvas(spec.heatmap_stride), cells.cpu().numpy())
        back = zip(boxes, ways, on_view, strict=True)
        points = np.stack([transform(box.to_film @ invert(way), xy) for box, way, xy in back])
        cell = np.array([spec.heatmap_stride / box.scale for box in boxes])
        heights = scores.cpu().numpy().astype(np.float64)
        widths, of_films = spreads.cpu().numpy() * cell[:, None], signatures.cpu().numpy().astype(np.float64)
        return StageOutput(points, heights, widths, of_films)

    @torch.no_grad()
    def run_second(
        self, canvases: Mapping[Size, Tensor], sizes: Sequence[Size], turns: Matrices, view: View, guesses: Floats
    ) -> StageOutput:
        """Correct ``guesses`` (B, K, 2), film pixels, by the second stage."""
        assert self.refiner is not None
        size = self.refiner.spec.canvas_size
        boxes = [letterbox(film, size) for film in sizes]
        images = self.images(canvases[size])
        images = images if view.gamma == 1.0 else images**view.gamma
        ways = [view.matrix(size) @ on_canvas(turn, box) for turn, box in zip(turns, boxes, strict=True)]
        steps = np.stack([invert(way)[:2, :2] for way in ways])
        centres = np.stack([transform(box.to_canvas, xy) for box, xy in zip(boxes, guesses, strict=True)])
        known: NDArray[np.bool_] = np.asarray(np.isfinite(centres).all(-1))
        places = torch.from_numpy(np.where(known[..., None], centres, 0.0)).float().to(self.device)
        crops = take_crops(images, places, torch.from_numpy(steps).float().to(self.device))
        films, landmarks = known.shape
        which = torch.tensor([self.refiner.spec.symbols.index(symbol) for symbol in self.symbols], device=self.device)
        with torch.autocast(self.device.type, dtype=half_type(self.device), enabled=self.mixed_precision):
            maps = self.refiner(crops.flatten(0, 1), which.expand(films, landmarks).flatten())
        offsets, spreads = expected_offsets(maps.float())
        moves = np.einsum("bij,bkj->bki", steps, offsets.unflatten(0, known.shape).cpu().numpy())
        scale = np.array([box.scale for box in boxes])
        points = np.stack([transform(box.to_film, xy) for box, xy in zip(boxes, centres + moves, strict=True)])
        size_of_step = np.sqrt(np.abs(np.linalg.det(steps)))
        widths = spreads.unflatten(0, known.shape).cpu().numpy() * (size_of_step / scale)[:, None]
        return StageOutput(points, np.full(known.shape, np.nan), np.where(known, widths, np.nan))

    def chosen(self, heatmaps: Tensor, prior: Prior, to_film: Matrices) -> Tensor:
        """Return ``heatmaps`` (B, K, h, w) with nothing but the peak that is likeliest together with ``prior``.

        ``to_film`` (B, 3, 3) takes cells to pixels of the film.
        """
        height, width = heatmaps.shape[-2:]
        rows, columns = (axis.ravel() for axis in np.mgrid[:height, :width])
        cells = np.stack([columns, rows], axis=-1).astype(np.float64)
        logarithm = prior.logarithm(np.stack([transform(matrix, cells) for matrix in to_film]))
        mass = smooth(self.loss.mass(heatmaps)).clamp_min(1e-12).log().flatten(2)
        best = (HEIGHT_WEIGHT * mass + torch.from_numpy(logarithm).to(mass)).argmax(-1, keepdim=True)
        down = torch.from_numpy(rows).to(mass) - best // width
        across = torch.from_numpy(columns).to(mass) - best % width
        near = torch.maximum(down.abs(), across.abs()) <= PEAK_CELLS
        flat = heatmaps.flatten(2)
        lowest = flat.amin(-1, keepdim=True)
        return torch.unflatten(torch.where(near, flat, lowest), -1, (height, width))

    def images(self, canvases: Tensor) -> Tensor:
        """(B, 1, H, W) uint8 as float32 in [0, 1] on the device."""
        return canvases.to(self.device, non_blocking=True).float() / 255

    def heatmaps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, h, w) and signatures (B, D), float32, of images (B, 1, H, W) in [0, 1]."""
        with torch.autocast(self.device.type, dtype=half_type(self.device), enabled=self.mixed_precision):
            maps, signatures = self.model.with_signature(images)
        return maps.float(), signatures.float()


def on_canvas(turn: Floats, box: Letterbox) -> Floats:
    """Express a change of the film, (3, 3) in film pixels, in canvas pixels; the identity stays exactly that."""
    if np.array_equal(turn, np.eye(3)):
        return np.eye(3)
    return np.asarray(box.to_canvas @ turn @ box.to_film)


def load_refiner(loaded: LoadedModel, device: torch.device) -> "TrainedRefiner":
    """Build the second stage of a checkpoint.

    Raises:
        CheckpointError: its weights do not fit its spec, or its landmarks the first stage's.
    """
    try:
        spec = RefinerSpec.from_dict(loaded.extras["refiner"]["spec"])
        if set(spec.symbols) != set(loaded.spec.symbols):
            raise ValueError(f"it finds {' '.join(spec.symbols)}, the first {' '.join(loaded.spec.symbols)}")
        network = Refiner(spec)
        network.load_state_dict(loaded.extras["refiner"]["model"], strict=True)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{loaded.path}: its second stage is damaged ({reason}); train it again with cephkit refine, or leave it "
            "out with --no_refine"
        ) from error
    return TrainedRefiner(spec, network.to(device).eval())


class TrainedRefiner(nn.Module):
    """A refiner with its spec."""

    def __init__(self, spec: RefinerSpec, network: Refiner) -> None:
        super().__init__()
        self.spec, self.network = spec, network

    def forward(self, crops: Tensor, landmark: Tensor) -> Tensor:
        maps: Tensor = self.network(crops, landmark)
        return maps


def weights_digest(model: nn.Module) -> str:
    """Hash a network's weights, whatever file they are stored in."""
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
