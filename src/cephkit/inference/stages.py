"""What one model says of a batch of films: its first stage, and its second where it has one."""

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
from cephkit.errors import CheckpointError, SettingsError
from cephkit.geometry import Letterbox, Size, grid_to_canvas, invert, letterbox, transform
from cephkit.inference.views import Look, show
from cephkit.losses import build_loss
from cephkit.models.refiner import Refiner, RefinerSpec, expected_offsets, take_crops

Floats = NDArray[np.float64]
Matrices = NDArray[np.float64]
"""(B, 3, 3), film pixels to the pixels of the film as it is to be shown: turned upright, mirrored."""


SECOND_SHARE = 0.7
"""How far the answer goes from the first guess to the second stage's: the two err differently, so the mean of both is
better than either (docs/results.md)."""


@dataclass(frozen=True)
class Seen:
    """One look at B films; lengths in film pixels."""

    points: Floats
    """(B, K, 2); NaN where a landmark was not found."""
    scores: Floats
    """(B, K) height of the heatmap's peak."""
    spreads: Floats
    """(B, K) root mean square distance of the heatmap's mass from the point."""
    signatures: Floats | None = None
    """(B, D) what the network saw on the whole; see ``LandmarkModel.with_signature``. The second stage has none."""


@dataclass(frozen=True)
class Looked:
    """All looks of one model at B films; lengths in film pixels."""

    guesses: Floats
    """(L, B, K, 2) of the first stage."""
    points: Floats
    """(R, B, K, 2), the model's answers: the second stage's, where there is one, else the first's."""
    features: Floats
    """(B, K, F): score, and the first stage's spread; from a second stage also its spread and how far it moved."""
    signatures: Floats | None = None
    """(B, D) of the first look."""


class Stages:
    """A model on its device.

    Args:
        loaded: the model.
        symbols: order of the landmarks that is wanted.
        device: where to compute.
        mixed_precision: run the networks in half precision.
        refine: use the second stage where there is one.

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
        """Sizes of the canvases that the stages look at."""
        own = (self.spec.canvas_size,)
        return own if self.refiner is None else (*own, self.refiner.spec.canvas_size)

    def look(
        self,
        canvases: Mapping[Size, Tensor],
        sizes: Sequence[Size],
        turns: Matrices,
        looks: Sequence[Look],
        first: Seen | None = None,
    ) -> Looked:
        """All ``looks`` at the films; ``first``, if given, is what the first of them would see."""
        seen = [
            first if first is not None and index == 0 else self.first_guess(canvases, sizes, turns, look)
            for index, look in enumerate(looks)
        ]
        guesses = np.stack([each.points for each in seen])
        scores = np.mean([each.scores for each in seen], axis=0)
        spreads = np.mean([each.spreads for each in seen], axis=0)
        if self.refiner is None:
            return Looked(guesses, guesses, np.stack((scores, spreads), axis=-1), seen[0].signatures)
        middle = guesses.mean(axis=0)
        answers = [self.second_look(canvases, sizes, turns, look, middle) for look in looks]
        seconds = np.stack([each.points for each in answers])
        width = np.mean([each.spreads for each in answers], axis=0)
        shift = np.linalg.norm(seconds.mean(axis=0) - middle, axis=-1)
        features = np.stack((scores, spreads, width, shift), axis=-1)
        return Looked(guesses, middle + SECOND_SHARE * (seconds - middle), features, seen[0].signatures)

    @torch.no_grad()
    def first_guess(self, canvases: Mapping[Size, Tensor], sizes: Sequence[Size], turns: Matrices, look: Look) -> Seen:
        """The first stage's landmarks of the films shown as ``turns`` and ``look`` say."""
        spec, boxes = self.spec, [letterbox(size, self.spec.canvas_size) for size in sizes]
        ways = np.stack(
            [look.matrix(spec.canvas_size) @ on_canvas(turn, box) for turn, box in zip(turns, boxes, strict=True)]
        )
        images = as_float(canvases[spec.canvas_size], spec.canvas_size, self.device)
        heatmaps, signatures = self.heatmaps(show(images, ways, look.gamma))
        heatmaps = heatmaps[:, self.order]
        cells, scores = self.loss.locate(heatmaps)
        spreads = self.loss.spread(heatmaps, cells)
        shown = transform(grid_to_canvas(spec.heatmap_stride), cells.cpu().numpy())
        back = zip(boxes, ways, shown, strict=True)
        points = np.stack([transform(box.to_film @ invert(way), xy) for box, way, xy in back])
        cell = np.array([spec.heatmap_stride / box.scale for box in boxes])
        heights = scores.cpu().numpy().astype(np.float64)
        return Seen(points, heights, spreads.cpu().numpy() * cell[:, None], signatures.cpu().numpy().astype(np.float64))

    @torch.no_grad()
    def second_look(
        self, canvases: Mapping[Size, Tensor], sizes: Sequence[Size], turns: Matrices, look: Look, guesses: Floats
    ) -> Seen:
        """The second stage's correction of ``guesses`` (B, K, 2), film pixels."""
        assert self.refiner is not None
        size = self.refiner.spec.canvas_size
        boxes = [letterbox(film, size) for film in sizes]
        images = as_float(canvases[size], size, self.device)
        images = images if look.gamma == 1.0 else images**look.gamma
        ways = [look.matrix(size) @ on_canvas(turn, box) for turn, box in zip(turns, boxes, strict=True)]
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
        return Seen(points, np.full(known.shape, np.nan), np.where(known, widths, np.nan))

    def heatmaps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, h, w) and signatures (B, D), float32, of images (B, 1, H, W) in [0, 1]."""
        with torch.autocast(self.device.type, dtype=half_type(self.device), enabled=self.mixed_precision):
            maps, signatures = self.model.with_signature(images)
        return maps.float(), signatures.float()


def on_canvas(turn: NDArray[np.float64], box: Letterbox) -> NDArray[np.float64]:
    """A change of the film, (3, 3) in film pixels, in pixels of its canvas; the identity stays exactly that."""
    if np.array_equal(turn, np.eye(3)):
        return np.eye(3)
    return np.asarray(box.to_canvas @ turn @ box.to_film)


def as_float(canvases: Tensor, size: Size, device: torch.device) -> Tensor:
    """(B, 1, H, W) uint8 to float32 in [0, 1] on the device.

    Raises:
        SettingsError: the canvases are of another size or type.
    """
    if tuple(canvases.shape[-2:]) != tuple(size) or canvases.dtype != torch.uint8:
        height, width = size
        raise SettingsError(
            f"this network takes canvases of {height}x{width} (height x width) uint8, got "
            f"{canvases.shape[-2]}x{canvases.shape[-1]} {canvases.dtype}; make them with to_canvas"
        )
    return canvases.to(device, non_blocking=True).float() / 255


def load_refiner(loaded: LoadedModel, device: torch.device) -> "TrainedRefiner":
    """The second stage of a checkpoint.

    Raises:
        CheckpointError: it does not fit what the file says of it.
    """
    try:
        spec = RefinerSpec.from_dict(loaded.extras["refiner"]["spec"])
        if set(spec.symbols) != set(loaded.spec.symbols):
            raise ValueError(f"it knows {' '.join(spec.symbols)}, the first {' '.join(loaded.spec.symbols)}")
        network = Refiner(spec)
        network.load_state_dict(loaded.extras["refiner"]["model"], strict=True)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{loaded.path}: its second stage is damaged ({reason}); train it again with cephkit refine, or do without "
            "it: --no_refine"
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
    """A name for a network's weights, whatever file they lie in."""
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
