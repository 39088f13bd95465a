"""An attenuation map that shapes are added to."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Points = NDArray[np.float64]


class Layer:
    """Sum of attenuations, ``(H, W)`` float32; ``unit`` is the length of one anatomical mm in pixels."""

    def __init__(self, size: tuple[int, int], unit: float) -> None:
        self.width, self.height = size
        self.unit = unit
        self.map: NDArray[np.float32] = np.zeros((self.height, self.width), np.float32)

    def fill(self, outline: Points, amount: float, blur: float = 0.25, rim: float = 0.0, rim_mm: float = 1.5) -> None:
        """Add a filled outline in pixels.

        Args:
            outline: ``(n, 2)`` corners, pixels, pixel centres at integers.
            amount: attenuation inside; negative for air.
            blur: softness of the edge, mm.
            rim: attenuation added inside along the edge, as the cortex of a bone that the beam meets edge-on.
            rim_mm: depth of that rim.
        """
        self._add([outline], None, amount, blur, rim, rim_mm)

    def round(self, outline: Points, amount: float, depth_mm: float) -> None:
        """Add a body whose thickness grows from nothing at its outline, like a cylinder, over ``depth_mm``."""
        self._add([outline], None, amount, 0.3, 0.0, depth_mm, rounded=True)

    def line(self, course: Points, amount: float, width: float = 0.8, blur: float = 0.25) -> None:
        """Add a stroke along ``course`` (pixels), ``width`` and ``blur`` in mm."""
        self._add([course], width, amount, blur, 0.0, 1.0)

    def lines(self, courses: list[Points], amount: float, width: float = 0.5, blur: float = 0.25) -> None:
        """Add several strokes at once; where they cross they do not add up."""
        self._add(courses, width, amount, blur, 0.0, 1.0)

    def _add(
        self,
        shapes: list[Points],
        width: float | None,
        amount: float,
        blur: float,
        rim: float,
        depth_mm: float,
        rounded: bool = False,
    ) -> None:
        reach = 3 * blur * self.unit + 2 + (0 if width is None else width * self.unit)
        every = np.vstack(shapes)
        left, top = (math.floor(v) for v in np.maximum(every.min(axis=0) - reach, 0))
        right = min(self.width, math.ceil(every[:, 0].max() + reach) + 1)
        bottom = min(self.height, math.ceil(every[:, 1].max() + reach) + 1)
        if right <= left or bottom <= top:
            return
        w, h = right - left, bottom - top
        # A soft shape needs few pixels; a crisp one is drawn at twice the size.
        smooth = blur * self.unit if not rounded else depth_mm * self.unit / 8
        zoom = 2.0 if smooth < 3 else 1.0 if smooth < 6 else 3.0 / smooth
        size = (max(1, math.ceil(w * zoom)), max(1, math.ceil(h * zoom)))
        scale = np.array([size[0] / w, size[1] / h])
        picture = Image.new("L", size)
        draw = ImageDraw.Draw(picture)
        for shape in shapes:
            corners = ((shape - (left, top) + 0.5) * scale - 0.5).ravel().tolist()
            if width is None:
                draw.polygon(corners, fill=255)
            else:
                draw.line(corners, fill=255, width=max(1, round(width * self.unit * zoom)), joint="curve")
        if zoom == 2.0:
            picture, zoom = picture.reduce(2), 1.0
        if rounded:
            inner = picture.filter(ImageFilter.GaussianBlur(depth_mm * self.unit * zoom / 2))
            depth = np.clip(np.asarray(inner, np.float32) / 127.5 - 1, 0, 1)
            # Half of a circle: steep at the outline, flat further in.
            self._paste(np.sqrt(depth * (2 - depth)) * amount, left, top, w, h)
            return
        soft = picture.filter(ImageFilter.GaussianBlur(blur * self.unit * zoom)) if blur else picture
        mask = np.asarray(soft, np.float32) / 255
        value = mask * amount
        if rim:
            inner = picture.filter(ImageFilter.GaussianBlur(depth_mm * self.unit * zoom))
            value += mask * (1 - np.asarray(inner, np.float32) / 255) * (2 * rim)
        self._paste(value, left, top, w, h)

    def _paste(self, value: NDArray[np.float32], left: int, top: int, w: int, h: int) -> None:
        if value.shape != (h, w):
            picture = Image.fromarray(value).resize((w, h), Image.Resampling.BILINEAR)
            value = np.asarray(picture)
        self.map[top : top + h, left : left + w] += value
