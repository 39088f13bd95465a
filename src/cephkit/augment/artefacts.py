"""What lies on X-ray films beside the patient, drawn on the batch and on its device: each kind at random.

Lengths are shares of the canvas height. Landmarks below an artefact stay, to be inferred.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

Draw = Callable[[Tensor], Tensor]
"""Films (B, 1, H, W) in [0, 1] -> the same with an artefact on each."""


class Artefacts(nn.Module):
    """Draws each kind of artefact on some of the films of a batch.

    All random numbers come from torch's global CPU generator, as in ``Augmentation``.

    Args:
        probability: of each kind, in [0, 1].
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    @torch.no_grad()
    def forward(self, canvas: Tensor) -> Tensor:
        """Films (B, 1, H, W) in [0, 1] with artefacts on them."""
        for draw in KINDS.values():
            chosen = (torch.rand(len(canvas)) < self.probability).nonzero()[:, 0].to(canvas.device)
            if len(chosen):
                canvas = canvas.index_copy(0, chosen, draw(canvas[chosen]).to(canvas.dtype))
        return canvas.clamp(0, 1)


def collimator(films: Tensor) -> Tensor:
    """Nearly black beyond some of four straight edges, each a little askew."""
    _, x, y = _places(films)
    outside = torch.zeros_like(x)
    for side in range(4):
        angle = side * math.pi / 2 + _uniform(films, -0.1, 0.1)
        reach = films.shape[-1] / films.shape[-2] / 2 if side % 2 == 0 else 0.5
        depth = _uniform(films, 0, 0.12) * _chance(films, 0.6)
        beyond = x * angle.cos() + y * angle.sin() - (reach - depth)
        outside = torch.maximum(outside, torch.sigmoid(beyond / _uniform(films, 0.0005, 0.005)))
    return _painted(films, outside * _uniform(films, 0.8, 1), _uniform(films, 0, 0.1))


def exposure(films: Tensor) -> Tensor:
    """Darker on one side, brighter on the other."""
    _, x, y = _places(films)
    angle = _uniform(films, 0, 2 * math.pi)
    return (films * (1 + _uniform(films, 0.2, 1.2) * (x * angle.cos() + y * angle.sin()))).clamp(0, 1)


def ear_rods(films: Tensor) -> Tensor:
    """One or two bright discs or rings."""
    return _discs(films, most=2, radius=(0.008, 0.03), ring=0.6)


def bright_spots(films: Tensor) -> Tensor:
    """Up to five small spots or rings, as of jewellery or fillings."""
    return _discs(films, most=5, radius=(0.003, 0.012), ring=0.3)


def ruler(films: Tensor) -> Tensor:
    """A bright bar with ticks along one side, upright or lying."""
    along, across = _axes(films, _chance(films, 0.3) * math.pi / 2 + math.pi / 2 + _uniform(films, -0.08, 0.08))
    length, width = _uniform(films, 0.1, 0.4), _uniform(films, 0.005, 0.02)
    ticks = (along / _uniform(films, 0.008, 0.02)) % 1 < 0.4
    marked = (along.abs() < length / 2) & ((across.abs() < width / 2) | (ticks & (across > 0) & (across < 1.5 * width)))
    return _painted(films, marked * _uniform(films, 0.5, 1), _uniform(films, 0.7, 1))


def text(films: Tensor) -> Tensor:
    """A line of letters that no language has, bright or dark."""
    rows, columns, most = 7, 5, 12
    along, across = _axes(films, _uniform(films, -0.05, 0.05))
    cell = _uniform(films, 0.015, 0.05) / rows
    row = (across / cell).floor().long() + rows // 2
    place = (along / cell).floor().long()
    letter, column = place.div(columns + 1, rounding_mode="floor") + most // 2, place % (columns + 1)
    letters = _count(films, 2, most)
    inside = (row >= 0) & (row < rows) & (column < columns) & (letter >= 0) & (letter < letters)
    dots = (torch.rand(len(films), most * rows * columns) < 0.5).to(films.device)
    dot = (letter.clamp(0, most - 1) * rows + row.clamp(0, rows - 1)) * columns + column.clamp(0, columns - 1)
    inked = dots.gather(1, dot.flatten(1)).reshape(dot.shape) & inside
    return _painted(films, inked * _uniform(films, 0.6, 1), _chance(films, 0.8))


def grid(films: Tensor) -> Tensor:
    """Fine lines at right angles over the whole film, bright or dark."""
    height, x, y = _places(films)
    angle, spacing = _uniform(films, -0.08, 0.08), _uniform(films, 0.03, 0.1)
    thickness = _uniform(films, 1, 2) / height / spacing
    lined = ((x * angle.cos() + y * angle.sin()) / spacing) % 1 < thickness
    lined |= ((y * angle.cos() - x * angle.sin()) / spacing) % 1 < thickness
    return _painted(films, lined * _uniform(films, 0.2, 0.7), _chance(films, 0.5))


def stripes(films: Tensor) -> Tensor:
    """Brighter and darker bands from edge to edge, as scanners leave them."""
    _, x, y = _places(films)
    at = torch.where(_chance(films, 0.5) > 0, x, y)
    for _ in range(6):
        shift = _uniform(films, -0.2, 0.2) * _chance(films, 0.6)
        band = (at - _uniform(films, -0.5, 0.5)).abs() < _uniform(films, 0.001, 0.015)
        films = films + shift * band
    return films.clamp(0, 1)


KINDS: dict[str, Draw] = {
    "collimator": collimator, "exposure": exposure, "ear_rods": ear_rods, "bright_spots": bright_spots,
    "ruler": ruler, "text": text, "grid": grid, "stripes": stripes,
}  # fmt: skip
"""In the order in which they are drawn: what changes the picture before what lies on it."""


def _discs(films: Tensor, most: int, radius: tuple[float, float], ring: float) -> Tensor:
    """Up to ``most`` bright discs, or rings with probability ``ring``, of a radius between the two."""
    count = _count(films, 1, most)
    for number in range(most):
        along, across = _axes(films, _uniform(films, 0, math.pi))
        size = _uniform(films, *radius)
        far = torch.hypot(along, across * _uniform(films, 1, 1.5)) / size
        hole = _uniform(films, 0.4, 0.8) * _chance(films, ring)
        marked = (far < 1) & (far >= hole) & (number < count)
        films = _painted(films, marked * _uniform(films, 0.5, 1), _uniform(films, 0.8, 1))
    return films


def _places(films: Tensor) -> tuple[int, Tensor, Tensor]:
    """Height in pixels, and x and y (B, 1, H, W) of each pixel from the middle."""
    height, width = films.shape[-2:]
    x = (torch.arange(width, device=films.device) - (width - 1) / 2) / height
    y = (torch.arange(height, device=films.device) - (height - 1) / 2) / height
    shape = (len(films), 1, height, width)
    return height, x.expand(shape), y[:, None].expand(shape)


def _axes(films: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pixel lies along and across a direction (B, 1, 1, 1), from a random place on the film."""
    height, x, y = _places(films)
    reach = films.shape[-1] / height / 2
    x, y = x - _uniform(films, -reach, reach), y - _uniform(films, -0.5, 0.5)
    return x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()


def _painted(films: Tensor, cover: Tensor, grey: Tensor) -> Tensor:
    """``films`` below paint of ``grey`` that hides the share ``cover`` of them."""
    return films + cover * (grey - films)


def _uniform(films: Tensor, low: float, high: float) -> Tensor:
    return (low + (high - low) * torch.rand(len(films), 1, 1, 1)).to(films.device)


def _chance(films: Tensor, probability: float) -> Tensor:
    """(B, 1, 1, 1): 1 with this probability, else 0."""
    return (torch.rand(len(films), 1, 1, 1) < probability).to(films.device, torch.float32)


def _count(films: Tensor, least: int, most: int) -> Tensor:
    return torch.randint(least, most + 1, (len(films), 1, 1, 1)).to(films.device)
