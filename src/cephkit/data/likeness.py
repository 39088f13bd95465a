"""How alike films are, by small pictures of them: the same film saved again is found, other films are not.

Grey values count by their rank and around each place only, so that exposure does not matter. One picture is laid on the
other, each axis scaled and shifted by itself, so that a crop and another size do not matter either.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.geometry import Floats
from cephkit.screen import track

SIDE = 64
"""Of a small picture, pixels; the film is squeezed to a square."""
ALIKE = 0.95
"""Correlation of two pictures of one film; 0.93 at most for the 279 ISBI films and their five nearest each, but for two
pairs of one film."""
_COARSE, _FINEST = 32, 16
_FAR = 0.6
"""Pictures that correlate less after they were laid on each other are not compared any further."""
_STEPS = 8
_CHUNK = 64
_BLUR, _GRAIN = 4.0, 1.0
"""Standard deviations, in pixels of 64: of what is subtracted from each place, and of the blur that removes grain."""


def small_picture(grey: NDArray[np.uint8]) -> bytes:
    """Return ``grey`` (H, W) squeezed to ``SIDE`` squared pixels, row by row."""
    return Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BOX).tobytes()


def nearest(pictures: NDArray[np.uint8], count: int) -> Iterator[tuple[int, int]]:
    """Yield pairs of ``pictures`` (N, SIDE, SIDE): each with the ``count`` that look most like it."""
    flat = _ranks(_reduced(pictures, _FINEST)).reshape(len(pictures), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    count = min(count, len(flat) - 1)
    for start in range(0, len(flat) if count > 0 else 0, 512):
        rows = flat[start : start + 512] @ flat.T
        rows[np.arange(len(rows)), start + np.arange(len(rows))] = -np.inf
        for row, others in enumerate(np.argpartition(-rows, count - 1, axis=1)[:, :count]):
            yield from ((start + row, int(other)) for other in others)


def likenesses(pictures: NDArray[np.uint8], pairs: Sequence[tuple[int, int]], starts: Floats) -> Floats:
    """Return (P,) correlations of pairs of ``pictures`` (N, SIDE, SIDE), once one is laid on the other.

    Args:
        pictures: see ``small_picture``.
        pairs: (P, 2) places in ``pictures``.
        starts: (P, 4) where the search begins: x and y of the second picture are ``s[0] x + s[1]`` and ``s[2] y +
            s[3]`` of those of the first, which go from -1 to 1.
    """
    blur = _blurring(_COARSE, _BLUR / 2)
    coarse = _ranks(_reduced(pictures, _COARSE))
    coarse -= blur @ coarse @ blur.T
    found = np.zeros(len(pairs))
    begins = range(0, len(pairs), _CHUNK)
    for begin in track(begins, "comparing films", len(begins)):
        chunk = np.array(pairs[begin : begin + _CHUNK]).reshape(-1, 2)
        placed, rough = _laid_on(coarse[chunk[:, 0]], coarse[chunk[:, 1]], starts[begin : begin + _CHUNK])
        for row in np.flatnonzero(rough > _FAR):
            one, other = (pictures[place] for place in chunk[row])
            found[begin + row] = _correlation(one, other, placed[row])
    return found


def _laid_on(goals: Floats, moved: Floats, starts: Floats) -> tuple[Floats, Floats]:
    """Find how ``moved`` (P, S, S) lie on ``goals``: (P, 4) as ``starts``, and (P,) correlations; Gauss-Newton."""
    side = goals.shape[1]
    axis = np.linspace(-1, 1, side)
    slopes_y, slopes_x = np.gradient(moved, axis=(1, 2))
    places, best, best_places = starts.copy(), np.full(len(goals), -1.0), starts.copy()
    for _ in range(_STEPS):
        across, x_inside = _sampling(places[:, 0:1] * axis + places[:, 1:2], side)
        down, y_inside = _sampling(places[:, 2:3] * axis + places[:, 3:4], side)
        inside = (y_inside[:, :, None] & x_inside[:, None, :]).reshape(len(goals), -1)
        count = inside.sum(axis=1)
        values, to_x, to_y = (
            (down @ each @ across.transpose(0, 2, 1)).reshape(len(goals), -1) * inside
            for each in (moved, slopes_x, slopes_y)
        )
        goal = goals.reshape(len(goals), -1) * inside
        fit = np.where(count > inside.shape[1] / 2, _correlations(goal, values, inside), -1.0)
        better = fit > best
        best[better], best_places[better] = fit[better], places[better]
        half = (side - 1) / 2
        x, y = np.tile(axis, side), np.repeat(axis, side)
        columns = np.stack(
            [to_x * x * half, to_x * half, to_y * y * half, to_y * half, values, inside.astype(np.float64)], axis=2
        )
        normal = columns.transpose(0, 2, 1) @ columns
        normal += np.eye(6) * (1e-6 * np.trace(normal, axis1=1, axis2=2)[:, None, None] + 1e-9)
        force = columns.transpose(0, 2, 1) @ (goal - values)[:, :, None]
        places = places + np.linalg.solve(normal, force)[:, :4, 0].clip(-0.2, 0.2)
    return best_places, best


def _correlation(goal: NDArray[np.uint8], moved: NDArray[np.uint8], place: Floats) -> float:
    """Correlate two pictures where both have pixels, after one is laid on the other; 0 if that is not even half."""
    axis = np.linspace(-1, 1, SIDE)
    across, x_inside = _sampling((place[0] * axis + place[1])[None], SIDE)
    down, y_inside = _sampling((place[2] * axis + place[3])[None], SIDE)
    inside = y_inside[0][:, None] & x_inside[0][None, :]
    if inside.mean() < 0.5:
        return 0.0
    values = np.rint(down[0] @ moved.astype(np.float64) @ across[0].T).astype(np.uint8)
    blurs = [_blurring(SIDE, sd, edges=False) for sd in (_GRAIN, _BLUR)]
    weights = [np.maximum(blur @ inside @ blur.T, 1e-6) for blur in blurs]

    def compared(picture: NDArray[np.uint8]) -> Floats:
        ranks = np.zeros((SIDE, SIDE))
        ranks[inside] = _ranks_of(picture[inside]) - 0.5
        near, wide = (blur @ ranks @ blur.T / weight for blur, weight in zip(blurs, weights, strict=True))
        return np.asarray(((near - wide) * inside).reshape(1, -1))

    return float(_correlations(compared(goal), compared(values), inside.reshape(1, -1))[0])


def _correlations(one: Floats, other: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Correlate rows (P, M) of two pictures, 0 outside, over ``inside``."""
    count = np.maximum(inside.sum(axis=1, keepdims=True), 1)
    one, other = ((each - each.sum(axis=1, keepdims=True) / count) * inside for each in (one, other))
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.asarray((one * other).sum(axis=1) / np.maximum(size, 1e-9))


def _sampling(places: Floats, side: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return (P, S, side) matrices that sample linearly at ``places`` (P, S), -1 to 1, and which lie inside."""
    position = (places + 1) / 2 * (side - 1)
    inside = (position >= 0) & (position <= side - 1)
    weights = np.maximum(0.0, 1 - np.abs(position[:, :, None] - np.arange(side)))
    return weights, inside


def _reduced(pictures: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    step = SIDE // side
    means = pictures.reshape(len(pictures), side, step, side, step).mean(axis=(2, 4), dtype=np.float32)
    return np.asarray(np.rint(means), dtype=np.uint8)


def _ranks(pictures: NDArray[np.uint8]) -> Floats:
    """Replace grey values (N, S, S) by their ranks in each picture, 0 to 1."""
    return np.array([_ranks_of(each.ravel()).reshape(each.shape) for each in pictures])


def _ranks_of(values: NDArray[np.uint8]) -> Floats:
    counts = np.bincount(values, minlength=256)
    return np.asarray(((np.cumsum(counts) - counts / 2) / max(1, len(values)))[values])


def _blurring(side: int, sd: float, *, edges: bool = True) -> Floats:
    """Return the matrix (S, S) of a Gaussian along one axis; ``edges``: its rows add up to 1 at the edges too."""
    places = np.arange(side)
    weights = np.exp(-((places[:, None] - places) ** 2) / (2 * sd**2))
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(weights / (total if edges else total.max()))
