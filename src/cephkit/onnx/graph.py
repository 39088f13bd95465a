"""What an exported file computes: a film's canvases in, landmarks in pixels of the film out.

These are the steps of ``inference.predictor`` and ``inference.stages`` in a form that can be traced: numbers computed
with numpy there, such as letterboxes and poses, are computed in the graph here. Coordinates are float64, as in
``geometry``, up to the outputs.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cephkit.inference.pose import PoseModel, faces
from cephkit.inference.stages import TrainedRefiner
from cephkit.inference.uncertainty import FARTHEST, NEW_EXAMINER, NORMAL_90, SMALLEST_FEATURE, Calibration, Likeness
from cephkit.losses import build_loss
from cephkit.models.refiner import COARSE, CROP, expected_offsets
from cephkit.models.spec import ModelSpec
from cephkit.onnx.posing import NO_FACE, FirstOutput, apply, inverse, letterboxes, where_films


class FirstStage(nn.Module):
    """The first stage with its decoding and the films' strangeness.

    **Shape**: canvases (B, 1, h, w) uint8 and the ways (B, 2, 3) of changing them, or None: as they are -> FirstOutput.
    """

    usual_signature: Tensor
    usual_spread: Tensor

    def __init__(self, model: nn.Module, spec: ModelSpec, likeness: Likeness | None = None) -> None:
        super().__init__()
        self.model: Any = model
        self.spec, self.loss, self.knows_films = spec, build_loss(spec.loss), likeness is not None
        if likeness is not None:
            self.register_buffer("usual_signature", torch.from_numpy(likeness.mean))
            self.register_buffer("usual_spread", torch.from_numpy(likeness.sd))
            self.usual, self.unusual = likeness.usual, likeness.unusual

    def forward(self, canvas: Tensor, ways: Tensor | None = None) -> FirstOutput:
        stride, images = self.spec.heatmap_stride, canvas.float() / 255
        heatmaps, signatures = self.model.with_signature(images if ways is None else warp(images, ways))
        heatmaps = heatmaps.float()
        cells, scores = self.loss.locate(heatmaps)
        spreads = self.loss.spread(heatmaps, cells) * stride
        points = cells.double() * stride + (stride - 1) / 2
        points = points if ways is None else apply(inverse(ways), points)
        return FirstOutput(points, scores, spreads, self.strangeness(signatures))

    def strangeness(self, signatures: Tensor) -> Tensor:
        """``Likeness.strangeness`` of signatures (B, D): (B,)."""
        if not self.knows_films:
            return signatures[:, 0].double() * 0
        distance = ((signatures.double() - self.usual_signature) / self.usual_spread).square().mean(-1)
        share = (distance / self.usual).log() / math.log(self.unusual / self.usual)
        return torch.where(torch.isfinite(distance), share.clamp(0.0, FARTHEST), FARTHEST)


class Answer(nn.Module):
    """From the first stage's output to the file's outputs.

    Args:
        spec: of the first stage.
        refiner: the second stage, or None.
        calibration: of this way of predicting, or None.
        pose: the pose model, or None.
    """

    intercepts: Tensor
    weights: Tensor
    shapes: Tensor
    examiners: Tensor
    bias: Tensor

    def __init__(
        self, spec: ModelSpec, refiner: TrainedRefiner | None, calibration: Calibration | None, pose: PoseModel | None
    ) -> None:
        super().__init__()
        self.spec, self.refiner, self.calibrated, self.posed = spec, refiner, calibration is not None, pose is not None
        if pose is not None:
            self.usual_distance = pose.shape.largest_distance
            self.left_in_training = faces(spec.symbols, pose.layout) == "left"
        if calibration is not None:
            for name in ("intercepts", "weights", "shapes"):
                self.register_buffer(name, torch.from_numpy(getattr(calibration, name)))
            self.radius, self.share, self.is_local = calibration.radius, calibration.share, int(calibration.is_local)
            self.register_buffer("bias", torch.from_numpy(calibration.bias))
            examiners = np.zeros_like(calibration.shapes) if calibration.examiners is None else calibration.examiners
            self.register_buffer("examiners", torch.from_numpy(examiners))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what ``forward`` returns."""
        expected = ("expected_errors", "regions") if self.calibrated else ()
        return ("points", "scores", *expected, *(("plausible", "faces_left") if self.posed else ()))

    def forward(self, film_size: Tensor, state: tuple[Tensor, ...], detail: Tensor | None = None) -> tuple[Tensor, ...]:
        """Landmarks of B films.

        Args:
            film_size: (B, 2) int64, (height, width) of the films.
            state: ``posing.ANSWERED``.
            detail: (B, 1, H, W) uint8, the films letterboxed into the second stage's canvas, where there is one.

        Returns:
            points (B, K, 2) film pixels and scores (B, K), float32, NaN where a landmark was not found; with a
            calibration expected errors (B, K) film pixels and regions (B, K, 2, 2) film pixels squared; with a
            pose model (B,) bool whether these can be landmarks of a face, and whether it faces left.
        """
        # A film that gives no face in any way counts as it is.
        still = torch.eye(3, dtype=torch.float64)[:2]
        best, level, distance, *outputs = state
        bad = level == NO_FACE
        ways = torch.where(bad[:, None, None], still, best)
        of_best, first = FirstOutput(*outputs[:4]), FirstOutput(*outputs[4:])
        output = FirstOutput(*(where_films(bad, plain, turned) for plain, turned in zip(first, of_best, strict=True)))
        # The calibration knows errors of usual faces.
        excess = torch.where(bad, 1.0, (distance / self.usual_distance).clamp_min(1.0))
        found = self.answer(film_size, detail, output, ways, excess)
        mirrored = _determinant(ways) < 0
        return (*found, ~bad, ~mirrored & ~bad if self.left_in_training else mirrored)

    def answer(
        self,
        film_size: Tensor,
        detail: Tensor | None,
        output: FirstOutput,
        ways: Tensor | None,
        excess: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """All outputs but those of the pose model; ``ways`` None: films as they are; expected errors grow by ``excess``
        (B,)."""
        scale, shift = letterboxes(film_size, self.spec.canvas_size)
        guesses = (output.points - shift) / scale
        points, features = guesses, [output.scores.double(), output.spreads.double()]
        if self.refiner is not None and detail is not None:
            moves, widths = self.run_second(self.refiner, guesses, ways, film_size, detail)
            points = guesses + self.refiner.spec.share * moves
            features += [widths * scale[..., 0], moves.square().sum(-1).sqrt() * scale[..., 0]]
        if not self.calibrated:
            return points.float(), output.scores
        logs = torch.stack(features, dim=-1).clamp_min(SMALLEST_FEATURE).log()
        near = torch.exp(self.intercepts + (logs * self.weights).sum(-1))
        strange = output.strangeness[:, None]
        left = NEW_EXAMINER - self.share
        more, unlike = (left * (strange - least).clamp(0.0, 1.0) for least in (self.is_local, 1))
        expected = (near.square() + math.pi / 4 * unlike * self.examiners.diagonal(dim1=-2, dim2=-1).sum(-1)).sqrt()
        regions = (self.radius * near)[..., None, None] ** 2 * self.shapes
        regions = regions + NORMAL_90 * (self.share + more)[..., None, None] * self.examiners
        unit = (1 / scale)[..., 0] if excess is None else excess[:, None] / scale[..., 0]
        bias = self.bias.expand(*near.shape, 2)
        if ways is not None:  # errors are known along the axes of the changed film
            linear = ways[..., :2]
            frame = (linear / _determinant(linear).abs().sqrt()[:, None, None])[:, None]
            regions = frame.transpose(-1, -2) @ regions @ frame
            bias = bias @ frame[:, 0]
        points = points + bias / scale
        regions = regions * unit[..., None, None] ** 2
        return points.float(), output.scores, (expected * unit).float(), regions.float()

    def run_second(
        self, refiner: TrainedRefiner, guesses: Tensor, ways: Tensor | None, film_size: Tensor, detail: Tensor
    ) -> tuple[Tensor, Tensor]:
        """How far to move guesses (B, K, 2): (B, K, 2), and how sharp that is: (B, K), both film pixels."""
        films, landmarks = guesses.shape[:2]
        scale, shift = letterboxes(film_size, refiner.spec.canvas_size)
        centres = guesses * scale + shift
        known = torch.isfinite(centres).all(-1)
        still = torch.eye(2, dtype=torch.float64).expand(films, 2, 2)
        steps = still if ways is None else inverse(ways)[..., :2]
        crops = crops_about(detail, torch.where(known[..., None], centres, 0.0), steps)
        order = [refiner.spec.symbols.index(symbol) for symbol in self.spec.symbols]
        which = torch.tensor(order).expand(films, landmarks).flatten()
        offsets, spreads = expected_offsets(refiner(crops.flatten(0, 1), which).float())
        moves = offsets.double().unflatten(0, (films, landmarks)) @ steps.transpose(-1, -2) / scale
        step_sizes = _determinant(steps).abs().sqrt()[:, None]
        widths = spreads.double().unflatten(0, (films, landmarks)) * step_sizes / scale[..., 0]
        return moves, torch.where(known, widths, torch.nan)


class Unposed(nn.Module):
    """All in one, for a checkpoint without a pose model: films count as they are."""

    def __init__(self, stage: FirstStage, answer: Answer) -> None:
        super().__init__()
        self.stage, self.answer = stage, answer

    def forward(self, canvas: Tensor, film_size: Tensor, detail: Tensor | None = None) -> tuple[Tensor, ...]:
        """The outputs; arguments as of ``FirstStage`` and ``Answer``."""
        return self.answer.answer(film_size, detail, self.stage(canvas), None)


def warp(images: Tensor, ways: Tensor) -> Tensor:
    """``views.warp``: images (B, 1, h, w) moved by ways (B, 2, 3); black beyond them."""
    side = torch.tensor((images.shape[-1], images.shape[-2]), dtype=torch.float64)
    # From pixel centres at integers to -1 and 1 at the outer edges.
    back = inverse(ways) * (2 / side)[:, None]
    start = (back[..., 2] + 1 / side - 1)[:, None]
    rows, columns = (torch.arange(count, dtype=torch.float64)[:, None] for count in images.shape[-2:])
    across, down = (columns * back[:, None, :, 0]).float(), (start + rows * back[:, None, :, 1]).float()
    grid = across[:, None] + down[:, :, None]
    return functional.grid_sample(images, grid, mode="bilinear", align_corners=False)


def crops_about(detail: Tensor, centres: Tensor, steps: Tensor) -> Tensor:
    """``refiner.take_crops`` of canvases (B, 1, H, W) uint8, with fewer passes over all crops."""
    places = torch.arange(CROP, dtype=torch.float64) - (CROP - 1) / 2
    offsets = torch.stack(torch.meshgrid(places, places, indexing="xy"), -1).flatten(0, 1)  # (CROP * CROP, 2)
    turned = offsets @ steps.transpose(-1, -2)
    side = torch.tensor((detail.shape[-1], detail.shape[-2]), dtype=torch.float64)
    grey = detail.float()
    crops = []
    for source, factor in ((grey, 1), (functional.avg_pool2d(grey, COARSE), COARSE)):
        middle, around = ((2 * centres + 1) / side - 1).float(), (turned * (2 * factor / side)).float()
        grid = middle[:, :, None] + around[:, None]  # (B, K, CROP * CROP, 2)
        crops.append(functional.grid_sample(source, grid, mode="bilinear", align_corners=False)[:, 0])
    # The crops have fewer pixels to divide than the canvas.
    return torch.unflatten(torch.stack(crops, dim=2), -1, (CROP, CROP)) / 255


def _determinant(matrix: Tensor) -> Tensor:
    """(B,) of the left 2 x 2 of matrix (B, 2, 2 or 3)."""
    return matrix[:, 0, 0] * matrix[:, 1, 1] - matrix[:, 0, 1] * matrix[:, 1, 0]
