"""``inference.pose`` as a graph: the search for the pose of each film.

A film is tried in several ways, one after the other, and each film of a batch is at its own step: 0, as it is; then,
until a group of them has given a usual face, ``FURTHER_WAYS``: mirrored, turned, without its frame; ``UPRIGHT`` and the
step after it, laid onto the layout of the training's films. The first stage is stored once in the file, as the body of
a loop that ends when all films are done.
"""

import math
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cephkit.errors import CephkitError
from cephkit.geometry import Size
from cephkit.inference.plausible import FEWEST_POINTS, LARGEST_STRAIN, LEAST_FOUND, MOST_MISFIT, UNUSUAL_SCORE
from cephkit.inference.pose import (
    FURTHER_WAYS,
    LOSS_ALLOWED,
    SCALE_LIMITS,
    USUAL_ROTATION_DEGREES,
    USUAL_SCALE,
    USUAL_SHIFT,
    PoseModel,
    Way,
)
from cephkit.inference.views import about_centre, film_rectangles

WAYS = (Way(), *(way for group in FURTHER_WAYS for way in group))
"""By step."""
GROUP_ENDS = tuple(accumulate((len(group) for group in FURTHER_WAYS), initial=0))
"""The steps after which a usual face is good enough."""
UPRIGHT = len(WAYS)
"""The first step at which a film is laid onto the layout."""
DONE = UPRIGHT + 2
NO_FACE = 2
"""See ``STATE``."""


class FirstOutput(NamedTuple):
    """What the first stage finds on B films, each changed in one way."""

    points: Tensor
    """(B, K, 2) float64 canvas pixels of the film as it is; NaN where a landmark was not found."""
    scores: Tensor
    """(B, K)."""
    spreads: Tensor
    """(B, K) canvas pixels of the changed film."""
    strangeness: Tensor
    """(B,) float64; see ``Likeness.strangeness``."""


STATE = (
    "step", "trial", "best", "level", "distance",
    "best_points", "best_scores", "best_spreads", "best_strangeness",
    "first_points", "first_scores", "first_spreads", "first_strangeness",
)  # fmt: skip
"""What is carried from trial to trial: the step, (B,), and the way to try, (B, 2, 3); the best way so far, (B, 2, 3),
whether it gives a usual face, an unusual one or none (0, 1, 2), (B,), and that shape's distance, (B,); the first
stage's output for the best way and for the film as it is."""
ANSWERED = tuple(name for name in STATE if name not in ("step", "trial"))
"""What the outputs are made from."""


class PoseSearch(nn.Module):
    """``choose_poses`` with a pose model.

    Args:
        stage: the first stage: canvases and ways (B, 2, 3) of changing them -> ``FirstOutput``.
        model: shapes and layout.
        canvas_size: of the first stage.

    Raises:
        CephkitError: the pose model is of another canvas.
    """

    mean: Tensor
    precision: Tensor
    gross_precision: Tensor
    layout: Tensor
    ways: Tensor
    turns: Tensor
    fits: Tensor
    cuts: Tensor
    group_ends: Tensor

    def __init__(self, stage: nn.Module, model: PoseModel, canvas_size: Size) -> None:
        super().__init__()
        self.stage = stage
        if model.canvas_size != canvas_size:
            raise CephkitError(
                f"the pose model is of canvas {model.canvas_size}, the network of {canvas_size}; train it again"
            )
        self.shape, self.canvas_size = model.shape, canvas_size
        self.least_cosine = math.cos(math.radians(model.shape.largest_rotation_degrees))
        whole = [about_centre(canvas_size, way.degrees, 1.0, way.mirrored)[:2] for way in WAYS]
        self.register_buffer("mean", torch.from_numpy(model.shape.mean))
        self.register_buffer("precision", torch.from_numpy(np.linalg.inv(model.shape.covariance)))
        self.register_buffer("gross_precision", torch.from_numpy(np.linalg.inv(model.shape.gross_covariance)))
        self.register_buffer("layout", torch.from_numpy(model.layout))
        self.register_buffer("ways", torch.from_numpy(np.stack(whole)))
        self.register_buffer("turns", torch.tensor([way.degrees % 180 == 90 for way in WAYS]))
        self.register_buffer("fits", torch.tensor([way.is_quarter or way.cut for way in WAYS]))
        self.register_buffer("cuts", torch.tensor([way.cut for way in WAYS]))
        self.register_buffer("group_ends", torch.tensor([step in GROUP_ENDS for step in range(DONE + 1)]))

    def forward(self, canvas: Tensor, film_size: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Try one way on B films: whether another is wanted, and the state after it; see ``Start``."""
        step, trial, best, level, distance, *outputs = state
        output = self.stage(canvas, trial)
        given = self.given(canvas, film_size, torch.where(step + 1 < UPRIGHT, step + 1, 0))
        of_best, first = FirstOutput(*outputs[:4]), FirstOutput(*outputs[4:])
        after = self.advance(output, given, step, trial, best, level, distance, of_best, first)
        return ((after[0] < DONE).any(), *after)

    def given(self, canvas: Tensor, film_size: Tensor, step: Tensor) -> Tensor:
        """``pose.way_on_canvas`` of the ways at steps (B,): (B, 2, 3)."""
        ways, cuts, turns = self.ways[step], self.cuts[step], self.turns[step]
        scale, shift = letterboxes(film_size, self.canvas_size)
        # Edges of the film's content, which begins half a pixel before the first centre.
        low = shift[:, 0] - 0.5 * scale[:, 0] + 0.5
        high = low + contents(film_size, self.canvas_size).flip(-1) - 1
        rectangle = torch.where(cuts[:, None], film_rectangles(canvas), torch.cat((low, high), -1))
        low, high = rectangle[:, :2], rectangle[:, 2:]
        sides = high - low + 1
        sides = torch.where(turns[:, None], sides.flip(-1), sides)
        canvas_sides = torch.tensor(self.canvas_size[::-1], dtype=torch.float64)
        linear = ways[..., :2] * (canvas_sides / sides).amin(-1)[:, None, None]
        offset = (canvas_sides - 1) / 2 - (linear @ ((low + high) / 2)[..., None])[..., 0]
        return where_films(self.fits[step], torch.cat((linear, offset[..., None]), -1), ways)

    def advance(
        self,
        output: FirstOutput,
        given: Tensor,
        step: Tensor,
        trial: Tensor,
        best: Tensor,
        level: Tensor,
        distance: Tensor,
        of_best: FirstOutput,
        first: FirstOutput,
    ) -> tuple[Tensor, ...]:
        """The state after a trial, ``given`` the next way: next step and trial; the best way, its level, distance and
        output; the output for the film as it is."""
        new_level, new_distance, new_score = self.judge(apply(trial, output.points), output.scores)
        start, laid = step == 0, step >= UPRIGHT
        limit = torch.where(laid, LOSS_ALLOWED * distance, distance)
        better = (new_level < level) | ((new_level == level) & (new_distance < limit))
        # Even in the mirror image of an unusual face a network finds a usual one, but with lower scores.
        score = _median(of_best.scores, torch.isfinite(of_best.points).all(-1))
        better &= laid | (level == NO_FACE) | (new_score >= score)
        better = start | (better & (step < DONE))
        best = where_films(better, trial, best)
        level, distance = torch.where(better, new_level, level), torch.where(better, new_distance, distance)
        of_best = FirstOutput(*(where_films(better, new, old) for new, old in zip(output, of_best, strict=True)))
        first = FirstOutput(*(where_films(start, new, old) for new, old in zip(output, first, strict=True)))
        upright, moved = self.to_layout(apply(best, of_best.points))
        following = torch.where((level == 0) & self.group_ends[step], UPRIGHT, step + 1)
        over = laid & ~better | (following >= UPRIGHT) & ~moved
        following = torch.where(over, DONE, following).clamp_max(DONE)
        trial = where_films((following >= UPRIGHT) & (following < DONE), chain(upright, best), given)
        return (following, trial, best, level, distance, *of_best, *first)

    def judge(self, points: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``ShapeModel.check`` of (B, K, 2): a usual face, an unusual one or none (0, 1, 2), the distance, and the
        median score; a landmark that was not found counts as its mean."""
        found = torch.isfinite(points).all(-1)
        real, imaginary, start, end, shape = _similarity(points, found, self.mean)
        turned = _turn(real, imaginary, torch.where(found[..., None], points, start) - start) + end
        gap = torch.where(found[..., None], turned - self.mean, 0.0).flatten(1)
        coordinates = (2 * found.sum(-1)).clamp_min(1)
        distance = (((gap @ self.precision) * gap).sum(-1) / coordinates).sqrt()
        distance = torch.where(shape, distance, torch.inf)
        strain = (((gap @ self.gross_precision) * gap).sum(-1) / coordinates).sqrt()
        goal = torch.where(found[..., None], self.mean - end, 0.0)
        # The part of the mean shape that the similarity leaves; by squares, since it is orthogonal to the rest.
        misfit = gap.square().sum(-1) / goal.square().sum((1, 2)).clamp_min(1e-12)
        # By cosines: onnxruntime has no inverse tangent of float64.
        turned_far = real < self.least_cosine * (real**2 + imaginary**2).sqrt()
        shape &= found.sum(-1) >= LEAST_FOUND * found.shape[-1]
        bad = (strain > LARGEST_STRAIN) | (misfit > MOST_MISFIT**2) | ~shape | turned_far
        score = _median(scores, found)
        unusual = distance > self.shape.largest_distance
        if self.shape.lowest_score is not None:
            bad |= ~(score >= torch.where(unusual, UNUSUAL_SCORE, 1.0) * self.shape.lowest_score)
        return torch.where(bad, NO_FACE, unusual.long()), distance, score

    def to_layout(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """``pose.to_layout`` of (B, K, 2): (B, 2, 3), and whether it applies."""
        found = torch.isfinite(points).all(-1)
        real, imaginary, start, end, shape = _similarity(points, found, self.layout)
        shift = (end - start).square().sum(-1).sqrt()[:, 0] / self.canvas_size[0]
        scale = (real**2 + imaginary**2).sqrt()
        straight = real >= math.cos(math.radians(USUAL_ROTATION_DEGREES)) * scale
        usual = straight & (scale >= 1 / USUAL_SCALE) & (scale <= USUAL_SCALE) & (shift <= USUAL_SHIFT)
        low, high = SCALE_LIMITS
        linear = torch.stack((torch.stack((real, -imaginary), -1), torch.stack((imaginary, real), -1)), -2)
        offset = end[:, 0] - (linear @ start.transpose(-1, -2))[..., 0]
        return torch.cat((linear, offset[..., None]), -1), shape & ~usual & (scale >= low) & (scale <= high)


class Start(nn.Module):
    """The first ``STATE``.

    **Shape**: canvases (B, 1, h, w) -> see ``STATE``.
    """

    def __init__(self, landmarks: int) -> None:
        super().__init__()
        self.landmarks = landmarks

    def forward(self, canvas: Tensor) -> tuple[Tensor, ...]:
        none = canvas[:, 0, 0, 0].double() * 0
        each = none[:, None] + torch.zeros(self.landmarks, dtype=torch.float64)
        output = (each[..., None] + torch.zeros(2, dtype=torch.float64), each.float(), each.float(), none)
        as_it_is = none[:, None, None] + torch.eye(3, dtype=torch.float64)[:2]
        # The outputs of a graph must be distinct tensors.
        copies = [tensor.clone() for tensor in (as_it_is, *output)]
        return (none.long(), as_it_is, copies[0], none.clone().long(), none.clone(), *output, *copies[1:])


def apply(matrix: Tensor, points: Tensor) -> Tensor:
    """Move points (B, K, 2) by (B, 2, 3)."""
    return points @ matrix[..., :2].transpose(-1, -2) + matrix[:, None, :, 2]


def chain(second: Tensor, first: Tensor) -> Tensor:
    """The (B, 2, 3) that moves as ``first``, then ``second``."""
    linear = second[..., :2] @ first[..., :2]
    return torch.cat((linear, second[..., :2] @ first[..., 2:] + second[..., 2:]), -1)


def inverse(matrix: Tensor) -> Tensor:
    """The inverse (B, 2, 3)."""
    a, b, c, d = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 0], matrix[:, 1, 1]
    determinant = (a * d - b * c)[:, None, None]
    linear = torch.stack((torch.stack((d, -b), -1), torch.stack((-c, a), -1)), -2) / determinant
    return torch.cat((linear, -linear @ matrix[..., 2:]), -1)


def _similarity(points: Tensor, found: Tensor, goal: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """``shapes.similarity``: (B,) the factor's real and imaginary part, (B, 1, 2) from and to, (B,) whether there is
    one."""
    weight = found[..., None].double()
    count = weight.sum(1, keepdim=True).clamp_min(1)
    points = torch.where(found[..., None], points, 0.0)
    start, end = points.sum(1, keepdim=True) / count, (goal * weight).sum(1, keepdim=True) / count
    z, w = (points - start) * weight, (goal - end) * weight
    size = z.square().sum((1, 2))
    shape = (found.sum(-1) >= FEWEST_POINTS) & (size > 1e-12 * start.square().sum((1, 2)).clamp_min(1))
    size = torch.where(shape, size, 1.0)
    real = (z * w).sum((1, 2)) / size
    imaginary = (z[..., 0] * w[..., 1] - z[..., 1] * w[..., 0]).sum(1) / size
    return real, imaginary, start, end, shape


def _turn(real: Tensor, imaginary: Tensor, points: Tensor) -> Tensor:
    """(B, K, 2) times a complex number a film."""
    x, y = points[..., 0], points[..., 1]
    real, imaginary = real[:, None], imaginary[:, None]
    return torch.stack((real * x - imaginary * y, imaginary * x + real * y), -1)


def _median(scores: Tensor, found: Tensor) -> Tensor:
    """(B,) of the scores (B, K) that were ``found``."""
    ordered = torch.where(found, scores, torch.inf).sort(-1).values
    count = found.sum(-1, keepdim=True)
    low, high = ((count - 1) // 2).clamp_min(0), (count // 2).clamp_max(scores.shape[-1] - 1)
    return ((ordered.gather(-1, low) + ordered.gather(-1, high)) / 2)[:, 0]


def where_films(films: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """``one`` for the films (B,) that are True, else ``other``."""
    return torch.where(films.reshape(-1, *[1] * (one.dim() - 1)), one, other)


def letterboxes(film_size: Tensor, canvas_size: Size) -> tuple[Tensor, Tensor]:
    """``geometry.letterbox`` for B films: canvas = film * scale + shift.

    Args:
        film_size: (B, 2) int64, (height, width).
        canvas_size: (height, width).

    Returns:
        scale (B, 1, 1) and shift (B, 1, 2), (x, y), float64.
    """
    canvas = torch.tensor(canvas_size, dtype=torch.float64)
    scale = (canvas / film_size.double()).amin(-1, keepdim=True)
    shift = ((canvas - contents(film_size, canvas_size)) / 2).floor() + 0.5 * scale - 0.5
    return scale[:, None], shift.flip(-1)[:, None]


def contents(film_size: Tensor, canvas_size: Size) -> Tensor:
    """(B, 2) float64: (height, width) that B films take on the canvas."""
    canvas, film = torch.tensor(canvas_size, dtype=torch.float64), film_size.double()
    scale = (canvas / film).amin(-1, keepdim=True)
    return torch.minimum((film * scale + 1e-6).floor().clamp_min(1), canvas)
