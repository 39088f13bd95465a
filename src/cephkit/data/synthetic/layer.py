"""An attenuation map that shapes are added to."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from cephkit.data.synthetic.spline import beside

Points = NDArray[np.float64]
Map = NDArray[np.float32]
Window = tuple[int, int, int, int]

KEPT_BLUR_MM = 0.35
"""How soft the edge is that ``keep`` cuts."""


class Layer:
    """Sum of attenuations, ``(H, W)`` float32; ``unit`` is the length of one anatomical mm in pixels.

    Outlines and courses are ``(n, 2)``, pixels, pixel centres at integers; widths, blurs and depths are mm.
    """

    def __init__(self, size: tuple[int, int], unit: float) -> None:
        self.width, self.height = size
        self.unit = unit
        self.map: Map = np.zeros((self.height, self.width), np.float32)

    def fill(self, outline: Points, amount: float, blur: float = 0.25, rim: float = 0.0, rim_mm: float = 1.5) -> None:
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

    def line(self, course: Points, amount: float, width: float = 0.8, blur: float = 0.25) -> None:
        """Add a stroke along ``course``."""
        self.lines([course], amount, width, blur)

    def lines(self, courses: list[Points], amount: float, width: float = 0.5, blur: float = 0.25) -> None:
        """Add several strokes at once; where they cross they do not add up."""
        half = width * self.unit / 2
        outlines = [np.vstack([beside(course, half), beside(course, -half)[::-1]]) for course in courses]
        window = self._window(outlines, 3 * blur)
        if window is None:
            return
        picture, zoom = self._drawn(outlines, window, blur)
        self._add(_blurred(picture, blur * self.unit * zoom) * np.float32(amount), window)

    def swell(self, outline: Points, amount: float, depth: float) -> None:
        """Add a body whose thickness grows like a cylinder's over ``depth`` from its outline; ``keep`` trims it."""
        window = self._window([outline], 1.5 * depth)
        if window is None:
            return
        picture, zoom = self._drawn([outline], window, depth / 3)
        inside = np.clip(2 * _blurred(picture, depth * self.unit * zoom / 2) - 1, 0, 1)
        self._add(np.sqrt(inside * (2 - inside)) * np.float32(amount), window)

    def keep(self, outline: Points) -> None:
        """Remove whatever lies outside ``outline``."""
        window = (0, 0, self.width, self.height)
        picture, zoom = self._drawn([outline], window, KEPT_BLUR_MM)
        self.map *= _blurred(picture, KEPT_BLUR_MM * self.unit * zoom)

    def _window(self, outlines: list[Points], reach_mm: float) -> Window | None:
        """Return left, top, right, bottom of what the outlines can touch; None if that is off the film."""
        every = np.vstack(outlines)
        reach = reach_mm * self.unit + 2
        left, top = (max(0, math.floor(v)) for v in every.min(axis=0) - reach)
        right, bottom = (math.ceil(v) + 1 for v in every.max(axis=0) + reach)
        right, bottom = min(self.width, right), min(self.height, bottom)
        return (left, top, right, bottom) if left < right and top < bottom else None

    def _drawn(self, outlines: list[Points], window: Window, blur: float) -> tuple[Image.Image, float]:
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
