"""Smooth curves through points, and the smooth warp that carries the template face onto a given face."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


def catmull_rom(knots: ArrayLike, closed: bool = False, steps: int = 8) -> Points:
    """Centripetal Catmull-Rom curve through every knot: ``(n, 2)`` -> ``(m, 2)``, same units.

    Centripetal, because knots of a face lie at very different distances and the uniform form then makes loops.
    Source: Yuksel et al., Parameterization and applications of Catmull-Rom curves, CAD 43, 2011.
    """
    p = np.asarray(knots, dtype=np.float64)
    p = np.vstack([p[-1:], p, p[:2]] if closed else [2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    p0, p1, p2, p3 = p[:-3, None], p[1:-2, None], p[2:-1, None], p[3:, None]

    def gap(a: Points, b: Points) -> Points:
        distance: Points = np.maximum(((b - a) ** 2).sum(axis=-1, keepdims=True), 1e-18) ** 0.25
        return distance

    t1 = gap(p0, p1)
    t2 = t1 + gap(p1, p2)
    t3 = t2 + gap(p2, p3)
    t = t1 + (t2 - t1) * np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a1 = (t1 - t) / t1 * p0 + t / t1 * p1
    a2 = (t2 - t) / (t2 - t1) * p1 + (t - t1) / (t2 - t1) * p2
    a3 = (t3 - t) / (t3 - t2) * p2 + (t - t2) / (t3 - t2) * p3
    b1 = (t2 - t) / t2 * a1 + t / t2 * a2
    b2 = (t3 - t) / (t3 - t1) * a2 + (t - t1) / (t3 - t1) * a3
    curve = ((t2 - t) / (t2 - t1) * b1 + (t - t1) / (t2 - t1) * b2).reshape(-1, 2)
    return curve if closed else np.vstack([curve, p[-2:-1]])


def beside(curve: Points, distance: float) -> Points:
    """``curve`` ``(n, 2)`` moved by ``distance`` to the right-hand side of its course, as seen with y down."""
    along = np.empty_like(curve)
    along[1:-1], along[0], along[-1] = curve[2:] - curve[:-2], curve[1] - curve[0], curve[-1] - curve[-2]
    along /= np.maximum(np.sqrt((along**2).sum(axis=1, keepdims=True)), 1e-9)
    moved: Points = curve + distance * np.stack([-along[:, 1], along[:, 0]], axis=1)
    return moved


class Warp:
    """Thin-plate spline that takes ``source`` to ``target`` exactly, both ``(n, 2)``.

    Source: Bookstein, Principal warps, IEEE PAMI 11, 1989.
    """

    def __init__(self, source: Points, target: Points) -> None:
        n = len(source)
        self.centre, self.scale = source.mean(axis=0), float(source.std()) or 1.0
        self.source = (source - self.centre) / self.scale
        system = np.zeros((n + 3, n + 3))
        system[:n, :n] = self._kernel(self.source)
        system[:n, n] = system[n, :n] = 1
        system[:n, n + 1 :] = self.source
        system[n + 1 :, :n] = self.source.T
        self.weights = np.linalg.solve(system, np.vstack([target, np.zeros((3, 2))]))

    def _kernel(self, points: Points) -> Points:
        square: Points = ((points[:, None] - self.source[None]) ** 2).sum(axis=-1)
        return square * np.log(square + 1e-12)

    def __call__(self, points: ArrayLike) -> Points:
        p = (np.asarray(points, dtype=np.float64).reshape(-1, 2) - self.centre) / self.scale
        basis = np.hstack([self._kernel(p), np.ones((len(p), 1)), p])
        moved: Points = np.einsum("ij,jk->ik", basis, self.weights)
        return moved
