"""How a film is held: facing left, turned, small in a large frame - and what to do so that the network knows it.

A network learns films that face right and stand upright. A first glance tells where the landmarks seem to lie;
their shape tells whether that can be. Where it cannot, the film is looked at mirrored and turned; where the
face is only turned or of unusual size, the film is shown again as the training's films were.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cephkit.cephalometry.frame import Facing
from cephkit.errors import CheckpointError
from cephkit.geometry import Matrix, Size, letterbox, transform
from cephkit.inference.looks import about_centre
from cephkit.inference.plausible import Plausibility, ShapeModel, fit_shape, similarity
from cephkit.training.checkpoint import LoadedModel

Floats = NDArray[np.float64]
Glance = Callable[[Floats, Sequence[int]], tuple[Floats, Floats]]
"""(n, 3, 3) changes of films, and which films -> points (n, K, 2) in film pixels, scores (n, K)."""

USUAL_ROTATION_DEGREES = 6.0
USUAL_SCALE = 1.10
USUAL_SHIFT = 0.08
"""Share of the canvas height. Within these a film is left as it is: the training has shown it all that."""
SCALE_LIMITS = (0.2, 5.0)
"""Beyond these what was found is no face."""
LOSS_ALLOWED = 1.2
"""Another look is believed where its shape is not worse than this many times the one before."""
SECOND_GLANCES: tuple[tuple[bool, float], ...] = ((True, 0.0), (False, -30.0), (False, 30.0))
"""(mirrored, degrees) to try where the first glance makes no face."""


@dataclass(frozen=True)
class PoseModel:
    """Shapes of the training's films, and how they lay on the canvas."""

    shape: ShapeModel
    layout: Floats
    """(K, 2) mean landmarks, canvas pixels."""
    canvas_size: Size

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        return {
            "shape": self.shape.to_dict(),
            "layout": self.layout.tolist(),
            "canvas_size": list(self.canvas_size),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "PoseModel":
        """The model that ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        height, width = plain["canvas_size"]
        layout = np.array(plain["layout"], dtype=np.float64)
        return cls(ShapeModel.from_dict(plain["shape"]), layout, (int(height), int(width)))


@dataclass(frozen=True)
class Pose:
    """How one film is shown to the network, and whether a lateral cephalogram was found on it."""

    matrix: Matrix
    """Film pixels to the film as it is shown."""
    facing: Facing = "right"
    doubt: str = ""
    """Why the landmarks cannot be those of a lateral cephalogram; empty where they can."""


def fit_pose(points: ArrayLike, scores: ArrayLike | None, canvas_size: Size) -> PoseModel:
    """The pose model of films.

    Args:
        points: (N, K, 2) canvas pixels, NaN where missing.
        scores: (N, K) peak heights that the network reaches on such films; None: no limit for them.
        canvas_size: of the canvas.

    Raises:
        ValueError: too few films; see ``fit_shape``.
    """
    xy = np.asarray(points, dtype=np.float64)
    return PoseModel(fit_shape(xy, scores), np.nanmean(xy, axis=0), canvas_size)


def pose_model(loaded: LoadedModel) -> PoseModel | None:
    """The pose model of a checkpoint, or None where it has none.

    Raises:
        CheckpointError: it is damaged.
    """
    if "pose" not in loaded.extras:
        return None
    try:
        return PoseModel.from_dict(loaded.extras["pose"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{loaded.path}: its pose model is damaged ({error})") from error


def choose_poses(model: PoseModel | None, glance: Glance, sizes: Sequence[Size]) -> list[Pose]:
    """How to show each of the films.

    Args:
        model: None shows every film as it is and doubts none.
        glance: a quick look of the first stage.
        sizes: (height, width) of the films.
    """
    plain = np.broadcast_to(np.eye(3), (len(sizes), 3, 3))
    if model is None:
        return [Pose(np.eye(3)) for _ in sizes]
    points, scores = glance(np.array(plain), range(len(sizes)))
    return [
        _choose(model, glance, row, size, _Candidate(np.eye(3), False, xy, score, model.shape.check(xy, score)))
        for row, (size, xy, score) in enumerate(zip(sizes, points, scores, strict=True))
    ]


@dataclass(frozen=True)
class _Candidate:
    matrix: Matrix
    mirrored: bool
    points: Floats
    """(K, 2) film pixels."""
    scores: Floats
    verdict: Plausibility

    @property
    def rank(self) -> tuple[bool, float]:
        """Smaller is better."""
        return (not self.verdict.ok, self.verdict.shape_distance)


def _choose(model: PoseModel, glance: Glance, row: int, size: Size, first: _Candidate) -> Pose:
    box = letterbox(size, model.canvas_size)

    def look(matrix: Matrix, mirrored: bool) -> _Candidate:
        points, scores = glance(matrix[None], [row])
        verdict = model.shape.check(transform(matrix, points[0]), scores[0])
        return _Candidate(matrix, mirrored, points[0], scores[0], verdict)

    best = first
    if not best.verdict.ok:
        ways = [
            look(box.to_film @ about_centre(model.canvas_size, degrees, 1.0, mirrored) @ box.to_canvas, mirrored)
            for mirrored, degrees in SECOND_GLANCES
        ]
        best = min([first, *ways], key=lambda candidate: candidate.rank)
    for _ in range(2):  # a face that was hardly recognised is recognised better once it stands upright
        upright = to_layout(model, transform(box.to_canvas @ best.matrix, best.points))
        if upright is None:
            break
        again = look(box.to_film @ upright @ box.to_canvas @ best.matrix, best.mirrored)
        if not again.rank < (best.rank[0], best.rank[1] * LOSS_ALLOWED):
            break
        best = again
    if not best.verdict.ok:
        return Pose(np.eye(3), "right", best.verdict.reason)
    return Pose(best.matrix, "left" if best.mirrored else "right")


def to_layout(model: PoseModel, points: Floats) -> Matrix | None:
    """What lays landmarks (K, 2), canvas pixels, onto the training's; None where they lie there already."""
    found = similarity(points, model.layout)
    if found is None:
        return None
    factor, start, end = found
    shift = abs(end - start) / model.canvas_size[0]
    scale, degrees = abs(factor), abs(np.degrees(np.angle(factor)))
    if degrees <= USUAL_ROTATION_DEGREES and 1 / USUAL_SCALE <= scale <= USUAL_SCALE and shift <= USUAL_SHIFT:
        return None
    if not SCALE_LIMITS[0] <= scale <= SCALE_LIMITS[1]:
        return None
    matrix = np.array([[factor.real, -factor.imag, 0], [factor.imag, factor.real, 0], [0, 0, 1.0]])
    matrix[:2, 2] = np.array([end.real, end.imag]) - matrix[:2, :2] @ np.array([start.real, start.imag])
    return matrix
