"""Smooth curves, the warp that carries the template face onto a given face, and maps that shapes are added to."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFilter

from cephkit.geometry import Floats

Map = NDArray[np.float32]
Window = tuple[int, int, int, int]

KEPT_BLUR_MM = 0.35
"""How soft the edge is that ``keep`` cuts."""


def catmull_rom(knots: ArrayLike, closed: bool = False, steps: int = 8) -> Floats:
    """Centripetal Catmull-Rom curve through every knot: ``(n, 2)`` -> ``(m, 2)``, same units.

    Centripetal, because knots of a face lie at very different distances and the uniform form then makes loops.
    Source: Yuksel et al., Parameterization and applications of Catmull-Rom curves, CAD 43, 2011.
    """
    p = np.asarray(knots, dtype=np.float64)
    p = np.vstack([p[-1:], p, p[:2]] if closed else [2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    p0, p1, p2, p3 = p[:-3, None], p[1:-2, None], p[2:-1, None], p[3:, None]

    def gap(a: Floats, b: Floats) -> Floats:
        return np.asarray(np.maximum(((b - a) ** 2).sum(axis=-1, keepdims=True), 1e-18) ** 0.25)

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


def beside(curve: Floats, distance: float) -> Floats:
    """``curve`` ``(n, 2)`` moved by ``distance`` to the right-hand side of its course, as seen with y down."""
    along = np.empty_like(curve)
    along[1:-1], along[0], along[-1] = curve[2:] - curve[:-2], curve[1] - curve[0], curve[-1] - curve[-2]
    along /= np.maximum(np.sqrt((along**2).sum(axis=1, keepdims=True)), 1e-9)
    return np.asarray(curve + distance * np.stack([-along[:, 1], along[:, 0]], axis=1))


class Warp:
    """Thin-plate spline that takes ``source`` to ``target`` exactly, both ``(n, 2)``.

    Source: Bookstein, Principal warps, IEEE PAMI 11, 1989.
    """

    def __init__(self, source: Floats, target: Floats) -> None:
        n = len(source)
        self.centre, self.scale = source.mean(axis=0), float(source.std()) or 1.0
        self.source = (source - self.centre) / self.scale
        system = np.zeros((n + 3, n + 3))
        system[:n, :n] = self._kernel(self.source)
        system[:n, n] = system[n, :n] = 1
        system[:n, n + 1 :] = self.source
        system[n + 1 :, :n] = self.source.T
        self.weights = np.linalg.solve(system, np.vstack([target, np.zeros((3, 2))]))

    def _kernel(self, points: Floats) -> Floats:
        square: Floats = ((points[:, None] - self.source[None]) ** 2).sum(axis=-1)
        return square * np.log(square + 1e-12)

    def __call__(self, points: ArrayLike) -> Floats:
        p = (np.asarray(points, dtype=np.float64).reshape(-1, 2) - self.centre) / self.scale
        basis = np.hstack([self._kernel(p), np.ones((len(p), 1)), p])
        return np.asarray(np.einsum("ij,jk->ik", basis, self.weights))


class Layer:
    """Sum of attenuations, ``(H, W)`` float32; ``unit`` is the length of one anatomical mm in pixels.

    Outlines and courses are ``(n, 2)``, pixels, pixel centres at integers; widths, blurs and depths are mm.
    """

    def __init__(self, size: tuple[int, int], unit: float) -> None:
        self.width, self.height = size
        self.unit = unit
        self.map: Map = np.zeros((self.height, self.width), np.float32)

    def fill(self, outline: Floats, amount: float, blur: float = 0.25, rim: float = 0.0, rim_mm: float = 1.5) -> None:
        """Add ``amount`` inside ``outline`` (negative for air), softened by ``blur``.

        ``rim`` comes on top along the inside, ``rim_mm`` deep: the cortex of a bone that the beam meets edge-on.
        """
        window = self._window([outline], 3 * blur)
        if window is None:
            return
        picture, zoom = self._drawn([outline], window, blur)
        mask = _blurred(picture, blur * self.unit * zoom)
        value = mask * np.float32(amount)
        if rim:
            value += mask * (1 - _blurred(picture, rim_mm * self.unit * zoom)) * np.float32(2 * rim)
        self._add(value, window)

    def line(self, course: Floats, amount: float, width: float = 0.8, blur: float = 0.25) -> None:
        """Add a stroke along ``course``."""
        self.lines([course], amount, width, blur)

    def lines(self, courses: list[Floats], amount: float, width: float = 0.5, blur: float = 0.25) -> None:
        """Add several strokes at once; where they cross they do not add up."""
        half = width * self.unit / 2
        outlines = [np.vstack([beside(course, half), beside(course, -half)[::-1]]) for course in courses]
        window = self._window(outlines, 3 * blur)
        if window is None:
            return
        picture, zoom = self._drawn(outlines, window, blur)
        self._add(_blurred(picture, blur * self.unit * zoom) * np.float32(amount), window)

    def swell(self, outline: Floats, amount: float, depth: float) -> None:
        """Add a body whose thickness grows like a cylinder's over ``depth`` from its outline; ``keep`` trims it."""
        window = self._window([outline], 1.5 * depth)
        if window is None:
            return
        picture, zoom = self._drawn([outline], window, depth / 3)
        inside = np.clip(2 * _blurred(picture, depth * self.unit * zoom / 2) - 1, 0, 1)
        self._add(np.sqrt(inside * (2 - inside)) * np.float32(amount), window)

    def keep(self, outline: Floats) -> None:
        """Remove whatever lies outside ``outline``."""
        window = (0, 0, self.width, self.height)
        picture, zoom = self._drawn([outline], window, KEPT_BLUR_MM)
        self.map *= _blurred(picture, KEPT_BLUR_MM * self.unit * zoom)

    def _window(self, outlines: list[Floats], reach_mm: float) -> Window | None:
        """Return left, top, right, bottom of what the outlines can touch; None if that is off the film."""
        every = np.vstack(outlines)
        reach = reach_mm * self.unit + 2
        left, top = (max(0, math.floor(v)) for v in every.min(axis=0) - reach)
        right, bottom = (math.ceil(v) + 1 for v in every.max(axis=0) + reach)
        right, bottom = min(self.width, right), min(self.height, bottom)
        return (left, top, right, bottom) if left < right and top < bottom else None

    def _drawn(self, outlines: list[Floats], window: Window, blur: float) -> tuple[Image.Image, float]:
        """Fill the outlines with 255, and return the scale: a soft shape needs few pixels, a crisp one many."""
        left, top, right, bottom = window
        blur_px = blur * self.unit
        zoom = 2.0 if blur_px < 1.3 else 1.0 if blur_px < 3 else 3 / blur_px
        size = (math.ceil((right - left) * zoom), math.ceil((bottom - top) * zoom))
        scale = np.array([size[0] / (right - left), size[1] / (bottom - top)])
        picture = Image.new("L", size)
        draw = ImageDraw.Draw(picture)
        for outline in outlines:
            # Pillow truncates coordinates to integers.
            corners = np.rint((outline - (left, top) + 0.5) * scale - 0.5)
            draw.polygon(corners.ravel().tolist(), fill=255)
        return (picture.reduce(2), 1.0) if zoom == 2.0 else (picture, zoom)

    def _add(self, value: Map, window: Window) -> None:
        left, top, right, bottom = window
        if value.shape != (bottom - top, right - left):
            picture = Image.fromarray(value).resize((right - left, bottom - top), Image.Resampling.BILINEAR)
            value = np.asarray(picture)
        self.map[top:bottom, left:right] += value


def _blurred(picture: Image.Image, radius: float) -> Map:
    """Return ``picture`` as ``(H, W)`` in [0, 1], blurred with a deviation of ``radius`` pixels."""
    # A narrow box of the same variance is as good, and three times as fast.
    blur = ImageFilter.BoxBlur(3**0.5 * radius) if radius < 2.2 else ImageFilter.GaussianBlur(radius)
    return np.asarray(picture.filter(blur), np.float32) / np.float32(255)
