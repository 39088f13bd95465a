"""How a film is posed - facing left, turned, small in a large frame - and how to undo that for the network.

A network learns films that are posed as those of its training. The first stage runs on the film as it is, and the shape
of the landmarks tells whether they can be those of a face. If not, it runs again on the film mirrored, turned, and
without its frame; if the face is only turned or of unusual size, on the film laid onto the training's mean landmarks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cephkit.cephalometry.frame import facing_of
from cephkit.checkpoint import LoadedModel
from cephkit.errors import CheckpointError
from cephkit.geometry import Facing, Floats, Letterbox, Matrix, Size, letterbox, transform
from cephkit.inference.plausible import Plausibility, ShapeModel, median_score
from cephkit.inference.shape_fit import fit_shape
from cephkit.inference.shapes import similarity
from cephkit.inference.views import about_centre, fitted

RunFirst = Callable[[Floats, Sequence[int]], tuple[Floats, Floats]]
"""Runs the first stage: (n, 3, 3) changes of films, which films -> points (n, K, 2) in film pixels, scores (n, K)."""
Rectangle = Callable[[int], Floats]
"""Which film -> (4,) its canvas without a frame: left, top, right, bottom; see ``views.film_rectangles``."""

USUAL_ROTATION_DEGREES = 6.0
USUAL_SCALE = 1.10
USUAL_SHIFT = 0.08
"""Share of the canvas height. Within these limits a film is left as it is: the augmentation of training covers them."""
SCALE_LIMITS = (0.2, 5.0)
"""Outside these the landmarks are not a face's."""
LOSS_ALLOWED = 1.2
"""Another way is preferred if its shape's distance is less than this many times the one before."""
ADVICE = "mirroring, turning or cropping it does not help; if it is a cephalogram, turn the film upright or crop it"


class Way(NamedTuple):
    """One way of changing a film before the network gets it."""

    mirrored: bool = False
    degrees: float = 0.0
    """Clockwise on screen, after the mirror."""
    cut: bool = False
    """Crop to the film without its frame."""

    @property
    def is_quarter(self) -> bool:
        """Whether it is a quarter turn or several, after which the film has to be fitted to the canvas again."""
        return self.degrees % 90 == 0 and self.degrees % 360 != 0


FURTHER_WAYS: tuple[tuple[Way, ...], ...] = (
    (Way(mirrored=True), Way(degrees=-30.0), Way(degrees=30.0)),
    tuple(Way(mirrored, degrees) for mirrored in (False, True) for degrees in (90.0, 180.0, 270.0)),
    (Way(cut=True), Way(mirrored=True, cut=True)),
)
"""Tried if the film as it is gives no usual face, group by group, until one does."""


@dataclass(frozen=True)
class PoseModel:
    """Shapes of the training's films, and their place on the canvas."""

    shape: ShapeModel
    layout: Floats
    """(K, 2) mean landmarks, canvas pixels."""
    canvas_size: Size

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        return {"shape": self.shape.to_dict(), "layout": self.layout.tolist(), "canvas_size": list(self.canvas_size)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "PoseModel":
        """The model that ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        height, width = plain["canvas_size"]
        layout, shape = np.array(plain["layout"], dtype=np.float64), ShapeModel.from_dict(plain["shape"])
        if layout.shape != shape.mean.shape or not np.isfinite(layout).all():
            raise ValueError(f"layout {layout.shape} of {len(shape.mean)} landmarks")
        return cls(shape, layout, (int(height), int(width)))


@dataclass(frozen=True)
class Pose:
    """How one film is changed for the network, and whether it is a lateral cephalogram."""

    matrix: Matrix
    """Film pixels to pixels of the changed film."""
    facing: Facing = "right"
    doubt: str = ""
    """Why the landmarks cannot be those of a lateral cephalogram; empty if they can."""
    note: str = ""
    """What is unusual about the face; empty if nothing is."""
    excess: float = 1.0
    """How many times further than usual faces this one lies from the training's; 1 for a usual one."""


def fit_pose(
    points: ArrayLike, scores: ArrayLike | None, canvas_size: Size, symbols: Sequence[str] | None = None
) -> PoseModel:
    """Fit a pose model to films. Films that face the other way than most count as their mirror images.

    Args:
        points: (N, K, 2) canvas pixels, NaN where missing.
        scores: (N, K) peak heights that the network reaches on such films; None: no limit for them.
        canvas_size: of the canvas.
        symbols: names of the landmarks; None: all films are taken to face the same way, and landmarks are anonymous.

    Raises:
        ValueError: too few films; see ``fit_shape``.
    """
    xy = np.asarray(points, dtype=np.float64)
    if symbols is not None:
        left = np.array([faces(symbols, film) == "left" for film in xy], dtype=bool)
        minority = left if left.sum() * 2 <= len(left) else ~left
        xy = np.where(minority[:, None, None], transform(about_centre(canvas_size, mirror=True), xy), xy)
    return PoseModel(fit_shape(xy, scores, symbols), np.nanmean(xy, axis=0), canvas_size)


def faces(symbols: Sequence[str], points: Floats) -> Facing | None:
    """Which way the face with landmarks (K, 2) looks, NaN where missing; None if they do not show it."""
    return facing_of({s: (x, y) for s, (x, y) in zip(symbols, points.tolist(), strict=True) if np.isfinite(x + y)})


def pose_model(loaded: LoadedModel) -> PoseModel | None:
    """Read the pose model of a checkpoint, or None if it has none.

    Raises:
        CheckpointError: it is damaged.
    """
    if "pose" not in loaded.extras:
        return None
    spec = loaded.spec
    try:
        model = PoseModel.from_dict(loaded.extras["pose"])
        if len(model.layout) != len(spec.symbols) or model.canvas_size != tuple(spec.canvas_size):
            raise ValueError(f"{len(model.layout)} landmarks on a canvas of {model.canvas_size}")
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:  # LinAlgError is a ValueError
        raise CheckpointError(
            f"{loaded.path}: its pose model is damaged ({error}); use another checkpoint of the run, or train again"
        ) from error
    return model


def choose_poses(
    model: PoseModel | None, run_first: RunFirst, sizes: Sequence[Size], rectangle: Rectangle | None = None
) -> list[Pose]:
    """Choose the pose of each film.

    Args:
        model: None leaves every film as it is and doubts none.
        run_first: the first stage.
        sizes: (height, width) of the films.
        rectangle: a film's canvas without a frame; None: all of it.
    """
    plain = np.broadcast_to(np.eye(3), (len(sizes), 3, 3))
    if model is None:
        return [Pose(np.eye(3)) for _ in sizes]
    points, scores = run_first(np.array(plain), range(len(sizes)))
    return [
        _choose(model, run_first, row, size, _Candidate.of(model, np.eye(3), False, xy, score), rectangle)
        for row, (size, xy, score) in enumerate(zip(sizes, points, scores, strict=True))
    ]


@dataclass(frozen=True)
class _Candidate:
    matrix: Matrix
    mirrored: bool
    points: Floats
    """(K, 2) film pixels."""
    score: float
    """The median."""
    verdict: Plausibility

    @classmethod
    def of(cls, model: PoseModel, matrix: Matrix, mirrored: bool, points: Floats, scores: Floats) -> "_Candidate":
        verdict = model.shape.check(transform(matrix, points), scores)
        return cls(matrix, mirrored, points, median_score(scores), verdict)

    @property
    def level(self) -> int:
        """0 a usual face, 1 an unusual one, 2 none."""
        return 0 if self.verdict.is_usual else 1 if self.verdict.ok else 2

    def beats(self, best: "_Candidate", loss_allowed: float = 1.0) -> bool:
        """Whether these landmarks are more like a face's than those of ``best``."""
        return (self.level, self.verdict.shape_distance) < (best.level, best.verdict.shape_distance * loss_allowed)


def _choose(
    model: PoseModel, run_first: RunFirst, row: int, size: Size, first: _Candidate, rectangle: Rectangle | None
) -> Pose:
    box = letterbox(size, model.canvas_size)

    def attempt(on_canvas: Matrix, mirrored: bool) -> _Candidate:
        matrix = box.to_film @ on_canvas @ box.to_canvas
        points, scores = run_first(matrix[None], [row])
        return _Candidate.of(model, matrix, mirrored, points[0], scores[0])

    best = first
    for ways in FURTHER_WAYS:
        if best.level == 0:
            break
        for way in ways:
            rectangle_of = rectangle(row) if way.cut and rectangle is not None else content(box)
            other = attempt(way_on_canvas(way, model.canvas_size, rectangle_of), way.mirrored)
            # Even in the mirror image of an unusual face a network finds a usual one, but with lower scores.
            if other.beats(best) and (best.level == 2 or other.score >= best.score):
                best = other
    for _ in range(2):  # a face that was hardly recognised is recognised better once it stands upright
        upright = to_layout(model, transform(box.to_canvas @ best.matrix, best.points))
        if upright is None:
            break
        again = attempt(upright @ box.to_canvas @ best.matrix @ box.to_film, best.mirrored)
        if not again.beats(best, LOSS_ALLOWED):
            break
        best = again
    if not best.verdict.ok:
        return Pose(np.eye(3), doubt=f"{best.verdict.reason}; {ADVICE}")
    facing: Facing = "left" if best.mirrored else "right"
    return Pose(best.matrix, facing, note=best.verdict.note, excess=best.verdict.excess)


def content(box: Letterbox) -> Floats:
    """(4,) left, top, right, bottom: where the film lies on its canvas, centres of the outermost pixels."""
    (height, width), (top, left) = box.content, box.offset
    return np.array([left, top, left + width - 1, top + height - 1], dtype=np.float64)


def way_on_canvas(way: Way, size: Size, rectangle: Floats) -> Matrix:
    """Canvas to the canvas changed in one ``way``; the ``rectangle`` matters for quarter turns and cuts."""
    if way.cut or way.is_quarter:
        return fitted(size, rectangle, way.degrees, way.mirrored)
    return about_centre(size, way.degrees, 1.0, way.mirrored)


def to_layout(model: PoseModel, points: Floats) -> Matrix | None:
    """Find what lays landmarks (K, 2), canvas pixels, onto the training's; None if they lie there already."""
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
